// SPDX-License-Identifier: MIT
#include "tests/node/simulated_network.hpp"

#include <algorithm>

namespace simulated {

using detail::refusal;

class network::endpoint final : public detail::transport {
public:
  endpoint(network& all, std::size_t node, detail::greeting me)
      : all_(all),
        node_(node),
        me_(std::move(me)) {}
  const detail::greeting& self() const override { return me_; }
  void connect(std::string address) override { all_.connect(node_, std::move(address)); }
  void send(detail::node_id to, detail::lane l, std::vector<char>&& item,
            detail::sending when) override {
    if (when == detail::sending::with_others) return waiting_.push_back({to, l, std::move(item)});
    flush();
    all_.send(node_, to, l, std::move(item));
  }
  void flush() override {
    for (auto& w : std::exchange(waiting_, {})) all_.send(node_, w.to, w.lane, std::move(w.item));
  }
  std::size_t in_flight(detail::node_id to) const override { return all_.in_flight(node_, to); }
  void close(detail::node_id peer, std::string why) override {
    flush();
    all_.close(node_, peer, std::move(why));
  }
  void stop() override {
    flush();
    all_.stop(node_);
  }

private:
  network& all_;
  const std::size_t node_;
  const detail::greeting me_;
  struct waiting {
    detail::node_id to;
    detail::lane lane;
    std::vector<char> item;
  };
  std::vector<waiting> waiting_;
};

std::unique_ptr<detail::transport> network::make(const std::string& address, detail::greeting me,
                                                 detail::transport_events& events) {
  me.address = address;
  nodes_.push_back({address, me, &events});
  return std::make_unique<endpoint>(*this, nodes_.size() - 1, std::move(me));
}

// ---- faults -------------------------------------------------------------------------------------

// What was sent last is lost, as much as chance will have it.
void network::lose_some(side& s) {
  for (auto& lane : s.lanes) lane.resize(random_.below(lane.size() + 1));
}

void network::give_up(side& s, time at, const char* why) {
  if (s.state == side::closed || s.close_at <= at) return;
  s.close_at = at;
  s.why = why;
}

void network::kill(std::size_t dead) {
  nodes_[dead].alive = false;
  for (auto& c : connections_)
    for (int i = 0; i < 2; ++i) {
      side &mine = c->sides[i], &other = c->sides[1 - i];
      if (mine.node != dead) continue;
      mine.state = side::closed;
      lose_some(other);
      give_up(other, now_ + delay(), "it died");
    }
  tidy();
}

void network::cut(std::size_t a, std::size_t b) {
  for (auto& c : connections_) {
    side &x = c->sides[0], &y = c->sides[1];
    if (std::minmax(x.node, y.node) != std::minmax(a, b)) continue;
    for (side* s : {&x, &y}) {
      lose_some(*s);
      give_up(*s, now_ + delay(), "the connection was cut");
    }
  }
}

void network::block(std::size_t a, std::size_t b, time for_so_long) {
  blocked_[std::minmax(a, b)] = now_ + for_so_long;
  if (for_so_long < silence) return;
  for (auto& c : connections_)
    if (std::minmax(c->sides[0].node, c->sides[1].node) == std::minmax(a, b))
      for (side& s : c->sides) {
        for (auto& lane : s.lanes) lane.clear();
        give_up(s, now_ + silence + static_cast<time>(random_.below(silence / 2)), "it is silent");
      }
}
void network::garble(std::size_t a, std::size_t b) { garbled_.insert(std::minmax(a, b)); }
void network::heal() {
  blocked_.clear();
  garbled_.clear();
}

time network::blocked_until(std::size_t a, std::size_t b) const {
  const auto found = blocked_.find(std::minmax(a, b));
  return found == blocked_.end() ? 0 : found->second;
}

// ---- what happens -------------------------------------------------------------------------------

// f(time, choice): each thing that will happen next, with the time before which it does not.
template <class F> void network::each_event(F f) const {
  for (std::size_t i = 0; i < calls_.size(); ++i) f(calls_[i].due, choice{choice::arrives, i});
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    const connection& c = *connections_[i];
    const time free = blocked_until(c.sides[0].node, c.sides[1].node);
    for (int k = 0; k < 2; ++k) {
      const side& s = c.sides[k];
      if (s.state == side::coming && s.close_at == never)
        f(std::max(free, s.open_at), choice{choice::opens, i, k});
      bool anything = false;
      for (int l = 0; l < 2; ++l) {
        if (s.state != side::open || s.lanes[l].empty()) continue;
        anything = true;
        f(std::max(free, s.lanes[l].front().due), choice{choice::receives, i, k, l});
      }
      if (s.state == side::open && s.close_at == never && s.missing_at != never)
        f(std::max(free, s.missing_at), choice{choice::misses, i, k});
      if (s.state != side::closed && s.close_at != never && !anything)
        f(s.close_at, choice{choice::closes, i, k});
    }
  }
}

