# SPDX-License-Identifier: MIT
"""What the Python peers share: rows by name, timed rounds, one JSON object per line."""
import json
import statistics
import sys
import time

ROWS = {}
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def row(f):
    """Registers a function as a row; it is called with its own name."""
    ROWS[f.__name__] = f
    return f


def expect(got, wanted):
    if got != wanted:
        sys.exit(f"wrong result: got {got}, expected {wanted}")


def report(name, spent, tasks, **more):
    """spent: seconds of each round."""
    ns = statistics.median(spent) * 1e9
    print(json.dumps({"name": name, "ns/task": ns / tasks, "ms": ns / 1e6, **more}), flush=True)


def timed(f):
    begin = time.perf_counter()
    f()
    return time.perf_counter() - begin


def measure(name, tasks, f, rounds=3):
    """ns/task is the median over the rounds, after one that warms up."""
    f()
    report(name, [timed(f) for _ in range(rounds)], tasks)


def from_sleep(name, f, trips=30):
    """The same, each trip after a pause that is not timed."""
    f()
    spent = []
    for _ in range(trips):
        time.sleep(0.005)
        spent.append(timed(f))
    report(name, spent, 1)


def main(start):
    """start(): a context in which rows run. Without arguments: the rows' names."""
    if len(sys.argv) < 2:
        print("\n".join(ROWS))
        return
    with start():
        for name in sys.argv[1:]:
            ROWS[name](name)
