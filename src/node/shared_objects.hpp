// SPDX-License-Identifier: MIT
// The objects that this node shares with others: its own that others have refs to, and stand-ins for
// others' objects. shared_objects.cpp has the refs in frames and their counts; sought_objects.cpp,
// where the values of stand-ins are looked for.
//
// A stand-in is an object like any other, but `away`: when somebody waits for it, its value is
// fetched from the node that made it, once. The table keeps a ref to each; a stand-in that has no
// other is let go, some time later, so that what many calls take is fetched once.
#pragma once
#include "node/frames.hpp"
#include "store/borrows.hpp"

#include <troupe/detail/object.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::detail {

class domain;

class shared_objects : public std::enable_shared_from_this<shared_objects> {
public:
  // wake: there are messages to send (from any thread).
  shared_objects(domain& d, node_id self, std::function<void()> wake);
  shared_objects(const shared_objects&) = delete;
  shared_objects& operator=(const shared_objects&) = delete;

  // ---- any thread
  // Names objects in a frame to `to`. Throws troupe::error if that node is not connected. What it has
  // named counts as sent, unless it is taken back.
  class sink final : public ref_sink {
  public:
    sink(shared_objects& table, node_id to) : table_(table), to_(to) {}
    std::uint64_t index(object* o, const value_codec& type) override;
    // The same, and the value does not ride along.
    std::uint64_t name(object* o, const value_codec& type);
    // Into the payload whose bytes have named them, with the short values of those that have settled. So
    // what bytes name has the same places whichever of the values are there. Throws what codecs throw.
    void take(frames::payload& into);
    void put_back(frames::payload& from) { refs_ = std::move(from.refs); }  // it is not sent
    void take_back() noexcept;

  private:
    struct named {
      object* o;  // null: its value does not ride along
      const value_codec* type;
    };
    shared_objects& table_;
    const node_id to_;
    std::vector<frames::sent_ref> refs_;
    std::vector<named> objects_;  // the same
    std::unordered_map<object*, std::uint64_t> places_;
    std::vector<std::uint64_t>* inside_ = nullptr;  // of the value that is being written
  };
  // Puts the value, decoded from these bytes, or the failure if they are wrong. By a worker.
  void unpack(object& o, const value_codec& type, const std::vector<char>& bytes, ref_source* refs);

  // ---- the node's thread
  void opened(node_id peer);
  void left(node_id peer);
  // The refs of a frame. They live as long as what this gives.
  // in: that have come with the value of this one.
  std::shared_ptr<ref_source> arrived(node_id from, std::vector<frames::sent_ref> refs,
                                      std::optional<global_id> in = {});
  void arrived(node_id from, const borrows::message& m);
  std::vector<borrows::message> take_messages();
  // Lets go what nobody here uses any more.
  void review();
  // All that has not come is lost.
  void close(const std::string& why);

