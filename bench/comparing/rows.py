# SPDX-License-Identifier: MIT
"""The rows: what each means, in how many rounds it is measured, and the targets that Troupe is held against."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    means: str
    unlike: str = ""  # where a peer's row is not the same work
    rounds: int = 99  # at most so many


ROWS = [
    Row("W1_flood", "independent tasks, submit + get",
        "200,000 tasks that return a number, from the program's thread, then a get of all; per task.",
        "oneTBB and OpenMP have no futures: a task writes its number to a slot of an array that the caller keeps. StarPU's tasks "
        "write to a variable of theirs. libgomp runs a new task at once, in the thread that makes it, when 64 are queued for each "
        "thread. CAF spawns an actor a task and sends it its number; an actor adds the answers up, and nothing stores them. Erlang "
        "does the same with processes. std::async starts a thread for each task."),
    Row("W2_flood_from_tasks", "the same, submitted by four tasks",
        "Four tasks submit 50,000 each and get them; per task.",
        "As W1. In Taskflow a task must not wait for a future, so these write to slots too."),
    Row("W3_chain", "a chain, each takes the last's value",
        "100,000 tasks, each with the last one's ref as its argument, all submitted before the first may run; per link.",
        "oneTBB's and Taskflow's edges carry no value: the number is in a variable that all share. OpenMP and StarPU run tasks while "
        "more are made (nothing holds the first back), and StarPU's variables are registered outside of the timed part. CAF and Erlang "
        "wire the actors themselves: each has its successor's handle. The standard library's chain posts the next job from the last."),
    Row("W4_round_trip", "one round trip, threads awake",
        "Submit one task and get its result, one after the other.",
        "oneTBB's `run` + `wait` and OpenMP's `task` + `taskwait` run the task in the thread that waits; nothing is handed over. "
        "Troupe's get may do that too."),
    Row("W4_round_trip_asleep", "one round trip, all threads asleep",
        "The same, each after a pause of 5 ms that is not timed: every thread sleeps in the kernel, and must be woken when it is "
        "needed.",
        "oneTBB runs the task in the thread that waits, and wakes others in vain."),
    Row("W5_nested_fib", "nested fib, a get in every call",
        "fib(24), 150,049 calls, each a task that submits two and gets both; per call.",
        "oneTBB, OpenMP, Taskflow and Erlang make a task of one of the two calls only (75,024 tasks for the 150,049 calls), without "
        "futures (Erlang: with messages). CAF's actors do not wait: a child's message wakes its parent (fib(20), 21,891 actors). "
        "Dask and Ray: fib(8), 67 calls."),
    Row("W6_ready_inputs", "one task with many refs that are there",
        "One task takes a vector of 10,000 refs whose values are there already; per ref.",
        "Dask: 1,000 refs."),
    Row("W6_get", "get of many that are there",
        "A get of 10,000 refs whose values are there already; per ref.",
        "Ray C++ has none: with 1,000 refs it was not done after minutes."),
    Row("W6_returns", "one task with many returns",
        "A task puts 3,000 values and returns their refs, and all are got; per value."),
    Row("W7_pending", "a million pending, then drained",
        "1,000,000 tasks that wait for one object; then it is sealed, and all are got; submit and drain together, per task. Memory "
        "has a table of its own below.",
        "oneTBB: a flow graph of as many nodes behind one that is not started. Taskflow: tasks behind one that holds a worker. CAF: "
        "100,000 actors and Erlang: 200,000 processes that wait for a message; nothing else knows of them."),
    Row("W7_memory", "the memory of a million that are gone",
        "The process's resident memory after a round of W7, and after three, when it has rested for a while, by what it was after "
        "10,000 tasks: below the table of W7's memory."),
    Row("W8_taken_one_by_one", "a thousand, taken one by one with wait",
        "1,000 tasks, then `wait(std::move(refs), 1)` until none is left, each got; per task."),
    Row("W8_taken_one_by_one_copied", "the same, the refs copied",
        "The same with `wait(refs, 1)`, which copies what is pending at every step."),
    Row("W8_as_completed", "a thousand, in the order in which they settle",
        "1,000 tasks, taken with `as_completed`; per task.",
        "Dask: 500 tasks."),
    Row("W13_start", "from nothing to the first result",
        "The runtime is made, and one task's result is got; its end is not timed. The median of 50 in one process; the targets have "
        "a whole process too, from its start to its end.",
        "Erlang: the start of the whole virtual machine; Dask and Ray: of Python, the import, and the cluster's processes."),
    Row("W14_skynet", "a tree of 1.1 million tasks",
        "1,111,111 tasks: each submits ten and gets them, six levels deep; a leaf returns its number; per task.",
        "oneTBB, OpenMP and Taskflow without futures, as in W5. CAF and Erlang: a tenth of the tree."),
    Row("W15_calls_1_1", "actor calls, one caller, one actor",
        "100,000 calls of one stateful actor by one task, all made before the first answer is taken, then a get of each; per call.",
        "CAF: 50,000 requests with `then`, 64 at a time (with all at once 40 µs each: an answer is looked up in a list). Ray: from "
        "the program, 5,000 calls."),
    Row("W15_calls_1_1_ref", "the same, with a ref argument", "The same; the argument is a ref to a number that was put.",
        "CAF: a shared_ptr to it."),
    Row("W15_calls_1_n", "actor calls, one caller, four actors", "The same calls, in turn of four actors."),
    Row("W15_calls_1_n_ref", "the same, with a ref argument", "As above."),
    Row("W15_calls_n_n", "actor calls, four callers, four actors", "Four tasks, each calls an actor of its own 25,000 times.",
        "Ray: four tasks, 1,250 calls each."),
    Row("W15_calls_n_n_ref", "the same, with a ref argument", "As above."),
    Row("W15_calls_of_program", "actor calls by the program's thread", "As the first, called by the program's thread.",
        "CAF: messages and their answers, without requests."),
    Row("W15_call_trip", "one actor call at a time", "A task calls an actor and gets the answer, one after the other; per call.",
        "Ray: from the program."),
    Row("W9_put", "put by move", "A vector of so many bytes is moved into the store; the clock's 25 ns or so are in it.",
        "Dask and Ray copy, or serialise, what they are given.", 3),
    Row("W9_get", "get of a const reference", "A get of a ref that is kept: a const reference to the value in the store.",
        "Dask keeps the value in the same process; Ray maps it from shared memory, but copies `bytes` out of it.", 3),
    Row("W9_pass", "the value passed to a task", "Its ref is passed to a task that looks at its size, and the answer is got.",
        "Erlang passes a reference to a binary.", 3),
    Row("W1_flood_of", "W1 by number of tasks", "W1 with 10^3 to 10^7 tasks; per task.", "", 3),
    Row("W3_chain_of", "W3 by number of tasks", "W3 with 10^3 to 10^7 tasks; per link.", "", 3),
]
_PULLED = ("Raw CAF: 1 MiB blobs, the same one again and again, sent when they are asked for, eight at a time, and dropped where they "
           "arrive: no value is made of them.")
# Each is there twice: NAME, and NAME_tls with mutual TLS.
NODE_ROWS = [
    Row("W16_remote_flood", "independent tasks of another node",
        "100,000 tasks that do nothing, all with a label that only the other node has, then a get of all; per task.",
        "Raw CAF: as many messages with a number, and their answers."),
    Row("W16_remote_trip", "one task of another node at a time", "Such a task is submitted and got, one after the other; per task.",
        "Raw CAF: a request and its answer."),
    Row("W16_transport_trip", "the transport alone, one item at a time",
        "100 bytes there and back through what carries Troupe's frames: CAF's middleman, without tasks; what is left of "
        "W16_remote_trip is the nodes'."),
    Row("W17_pull_256m", "an object of 256 MiB of another node",
        "A get of a ref to a vector of bytes that the other node has put; per MiB, into memory that this machine has at hand (a virtual "
        "machine gets what it has not written of late from its host, page by page: the first pull of the process, by itself below, "
        "has to). Beside it one small task after the other goes there, over the same connection as heartbeats do; the slowest bounds how "
        "late a heartbeat can be. A node that is silent for 5 s is lost.", _PULLED),
    Row("W17_pull_1g", "an object of 1 GiB of another node", "The same.", _PULLED),
    Row("W17_pull_structs", "a vector of structs of another node",
        "The same with 262,144 structs of a string of 1,010 bytes and a number. They are no flat memory: they are encoded as a "
        "whole before they travel, and decoded when all is there, so the bytes lie on both sides beside the values (and, where "
        "they are written, in a vector that grows)."),
    Row("W17_transport_pieces", "the transport alone, pieces of 1 MiB",
        "Pieces of 1 MiB through the transport, dropped where they arrive, 8 MiB under way; per MiB. It is BASP as well: what is left "
        "of W17_pull is the nodes'."),
]
BY_NAME = {r.name: r for r in ROWS + NODE_ROWS}
ALIASES = {"W8_taken_one_by_one/1": "W8_taken_one_by_one", "W8_taken_one_by_one/0": "W8_taken_one_by_one_copied"}

METG = [(p, w) for p in ("stencil_1d", "nearest", "fft", "trivial", "imbalance") for w in (2, 8)]
METG_MEANS = (
    "METG(50 %), by Task Bench's definition (Slaughter et al., SC'20): the smallest average task, in µs of a core, with which the "
    "system still reaches half of the machine's peak. Our own generator has its patterns and kernel: so many columns (the width) of "
    "tasks, each row depending on the last by the pattern. All systems are held against one peak, measured in this run. The floor is "
    "what a task takes with next to nothing to compute.")


def metg_rounds(pattern):
    return 3 if pattern == "stencil_1d" else 1  # a process has five runs of each point by itself


def base(name):
    return name.split("/")[0]


def rounds_of(name):
    if name.startswith("W11_"):
        return metg_rounds(name[4:].rsplit("/", 1)[0])
    row = BY_NAME.get(base(name))
    return row.rounds if row else 99


@dataclass(frozen=True)
class Target:
    what: str
    limit: str
    value: object  # of the medians: a number, or None where something was not measured
    holds: object  # of that number
    shown: str = "{:.2f}"


def _at_most(what, value, limit, unit, shown="{:.2f}"):
    return Target(what, f"≤ {limit:g} {unit}".rstrip(), value, lambda x: x <= limit, shown)


def _at_least(what, value, limit, unit, shown="{:.2f}"):
    return Target(what, f"≥ {limit:g} {unit}".rstrip(), value, lambda x: x >= limit, shown)


def _scaled(row, by, counter="ns/task"):
    return lambda m: None if m(row, counter=counter) is None else m(row, counter=counter) * by


def _ratio(row, over, other=None):
    """over's time by Troupe's"""

    def value(m):
        ours, theirs = m(row), m(other or row, over)
        return theirs / ours if ours and theirs else None

    return value


def _to_prototype(row):
    return lambda m: None if _ratio(row, "prototype")(m) is None else 1 / _ratio(row, "prototype")(m)


def _growth(row, most, least):
    return lambda m: m(f"{row}/{most}") / m(f"{row}/{least}") if m(f"{row}/{most}") and m(f"{row}/{least}") else None


def _flatness(row):
    """the slowest size by the fastest"""

    def value(m):
        all_sizes = [m(f"{row}/{n}") for n in (1 << 10, 1 << 15, 1 << 20, 1 << 25, 1 << 30)]
        return max(all_sizes) / min(all_sizes) if all(all_sizes) else None

    return value


def _speedup(row):
    return lambda m: m(row, workers=1) / m(row) if m(row, workers=1) and m(row) else None


def _metg_speedup(m):
    one, two = m("W11_stencil_1d/8", counter="floor_us", workers=1), m("W11_stencil_1d/8", counter="floor_us")
    return 2 * one / two if one and two else None  # floors are times of a core


TARGETS = [
    *[_at_most(f"{r} by the prototype's", _to_prototype(r), 1.5, "x")
      for r in ("W1_flood", "W2_flood_from_tasks", "W3_chain", "W5_nested_fib", "W7_pending")],
    _at_least("W1_flood: Taskflow's async + future.get by Troupe's", _ratio("W1_flood", "taskflow"), 6, "x"),
    _at_least("W1_flood: raw CAF's event_based_actor by Troupe's", _ratio("W1_flood", "caf"), 25, "x"),
    _at_least("W1_flood: Ray's by Troupe's", _ratio("W1_flood", "ray"), 2500, "x", "{:,.0f}"),
    _at_most("W3_chain, a link", _scaled("W3_chain", 1), 280, "ns", "{:.0f}"),
    _at_most("W4_round_trip", _scaled("W4_round_trip", 1e-3), 0.6, "µs"),
    _at_most("W4_round_trip_asleep", _scaled("W4_round_trip_asleep", 1e-3), 12, "µs", "{:.1f}"),
    _at_most("W5_nested_fib, all of fib(24)", _scaled("W5_nested_fib", 1, "ms"), 18, "ms", "{:.1f}"),
    _at_most("W6_ready_inputs, the 10,000", _scaled("W6_ready_inputs", 1e4 / 1e6), 0.4, "ms", "{:.3f}"),
    _at_most("W6_get, the 10,000", _scaled("W6_get", 1e4 / 1e6), 0.1, "ms", "{:.3f}"),
    _at_most("W7_pending, the million", _scaled("W7_pending", 1e6 / 1e9), 0.35, "s"),
    _at_most("W7_pending, memory of a pending task", _scaled("W7_pending", 1, "bytes/task"), 400, "B", "{:.0f}"),
    _at_most("W8_taken_one_by_one, the batch of 1,000", _scaled("W8_taken_one_by_one", 1e3 / 1e6), 1.5, "ms"),
    _at_most("W9_put, slowest size by fastest, 1 KiB to 1 GiB", _flatness("W9_put"), 1.5, "x"),
    _at_most("W9_get, slowest size by fastest, 1 KiB to 1 GiB", _flatness("W9_get"), 1.5, "x"),
    _at_most("W11 stencil_1d, width 2: METG(50 %)", _scaled("W11_stencil_1d/2", 1, "metg_us"), 1.5, "µs"),
    _at_most("W11 stencil_1d, width 8: METG(50 %)", _scaled("W11_stencil_1d/8", 1, "metg_us"), 3, "µs"),
    _at_most("W13_start", _scaled("W13_start", 1, "ms"), 5, "ms"),
    _at_most("W13_start, a whole process", _scaled("W13_start", 1, "process_ms"), 5, "ms"),
    _at_most("W14_skynet, the tree", _scaled("W14_skynet", 1e-3, "ms"), 0.35, "s"),
    _at_most("W15_calls_1_1, a call and its answer", _scaled("W15_calls_1_1", 1), 400, "ns", "{:.0f}"),
    _at_most("W15_calls_n_n, a call and its answer", _scaled("W15_calls_n_n", 1), 333, "ns", "{:.0f}"),
    _at_most("W15_call_trip, a call and its answer", _scaled("W15_call_trip", 1e-3), 1.5, "µs"),
    *[_at_least(f"{r}: raw CAF's by Troupe's", _ratio(r, "caf"), 2, "x")
      for r in ("W15_calls_1_1", "W15_calls_1_n", "W15_calls_n_n", "W15_call_trip")],
    _at_most("W1: cost of a task at 10^7 by that at 10^4", _growth("W1_flood_of", 10**7, 10**4), 1.1, "x"),
    _at_most("W3: cost of a link at 10^7 by that at 10^4", _growth("W3_chain_of", 10**7, 10**4), 1.1, "x"),
    _at_least("W2: two workers by one", _speedup("W2_flood_from_tasks"), 1.8, "x"),
    _at_least("W5: two workers by one", _speedup("W5_nested_fib"), 1.8, "x"),
    _at_least("W11 stencil_1d, width 8, tasks of no work: two workers by one", _metg_speedup, 1.8, "x"),
    _at_most("W7: resident memory after a round by that before", _scaled("W7_memory", 1, "resident_after_1"), 1.1, "x"),
    _at_most("W7: resident memory after three rounds by that before", _scaled("W7_memory", 1, "resident_after_3"), 1.1, "x"),
]


def _rate_of(row, over):
    """Troupe's rate by over's, in %"""
    return lambda m: None if _ratio(row, over)(m) is None else 100 * _ratio(row, over)(m)


def _highest(row, counter):
    """of all rounds, not their median"""
    return lambda m: max(m.all(row, counter=counter), default=None)


NODE_TARGETS = [
    _at_least("W16_remote_flood_tls, tasks a second", lambda m: m("W16_remote_flood_tls") and 1e6 / m("W16_remote_flood_tls"), 150,
              "thousand", "{:.0f}"),
    _at_most("W16_remote_trip_tls", _scaled("W16_remote_trip_tls", 1e-3), 400, "µs", "{:.0f}"),
    *[_at_least(f"{r}: of the rate of raw BASP's blobs", _rate_of(r, "caf"), 60, "%", "{:.0f}")
      for r in ("W17_pull_256m", "W17_pull_256m_tls", "W17_pull_1g", "W17_pull_1g_tls")],
    *[_at_most(f"{r}: memory beside the object, {side}", _highest(r, f"MiB more {side}"), 64, "MiB", "{:.0f}")
      for r in ("W17_pull_1g", "W17_pull_1g_tls") for side in ("here", "there")],
    *[_at_most(f"{r}: the slowest small task beside it", _highest(r, "ms of the slowest task"), 100, "ms", "{:.0f}")
      for r in ("W17_pull_1g", "W17_pull_1g_tls")],
]
