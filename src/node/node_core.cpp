// SPDX-License-Identifier: MIT
#include "node/node_core.hpp"

#include "actors/task.hpp"
#include "net/caf_transport.hpp"
#include "net/endpoint.hpp"
#include "net/network.hpp"
#include "node/when_settled.hpp"
#include "runtime/domain.hpp"
#include "runtime/requirements.hpp"
#include "runtime/settings.hpp"

#include <troupe/caf.hpp>

#include <pthread.h>
#include <unistd.h>
#include <caf/logger.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace troupe::detail {

namespace {
constexpr std::int64_t ms = 1'000'000, load_every = 100 * ms, review_every = 50 * ms,
                       hope_every = 1000 * ms;

node_facts facts_of(node_id id, const std::string& name, const frames::facts& f) {
  node_facts facts{id, name, f.slots, {f.labels.begin(), f.labels.end()}, {}, {}};
  for (const auto& [resource, amount] : f.resources)
    facts.resources[resource] = amount_of(resource, amount, "node");
  return facts;
}

frames::facts own_facts(domain& d, const node_options& options) {
  frames::facts f;
  if (options.serves) f.slots = options.slots > 0 ? options.slots : d.options().workers;
  f.labels = d.options().labels;
  f.resources = d.options().resources;
  return f;
}

// Its own tasks it runs also if it serves nobody.
node_facts for_its_own(node_facts f, const domain& d) {
  f.slots = d.options().workers;
  return f;
}

std::string own_name(domain& d, const node_options& options) {
  return options.name.empty() ? d.options().name + "-" + std::to_string(::getpid()) : options.name;
}
}  // namespace

// CAF's system of the network: an embedded runtime has none, and opens no socket.
class network_system {
public:
  explicit network_system(const tls_files* tls) {
    configure(config_, 1);
    configure_network(config_, tls);
    system_ = std::make_unique<caf::actor_system>(config_);
    caf::logger::set_current_actor_system(nullptr);  // it would keep this thread's for ever
  }
  ~network_system() {
    system_.reset();
    if (port_ != 0) close_left_open(port_);
  }
  network_system(const network_system&) = delete;
  network_system& operator=(const network_system&) = delete;
  caf::actor_system& system() { return *system_; }
  void listens_at(std::uint16_t port) { port_ = port; }

private:
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::uint16_t port_ = 0;
};

// ---- its life -----------------------------------------------------------------------------------

node_core::node_core(domain& d, const node_options& options, node_id id)
    : domain_(d),
      stepped_(!d.at_once()),
      id_(id),
      own_(facts_of(id_, own_name(d, options), own_facts(d, options))),
      name_(own_.name),
      placement_(for_its_own(own_, d)) {}

std::shared_ptr<node_core> node_core::join(domain& d, const node_options& options) {
  if (!d.at_once()) throw error("join: a runtime on a deterministic scheduler has no network");
  if (d.outside()) throw error("join: the runtime '" + d.options().name + "' is a node already");
  if (options.silence <= std::chrono::milliseconds(0))
    throw error("node_options.silence: it is " + in_words(options.silence) +
                "; it is more than zero");
  const bool some =
      !options.certificate.empty() || !options.key.empty() || !options.authority.empty();
  if (some && (options.certificate.empty() || options.key.empty() || options.authority.empty()))
    throw error("node_options: certificate, key and authority are given together, or none of them");
  for (const auto& address : options.join) (void)parse_endpoint(address);
  const tls_files tls{options.certificate, options.key, options.authority, options.passphrase};
  auto system = std::make_unique<network_system>(some ? &tls : nullptr);
  std::shared_ptr<node_core> core{new node_core(d, options, random_node_id())};
  core->start(options, [&](const greeting& me, transport_events& events) {
    auto net = std::make_unique<caf_transport>(
        system->system(), me, events,
        caf_transport_options{options.listen, options.advertise, options.silence});
    system->listens_at(net->port());
    return net;
  });
  core->system_ = std::move(system);
  core->thread_ = std::thread([n = core.get()] { n->loop(); });
  return core;
}

std::shared_ptr<node_core> node_core::simulate(domain& d, const node_options& options, node_id id,
                                               const make_network& network) {
  std::shared_ptr<node_core> core{new node_core(d, options, id)};
  core->start(options, network);
  return core;
}