  struct found {
    object* o = nullptr;  // with a reference
    const value_codec* type = nullptr;
  };
  found own(global_id id);  // one of its own that is lent
  // What to ask for, and whom: the node that has the value, if that was said; else its maker.
  struct sought {
    global_id object;
    std::optional<global_id> at;
    std::optional<node_id> copy;  // a node that has one; the maker is gone
  };
  // Somebody waits for a stand-in. None: it is none, or has been asked for.
  std::optional<sought> wanted(const object* o);
  // It was asked for where its value was said to be, in vain: so from its maker. Given by the name
  // that it has there, or as an object whose value has not come whole.
  std::optional<sought> not_at(global_id at);
  std::optional<sought> not_whole(const object* o, node_id from);
  // A node is gone: those that were asked for there, and those of its own that others have copies of.
  std::vector<sought> asked_at(node_id node);
  // Who was to have it, or a copy, has not. None: nobody has.
  std::optional<sought> no_copy(global_id id, node_id at);
  bool is_copy_asked(global_id id, node_id at);
  // They were asked for, and are said to lie elsewhere now: who was asked does not answer any more.
  std::vector<sought> take_moved();
  // The maker of what is borrowed is about to go: what is here is this node's own from now on, and
  // what is not is to be fetched.
  std::vector<sought> leaves(node_id maker);
  // Of a borrowed object: somebody may wait for it here, and it has not settled.
  bool is_needed(global_id id);
  // Its maker is gone, but it is to be made again: it is not lost meanwhile. False: there are replicas.
  bool hold_back(global_id id);
  void lose(global_id id, const std::string& why);
  // Both names are of the same object here: the second one says nothing new.
  bool is_itself(global_id was, global_id is);
  // It has been made again under another name, which a frame has brought. None: nobody has asked for it.
  std::optional<sought> rename(global_id was, global_id is, std::uint64_t index, ref_source* refs);
  // One that this node can answer for although its maker is gone.
  found stand_in(global_id id);
  // An object of its own that others keep copies of, until nobody refers to it.
  global_id own_id(object* o, const value_codec& type);
  void has_copies(global_id id, const std::vector<node_id>& at);
  struct copied {
    global_id id;
    object* o = nullptr;  // with a reference
    const value_codec* type = nullptr;
    std::vector<node_id> at;
  };
  std::vector<copied> copies_at(node_id node);  // they are counted off there
  std::vector<copied> take_uncopied();          // nobody refers to them any more (o is null)
  // The value of an object of its own lies there; none: it does not any more.
  void lies_at(const object* o, std::optional<global_id> at);
  std::optional<global_id> is_stand_in_for(const object* o);
  // A value has come, or a failure, under this name: the stand-in, if it waits for that.
  found to_settle(global_id id, bool lost = false);
  struct counts {
    std::size_t lent, borrowed;
  };
  counts count();

private:
  struct entry {
    object* o = nullptr;  // with a reference; null: nobody has read the ref yet
    const value_codec* type = nullptr;
    std::uint64_t hash = 0;
    std::size_t pins = 0;  // frames with it that may be read yet
    bool asked = false, settled = false;
    std::optional<global_id> at{};  // where its value is, when it is not with its maker
    std::vector<node_id> copies{};  // nodes that have it beside its maker, or perhaps
    bool replicated = false;        // they have, as its maker has said
    bool copied = false;            // its own: others are to have copies
    bool let_go = false;            // its own: no other node had a ref to it, once
    bool held_back = false;         // it is being made again
    bool is_lost = false;           // and what has the ref meets that
    bool stale = false;             // the same of what its value refers to: it is fetched anew
    std::optional<global_id> in{};  // it has come with the value of that one
    std::string lost{};             // why, while nobody has read the ref
  };
  class source;
  using garbage = std::vector<object*>;
  struct afterwards {  // done without the lock
    garbage drop;
    std::vector<std::pair<object*, std::string>> lose;  // with a reference
    std::function<void()> follow;
    ~afterwards();
  };
  void apply(borrows::effects&& e, afterwards& then);
  void lose(entry& e, const std::string& why, afterwards& then);
  std::optional<sought> follow(global_id was, global_id is, entry& old, entry& known,
                               afterwards& then);
  void end_as(object* o, object& of);
  void make_stale(std::optional<global_id> id);
  void forget(global_id id, entry& e, afterwards& then);
  void forget_at(entry& e);
  void forget_stand_in(global_id id, entry& e, afterwards& then);
  std::string gone_text(global_id id) const;
  global_id name_of(object* o, const value_codec& type);
  global_id name_now(global_id id) const;
  bool is_orphan(global_id id) const;

  domain& domain_;
  const node_id self_;
  const std::function<void()> wake_;
  std::mutex mutex_;  // guards all that follows
  borrows borrows_;
  std::set<node_id> peers_;
  std::unordered_map<object*, global_id> ids_;              // what they are called in frames
  std::unordered_map<const object*, global_id> stand_ins_;  // what they stand for
  std::unordered_map<global_id, entry> entries_;
  std::unordered_map<global_id, global_id> at_;  // stand-ins by where their values are
  std::unordered_map<const object*, global_id> lie_at_;
  std::vector<borrows::message> messages_;
  std::vector<copied> uncopied_;
  std::vector<global_id> moved_;
  std::set<node_id> leaving_;
  // By their old names, which frames and other nodes may have.
  std::unordered_map<global_id, global_id> renamed_;
  std::uint64_t numbers_ = 0;
};

}  // namespace troupe::detail
