# SPDX-License-Identifier: MIT
"""Ray (Python): one node with BENCH_WORKERS (2) CPUs.
   ray_bench.py ROW...      (no row: lists them)"""
import contextlib
import os
import time

BEGIN = time.perf_counter()
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AUTH_MODE", "disabled")

import ray  # noqa: E402
from slow import GIB, KIB, MIB, expect, from_sleep, main, measure, report, row  # noqa: E402


@ray.remote
def same(i):
    return i


@ray.remote
def add_one(x):
    return x + 1


@ray.remote
def total(*numbers):
    return sum(numbers)


@ray.remote
def fib(n):
    return n if n < 2 else sum(ray.get([fib.remote(n - 1), fib.remote(n - 2)]))


@ray.remote
def size_of(value):
    return len(value)


@ray.remote(num_returns=3000)
def many():
    return list(range(3000))


@contextlib.contextmanager
def started():
    cpus = int(os.environ.get("BENCH_WORKERS", "2"))
    ray.init("local", num_cpus=cpus, logging_level="ERROR", include_dashboard=False)
    try:
        yield
    finally:
        ray.shutdown()


def warm():  # worker processes are there
    ray.get([same.remote(i) for i in range(200)])


@row
def W13_start(name):  # the first row: what went before is the start
    expect(ray.get(same.remote(7)), 7)
    report(name, [time.perf_counter() - BEGIN], 1)


@row
def W1_flood(name):
    warm()
    n = 5000
    measure(name, n, lambda: expect(sum(ray.get([same.remote(i) for i in range(n)])), n * (n - 1) // 2))


@row
def W3_chain(name):
    n = 500

    def chain():
        last = add_one.remote(0)
        for _ in range(n - 1):
            last = add_one.remote(last)
        expect(ray.get(last), n)

    measure(name, n, chain)


@row
def W4_round_trip(name):
    n = 200
    measure(name, n, lambda: [expect(ray.get(same.remote(i)), i) for i in range(n)])


@row
def W4_round_trip_asleep(name):
    from_sleep(name, lambda: expect(ray.get(same.remote(7)), 7))


@row
def W5_nested_fib(name):  # fib(8) is 67 calls; each that waits gives its CPU to a new worker process
    measure(name, 67, lambda: expect(ray.get(fib.remote(8)), 21), 2)


@row
def W6_ready_inputs(name):
    n = 10_000
    refs = [ray.put(i) for i in range(n)]
    measure(name, n, lambda: expect(ray.get(total.remote(*refs)), n * (n - 1) // 2), 2)


@row
def W6_get(name):
    n = 10_000
    refs = [ray.put(i) for i in range(n)]
    measure(name, n, lambda: expect(sum(ray.get(refs)), n * (n - 1) // 2))


@row
def W6_returns(name):
    n = 3000
    measure(name, n, lambda: expect(sum(ray.get(many.remote())), n * (n - 1) // 2))


@row
def W8_taken_one_by_one(name):
    n = 1000

    def batch():
        left, seen = [same.remote(i) for i in range(n)], 0
        while left:
            ready, left = ray.wait(left)
            seen += ray.get(ready[0])
        expect(seen, n * (n - 1) // 2)

    measure(name, n, batch)


@ray.remote(num_cpus=0)
class Adder:
    def __init__(self):
        self.n = 0

    def add(self, x):
        self.n += x
        return self.n


@ray.remote(num_cpus=0)
def call(actor, n, x):
    return len(ray.get([actor.add.remote(x[0]) for _ in range(n)]))


def calls(name, callers, called, with_ref):
    """n calls from the program, or from as many tasks as there are actors"""
    n = 5000
    one = ray.put(1) if with_ref else 1
    actors = [Adder.remote() for _ in range(called)]
    ray.get([a.add.remote(0) for a in actors])

    def program():
        ray.get([actors[i % called].add.remote(one) for i in range(n)])

    def tasks():
        expect(sum(ray.get([call.remote(a, n // callers, [one]) for a in actors])), n)

    measure(name, n, program if callers == 1 else tasks)


@row
def W15_calls_1_1(name):
    calls(name, 1, 1, False)


@row
def W15_calls_1_1_ref(name):
    calls(name, 1, 1, True)


@row
def W15_calls_1_n(name):
    calls(name, 1, 4, False)


@row
def W15_calls_1_n_ref(name):
    calls(name, 1, 4, True)


@row
def W15_calls_n_n(name):
    calls(name, 4, 4, False)


@row
def W15_calls_n_n_ref(name):
    calls(name, 4, 4, True)


@row
def W15_call_trip(name):
    actor = Adder.remote()
    ray.get(actor.add.remote(0))
    measure(name, 200, lambda: [ray.get(actor.add.remote(1)) for _ in range(200)])


@row
def W9_put(name):
    for size in (KIB, 32 * KIB, MIB, 32 * MIB, GIB):
        value, times = bytes(size), 1 if size == GIB else 10
        measure(f"{name}/{size}", times, lambda: [ray.put(value) for _ in range(times)], 2)


@row
def W9_get(name):
    for size in (KIB, 32 * KIB, MIB, 32 * MIB):
        ref = ray.put(bytes(size))
        measure(f"{name}/{size}", 10, lambda: [expect(len(ray.get(ref)), size) for _ in range(10)])


@row
def W9_pass(name):
    for size in (KIB, 32 * KIB, MIB, 32 * MIB):
        ref = ray.put(bytes(size))
        measure(f"{name}/{size}", 10, lambda: [expect(ray.get(size_of.remote(ref)), size) for _ in range(10)])


if __name__ == "__main__":
    main(started)