void node_core::start(const node_options& options, const make_network& network) {
  objects_ = std::make_shared<shared_objects>(
      domain_, id_, [this] { post([](node_core& n) { n.send_messages(); }); });
  greeting me;
  me.node = id_;
  me.name = name_;
  me.extra =
      encode(frames::facts{own_.slots, domain_.options().labels, domain_.options().resources});
  transport_ = network(me, *this);
  members_.emplace(members::member{id_, name_, self().address}, options.join);
  domain_.open(shared_from_this());
}

node_core::~node_core() = default;

void node_core::leave() {
  settle_logs();
  for (const auto& [id, l] :
       ask([](node_core& n) { return n.links_; }).value_or(decltype(links_){}))
    send(id, frames::leaving{});
  domain_.open(nullptr);
  watch_crowd(false);
  transport_->stop();  // after it no event comes
  (void)ask([](node_core& n) {
    while (!n.links_.empty()) n.part(n.links_.begin()->first, "this node has left");
    return true;
  });
  (void)ask([](node_core& n) {
    n.end_resting();
    while (!n.calls_.empty())
      n.not_made_again(n.calls_.begin()->first, "this node has left its cluster");
    std::vector<std::uint64_t> all;
    for (const auto& [number, s] : n.sent_) all.push_back(number);
    for (const auto number : all) {
      const auto found = n.sent_.find(number);
      if (found == n.sent_.end()) continue;
      if (!found->second.must_leave) n.bring(number, {});
      else
        n.bring_failure(number, failure::kind::lost,
                        "it cannot run here, and this node has left its cluster");
    }
    for (auto& [id, c] : std::exchange(n.copying_, {})) {
      if (c.put) put_object(c.o);  // nobody is left to have it
      c.o->drop();
    }
    n.objects_->close("this node has left its cluster");
    return true;
  });
  {
    std::lock_guard guard{mutex_};
    left_ = true;
  }
  bell_.notify_all();
  if (thread_.joinable()) thread_.join();
  transport_.reset();
  system_.reset();
}

bool node_core::post(event e) {
  bool first;
  {
    std::lock_guard guard{mutex_};
    if (left_) return false;
    first = events_.empty();
    events_.push_back(std::move(e));
  }
  if (first) bell_.notify_one();
  return true;
}

void node_core::loop() {
  pthread_setname_np(pthread_self(), "troupe.node");
  turns_of_ = std::this_thread::get_id();
  std::deque<event> some;
  for (;;) {
    {
      // far enough for those who wait for ever, and no overflow in the library's arithmetic
      const auto until = std::chrono::steady_clock::time_point(
          std::chrono::nanoseconds(std::min(next_turn(), now() + 3'600'000 * ms)));
      std::unique_lock guard{mutex_};
      const auto due = [this] {
        return left_ || !events_.empty() || (crowd_ && relieve_at_ == INT64_MAX);
      };
      bell_.wait_until(guard, until, due);
      some.swap(events_);
      if (some.empty() && left_) return;
    }
    flushed_at_ = now();
    for (auto& e : some) {
      e(*this);
      flush_in_time();
    }
    some.clear();
    turn();
    transport_->flush();
  }
}

// What is sent in a turn waits for its end, but not longer than a millisecond.
void node_core::flush_in_time() {
  const time t = now();
  if (t - flushed_at_ < 1 * ms) return;
  transport_->flush();
  flushed_at_ = t;
}

node_core::time node_core::now() const { return domain_.clock().now(); }

bool node_core::has_turn() {
  std::lock_guard guard{mutex_};
  return !left_ && (!events_.empty() || next_turn() <= now());
}
void node_core::step() {
  turns_of_ = std::this_thread::get_id();
  if (!take_event()) turn();
  transport_->flush();
  turns_of_ = std::thread::id{};
}
bool node_core::take_event() {
  event first;
  {
    std::lock_guard guard{mutex_};
    if (events_.empty()) return false;
    first = std::move(events_.front());
    events_.pop_front();
  }
  first(*this);
  return true;
}

node_core::time node_core::next_turn() const {
  time next = members_->next_due();
  if (const auto tick = placement_.next_tick()) next = std::min(next, *tick);
  if (!links_.empty()) next = std::min({next, load_at_, review_at_});
  if (!resting_.empty() || !calls_.empty()) next = std::min(next, review_at_);
  if (placement_.waiting() > 0) next = std::min(next, hope_at_);
  return std::min({next, relieve_at_, relieve_asks_at_});
}

