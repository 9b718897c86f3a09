// SPDX-License-Identifier: MIT
#include "node/node_core.hpp"
#include "runtime/domain.hpp"

#include <troupe/node.hpp>

#include <utility>

namespace troupe {

node runtime::join(const node_options& options) {
  return node{detail::node_core::join(*inside_, options)};
}

node::node(std::shared_ptr<detail::node_core> core) : core_(std::move(core)) {}
node::node(node&&) noexcept = default;
node::~node() {
  if (core_) core_->leave();
}
std::string node::address() const { return core_->self().address; }
std::string node::id() const { return detail::to_text(core_->self().node); }
std::vector<node_status> node::nodes() const { return core_->nodes(); }
bool node::wait_for(std::size_t others, duration timeout) const {
  return core_->wait_for(others, timeout);
}
bool node::drain(duration timeout) { return core_->drain(timeout); }
std::string node::status() const { return core_->status(); }
std::string node::status_of(const std::string& id, duration timeout) const {
  return core_->status_of(id, timeout);
}

}  // namespace troupe
