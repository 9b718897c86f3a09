// SPDX-License-Identifier: MIT
#include "net/peers.hpp"

#include "net/greeting.hpp"

#include <caf/atom.hpp>
#include <caf/io/middleman.hpp>
#include <caf/openssl/manager.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace troupe::detail {

namespace {
constexpr const char* crossing = "the two call each other at the same time, and one call is enough";

std::string same_id_text(const greeting& g) {
  return "node " + to_text(g.node) +
         " is this node itself, or another that bears the same id: each start of a node needs an "
         "id "
         "of its own";
}
std::string text_of(refusal why, const greeting& me, const greeting& by) {
  switch (why) {
    case refusal::version: return version_problem(me, by);
    case refusal::same_id: return same_id_text(me);
    case refusal::connected_already: return crossing;
    default: return "node " + to_text(by.node) + " refuses";
  }
}
}  // namespace

peers::peers(caf::actor_system& system, greeting self, transport_events& events)
    : me(std::move(self)),
      system_(system),
      events_(events),
      sockets_(system) {}

caf::io::network::multiplexer& peers::io() { return system_.middleman().backend(); }

gateway_ptr peers::find(node_id id) const {
  const std::shared_lock lock{mutex_};
  const auto at = open_.find(id);
  return at == open_.end() ? nullptr : at->second;
}

std::vector<gateway_ptr> peers::open() const {
  const std::shared_lock lock{mutex_};
  std::vector<gateway_ptr> all;
  for (const auto& [id, g] : open_) all.push_back(g);
  return all;
}

void peers::call(const std::string& address, const std::string& host, std::uint16_t port,
                 bool tls) {
  if (over_) return;
  const auto g = make_gateway(system_, shared_from_this(), address);
  calls_.emplace(&gateway_of(g), std::pair{g, destination{host, port, tls}});
  calling_ = true;
  dial(gateway_of(g));
}

// The middleman's actor answers with the published door. (remote_actor() would wait for that.)
void peers::dial(gateway& g) {
  const auto& [self, to] = calls_.at(&g);
  const auto middleman =
      to.tls ? system_.openssl_manager().actor_handle() : system_.middleman().actor_handle();
  ++g.tries;
  caf::actor_cast<caf::strong_actor_ptr>(middleman)->enqueue(
      self, caf::make_message_id(static_cast<std::uint64_t>(g.tries)),
      caf::make_message(caf::connect_atom_v, to.host, to.port), nullptr);
}

void peers::connected(gateway& g, caf::node_id process, caf::strong_actor_ptr door) {
  if (g.is != gateway::state::calling) return;
  if (!door) return end_call(g, refusal::unreachable, "who answers there is no node of Troupe");
  if (process == system_.node()) return end_call(g, refusal::same_id, same_id_text(me));
  for (const auto& [id, peer] : open_)
    if (gateway_of(peer).process == process)
      return end_call(g, refusal::connected_already,
                      "node " + to_text(id) + " is connected already");
  for (const auto& [other, rest] : calls_)
    if (other->is == gateway::state::greeting && other->process == process)
      return end_call(g, refusal::connected_already, "it is being called already");
  g.process = process;
  g.is = gateway::state::greeting;
  door->get()->attach_functor([self = caf::strong_actor_ptr{g.ctrl()}, &g, this] {
    io().dispatch([self, &g, this] {
      if (g.is == gateway::state::greeting)
        dial_again(g, "the connection was lost before it had an answer");
    });
  });
  post_to(door, static_cast<std::uint8_t>(parcel::hello), to_bytes(me),
          caf::strong_actor_ptr{g.ctrl()});
}

void peers::not_connected(gateway& g, const caf::error& e) {
  if (g.is != gateway::state::calling) return;
  const bool tls = calls_.at(&g).second.tls;
  dial_again(g, "no node of Troupe speaks there (" + system_.render(e) + "): " +
                    (tls ? "does it run with a certificate of the same authority as this one?"
                         : "does it run without TLS, as this one?"));
}

