# SPDX-License-Identifier: MIT
"""The pictures of docs/performance.md, as SVG."""
import math

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator  # noqa: E402

from . import rows  # noqa: E402
from .systems import TITLES  # noqa: E402

# Okabe and Ito's palette, which the colour-blind can tell apart; shapes tell the same
STYLES = {
    "troupe": ("#0072B2", "o"), "prototype": ("#56B4E9", "P"), "caf": ("#D55E00", "s"), "caf_lean": ("#D55E00", "D"),
    "tbb": ("#E69F00", "^"), "openmp": ("#009E73", "v"), "taskflow": ("#CC79A7", "X"), "starpu": ("#8C6D31", "d"),
    "caf_columns": ("#999999", "<"),
}


def style(system):
    colour, marker = STYLES.get(system, ("#444444", "*"))
    return {"color": colour, "marker": marker, "linewidth": 2.6 if system == "troupe" else 1.5,
            "markersize": 7 if system == "troupe" else 5.5, "zorder": 3 if system == "troupe" else 2}


def prepare():
    plt.rcParams.update({
        "svg.fonttype": "none", "svg.hashsalt": "troupe", "font.family": "DejaVu Sans", "font.size": 11, "axes.titlesize": 12,
        "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#dddddd", "grid.linewidth": 0.7,
        "axes.axisbelow": True, "figure.facecolor": "white", "axes.facecolor": "white", "savefig.facecolor": "white",
    })


def plain(x, _=None):
    return f"{x:,.0f}" if x >= 1 else f"{x:.3g}"


def log_ticks(axis, low, high):
    """Ticks at 1, 2 and 5 of each decade within the range (1 only, where there are many)."""
    steps = (1, 2, 5) if high / low < 2000 else (1,)
    ticks = [s * 10.0**e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1) for s in steps]
    axis.set_major_locator(matplotlib.ticker.FixedLocator([t for t in ticks if low * 0.99 <= t <= high * 1.01]))
    axis.set_major_formatter(FuncFormatter(plain))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def label_ends(ax, ends, high, low, gap=0.062):
    """Names the lines at their right ends, on a log axis from low to high, moved apart where they would meet."""
    places = sorted(([math.log(y / low) / math.log(high / low), x, y, system] for x, y, system in ends), key=lambda p: p[0])
    for _ in range(100):
        for a, b in zip(places, places[1:]):
            if b[0] - a[0] < gap:
                push = (gap - (b[0] - a[0])) / 2 + 1e-6
                a[0] -= push
                b[0] += push
    for at, x, y, system in places:
        ax.annotate(TITLES.get(system, system), (x, y), (1.03, at), xycoords="data", textcoords="axes fraction", va="center",
                    color=STYLES.get(system, ("#444444", ""))[0], fontweight="bold" if system == "troupe" else "normal",
                    annotation_clip=False, arrowprops={"arrowstyle": "-", "color": "#bbbbbb", "linewidth": 0.7, "shrinkB": 5})


def throughput_lines(m, panels, points, x_label, path, x_ticks=None):
    """panels: [(title, row of a point, systems)]; points: the xs. Millions of tasks a second."""
    shown = []
    for title, at in panels:
        lines = {}
        for s in STYLES:
            ys = [(x, 1e3 / at(x, s)) for x in points if at(x, s)]
            if len(ys) > 1:
                lines[s] = ys
        if "troupe" in lines:
            shown.append((title, lines))
    if not shown:
        return False
    fig, axes = plt.subplots(1, len(shown), figsize=(5.9 * len(shown), 4.3), squeeze=False)
    for ax, (title, lines) in zip(axes[0], shown):
        every = [y for ys in lines.values() for _, y in ys]
        low, high = min(every) / 1.5, max(every) * 1.5
        for s, ys in lines.items():
            ax.plot(*zip(*ys), **style(s))
        ax.set(xscale="log", yscale="log", ylim=(low, high), title=title, xlabel=x_label)
        log_ticks(ax.yaxis, low, high)
        if x_ticks:
            ax.xaxis.set_major_locator(matplotlib.ticker.FixedLocator(x_ticks))
            ax.xaxis.set_major_formatter(FuncFormatter(plain))
            ax.xaxis.set_minor_locator(NullLocator())
            ax.set_xlim(min(x_ticks) / 1.15, max(x_ticks) * 1.15)
        label_ends(ax, [(*ys[-1], s) for s, ys in lines.items()], high, low)
    axes[0][0].set_ylabel("million tasks a second")
    fig.tight_layout(w_pad=2.5)
    fig.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(fig)
    return True


