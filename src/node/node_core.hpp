// SPDX-License-Identifier: MIT
// The inside of a node: between its runtime and the network. One thread owns it all and takes in one
// event after another; others post to it.
//
//   program: queued task --taken--> encoded --run--> peer          (sent_tasks.cpp)
//            task <--bring-- reply <------------done--'
//   peer: run --> serve --> task --settled--> encoded --done-->    (served_tasks.cpp)
//   an actor whose instance is elsewhere: the same, and always to where that is (sent_actors.cpp,
//   served_actors.cpp)
//   ref in a frame --> stand-in --waited for--> want --> have, or chunks    (node_objects.cpp)
//   big value: its task rests --waited for--> the same; its node is gone --> run again (resting_tasks.cpp)
#pragma once
#include "actors/hub.hpp"
#include "actors/outside.hpp"
#include "actors/seat.hpp"
#include "graph/lineage.hpp"
#include "graph/members.hpp"
#include "graph/placement.hpp"
#include "net/transport.hpp"
#include "node/frames.hpp"
#include "node/shared_objects.hpp"
#include "runtime/failure.hpp"
#include "runtime/functions.hpp"
#include "runtime/served_actors.hpp"
#include "store/transfers.hpp"

#include <troupe/node.hpp>

#include <caf/actor.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace troupe::detail {

class domain;
class network_system;

// So many tasks wait at a node at most, as far as others believe it.
constexpr std::uint64_t longest_queue = 1'000'000;

// Attempts at calls of actors: these are not placed, so they have numbers of their own.
constexpr std::uint64_t first_call = std::uint64_t{1} << 63;
constexpr bool is_call(std::uint64_t attempt) { return attempt >= first_call; }

// What travels as bytes on its own: it has more of them than ride with a frame.
constexpr std::size_t rides_along = 64 << 10;

