# SPDX-License-Identifier: MIT
"""Runs every system's rows in turn, a process each, and keeps the samples."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from . import rows
from .systems import OUT, System, say

SAMPLES = OUT / "samples.json"


@dataclass
class Job:
    system: System
    names: list
    group: str
    workers: int
    rounds: int


def group_of(name):
    """What shares a process: a row with all its sizes, but the sizes of a scale row one by one."""
    return name if "_of/" in name or name.startswith("W11_") else rows.base(name)


def too_big_for_quick(name):
    size = name.rsplit("/", 1)[-1]
    if name.startswith("W11_"):
        return name != "W11_stencil_1d/2"
    if name.startswith("W17_pull_1g"):
        return True
    return size.isdigit() and int(size) > (10**5 if "_of/" in name else 2**20)


def is_wanted(name, wanted):
    """W1 means W1_flood and W1_flood_of/1000, but not W11_fft/2."""
    name = rows.ALIASES.get(name, name)
    return not wanted or any(name == w or name.startswith((w + "_", w + "/")) for w in wanted)


def jobs(systems, wanted, most_rounds, quick):
    """wanted: rows or the beginnings of their names, up to a word; none: all."""
    made = []
    for s in systems:
        names = [n for n in s.rows() if is_wanted(n, wanted)]
        if quick:
            names = [n for n in names if n in ("W13_start", "W4_round_trip") or not (s.together or too_big_for_quick(n))]
        groups = defaultdict(list)
        for n in names:
            groups["all rows" if s.together else group_of(n)].append(n)
        for g, members in groups.items():
            many = min(most_rounds, s.most_rounds, 99 if s.together else rows.rounds_of(members[0]))
            made.append(Job(s, members, g, 2, many))
            counts = other_workers() if s.threads and g in ("W2_flood_from_tasks", "W5_nested_fib") else []
            counts = [1] if s.key == "troupe" and g == "W11_stencil_1d/8" else counts
            made += [Job(s, members, g, w, many if s.key == "troupe" else min(many, 3)) for w in counts]
    order = {g: i for i, g in enumerate(dict.fromkeys(j.group for j in made))}
    return sorted(made, key=lambda j: (order[j.group], j.workers))


def other_workers():
    """1, and powers of two above 2 up to the number of cores."""
    n, found = 4, [1]
    while n <= (os.cpu_count() or 1):
        found.append(n)
        n *= 2
    return found


def in_turn(all_jobs, number):
    """The jobs of a round: group by group, the systems of a group in an order that turns with the round."""
    groups = defaultdict(list)
    for j in all_jobs:
        groups[j.group, j.workers].append(j)
    for members in groups.values():
        turn = number % len(members)
        yield from (j for j in members[turn:] + members[:turn] if number < j.rounds)


class Measured:
    """The samples of a run: kept as a file, so that the page can be drawn again without measuring."""

    def __init__(self, about, samples=(), notes=()):
        self.about, self.samples, self.notes = dict(about), list(samples), list(notes)
        self.index()

    @staticmethod
    def load():
        return Measured(**json.loads(SAMPLES.read_text()))

    def save(self):
        SAMPLES.parent.mkdir(parents=True, exist_ok=True)
        SAMPLES.write_text(json.dumps({"about": self.about, "samples": self.samples, "notes": self.notes}) + "\n")

    def index(self):
        self.by = defaultdict(list)
        for s in self.samples:
            self.by[s["system"], s["row"], s["workers"]].append(s["values"])

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def add(self, system, row, workers, number, values):
        name = rows.ALIASES.get(row, row)
        self.samples.append({"system": system, "row": name, "workers": workers, "round": number, "values": values})
        self.by[system, name, workers].append(values)

    def all(self, row, system="troupe", counter="ns/task", workers=2):
        return [v[counter] for v in self.by.get((system, row, workers), []) if v.get(counter) is not None]

    def __call__(self, row, system="troupe", counter="ns/task", workers=2):
        """The median over the rounds, or None."""
        values = self.all(row, system, counter, workers)
        return median(values) if values else None

    def systems(self):
        return list(dict.fromkeys(s["system"] for s in self.samples))


def end_session(leader):
    """Ends what is left of a session that we have started: servers that a program leaves behind, too."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text().rpartition(")")[2].split()
            if int(after_name[3]) == leader:
                os.kill(int(stat.parent.name), signal.SIGKILL)
        except OSError:  # it has just ended
            pass


def output_of(command, environment, limit):
    """What a program prints, and what was wrong. Files, not pipes: a server that it leaves behind would hold those open."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env=environment, start_new_session=True)
        trouble = ""
        try:
            code = process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            trouble = f"was not done after {limit} s and was ended"
        end_session(process.pid)
        process.wait()
        out.seek(0)
        err.seek(0)
        if not trouble and code != 0:
            trouble = f"ended with {code}: {(err.read().strip().splitlines() or ['no message'])[-1][:200]}"
        return out.read(), trouble


def run(job, number, measured, quick):
    out, trouble = output_of(job.system.command(job.names, quick, job.workers), job.system.environment(job.workers), job.system.limit)
    got = set()
    try:
        for values in job.system.parse(out):
            name = values.pop("name")
            if any(name == n or name.startswith(n + "/") for n in job.names):
                got.add(name)
                measured.add(job.system.key, name, job.workers, number, values)
    except (ValueError, KeyError) as e:
        trouble = trouble or f"printed what cannot be read ({e})"
    missing = [n for n in job.names if not any(g == n or g.startswith(n + "/") for g in got)]
    if trouble or missing:
        lost = f"; without a number: {', '.join(missing)}" if missing else ""
        measured.note(f"{job.system.title}, {job.group}, {job.workers} workers, round {number + 1}: {trouble or 'gave no number'}{lost}.")


def run_all(all_jobs, most_rounds, measured, quick):
    begin = time.monotonic()
    for number in range(most_rounds):
        mine = list(in_turn(all_jobs, number))
        for i, job in enumerate(mine):
            if sys.stderr.isatty():
                print(f"\rround {number + 1} of {most_rounds}, {i + 1} of {len(mine)}: {job.system.key} {job.group}".ljust(78), end="",
                      file=sys.stderr, flush=True)
            run(job, number, measured, quick)
        measured.about["rounds"] = number + 1
        measured.about["seconds"] = round(time.monotonic() - begin)
        measured.save()
        say(f"round {number + 1} of {most_rounds}: {len(mine)} processes, {measured.about['seconds']} s so far")
    say(f"the samples are in {SAMPLES}")
