// SPDX-License-Identifier: MIT
#include "net/gateway.hpp"

#include "net/greeting.hpp"

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/node_id.hpp>

#include <cassert>
#include <cstring>
#include <set>
#include <utility>

namespace troupe::detail {

namespace {
constexpr std::size_t batch_limit = 256 << 10;  // bytes, then the next one begins

template <class N> std::vector<char> bytes_of(N n) {
  std::vector<char> bytes;
  for (std::size_t i = 0; i < sizeof n; ++i)
    bytes.push_back(static_cast<char>(n >> (8 * i) & 0xff));
  return bytes;
}
template <class N> N number_in(std::span<const char> bytes) {
  N n = 0;
  for (std::size_t i = 0; i < sizeof n; ++i)
    n |= static_cast<N>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return n;
}
}  // namespace

gateway_ptr make_gateway(caf::actor_system& system, std::shared_ptr<gateway_owner> owner,
                         std::string address) {
  caf::actor_config cfg;
  return caf::make_actor<gateway, caf::strong_actor_ptr>(
      system.next_actor_id(), system.node(), &system, cfg, std::move(owner), std::move(address));
}

gateway::gateway(caf::actor_config& cfg, std::shared_ptr<gateway_owner> owner, std::string where)
    : monitorable_actor(cfg),
      address(std::move(where)),
      owner_(std::move(owner)) {}

template <class F> void gateway::on_io_thread(F f) {
  owner_->io().dispatch([self = caf::strong_actor_ptr{ctrl()}, f]() mutable { f(); });
}

// Messages of the peer come on the I/O thread already; the middleman's answer to a call does not.
void gateway::enqueue(caf::mailbox_element_ptr m, caf::execution_unit*) {
  auto& content = m->content();
  if (content.match_elements<std::uint8_t, std::uint64_t, std::vector<char>>()) {
    handle(static_cast<parcel>(content.get_as<std::uint8_t>(0)), content.get_as<std::uint64_t>(1),
           content.get_as<std::vector<char>>(2));
  } else if (content.match_elements<std::uint8_t, std::vector<char>>()) {
    if (content.get_as<std::uint8_t>(0) == static_cast<std::uint8_t>(parcel::refused))
      handle_refusal(content.get_as<std::vector<char>>(1));
  } else if (content.match_elements<std::uint8_t, std::vector<char>, caf::strong_actor_ptr>()) {
    const auto g = read_greeting(content.get_as<std::vector<char>>(1));
    const auto& from = content.get_as<caf::strong_actor_ptr>(2);
    if (is == state::greeting && g && from) owner_->welcomed(*this, *g, from);
  } else if (m->mid.is_response()) {
    if (content.match_elements<caf::node_id, caf::strong_actor_ptr, std::set<std::string>>())
      on_io_thread([this, node = content.get_as<caf::node_id>(0),
                    door = content.get_as<caf::strong_actor_ptr>(1)] {
        owner_->connected(*this, node, door);
      });
    else if (content.match_elements<caf::error>())
      on_io_thread([this, e = content.get_as<caf::error>(0)] { owner_->not_connected(*this, e); });
  } else if (m->mid.is_request()) {
    bounce(m);
  }
}

void gateway::handle_refusal(const std::vector<char>& bytes) {
  if (is != state::greeting || bytes.empty()) return;
  const auto by = read_greeting(std::span<const char>(bytes).subspan(1));
  owner_->was_refused(*this, static_cast<refusal>(bytes[0]), by.value_or(greeting{}));
}

void gateway::handle(parcel p, std::uint64_t number, const std::vector<char>& bytes) {
  hear();
  if (is != state::open) return;
  switch (numbers_.hear(number)) {
    case numbering::verdict::heard_before: return;
    case numbering::verdict::too_early:
      return owner_->give_up(*this, "messages were lost on the way");
    case numbering::verdict::in_order: break;
  }
  switch (p) {
    case parcel::items: return take_items(bytes);
    case parcel::piece:
      owner_->received_piece(*this, bytes);
      given_bulk_ += bytes.size();
      return tell(parcel::taken, bytes_of(given_bulk_));
    case parcel::taken:
      if (bytes.size() != 8) return owner_->give_up(*this, "it says 'taken' without a number");
      taken_bulk_ = std::min(number_in<std::uint64_t>(bytes), sent_bulk_.load());
      return owner_->acknowledged(*this, in_flight());
    case parcel::bye: return owner_->said_bye(*this, std::string(bytes.begin(), bytes.end()));
    case parcel::ping: return;
    default:
      return owner_->give_up(*this, "it sends a message of kind " +
                                        std::to_string(static_cast<int>(p)) +
                                        ", which is none of an open connection");
  }
}

void gateway::take_items(std::span<const char> batch) {
  std::vector<std::span<const char>> items;
  while (batch.size() >= 4) {
    const std::size_t size = number_in<std::uint32_t>(batch);
    if (size > batch.size() - 4) break;
    items.push_back(batch.subspan(4, size));
    batch = batch.subspan(4 + size);
  }
  owner_->received_items(*this, items);
  if (!batch.empty()) owner_->give_up(*this, "a batch of its items is cut off");
}

void gateway::send(lane l, std::vector<char>&& item, sending when) {
  assert(l == lane::control || item.size() <= transport::largest_piece);
  const std::lock_guard lock{mutex_};
  if (closed_) return;
  if (l == lane::bulk) {
    sent_bulk_ += item.size();
    pieces_.push_back(std::move(item));
  } else {
    if (items_.empty() || items_.back().size() >= batch_limit) items_.emplace_back();
    auto& batch = items_.back();
    const auto size = bytes_of(static_cast<std::uint32_t>(item.size()));
    batch.insert(batch.end(), size.begin(), size.end());
    batch.insert(batch.end(), item.begin(), item.end());
  }
  const bool waits = when == sending::with_others && items_.size() == 1;
  if (!waits) ring();
}

void gateway::hurry() {
  const std::lock_guard lock{mutex_};
  if (!closed_ && !items_.empty()) ring();
}

void gateway::ping() {
  const std::lock_guard lock{mutex_};
  if (closed_) return;
  ping_due_ = true;
  ring();
}

void gateway::ring() {
  if (std::exchange(rung_, true)) return;
  owner_->io().post([self = caf::strong_actor_ptr{ctrl()}, this] { flush(); });
}

void gateway::flush() {
  std::unique_lock lock{mutex_};
  rung_ = false;
  const bool ping_due = std::exchange(ping_due_, false);
  auto items = std::exchange(items_, {});
  auto pieces = std::exchange(pieces_, {});
  lock.unlock();
  if (is != state::open) return;
  for (auto& batch : items) tell(parcel::items, std::move(batch));
  for (auto& piece : pieces) tell(parcel::piece, std::move(piece));
  if (ping_due && items.empty() && pieces.empty()) tell(parcel::ping, {});
}

void gateway::tell(parcel p, std::vector<char> bytes) {
  if (!counterpart_) return;
  sent_.store(clock::now(), std::memory_order_relaxed);
  post_to(counterpart_, static_cast<std::uint8_t>(p), numbers_.next(), std::move(bytes));
}

void gateway::pair_with(caf::strong_actor_ptr counterpart) {
  counterpart_ = std::move(counterpart);
  counterpart_->get()->attach_functor(
      [self = caf::strong_actor_ptr{ctrl()}, this](const caf::error& why) {
        const bool link = why == caf::exit_reason::remote_link_unreachable;
        on_io_thread([this, text = link ? "the connection was lost" : "the peer ended it"] {
          owner_->lost(*this, text);
        });
      });
}

void gateway::end() {
  is = state::over;
  {
    const std::lock_guard lock{mutex_};
    closed_ = true;
    items_.clear();
    pieces_.clear();
  }
  counterpart_ = nullptr;
  cleanup(caf::error{}, nullptr);
}

}  // namespace troupe::detail