// When two call each other at the same time, each may take its own connection for the one too many,
// and none is left (BASP's redundant_connection). So both try again, each after a time of its own.
void peers::dial_again(gateway& g, const std::string& why) {
  constexpr int most = 4;
  if (g.tries == most) return end_call(g, refusal::unreachable, why);
  const auto apart = static_cast<int>(random_() % static_cast<unsigned>(100 * g.tries));
  g.is = gateway::state::calling;
  g.process = caf::node_id{};
  g.redial_at = gateway::clock::now() + std::chrono::milliseconds(apart);
}

// Callers and doors decide alike, so that both know which connection stands.
std::unique_ptr<peers::verdict> peers::judge(const greeting& g, const caf::node_id& process) {
  const auto no = [](refusal why, std::string text) {
    return std::make_unique<verdict>(verdict{why, std::move(text)});
  };
  if (!understand_each_other(me, g)) return no(refusal::version, version_problem(me, g));
  if (g.node == me.node) return no(refusal::same_id, same_id_text(g));
  const auto old = find(g.node);
  if (old && gateway_of(old).process != process) return no(refusal::same_id, same_id_text(g));
  return nullptr;
}

void peers::answer(const std::vector<char>& hello, caf::strong_actor_ptr caller) {
  if (over_ || !caller) return;
  const auto g = read_greeting(hello);
  const auto process = caller->node();
  const auto refuse = [&](refusal why) {
    auto bytes = to_bytes(me);
    bytes.insert(bytes.begin(), static_cast<char>(why));
    post_to(caller, static_cast<std::uint8_t>(parcel::refused), std::move(bytes));
  };
  if (!g) return refuse(refusal::unreachable);
  if (const auto no = judge(*g, process)) {
    refuse(no->why);
    return events_.refused(g->address, no->why, no->text);
  }
  std::vector<gateway_ptr> ours;  // calls to the same one
  for (const auto& [call, rest] : calls_)
    if (call->is == gateway::state::greeting && call->process == process)
      ours.push_back(rest.first);
  if (!ours.empty() && me.node < g->node) return refuse(refusal::connected_already);
  for (const auto& call : ours) end_call(gateway_of(call), refusal::connected_already, crossing);
  if (const auto old = find(g->node)) {
    end_open(gateway_of(old), "it has connected anew");
    sockets_.cut_older(process);
  }
  const auto made = make_gateway(system_, shared_from_this(), "");
  gateway_of(made).process = process;
  post_to(caller, static_cast<std::uint8_t>(parcel::welcome), to_bytes(me), made);
  open(made, *g, caller);
}

void peers::welcomed(gateway& g, const greeting& from, caf::strong_actor_ptr counterpart) {
  if (const auto no = judge(from, g.process)) return end_call(g, no->why, no->text);
  if (find(from.node)) return end_call(g, refusal::connected_already, crossing);
  const caf::strong_actor_ptr self{g.ctrl()};
  calls_.erase(&g);
  calling_ = !calls_.empty();
  open(self, from, std::move(counterpart));
}

void peers::open(const gateway_ptr& p, const greeting& from, caf::strong_actor_ptr counterpart) {
  auto& g = gateway_of(p);
  g.peer = from;
  g.is = gateway::state::open;
  g.hear();
  {
    const std::unique_lock lock{mutex_};
    open_.emplace(from.node, p);
  }
  events_.opened(g.peer, g.address);
  if (g.is == gateway::state::open) g.pair_with(std::move(counterpart));
}

void peers::was_refused(gateway& g, refusal why, const greeting& by) {
  parting_.push_back(g.process);
  end_call(g, why, text_of(why, me, by));
  post([](peers& self) { self.hang_up(); });
}

void peers::refuse_call(const std::string& address, refusal why, const std::string& text) {
  if (!over_) events_.refused(address, why, text);
}

void peers::end_call(gateway& g, refusal why, const std::string& text) {
  const caf::strong_actor_ptr self{g.ctrl()};
  calls_.erase(&g);
  calling_ = !calls_.empty();
  g.end();
  refuse_call(g.address, why, text);
}