void node_core::turn() {
  const time t = now();
  for (const auto& address : members_->due(t)) transport_->connect(address);
  if (const auto tick = placement_.next_tick(); tick && *tick <= t) apply(placement_.tick(t));
  if (hope_at_ <= t) {
    hope_at_ = t + hope_every;
    for (const needs& n : placement_.hoping())
      if (!may_come_again(n)) apply(placement_.give_up(n));
  }
  if (crowd_ && relieve_at_ == INT64_MAX) {
    crowded_since_ = t;
    ended_before_ = domain_.total(&books::ended);
    relieve_at_ = t + 200'000;
  }
  if (relieve_at_ <= t) relieve();
  if (relieve_asks_at_ <= t || review_at_ <= t) relieve_admission();
  if (review_at_ <= t) {
    review_at_ = t + review_every;
    review_resting();
    review_calls();
    objects_->review();
    for (const auto& [peer, l] : links_)
      if (l.leaving)
        for (const auto& s : objects_->leaves(peer)) ask_for(s);
    review_copies();
    send_messages();
    resend_calls();
  }
  if (links_.empty()) return;
  if (load_at_ <= t) {
    load_at_ = t + load_every;
    tell_load();
  }
  bool unneeded;
  {
    std::lock_guard guard{work_mutex_};
    unneeded = served_.empty() && held_.empty();
  }
  unneeded = unneeded && objects_->count().lent == 0 && instances_.empty();
  std::lock_guard guard{mutex_};
  if (std::exchange(unneeded_, unneeded) != unneeded) changed_.notify_all();
}

void node_core::watch_crowd(bool on) {
  if (job_hub* hub = domain_.hub()) hub->watch_crowd(on ? this : nullptr);
}

// ---- peers --------------------------------------------------------------------------------------

void node_core::opened(const greeting& peer, const std::string& called) {
  post([peer, called](node_core& n) { n.greet(peer, called); });
}
void node_core::refused(const std::string& address, refusal why, const std::string&) {
  post([address, why](node_core& n) {
    n.members_->refused(n.now(), address, why == refusal::version || why == refusal::same_id);
  });
}
void node_core::received_items(node_id from, batch all) {
  std::vector<char> bytes;
  std::vector<std::size_t> sizes;
  for (const auto item : all) {
    bytes.insert(bytes.end(), item.begin(), item.end());
    sizes.push_back(item.size());
  }
  post([from, bytes = std::move(bytes), sizes = std::move(sizes)](node_core& n) {
    std::span<const char> rest{bytes};
    try {
      for (const auto size : sizes) {
        n.take(from, decode<frames::frame>(rest.first(size)));
        rest = rest.subspan(size);
        n.flush_in_time();
      }
    } catch (const error& e) { n.malformed(from, e.what()); }
  });
}
void node_core::received_piece(node_id from, std::span<const char> piece) {
  take_chunk(from, piece);
}
void node_core::closed(node_id peer, const std::string& why) {
  post([peer, why](node_core& n) { n.part(peer, why); });
}

void node_core::send(node_id to, const frames::frame& f) {
  // This thread flushes when it has nothing else to do, or after a millisecond.
  send(to, f, turns_of_ == std::this_thread::get_id() ? sending::with_others : sending::at_once);
}
void node_core::send(node_id to, const frames::frame& f, sending when) {
  if (transport_) transport_->send(to, lane::control, encode(f), when);
}

void node_core::greet(const greeting& peer, const std::string& called) {
  link l;
  try {
    l.facts = facts_of(peer.node, peer.name, decode<frames::facts>(peer.extra));
  } catch (const error& e) {
    ++malformed_;
    return transport_->close(peer.node,
                             std::string("its greeting cannot be understood: ") + e.what());
  }
  l.address = peer.address;
  const auto facts = l.facts;
  objects_->opened(peer.node);
  {
    std::lock_guard guard{work_mutex_};
    open_.insert(peer.node);
  }
  links_.emplace(peer.node, std::move(l));
  frames::others known;
  for (const auto& m : members_->here()) known.nodes.push_back({m.node, m.name, m.address});
  const auto tell = members_->opened(now(), {peer.node, peer.name, peer.address}, called);
  if (!known.nodes.empty()) send(peer.node, known);
  for (const auto id : tell) send(id, frames::others{{{peer.node, peer.name, peer.address}}});
  if (domain_.writes_log()) send(peer.node, frames::log_wanted{});
  if (draining_) send(peer.node, frames::leaving{});
  stay_.clear();
  lives_after_all(peer.node);
  const bool first = facts.slots > 0;
  apply(placement_.joined(facts, now()));
  if (first) watch_crowd(true);
  if (crowd_) relieve_at_ = now();
  std::lock_guard guard{mutex_};
  connected_ = links_.size();
  changed_.notify_all();
}

