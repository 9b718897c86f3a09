# SPDX-License-Identifier: MIT
"""docs/performance.md, whole, from the samples."""
from statistics import median

from . import rows
from .systems import TITLES

HEAD = """<!-- Written by bench/compare: do not edit. -->
# Performance

What a task costs in Troupe, and in what people would take instead, measured side by side in one run on one machine. Absolute
numbers drift from machine to machine; quote the ratios, or run it yourself: `bench/compare` (CONTRIBUTING.md says how).

"""
READING = """
Every row of every system ran in a process of its own, one after the other, in rounds; within a row the order of the systems turned
from round to round. A process gives the median of its own repetitions, after one that warms up; the tables have the median of the
processes, and **±** half of the way from the smallest to the largest of them. All systems run tasks on 2 threads (the
program's own thread is beside them in Troupe, CAF, Taskflow and the thread pool, and one of them in oneTBB and OpenMP).
A dash: the system has no natural way to do this, or it is not written for it. No peer but CAF and Erlang has messages, and none
but Dask and Ray has values that tasks pass by reference.
"""
NODES_TITLE = "## Nodes\n"
NODES_HEAD = NODES_TITLE + """
Two processes with one worker each on one machine, over loopback, without TLS and with mutual TLS; beside raw CAF, whose middleman
(BASP) carries Troupe's frames, too. Measured on """