time network::next_due() const {
  time first = never;
  each_event([&](time due, const choice&) { first = std::min(first, due); });
  return first;
}

std::size_t network::choices(time now) {
  now_ = now;
  choices_.clear();
  each_event([&](time due, const choice& c) {
    if (due <= now_) choices_.push_back(c);
  });
  return choices_.size();
}

void network::happen(time now, std::size_t one) {
  now_ = now;
  const choice chosen = choices_.at(one);
  if (chosen.what == choice::arrives) {
    call c = std::move(calls_[chosen.at]);
    calls_.erase(calls_.begin() + static_cast<std::ptrdiff_t>(chosen.at));
    return arrive(now, std::move(c));
  }
  connection& c = *connections_[chosen.at];
  side& s = c.sides[chosen.which];
  const detail::greeting peer = nodes_[c.sides[1 - chosen.which].node].me;
  auto& events = *nodes_[s.node].events;
  switch (chosen.what) {
    case choice::opens:
      s.state = side::open;
      if (saw) saw("opened", peer.address, nodes_[s.node].address, detail::lane::control, {});
      return events.opened(peer, s.called);
    case choice::receives: return receive(c, chosen.which, static_cast<std::size_t>(chosen.lane));
    case choice::misses: return break_off(c, chosen.which);
    default: {
      const bool was_open = s.state == side::open;
      s.state = side::closed;
      const std::string why = s.why, called = s.called;
      tidy();
      if (saw) saw(why.c_str(), peer.address, called, detail::lane::control, {});
      if (was_open) return events.closed(peer.node, why);
      return events.refused(called, refusal::unreachable, why);
    }
  }
}

void network::receive(connection& c, int which, std::size_t l) {
  side& s = c.sides[which];
  const node &from = nodes_[c.sides[1 - which].node], &to = nodes_[s.node];
  const item one = std::move(s.lanes[l].front());
  s.lanes[l].pop_front();
  const auto lane = static_cast<detail::lane>(l);
  const auto verdict = s.numbers[l].hear(one.number);
  using enum detail::numbering::verdict;
  if (verdict == too_early) return break_off(c, which);
  if (saw) saw(verdict == in_order ? "->" : "again ->", from.address, to.address, lane, one.bytes);
  if (verdict != in_order) return;
  const std::span<const char> bytes{one.bytes};
  if (lane == detail::lane::bulk) to.events->received_piece(from.me.node, bytes);
  else to.events->received_items(from.me.node, {&bytes, 1});
}

// By the side that misses something; the other learns of it.
void network::break_off(connection& c, int which) {
  side &mine = c.sides[which], &other = c.sides[1 - which];
  garbled_.erase(std::minmax(mine.node, other.node));
  for (auto& lane : mine.lanes) lane.clear();
  give_up(mine, now_, "messages were lost on the way");
  lose_some(other);
  give_up(other, now_ + delay(), "the connection was lost");
}

void network::tidy() {
  std::erase_if(connections_, [](const auto& c) { return c->gone(); });
}

// ---- connecting ---------------------------------------------------------------------------------

void network::connect(std::size_t from, std::string address) {
  calls_.push_back({from, std::move(address), now_ + delay()});
}

void network::refuse(time now, call c, refusal why, time after) {
  c.refused = true;
  c.why = why;
  c.due = now + after;
  calls_.push_back(std::move(c));
}