void node_core::part(node_id peer, const std::string&) {
  const auto l = links_.find(peer);
  if (l == links_.end()) return;
  const bool died = !l->second.leaving;
  lost_nodes_.emplace_back(now(), std::move(l->second.facts));
  links_.erase(l);
  apply(placement_.retired(peer, now()));  // nobody is sent there any more
  if (members_->find(peer)) members_->closed(now(), peer);
  lose_instances(peer);
  drop_served(peer);
  drop_instances(peer);
  drop_held(peer);
  lose_logs(peer);
  hold_back_given(peer);
  objects_->left(peer);
  const auto again = objects_->asked_at(peer);
  for (const auto number : lineage_.at(peer)) forget_place(number);
  apply(pulls_.gone(peer, now()));
  lose_tasks(peer, died);
  apply(lineage_.gone(peer));
  for (const auto& s : again) ask_for(s);
  lose_copies(peer);
  run_again();
  send_messages();
  const bool anyone = std::any_of(links_.begin(), links_.end(),
                                  [](const auto& e) { return e.second.facts.slots > 0; });
  if (!anyone) watch_crowd(false);
  std::lock_guard guard{mutex_};
  connected_ = links_.size();
  changed_.notify_all();
}

void node_core::take(node_id from, frames::frame&& f) {
  if (!links_.contains(from)) return;  // it was the greeting that was wrong
  std::visit([&](auto&& one) { on(from, std::move(one)); }, std::move(f));
}

// Somebody with a certificate who says what is no frame: nothing that follows can be trusted.
void node_core::malformed(node_id from, const std::string& what) {
  ++malformed_;
  transport_->close(from, "it sent what is no message: " + what);
}

void node_core::on(node_id from, frames::others&& f) {
  constexpr std::size_t most_nodes = 4096;  // each is called
  if (f.nodes.size() > most_nodes)
    return malformed(from, std::to_string(f.nodes.size()) + " nodes at once");
  std::vector<members::member> all;
  for (auto& n : f.nodes) all.push_back({n.node, std::move(n.name), std::move(n.address)});
  members_->heard_of(now(), all);
}

void node_core::on(node_id from, frames::load&& f) {
  link& l = links_.at(from);
  if (f.order < l.order) return;
  l.order = f.order;
  l.queue = std::min(f.queue, longest_queue);
  apply(placement_.load(from, l.queue, f.free_slots, std::min(f.waiting, longest_queue), now()));
  if (crowd_) relieve_at_ = std::min(relieve_at_, now());
}

void node_core::on(node_id from, frames::leaving&&) {
  links_.at(from).leaving = true;
  apply(placement_.retired(from, now()));
  // Values move while it is there.
  for (const auto number : lineage_.at(from)) apply(lineage_.wanted(number));
  for (const auto& s : objects_->leaves(from)) ask_for(s);
  move_instances(from);
}

void node_core::on(node_id from, frames::status_wanted&& f) {
  send(from, frames::status_told{f.number, describe()});
}
void node_core::on(node_id, frames::status_told&& f) {
  const auto found = status_asked_.find(f.number);
  if (found == status_asked_.end()) return;
  found->second->set_value(std::move(f.json));
  status_asked_.erase(found);
}

void node_core::tell_load() {
  if (own_.slots == 0) return;
  frames::load load;
  {
    std::lock_guard guard{work_mutex_};
    const std::size_t slots = own_.slots, there = served_.size(), busy = std::min(there, slots);
    load = {there - busy, order_, static_cast<std::uint32_t>(slots - busy), 0};
  }
  if (domain_.has_room()) load.waiting = waiting_.load();
  if (std::exchange(told_load_, load) == load) return;
  for (const auto& [id, l] : links_) send(id, load);
}

}  // namespace troupe::detail