void peers::received_items(gateway& g, transport_events::batch all) {
  events_.received_items(g.peer.node, all);
}
void peers::received_piece(gateway& g, std::span<const char> piece) {
  events_.received_piece(g.peer.node, piece);
}

void peers::acknowledged(gateway& g, std::size_t in_flight) {
  events_.acknowledged(g.peer.node, in_flight);
}

void peers::end_open(gateway& g, const std::string& why) {
  if (g.is != gateway::state::open) return;
  const caf::strong_actor_ptr self{g.ctrl()};
  {
    const std::unique_lock lock{mutex_};
    open_.erase(g.peer.node);
  }
  g.end();
  if (!over_) events_.closed(g.peer.node, why);
}

// Who hears the last word hangs up: who says it cannot know when the middleman has written it.
void peers::said_bye(gateway& g, const std::string& why) {
  parting_.push_back(g.process);
  end_open(g, why);
  post([](peers& self) { self.hang_up(); });
}

void peers::lost(gateway& g, const std::string& why) {
  if (g.is == gateway::state::open) end_open(g, why);
}

// The peer is told nothing: it may not hear it, or not understand.
void peers::give_up(gateway& g, const std::string& why) {
  end_open(g, why);
  post([process = g.process](peers& self) {
    if (!self.is_used(process)) self.sockets_.cut(process);
  });
}

void peers::close(node_id id, const std::string& why) {
  const auto p = find(id);
  if (!p) return;
  auto& g = gateway_of(p);
  g.flush();
  g.tell(parcel::bye, std::vector<char>(why.begin(), why.end()));
  end_open(g, why);  // the peer hangs up when it has heard that, or sweep() does
}

void peers::hang_up() {
  for (const auto& process : std::exchange(parting_, {}))
    if (!is_used(process)) sockets_.hang_up(process);
}

// Those who were told hang up themselves; who was only about to come in has heard nothing.
bool peers::all_hung_up() {
  const auto connected = sockets_.connected();
  for (const auto& process : connected)
    if (std::find(told_.begin(), told_.end(), process) == told_.end()) sockets_.hang_up(process);
  return connected.empty();
}

void peers::hang_up_on_all() {
  for (const auto& process : sockets_.connected()) sockets_.hang_up(process);
}

bool peers::is_used(const caf::node_id& process) const {
  const auto in = [&](const auto& all, auto of) {
    return std::any_of(all.begin(), all.end(),
                       [&](const auto& entry) { return of(entry)->process == process; });
  };
  return in(open_, [](const auto& e) { return &gateway_of(e.second); }) ||
         in(calls_, [](const auto& e) { return e.first; });
}

void peers::judge_silence(std::chrono::milliseconds limit) {
  for (const auto& p : open()) {
    auto& g = gateway_of(p);
    if (gateway::clock::now() - g.heard_at() <= limit) continue;
    give_up(g, "silent for " + std::to_string(limit.count()) + " ms");
  }
}

void peers::judge_calls(std::chrono::milliseconds limit) {
  if (over_) return;
  const auto now = gateway::clock::now();
  std::vector<gateway_ptr> late;
  for (const auto& [call, rest] : calls_)
    if (now - call->began > limit) {
      late.push_back(rest.first);
    } else if (call->redial_at <= now) {
      call->redial_at = gateway::clock::time_point::max();
      dial(*call);
    }
  for (const auto& p : late)
    end_call(gateway_of(p), refusal::unreachable,
             "it took the connection, but gave no answer within " + std::to_string(limit.count()) +
                 " ms: is it a node of Troupe, with TLS or without as this one?");
}

void peers::sweep(std::chrono::milliseconds limit) {
  if (!over_)
    sockets_.sweep(limit, [this](const caf::node_id& process) { return is_used(process); });
}

void peers::say_bye(const std::string& why) {
  over_ = true;
  for (const auto& p : open()) {
    told_.push_back(gateway_of(p).process);
    close(gateway_of(p).peer.node, why);
  }
  while (!calls_.empty()) end_call(*calls_.begin()->first, refusal::unreachable, why);
}

}  // namespace troupe::detail