def scale(m, path):
    panels = [(title, lambda n, s, r=row: m(f"{r}/{n}", s))
              for title, row in (("Independent tasks (W1)", "W1_flood_of"), ("A chain (W3)", "W3_chain_of"))]
    return throughput_lines(m, panels, [10**e for e in range(3, 8)], "number of tasks", path)


def threads(m, path):
    counts = sorted({w for (_, r, w) in m.by if r in ("W2_flood_from_tasks", "W5_nested_fib")})
    panels = [(title, lambda n, s, r=row: m(r, s, workers=n))
              for title, row in (("Tasks that submit tasks (W2)", "W2_flood_from_tasks"), ("Nested fib (W5)", "W5_nested_fib"))]
    return throughput_lines(m, panels, counts, "workers", path, counts)


def metg_points(m, path):
    """A line of dots for each pattern: every system's METG; and the curves for one of them."""
    names = [f"W11_{p}/{w}" for p, w in rows.METG]
    found = {n: {s: m(n, s, "metg_us") for s in STYLES if m(n, s, "metg_us")} for n in names}
    found = {n: by for n, by in found.items() if by}
    if not found:
        return False
    curve_of = next((n for n in ("W11_stencil_1d/8", *found) if m.by.get(("troupe", n, 2))))
    fig, (dots, curves) = plt.subplots(1, 2, figsize=(12.5, 1.9 + max(3.0, 0.42 * len(found))), width_ratios=(1.1, 1))
    every = [x for by in found.values() for x in by.values()]
    low, high = min(every) / 1.5, max(every) * 1.5
    shown = [s for s in STYLES if any(s in by for by in found.values())]
    for i, by in enumerate(found.values()):
        dots.plot([min(by.values()), max(by.values())], [i, i], color="#cccccc", linewidth=1, zorder=1)
        for s, x in by.items():
            dots.plot(x, i, linestyle="none", **{k: v for k, v in style(s).items() if k != "linewidth"})
    dots.set(xscale="log", xlim=(low, high), yticks=range(len(found)), yticklabels=[n[4:].replace("/", ", width ") for n in found],
             xlabel="METG(50 %) in µs, smaller is better; no mark: never reached")
    dots.invert_yaxis()
    log_ticks(dots.xaxis, low, high)
    dots.grid(axis="y", visible=False)
    handles = [matplotlib.lines.Line2D([], [], linestyle="none", label=TITLES.get(s, s), **{k: v for k, v in style(s).items()
                                                                                        if k != "linewidth"}) for s in shown]
    dots.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.45, 1.01), ncol=4, frameon=False, columnspacing=1.2,
                handletextpad=0.1)
    reach = []
    for s in shown:
        points = [p for v in m.by.get((s, curve_of, 2), [])[:1] for p in v.get("points", [])]
        if len(points) < 2:
            continue
        curves.plot([x for x, _ in points], [100 * y for _, y in points], **{**style(s), "markersize": 0})
        reach += [x for x, _ in points]
        metg = m(curve_of, s, "metg_us")
        if metg:
            curves.plot(metg, 50, linestyle="none", **{k: v for k, v in style(s).items() if k != "linewidth"})
    curves.axhline(50, color="#888888", linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    curves.set(xscale="log", ylim=(0, 105), ylabel="% of the machine's peak", xlabel="time of a task in µs of a core",
               title=curve_of[4:].replace("/", ", width "))
    if reach:
        log_ticks(curves.xaxis, min(reach), max(reach))
    fig.tight_layout(w_pad=2)
    fig.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(fig)
    return True


def draw_all(m, folder):
    """Gives section -> [(file relative to the page, what it shows)]."""
    prepare()
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {}
    for section, draw, what in (("scale", scale, "Throughput over the number of tasks"),
                                ("threads", threads, "Throughput over the number of workers"),
                                ("metg", metg_points, "METG(50 %) of each pattern, and efficiency over the size of a task")):
        path = folder / f"{section}.svg"
        if draw(m, path):
            drawn[section] = [(f"{folder.name}/{path.name}", what)]
    return drawn
