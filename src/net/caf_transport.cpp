// SPDX-License-Identifier: MIT
#include "net/caf_transport.hpp"

#include "net/endpoint.hpp"
#include "net/peers.hpp"

#include <troupe/error.hpp>

#include <sys/eventfd.h>
#include <unistd.h>
#include <caf/io/middleman.hpp>
#include <caf/openssl/publish.hpp>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

namespace troupe::detail {

namespace {
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Published where the node listens. Hellos come on the I/O thread, but those of this process.
class door final : public caf::monitorable_actor {
public:
  door(caf::actor_config& cfg, std::shared_ptr<peers> inside)
      : monitorable_actor(cfg),
        inside_(std::move(inside)) {}

  void enqueue(caf::mailbox_element_ptr m, caf::execution_unit*) override {
    const auto& content = m->content();
    if (content.match_elements<std::uint8_t, std::vector<char>, caf::strong_actor_ptr>())
      inside_->io().dispatch(
          [inside = inside_, hello = content.get_as<std::vector<char>>(1),
           caller = content.get_as<caf::strong_actor_ptr>(2)] { inside->answer(hello, caller); });
    else if (m->mid.is_request()) bounce(m);
  }

private:
  const std::shared_ptr<peers> inside_;
};

std::string needs_tls(const endpoint& e, const char* what) {
  return to_text(e) + ": without TLS a node " + what +
         " only on this machine (127.0.0.1, ::1, localhost): make certificates with "
         "`troupe certs init DIR` and `troupe certs issue DIR NAME`, and give --certificate, "
         "--key and --ca";
}
}  // namespace

class caf_transport::inside {
public:
  inside(caf::actor_system& system, greeting me, transport_events& events,
         caf_transport_options options)
      : system_(system),
        options_(std::move(options)),
        tls_(system.has_openssl_manager()),
        peers_(std::make_shared<peers>(system, std::move(me), events)),
        cancel_(::eventfd(0, EFD_CLOEXEC)) {
    if (!options_.listen.empty()) listen();
    timer_ = std::thread([this] { watch(); });
  }
  ~inside() { ::close(cancel_); }

  peers& all() { return *peers_; }
  void connect(std::string address);
  void stop();
  std::uint16_t port() const { return port_; }

private:
  void listen();
  void watch();
  void tick(bool late);
  void seek(const std::string& address);
  void drop_finished_seekers();
  template <class Look> bool ask(Look look);

  caf::actor_system& system_;
  const caf_transport_options options_;
  const bool tls_;
  const std::shared_ptr<peers> peers_;
  caf::actor door_;
  std::uint16_t port_ = 0;  // where it listens; 0: nowhere
  const int cancel_;        // readable: nobody needs to seek any more