class node_core final : public outside,
                        public transport_events,
                        public job_hub::crowd_watcher,
                        public std::enable_shared_from_this<node_core> {
public:
  using time = std::int64_t;  // ns of a steady clock
  // The network of a node that says this of itself; what happens there is told to the second.
  using make_network =
      std::function<std::unique_ptr<transport>(const greeting&, transport_events&)>;
  // Throws troupe::error.
  static std::shared_ptr<node_core> join(domain& d, const node_options& options);
  // For tests: a node of a runtime on a deterministic scheduler, in a network that is simulated. It
  // has no thread, and goes on when it is stepped. Tasks leave it only if they must.
  static std::shared_ptr<node_core> simulate(domain& d, const node_options& options, node_id id,
                                             const make_network& network);
  ~node_core() override;
  void leave();  // once; returns when nothing of it runs any more

  // ---- a simulation's
  bool has_turn();
  void step();  // one event, or what is due
  time next_turn() const;

  // ---- any thread
  const greeting& self() const { return transport_->self(); }
  std::vector<node_status> nodes();
  bool wait_for(std::size_t others, duration timeout);
  bool drain(duration timeout);
  std::string status();
  std::string status_of(const std::string& id, duration timeout);

  // ---- from tasks and stores, on any thread
  void offer(task& t) noexcept override;
  void recall(task& t) noexcept override;
  void fetch(object& o) noexcept override;
  void end_instance(hosted& h) noexcept override;
  std::string whereabouts_of(const task& t) override;
  std::string whereabouts_of(object& o) override;
  void crowded() noexcept override;
  void served_waits(bool begins) noexcept override;
  void keeps_call(task& t, bool kept) noexcept override;
  void replicate(object* o, const value_codec& type, unsigned nodes) noexcept override;

private:
  node_core(domain& d, const node_options& options, node_id id);
  void start(const node_options& options, const make_network& network);

  // ---- from the network, on its thread
  void opened(const greeting& peer, const std::string& called) override;
  void refused(const std::string& address, refusal why, const std::string& text) override;
  void received_items(node_id from, batch all) override;
  void received_piece(node_id from, std::span<const char> piece) override;
  void closed(node_id, const std::string& why) override;

  // ---- the node's thread (node_core.cpp)
  using event = std::function<void(node_core&)>;
  bool post(event e);  // false: it has left
  // What f says on that thread; none: it has left.
  template <class F> auto ask(F f) -> std::optional<decltype(f(*this))>;
  void loop();
  bool take_event();  // false: there is none
  void turn();
  void flush_in_time();
  time now() const;
  void watch_crowd(bool on);
  // Any thread. What this node's own thread sends goes at the end of its turn.
  void send(node_id to, const frames::frame& f);
  void send(node_id to, const frames::frame& f, sending when);
  void greet(const greeting& peer, const std::string& called);
  void part(node_id peer, const std::string& why);
  void take(node_id from, frames::frame&& f);
  void malformed(node_id from, const std::string& what);
  void on(node_id from, frames::others&& f);
  void on(node_id from, frames::load&& f);
  void on(node_id from, frames::leaving&& f);
  void on(node_id from, frames::status_wanted&& f);
  void on(node_id from, frames::status_told&& f);
  void tell_load();
  std::string describe();

  struct link {
    node_facts facts;
    std::string address;
    bool leaving = false;
    std::uint64_t queue = 0, order = 0;      // how many tasks wait there, as it has said last
    std::unordered_set<std::uint64_t> told;  // functions that it has the names of
    std::unordered_map<std::uint64_t, found_function> asked;  // those that it has named
    std::unordered_map<std::uint64_t, std::string> lacks;     // why functions are not there
  };

  // ---- tasks sent away (sent_tasks.cpp)
  struct death {
    time at;
    node_id node;
  };
  struct given {
    std::uint64_t index = 0;  // among what the value names
    global_id object;
    std::uint64_t type = 0;
    std::uint64_t place = 0;           // in the frame
    std::optional<global_id> in = {};  // the value is that object's; none: its task's
    bool stale = false;                // of a node that is gone, or was
  };
  struct sent_task {
    task* t = nullptr;  // alive until it is brought its reply
    bool must_leave = false;
    std::optional<attempt> current;  // while a node has it
    std::vector<death> deaths;       // with it aboard
    bool suspect = false;            // one of them was counted against it
    std::optional<global_id> pull;   // of its value, which is big
    object* rests = nullptr;         // its object, with a reference, once its value is elsewhere
    std::optional<global_id> made;   // what that value is called there
    std::shared_ptr<ref_source> keeps = {};  // it is kept there meanwhile
    std::vector<given> gives = {};           // what its value refers to, of the node that made it
    bool again = false;         // it has settled, and runs for what its value refers to
    hosted* call_of = nullptr;  // it is a call of an actor whose instance is elsewhere
    bool broke = false;         // its reply says so
    unsigned lost_tries = 0;    // so many attempts have missed what another node had
  };
  void take_over(task& t, bool must_leave);
  void place(std::uint64_t number);
  void give_back(task& t);
  void relieve();            // the workers of what waits
  void relieve_admission();  // of those that wait for resources
  void apply(placings&& all);
  void send_away(std::uint64_t number, const attempt& to);
  void bring(std::uint64_t number, away_reply reply);
  void bring_failure(std::uint64_t number, failure::kind kind, const std::string& text);
  void place_again(std::uint64_t number);
  bool may_come_again(const needs& n);
  offered_task offer_of(std::uint64_t number, const sent_task& s);
  const known_function& function_of(const task& t, std::uint64_t& hash);
  bool take_flat(node_id from, std::uint64_t number, const frames::payload& p);
  bool take_reply(node_id from, std::uint64_t number, frames::came how, frames::payload& p,
                  std::shared_ptr<ref_source> refs);
  void lose_tasks(node_id peer, bool died);
  void lives_after_all(node_id peer);
  void on(node_id from, frames::done&& f);
  void on(node_id from, frames::handed_back&& f);

  // ---- tasks whose values stay where they were made (resting_tasks.cpp)
  void apply(lineage::effects&& e);
  std::vector<std::uint64_t> resting_inputs(const task& t) const;
  bool are_there(const std::vector<std::uint64_t>& tasks) const;
  std::map<node_id, std::uint64_t> bytes_of_inputs(task& t);
  void let_rest(node_id from, std::uint64_t number, global_id value, std::uint64_t bytes,
                std::shared_ptr<ref_source> keeps);
  bool take_made(node_id from, frames::have& f);
  void lose_made(std::uint64_t number);
  void forget_place(std::uint64_t number);
  void review_resting();
  void end_resting();
  // ---- tasks whose values refer to what they have made on their node (kept_calls.cpp)
  struct kept_call {
    task* t;
    std::vector<given> gives;
    bool kept = false;  // so it has said
    bool lost = false;  // something of that, until it is made again
    // It has run again, there; what is named in values of what it gave is to come from there.
    std::optional<node_id> again_at = {};
    std::set<global_id> asked = {};          // those values
    std::shared_ptr<ref_source> keeps = {};  // them, there
    unsigned tries = 0;                      // in vain, one after the other
  };
  static std::vector<given> named_in(const frames::payload& p, std::optional<global_id> in = {});
  static std::vector<given> given_by(node_id maker, std::vector<given> named);
  bool note_call(task& t, std::vector<given>&& gives);
  void leave_to(const std::map<global_id, std::uint64_t>& others, std::uint64_t number);
  void hear_of_call(task& t, bool kept);
  void hold_back_given(node_id peer);
  void run_again();
  void made_again(node_id from, std::uint64_t number, frames::came how,
                  const std::vector<given>& sent, std::shared_ptr<ref_source> refs);
  void note_inside(node_id from, global_id object, const frames::payload& p);
  bool rename_given(std::uint64_t number, node_id from, const std::vector<given>& sent,
                    ref_source* refs);
  void ask_inside(std::uint64_t number);
  bool take_inside(node_id from, frames::have& f);
  void try_once_more(std::uint64_t number, const std::string& why);
  bool lose_given(global_id id);
  void not_made_again(std::uint64_t number, const std::string& why);
  void forget_call(std::uint64_t number);
  void review_calls();

  // ---- actors whose instances are elsewhere (sent_actors.cpp)
  struct away_instance {
    node_id node;
    std::uint64_t attempt = 0;  // that made it: its name there
    std::uint32_t made = 0;
    caf::actor host;  // so that it lives
  };
  void take_call(task& t);
  void send_call(std::uint64_t number);
  void add_actor(frames::run& f, const sent_task& s);
  void note_instance(node_id from, const sent_task& s, const frames::done& f);
  void call_handed_back(std::uint64_t number, node_id from, const frames::handed_back& f);
  void break_call(std::uint64_t number, const std::string& why, bool unbegun);
  void lose_instances(node_id peer);
  void move_instances(node_id peer);
  void resend_calls();
  std::string why_lacking(std::uint64_t number);
  failure::kind no_node_can(std::uint64_t number) const;

  // ---- tasks of others (served_tasks.cpp)
  struct served {
    object* o = nullptr;  // with a reference
    time began = 0;
    bool may_stay = false;                // its value
    std::shared_ptr<served_turn> turn{};  // of an actor's call
  };
  using served_key = std::pair<node_id, std::uint64_t>;
  void on(node_id from, frames::run&& f);
  void on(node_id from, frames::cancel&& f);
  void begin(node_id from, const frames::run& f, const exported_function& function,
             arrived_call call);
  void refuse(node_id to, std::uint64_t attempt, bool lacks_function, std::string why);
  void answer(served_key key, object& o, const value_codec& type);  // a worker's
  void drop_served(node_id peer);
  bool is_swamped();

  // ---- instances of others' actors (served_actors.cpp)
  // Null: there is none for it.
  std::shared_ptr<served_turn> turn_for(node_id from, const frames::run& f,
                                        const exported_function& function);
  frames::payload outcome_of(node_id to, object& o, const value_codec& type, frames::came& how,
                             const served_turn* turn);  // a worker's
  void drop_instance(served_key key);
  void drop_instances(node_id peer);

  // ---- objects (node_objects.cpp)
  struct held {
    node_id peer;
    std::vector<char> bytes;  // or those of an object, with a reference
    object* o = nullptr;
    const char* data = nullptr;
    std::shared_ptr<const std::vector<char>> copy = nullptr;
  };
  struct pull {
    // Takes in bytes that belong at that offset.
    std::function<void(std::size_t, std::span<const char>)> take;
    std::function<void(bool)> then;   // false: it is lost
    std::function<void()> undo = {};  // it is left, and `then` is not called
    std::uint64_t size = 0;
    std::uint64_t logged = 0;  // its number in the log; 0: there is none
  };
  // The bytes ride along, or are held. Any thread.
  frames::payload pack(node_id to, std::vector<char>&& bytes, shared_objects::sink& refs);
  // An object's outcome for a peer. Any thread; never throws.
  frames::payload outcome_of(node_id to, object& o, const value_codec& type, frames::came& how,
                             bool may_stay = false);
  // Calls `then` with the bytes, now (false) or when they have been pulled.
  // Throws troupe::error if there is no place for them.
  bool unpack(node_id from, frames::payload& p, std::function<void(std::vector<char>*)> then);
  // A flat value, into `storage`. then: it is there; or it is lost, and nothing is constructed.
  bool unpack_flat(node_id from, const frames::payload& p, const value_codec& type, void* storage,
                   std::function<void(bool)> then);
  bool start_pull(node_id from, const frames::payload& p, pull&& how);
  template <class F> void make_place(node_id from, const frames::payload& p, F make);
  void leave_pull(global_id what);
  std::optional<pull> take_pull(global_id what);
  void log_end(const pull& p, bool arrived);
  void hold(frames::payload& p, held&& h);          // any thread
  void unhold(node_id peer, std::uint64_t number);  // the same
  void have_flat(node_id from, const frames::have& f);
  void on(node_id from, frames::want&& f);
  void on(node_id from, frames::have&& f);
  void on(node_id from, frames::chunk_wanted&& f);
  void on(node_id from, frames::chunk_refused&& f);
  void on(node_id from, frames::let_go&& f);
  void on(node_id from, frames::borrowing&& f);
  // On the network's thread: the bytes go where they belong at once.
  void take_chunk(node_id from, std::span<const char> item);
  void chunk_arrived(node_id from, const frames::chunk_header& head, std::uint64_t length);
  void want_object(object* o);
  void ask_for(const shared_objects::sought& s);
  void apply(pulls::effects&& e);
  void send_messages();
  void drop_held(node_id peer);

  // ---- values that were put with replicas (replicas.cpp)
  struct copying {
    object* o = nullptr;  // with a reference; to be put when all are there
    const value_codec* type = nullptr;
    unsigned nodes = 0;                      // that are to have it, beside this one
    bool put = true;                         // else it was put before
    std::set<node_id> asked, have, refused;  // of the others
    std::string why{};                       // one has refused
  };
  struct copy {  // of another node's
    std::shared_ptr<const std::vector<char>> bytes;
    bool flat = false;
    time until = INT64_MAX;
  };
  void make_copies(global_id id, copying&& c);
  void go_on_copying(global_id id);
  void send_copy(global_id id, object* o, const value_codec& type, node_id to);
  bool send_of_copy(node_id to, global_id id);
  void lose_copies(node_id peer);
  void review_copies();
  void on(node_id from, frames::keep_copy&& f);
  void on(node_id from, frames::copy_kept&& f);
  void on(node_id from, frames::drop_copy&& f);
  void on(node_id from, frames::copies_are&& f);
  void tell_copies(global_id id, const std::vector<node_id>& at);

  // ---- what others have done for a run here that is logged, and the same the other way (logs.cpp)
  struct log_collection;
  void settle_logs();  // where it is called, before this node leaves; waits
  void start_log(node_id peer);
  void ask_for_log(node_id peer, log_collection& c);
  void take_log(node_id peer, std::uint64_t number, time then, time came, std::uint64_t next,
                frames::log_piece* piece);
  void end_log(node_id peer, bool complete);
  void log_is_told(node_id peer);
  void lose_logs(node_id peer);
  bool is_log_of(node_id peer, const frames::payload& p) const;
  void tell_logs();
  void on(node_id from, frames::log_wanted&& f);
  void on(node_id from, frames::log_told&& f);
  void on(node_id from, frames::log_ready&& f);

  domain& domain_;
  const bool stepped_;  // by a simulation: it has no thread
  const node_id id_;
  node_facts own_;
  const std::string name_;
  std::unique_ptr<network_system> system_;
  std::unique_ptr<transport> transport_;

  std::mutex mutex_;  // guards what follows, up to `logs_heard_`
  std::condition_variable bell_, changed_;
  std::deque<event> events_;
  bool left_ = false;
  std::size_t connected_ = 0;
  bool unneeded_ = false;                       // nothing runs here for others, or is kept for them
  std::size_t logs_open_ = 0, logs_heard_ = 0;  // to come, or to be told; messages about them
  std::atomic<std::size_t> serving_{0},
      waiting_{0};  // tasks of others; those that wait for objects
  std::atomic<bool> told_waiting_{false};
  std::atomic<bool> crowd_{false};                        // the workers have more than they can do
  std::atomic<std::uint64_t> malformed_{0}, unknown_{0};  // frames
  std::atomic<std::thread::id> turns_of_{};               // the thread that takes events now
  std::atomic<bool> flush_is_asked_{false};
  std::thread thread_;

  // ---- the thread's own
  std::optional<members> members_;
  std::map<node_id, link> links_;
  placement placement_;
  std::unordered_map<std::uint64_t, sent_task> sent_;
  std::unordered_map<task*, std::uint64_t> numbers_;           // of those
  std::unordered_map<std::uint64_t, std::uint64_t> attempts_;  // those under way, to their tasks
  std::uint64_t last_task_ = 0;
  lineage lineage_;
  std::unordered_map<const object*, std::uint64_t> resting_;  // tasks, by their objects
  std::unordered_map<global_id, std::uint64_t> made_at_;      // and by their values' names there
  std::set<std::uint64_t> resting_in_order_;  // the same, and so the same in every run
  std::uint64_t reviewed_ = 0;
  std::map<std::uint64_t, kept_call> calls_;
  std::unordered_map<const task*, std::uint64_t> calls_of_;  // the same
  std::unordered_map<global_id, std::uint64_t> given_in_;    // calls, by what their values name
  std::map<global_id, copying> copying_;
  std::map<global_id, copy> copies_;
  std::unordered_map<const known_function*, std::uint64_t> hashes_;
  std::unordered_map<const hosted*, away_instance> away_instances_;
  std::vector<std::uint64_t> calls_to_resend_;
  std::uint64_t last_call_ = 0;
  std::map<served_key, std::shared_ptr<served_instance>> instances_;
  std::unordered_set<const outgoing_call*> stay_;       // calls that nobody there can run
  std::vector<death> deaths_;                           // of late
  std::deque<std::pair<time, node_facts>> lost_nodes_;  // who may come again
  time relieve_at_ = INT64_MAX, crowded_since_ = 0, relieve_asks_at_ = INT64_MAX;
  std::size_t ended_before_ = 0;  // tasks of the runtime, then
  bool draining_ = false;
  time flushed_at_ = 0;
  frames::load told_load_;
  time load_at_ = 0, review_at_ = 0, hope_at_ = 0;
  std::shared_ptr<shared_objects> objects_;
  pulls pulls_;
  std::mutex pulling_mutex_;  // guards the next: written by this thread, read by the network's
  std::map<global_id, pull> pulling_;
  std::map<std::uint64_t, std::shared_ptr<std::promise<std::string>>> status_asked_;
  std::uint64_t last_status_ = 0;
  std::map<node_id, std::shared_ptr<log_collection>> logs_;
  std::uint64_t last_log_ = 0, last_logged_ = 0;
  std::set<node_id> log_for_;  // nodes that want to know, later, what has been done here

  std::mutex work_mutex_;  // guards what follows: workers answer, and hold what they have encoded
  std::map<served_key, served> served_;
  std::uint64_t order_ = 0;  // of what was said of their number
  time last_done_ = 0;
  servings servings_;
  std::set<node_id> open_;  // nodes that are connected: for others nothing is held
  std::unordered_map<std::uint64_t, held> held_;
  std::uint64_t last_held_ = 0;
};

template <class F> auto node_core::ask(F f) -> std::optional<decltype(f(*this))> {
  using R = decltype(f(*this));
  auto answer = std::make_shared<std::promise<R>>();
  auto told = answer->get_future();
  if (!post([answer, f](node_core& n) { answer->set_value(f(n)); })) return std::nullopt;
  while (stepped_ && take_event()) {}
  return told.get();
}

}  // namespace troupe::detail
