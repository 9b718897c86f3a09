// SPDX-License-Identifier: MIT
// A runtime as a node of a cluster. Links troupe::net.
//
//   troupe::export_tasks<resize, classify>();      // what others may ask this program to run
//   troupe::runtime rt;
//   troupe::node here = rt.join({.join = {"10.0.0.7:7000"}, .certificate = "worker.pem", ...});
//
// Nothing else changes: a task runs in its own program while a worker is free there, and else on a
// node that has room; one that asks for labels or resources which its own runtime lacks, on a node
// that has them. One that waits for resources which are in use goes where there are more of these.
// Its function and its arguments must be encodable (<troupe/codec.hpp>), and the function exported by
// the program that is to run it; all others stay. Streams live where they were made.
//
// A stateful actor that asks for labels which its own runtime lacks lives on a node that has them, if
// its class is exported there (export_actor) and its constructor's arguments are encodable; all
// others live where they were made. Its handles and the order of its calls stay there, too: calls
// go to the instance one after another. A node that dies, is lost or leaves breaks its instances
// (actor_broken): with restarts they are made again on another, from the last snapshot; a call
// that was there fails, or (retry_calls) runs again. A node that drains hands its instances on, when
// the calls there have ended: that is no break for one with snapshots. It cannot be reentrant, and
// methods that give streams, or take or give what is not encodable, are an error at the call.
//
// A value of more than 64 KiB stays on the node that made it until somebody elsewhere waits for it, or
// asks whether it has settled; tasks with such inputs run there, if they can and that saves time.
//
// When a node dies, its tasks run again elsewhere, and so do those whose values it had, when they are
// needed: a body may run more than once, and what it does to the world outside should bear that.
// What a task's value refers to on its node (results of its children, what it has put) is made again
// by that task, which should give the same refs each time; what it has put with replicas
// (put_options) is taken from those. What another program puts is lost with it.
// Who leaves the cluster runs at home what it had not fetched.
#pragma once
#include <troupe/runtime.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

struct node_options {
  std::string listen = {};  // "host:port", port 0: any that is free; empty: others cannot call it
  std::string advertise = {};          // where others reach it; empty: where it listens
  std::vector<std::string> join = {};  // "host:port" of nodes; called again whenever they are lost
  std::string name = {};               // for people; empty: the runtime's name and the process id
  // So many tasks of others it runs at a time; 0: one for each worker. `serves` false: none.
  unsigned slots = 0;
  bool serves = true;
  // PEM files of mutual TLS: all three, or none; then it talks with nodes on this machine only.
  std::string certificate = {}, key = {}, authority = {}, passphrase = {};
  std::chrono::milliseconds silence{5000};  // a node that says nothing for so long is lost
};

struct node_status {
  std::string id, name, address;
  unsigned slots = 0;
  std::vector<std::string> labels;
  resource_map resources;
  std::size_t sent = 0;  // tasks of this program that are there
};

namespace detail {
class node_core;
}

// This program's place in the cluster, until it is destroyed: then it leaves. What it has sent away
// comes back and runs here, and what it runs for others runs elsewhere. To be destroyed before its
// runtime. Any thread may call.
class [[nodiscard]] node {
public:
  node(node&&) noexcept;
  node& operator=(node&&) = delete;
  ~node();

  std::string address() const;  // where it can be reached; empty: it does not listen
  std::string id() const;
  // Those that are connected now, without this one.
  std::vector<node_status> nodes() const;
  // Waits until so many others are connected. False: not in time.
  bool wait_for(std::size_t others, duration timeout) const;
  // Takes no more tasks of others, hands on their actors, and returns when the tasks that it has have
  // ended and nobody else needs what is here, or when the time is up (false).
  bool drain(duration timeout);
  // As JSON: itself, its queues and stores, and the nodes that it is connected to.
  std::string status() const;
  // The same of another node; throws troupe::error if it is not connected or does not answer in time.
  std::string status_of(const std::string& id, duration timeout) const;

private:
  friend runtime;
  explicit node(std::shared_ptr<detail::node_core> core);
  std::shared_ptr<detail::node_core> core_;
};

}  // namespace troupe