  std::thread timer_;
  clock::time_point swept_{};  // its own
  std::mutex mutex_;           // guards all below
  std::condition_variable stopped_;
  bool stopping_ = false;
  struct seeker {
    std::thread thread;
    bool finished = false;
  };
  std::list<seeker> seekers_;
};

void caf_transport::inside::listen() {
  auto at = parse_endpoint(options_.listen);
  if (!tls_ && !is_loopback(at.host)) throw error(needs_tls(at, "listens"));
  caf::actor_config cfg;
  door_ = caf::make_actor<door, caf::actor>(system_.next_actor_id(), system_.node(), &system_, cfg,
                                            peers_);
  const std::string host = at.host == "localhost" ? "127.0.0.1" : at.host;
  auto port = tls_ ? caf::openssl::publish(door_, at.port, host.c_str(), true)
                   : system_.middleman().publish(door_, at.port, host.c_str(), true);
  if (!port)
    throw error(
        to_text(at) + ": cannot listen there (" + system_.render(port.error()) +
        "): is the port taken, or the address none of this machine? Port 0 takes a free one");
  at.port = port_ = *port;
  peers_->me.address = options_.advertise.empty() ? to_text(at) : options_.advertise;
}

void caf_transport::inside::connect(std::string address) {
  const std::lock_guard lock{mutex_};
  if (stopping_) return;
  drop_finished_seekers();
  auto& s = seekers_.emplace_back();
  s.thread = std::thread([this, &s, address = std::move(address)] {
    seek(address);
    const std::lock_guard done{mutex_};
    s.finished = true;
  });
}

// CAF's own connect has no time limit and holds up all others meanwhile: so it gets only an address
// where somebody has just answered.
void caf_transport::inside::seek(const std::string& address) {
  const auto refuse = [&](const std::string& text) {
    peers_->post([address, text](peers& p) { p.refuse_call(address, refusal::unreachable, text); });
  };
  try {
    const auto to = parse_endpoint(address);
    if (!tls_ && !is_loopback(to.host)) return refuse(needs_tls(to, "connects"));
    const auto found = probe(to, options_.connect_limit, cancel_);
    if (found.numeric.empty()) return refuse(address + ": " + found.problem);
    peers_->post([address, host = found.numeric, port = to.port, tls = tls_](peers& p) {
      p.call(address, host, port, tls);
    });
  } catch (const error& e) { refuse(e.what()); }
}

void caf_transport::inside::drop_finished_seekers() {
  for (auto s = seekers_.begin(); s != seekers_.end();)
    if (s->finished) {
      s->thread.join();
      s = seekers_.erase(s);
    } else {
      ++s;
    }
}

// The only one who looks at the clock.
void caf_transport::inside::watch() {
  const auto step = std::clamp(options_.silence / 16, milliseconds(1), milliseconds(50));
  std::unique_lock lock{mutex_};
  for (auto last = clock::now(); !stopped_.wait_for(lock, step, [&] { return stopping_; });) {
    lock.unlock();
    const auto now = clock::now();
    tick(now - last > options_.silence / 2);
    last = now;
    lock.lock();
  }
}

// Late: this process was stopped or starved, so the silence may be ours.
void caf_transport::inside::tick(bool late) {
  const auto now = clock::now();
  bool silent = false;
  for (const auto& p : peers_->open()) {
    auto& g = gateway_of(p);
    if (late) g.hear();
    if (now - g.sent_at() >= options_.silence / 4) g.ping();
    silent |= now - g.heard_at() > options_.silence;
  }
  // what has been read meanwhile is handled before that
  if (silent) peers_->post([limit = options_.silence](peers& p) { p.judge_silence(limit); });
  const bool due = now - swept_ > options_.connect_limit / 8;
  if (due) swept_ = now;
  if (due || peers_->is_calling())
    peers_->post([due, limit = options_.connect_limit](peers& p) {
      p.judge_calls(limit);
      if (due) p.sweep(limit);
    });
}

// What `look` says on the I/O thread. Not from there.
template <class Look> bool caf_transport::inside::ask(Look look) {
  std::promise<bool> answer;
  peers_->post([&](peers& p) { answer.set_value(look(p)); });
  return answer.get_future().get();
}

void caf_transport::inside::stop() {
  {
    const std::lock_guard lock{mutex_};
    if (std::exchange(stopping_, true)) return;
    stopped_.notify_all();
  }
  ::eventfd_write(cancel_, 1);
  if (timer_.joinable()) timer_.join();
  for (auto& s : seekers_) s.thread.join();
  if (door_) system_.middleman().unpublish(door_);
  ask([](peers& p) {
    p.say_bye("the node leaves");
    return true;
  });
  // They hang up when they have read it. One that is stuck does not hold us up for long.
  const auto until = clock::now() + std::min(options_.silence, milliseconds(1000));
  while (!ask([](peers& p) { return p.all_hung_up(); }) && clock::now() < until)
    std::this_thread::sleep_for(milliseconds(1));
  ask([](peers& p) {
    p.hang_up_on_all();
    return true;
  });
  if (door_)
    static_cast<door*>(caf::actor_cast<caf::abstract_actor*>(door_))
        ->cleanup(caf::error{}, nullptr);
}

caf_transport::caf_transport(caf::actor_system& system, greeting me, transport_events& events,
                             caf_transport_options options) {
  if (!system.has_middleman() || get_or(system.config(), "middleman.workers", std::size_t{1}) != 0)
    throw error(
        "the actor system has no network: call configure_network(config, ...) before it is made");
  inside_ = std::make_shared<inside>(system, std::move(me), events, std::move(options));
}

caf_transport::~caf_transport() { stop(); }

std::uint16_t caf_transport::port() const { return inside_->port(); }

const greeting& caf_transport::self() const { return inside_->all().me; }

void caf_transport::connect(std::string address) { inside_->connect(std::move(address)); }

void caf_transport::send(node_id to, lane l, std::vector<char>&& item, sending when) {
  if (const auto p = inside_->all().find(to)) gateway_of(p).send(l, std::move(item), when);
}

void caf_transport::flush() {
  for (const auto& p : inside_->all().open()) gateway_of(p).hurry();
}

std::size_t caf_transport::in_flight(node_id to) const {
  const auto p = inside_->all().find(to);
  return p ? gateway_of(p).in_flight() : 0;
}

void caf_transport::close(node_id id, std::string why) {
  inside_->all().post([id, why = std::move(why)](peers& p) { p.close(id, why); });
}

void caf_transport::stop() { inside_->stop(); }

}  // namespace troupe::detail
