#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Dask distributed: the scheduler and one worker with BENCH_WORKERS (2) threads, all in this process.
   dask_bench.py ROW...      (no row: lists them)"""
import contextlib
import logging
import os
import time

BEGIN = time.perf_counter()

import dask  # noqa: E402
import distributed  # noqa: E402
from slow import KIB, MIB, expect, from_sleep, main, measure, report, row, timed  # noqa: E402

client = None


def same(i):
    return i


def add_one(x):
    return x + 1


def fib(n):
    if n < 2:
        return n
    with distributed.worker_client() as here:
        a, b = here.submit(fib, n - 1, pure=False), here.submit(fib, n - 2, pure=False)
        return a.result() + b.result()


def submit(f, *args):
    return client.submit(f, *args, pure=False)


@contextlib.contextmanager
def started():
    global client
    dask.config.set({"distributed.admin.tick.limit": "60s"})
    threads = int(os.environ.get("BENCH_WORKERS", "2"))
    with distributed.LocalCluster(
        processes=False, n_workers=1, threads_per_worker=threads, dashboard_address=None, silence_logs=logging.ERROR
    ) as cluster, distributed.Client(cluster) as client:
        yield


@row
def W13_start(name):  # the first row: what went before is the start
    expect(submit(same, 7).result(), 7)
    report(name, [time.perf_counter() - BEGIN], 1)


@row
def W1_flood(name):
    n = 1000
    measure(name, n, lambda: expect(sum(client.gather([submit(same, i) for i in range(n)])), n * (n - 1) // 2))


@row
def W3_chain(name):
    n = 500

    def chain():
        last = submit(add_one, 0)
        for _ in range(n - 1):
            last = submit(add_one, last)
        expect(last.result(), n)

    measure(name, n, chain)


@row
def W4_round_trip(name):
    n = 100
    measure(name, n, lambda: [expect(submit(same, i).result(), i) for i in range(n)])


@row
def W4_round_trip_asleep(name):
    from_sleep(name, lambda: expect(submit(same, 7).result(), 7))


@row
def W5_nested_fib(name):  # fib(8) is 67 calls
    measure(name, 67, lambda: expect(submit(fib, 8).result(), 21))


@row
def W6_ready_inputs(name):
    n = 1000
    refs = client.scatter(list(range(n)), hash=False)
    measure(name, n, lambda: expect(submit(sum, refs).result(), n * (n - 1) // 2))


@row
def W6_get(name):
    n = 10_000
    refs = client.scatter(list(range(n)), hash=False)
    measure(name, n, lambda: expect(sum(client.gather(refs)), n * (n - 1) // 2))


@row
def W8_as_completed(name):
    n = 500

    def batch():
        done = distributed.as_completed([submit(same, i) for i in range(n)])
        expect(sum(f.result() for f in done), n * (n - 1) // 2)

    measure(name, n, batch)


@row
def W9_put(name):
    for size in (KIB, 32 * KIB, MIB, 32 * MIB):
        value = bytes(size)
        measure(f"{name}/{size}", 10, lambda: [client.scatter(value, hash=False) for _ in range(10)])


@row
def W9_get(name):
    for size in (KIB, 32 * KIB, MIB, 32 * MIB):
        ref = client.scatter(bytes(size), hash=False)
        measure(f"{name}/{size}", 10, lambda: [expect(len(ref.result()), size) for _ in range(10)])


@row
def W9_pass(name):
    for size in (KIB, 32 * KIB, MIB, 32 * MIB):
        ref = client.scatter(bytes(size), hash=False)
        measure(f"{name}/{size}", 10, lambda: [expect(submit(len, ref).result(), size) for _ in range(10)])


if __name__ == "__main__":
    main(started)