def number(ns):
    """A time with three digits and its unit."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= 10 * size or (unit != "µs" and ns >= size):
            x = ns / size
            return f"{x:,.0f} {unit}" if x >= 100 else f"{x:.1f} {unit}"
    return f"{ns:,.0f} ns" if ns >= 100 else f"{ns:.1f} ns"


def cell(values):
    if not values:
        return "–"
    middle = median(values)
    spread = (max(values) - min(values)) / 2 / middle * 100 if middle and len(values) > 1 else None
    return number(middle) + (f" ±{spread:.0f} %" if spread is not None else "")


def ratio(x):
    if x is None:
        return "–"
    return f"{x:,.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def table(head, lines):
    text = "| " + " | ".join(head) + " |\n|" + "---|" + "--:|" * (len(head) - 1) + "\n"
    return text + "".join("| " + " | ".join(line) + " |\n" for line in lines) + "\n"


def columns(m, names):
    """Troupe first, then who has any of these rows, in the order in which they were run."""
    order = [s for s in TITLES if s in m.systems()]
    return [s for s in order if any(m.all(n, s) for n in names)]


def ran(m):
    a = m.about
    host = a["machine"]
    lines = [f"- Date: {a['date']}; command: `{a['command'].strip()}`; {a.get('rounds', 0)} round{'s' if a.get('rounds') != 1 else ''}, "
             f"{a.get('seconds', 0) / 60:.0f} minutes.",
             f"- Machine: {host['cpu']}, {host['cores']} cores, {host['ram']}, {host['system']}, kernel {host['kernel']}; "
             f"load before: {host['load before']}.",
             f"- Compiler: {host['compiler']} for all that is C++.",
             "- Versions: " + "; ".join(f"{t} {v}".strip() for t, v in a["versions"].items()) + "."]
    few = {s: len(m.all("W1_flood", s)) for s in TITLES if 0 < len(m.all("W1_flood", s)) < a.get("rounds", 0)}
    if few:
        lines.append("- Fewer rounds: " + ", ".join(f"{TITLES[s]} {n}" for s, n in few.items()) +
                     "; sizes (W9, and the numbers of tasks) and W11's stencil_1d at most 3; W11's other patterns 1.")
    return "## What was run\n\n" + "\n".join(lines) + "\n" + READING + "\n"


def notes(m):
    if not m.notes:
        return ""
    return "What did not take part, or did not end well:\n\n" + "".join(f"- {n}\n" for n in m.notes) + "\n"


def main_tables(m):
    names = [r.name for r in rows.ROWS if not r.name.startswith("W9") and not r.name.endswith("_of") and any(
        m.all(r.name, s) for s in m.systems())]
    if not names:
        return ""
    shown = columns(m, names)
    head = ["", *(TITLES[s] for s in shown)]
    times = [[f"{n}", *(cell(m.all(n, s)) for s in shown)] for n in names]
    text = "## The table\n\nTime of a task (of a link, a call, a ref or a value: below), smaller is better.\n\n" + table(head, times)
    peers = [s for s in shown if s != "troupe"]
    if peers and "troupe" in shown:
        common = [n for n in names if m(n) and any(m(n, s) for s in peers)]
        lines = [[n, *(ratio(m(n, s) / m(n) if m(n, s) else None) for s in peers)] for n in common]
        text += ("The same by Troupe's: how many times as long each takes. Below 1 it is faster than Troupe.\n\n" +
                 table(["", *(TITLES[s] for s in peers)], lines))
    return text


def sizes_table(m):
    text = ""
    shown = columns(m, [f"{r}/{n}" for r in ("W9_put", "W9_get", "W9_pass") for n in (1 << 10, 1 << 20)])
    sizes = [(1 << 10, "1 KiB"), (1 << 15, "32 KiB"), (1 << 20, "1 MiB"), (1 << 25, "32 MiB"), (1 << 30, "1 GiB")]
    lines = [[f"{r}, {TITLES[s]}", *(cell(m.all(f"{r}/{n}", s)) for n, _ in sizes)]
             for r in ("W9_put", "W9_get", "W9_pass") for s in shown if m.all(f"{r}/{1 << 10}", s)]
    if lines:
        text += "## Values by size (W9)\n\n" + table(["", *(t for _, t in sizes)], lines)
    lines = []
    for r in ("W1_flood_of", "W3_chain_of"):
        for s in columns(m, [f"{r}/{10**e}" for e in range(3, 8)]):
            lines.append([f"{r}, {TITLES[s]}", *(cell(m.all(f"{r}/{10**e}", s)) for e in range(3, 8))])
    if lines:
        text += "## Cost of a task by their number\n\n" + table(["", *(f"10^{e}" for e in range(3, 8))], lines)
    return text


def memory_table(m):
    shown = columns(m, ["W7_pending"])
    lines = [[TITLES[s], cell(m.all("W7_pending", s, "submit")), cell(m.all("W7_pending", s, "drain")),
              f"{m('W7_pending', s, 'bytes/task'):,.0f}"] for s in shown if m("W7_pending", s, "bytes/task") is not None]
    if not lines:
        return ""
    text = "## Pending tasks (W7)\n\n" + table(["", "submit", "drain", "bytes a pending task"], lines)
    if m("W7_memory", counter="resident_before"):
        text += (f"Troupe's process had {m('W7_memory', counter='resident_before') / 2**20:.1f} MiB resident after 10,000 tasks; "
                 f"idle again after one round {m('W7_memory', counter='resident_after_1'):.2f} times, after three rounds "
                 f"{m('W7_memory', counter='resident_after_3'):.2f} times that.\n\n")
    return text


def threads_table(m):
    counts = sorted({w for (_, r, w) in m.by if r in ("W2_flood_from_tasks", "W5_nested_fib")})
    if len(counts) < 2:
        return ""
    lines = []
    for r in ("W2_flood_from_tasks", "W5_nested_fib"):
        for s in columns(m, [r]):
            if m(r, s, workers=1) and m(r, s):
                lines.append([f"{r}, {TITLES[s]}", *(cell(m.all(r, s, workers=w)) for w in counts),
                              f"{m(r, s, workers=1) / m(r, s):.2f}"])
    return "## By number of workers\n\n" + table(["", *map(str, counts), "two by one"], lines)


def metg_table(m):
    names = [f"W11_{p}/{w}" for p, w in rows.METG]
    shown = [s for s in m.systems() if any(m.all(n, s, "metg_us") or m.all(n, s, "floor_us") for n in names)]
    if not shown:
        return ""
    order = list(TITLES)
    shown.sort(key=lambda s: order.index(s) if s in order else 99)

    def both(name, s):
        metg, floor = m(name, s, "metg_us"), m(name, s, "floor_us")
        if floor is None:
            return "–"
        return f"{f'{metg:.2f}' if metg is not None else 'never'} / {floor:.2f}"

    best = max((e for s in shown for n in names for v in m.by.get((s, n, 2), []) for _, e in v.get("points", [])), default=0)
    doubt = f"The best run was at {100 * best:.0f} % of that peak: it was measured while something else ran. " if best > 1.05 else ""
    lines = [[n[4:], *(both(n, s) for s in shown)] for n in names if any(m.all(n, s, "floor_us") for s in shown)]
    return ("## METG(50 %) (W11)\n\n" + rows.METG_MEANS + "\n\n" + doubt + "METG / floor in µs, pattern/width; smaller is better; "
            "never: half of the peak was not reached with the largest tasks.\n\n" + table(["", *(TITLES.get(s, s) for s in shown)], lines))


def targets_table(m, targets):
    lines = []
    for t in targets:
        value = t.value(m)
        verdict = "not measured" if value is None else "reached" if t.holds(value) else "**missed**"
        lines.append([t.what, t.limit, "–" if value is None else t.shown.format(value), verdict])
    missed = sum(line[3] == "**missed**" for line in lines)
    reached = sum(line[3] == "reached" for line in lines)
    return (f"{reached} reached, {missed} missed, {len(lines) - reached - missed} not measured in this run.\n\n" +
            table(["", "target", "here", ""], lines))


def targets_section(m):
    return "## Against the targets\n\n" + targets_table(m, rows.TARGETS)


def nodes_section(m, remarks=""):
    """All that is said of nodes: it may have been measured by itself, and then has remarks of its own."""
    def known(name):
        return any(m.all(name, s) for s in m.systems())

    shown = [r.name for r in rows.NODE_ROWS if known(r.name) or known(r.name + "_tls")]
    if not shown:
        return ""
    a, host = m.about, m.about["machine"]
    text = (f"{NODES_HEAD}{a['date']}; `{a['command'].strip()}`, {a.get('rounds', 0)} round{'s' if a.get('rounds') != 1 else ''}; "
            f"{host['cpu']}, {host['cores']} cores, {host['ram']}, load before: {host['load before']}; " + "; ".join(f"{t} {v}" for t, v in a["versions"].items()) + ".\n\n")

    def three(name):
        ours, theirs = m(name), m(name, "caf")
        return [cell(m.all(name)), cell(m.all(name, "caf")), ratio(theirs / ours if ours and theirs else None)]

    text += table(["", "Troupe", "raw CAF", "by Troupe's", "TLS: Troupe", "raw CAF", "by Troupe's"],
                  [[n, *three(n), *three(n + "_tls")] for n in shown])
    counters = ("ns/task of the first", "MiB more here", "MiB more there", "ms of the slowest task")
    lines = [[n, cell(m.all(n, counter=counters[0])), *(f"{max(m.all(n, counter=c)):.0f}" for c in counters[1:])]
             for r in shown for n in (r, r + "_tls") if m(n, counter=counters[1]) is not None]
    if lines:
        text += ("Beside the objects: memory at the node that pulls, in MiB, and at the one that has made them; and the slowest small "
                 "task. The highest of all rounds.\n\n" +
                 table(["", "first pull, a MiB", "MiB more here", "MiB more there", "ms of the slowest task"], lines))
    return text + remarks + targets_table(m, rows.NODE_TARGETS) + meanings_of(rows.NODE_ROWS)


def with_nodes(page, section):
    """The page with another section of nodes, in its place or before the meanings of the others."""
    begin = page.find(NODES_TITLE)
    end = page.find("\n## ", begin + 1) + 1 if begin >= 0 else page.index("## What the rows mean")
    return page[:begin if begin >= 0 else end] + section + page[end:]


def meanings_of(all_rows):
    return "".join(f"**{r.name}** ({r.title}). {r.means}" + (f" *Not like for like:* {r.unlike}" if r.unlike else "") + "\n\n"
                   for r in all_rows)


def meanings():
    return "## What the rows mean\n\n" + meanings_of(rows.ROWS) + (
        "Nothing is by-passed to be fast: a task, the resolver and the store are CAF actors, and the readiness of an input that was not "
        "sealed at submit travels as a message. tests/actors/readiness_test.cpp counts, for a chain and for fib: edges awaited = "
        "readiness messages delivered.\n")


def text(m, pictures):
    """pictures: section -> [(file relative to the page, what it shows)]"""

    def drawn(section):
        return "".join(f"![{what}]({file})\n\n" for file, what in pictures.get(section, []))

    return (HEAD + ran(m) + notes(m) + main_tables(m) + targets_section(m) + memory_table(m) + sizes_table(m) + drawn("scale") +
            threads_table(m) + drawn("threads") + metg_table(m) + drawn("metg") +
            nodes_section(m) + meanings())