void network::arrive(time now, call c) {
  if (!nodes_[c.from].alive) return;
  if (c.refused) return nodes_[c.from].events->refused(c.address, c.why, "");
  const auto found = std::find_if(nodes_.rbegin(), nodes_.rend(),
                                  [&](const node& n) { return n.alive && n.address == c.address; });
  if (found == nodes_.rend()) return refuse(now, std::move(c), refusal::unreachable, delay());
  const auto to = static_cast<std::size_t>(nodes_.rend() - found - 1);
  if (to == c.from) return refuse(now, std::move(c), refusal::same_id, 0);
  if (blocked_until(c.from, to) > now)
    return refuse(now, std::move(c), refusal::unreachable, silence);
  // One that stands for both is kept; one that the caller has lost ends, and the call comes again.
  for (auto& other : connections_)
    for (int i = 0; i < 2; ++i) {
      const side &mine = other->sides[i], &caller = other->sides[1 - i];
      if (mine.node != to || caller.node != c.from) continue;
      if (mine.state == side::closed) {  // a call from before, of who has not heard that it is cut
        if (caller.state == side::closed) continue;
        return refuse(now, std::move(c), refusal::connected_already, delay());
      }
      if (caller.state == side::closed) {
        give_up(other->sides[i], now, "it calls again");
        c.due = now + ms;
        calls_.push_back(std::move(c));
        return;
      }
      return refuse(now, std::move(c), refusal::connected_already, delay());
    }
  auto fresh = std::make_unique<connection>();
  fresh->sides[0].node = c.from;
  fresh->sides[0].called = c.address;
  fresh->sides[0].open_at = now + delay();
  fresh->sides[1].node = to;
  fresh->sides[1].open_at = now;
  connections_.push_back(std::move(fresh));
}

// ---- sending ------------------------------------------------------------------------------------

network::side* network::side_of(std::size_t node, detail::node_id peer, int& other,
                                connection*& whole) {
  for (auto& c : connections_)
    for (int i = 0; i < 2; ++i)
      if (c->sides[i].node == node && c->sides[i].state == side::open &&
          nodes_[c->sides[1 - i].node].me.node == peer) {
        other = 1 - i;
        whole = c.get();
        return &c->sides[i];
      }
  return nullptr;
}

void network::send(std::size_t from, detail::node_id to, detail::lane l,
                   std::vector<char>&& bytes) {
  int other = 0;
  connection* c = nullptr;
  side* mine = side_of(from, to, other, c);
  if (!mine || mine->close_at != never) return;  // nobody reads it any more
  side& s = c->sides[other];
  if (s.state == side::closed || s.close_at != never) return;
  const auto lane = static_cast<std::size_t>(l);
  auto& queue = s.lanes[lane];
  const auto put = [&](item i) {
    i.due = s.last[lane] = std::max(s.last[lane], now_ + delay());
    queue.push_back(std::move(i));
  };
  item one{0, mine->numbers[lane].next(), std::move(bytes)};
  const std::uint64_t fate = garbled_.contains(std::minmax(from, s.node)) ? random_.below(64) : 64;
  if (fate == 0) {  // a ping would tell
    s.missing_at = std::min(s.missing_at, now_ + static_cast<time>(random_.below(silence / 4)));
    return;
  }
  if (fate < 9) put(one);
  put(std::move(one));
  if (fate == 63 && queue.size() > 1) {
    auto &last = queue.back(), &before = *std::prev(queue.end(), 2);
    std::swap(last.number, before.number);
    std::swap(last.bytes, before.bytes);
  }
}

std::size_t network::in_flight(std::size_t node, detail::node_id to) const {
  int other = 0;
  connection* c = nullptr;
  std::size_t n = 0;
  if (const_cast<network*>(this)->side_of(node, to, other, c))
    for (const auto& i : c->sides[other].lanes[1]) n += i.bytes.size();
  return n;
}

void network::close(std::size_t node, detail::node_id peer, std::string why) {
  int other = 0;
  connection* c = nullptr;
  side* mine = side_of(node, peer, other, c);
  if (!mine) return;
  give_up(*mine, now_, why.c_str());
  for (auto& lane : mine->lanes) lane.clear();
  give_up(c->sides[other], now_ + delay(), why.c_str());
}

void network::stop(std::size_t node) {
  nodes_[node].alive = false;
  for (auto& c : connections_)
    for (int i = 0; i < 2; ++i)
      if (c->sides[i].node == node && c->sides[i].state != side::closed) {
        c->sides[i].state = side::closed;
        give_up(c->sides[1 - i], now_ + delay(), "it left");
      }
  tidy();
}

}  // namespace simulated
