"""The plots of the documentation, as SVG. Knows what they show; the figures come from a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from contestants.base import CONTESTANTS
from rows import LATE_WANDER, WANDER
from sections import PORTAL_SIZES, SIZES, SWEEP, WAYS, WAYS_IN, Measured, portal_job, sized

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

mpl.use("Agg")
mpl.rcParams |= {
    "svg.hashsalt": "aioliferay",  # the same figures make the same file
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e5e5e5",
    "lines.markersize": 4,
}
from matplotlib import pyplot as plt  # noqa: E402 - the backend is chosen first

FLOOR, OURS = "black", "#0b5fff"
OTHERS = ("#e69f00", "#56b4e9", "#009e73", "#b8a900", "#d55e00", "#cc79a7", "#8a8a8a")  # for any eye (Okabe and Ito)
MARKS = "os^Dvp*XhP<>"
OTHER_USES = frozenset({"awaited", "service", "catalog batch", "default batch"})  # too close to tell apart
PERCENTILES = ("p50", "p90", "p95", "p99", "p99.9")


def draw(measured: Measured, folder: Path) -> None:
    """Draw each plot for which there are figures."""
    for name, plot in (("cpu", _cpu), ("automatic", _automatic), ("portal", _portal)):
        figure = plot(measured)
        if figure is not None:
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")
            plt.close(figure)


def _cpu(measured: Measured) -> Any:
    """Client CPU for a call against the number of calls."""
    lines = {}
    for name in SWEEP:
        found = [(size, measured.median(sized(name, size), name, "cpu")) for size in SIZES]
        points = [(size, value / size * 1e6) for size, value in found if value is not None]
        if len(points) > 1 and name not in OTHER_USES:
            lines[name] = points
    if not lines:
        return None
    figure, axes = plt.subplots(figsize=(8, 4.5))
    for (name, points), mark, color in zip(lines.items(), MARKS, (FLOOR, OURS, *OTHERS), strict=False):
        width = 2.5 if color == OURS else 1.2
        axes.loglog(*zip(*points, strict=True), color=color, marker=mark, linewidth=width, label=CONTESTANTS[name].title)
    axes.set(xlabel="void calls", ylabel="client CPU for a call (µs)")
    _plainly(axes, SIZES)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    return figure


def _automatic(measured: Measured) -> Any:
    """What calls of an automatic batch take, by percentile."""
    jobs = [job for job in (WANDER, LATE_WANDER) if measured.median(job, "default auto", "p50") is not None]
    if not jobs:
        return None
    figure, panes = plt.subplots(1, len(jobs), figsize=(8, 3), squeeze=False)
    for job, axes in zip(jobs, panes[0], strict=True):
        for name, color in (("default auto", OURS), ("aiodataloader", OTHERS[0])):
            values = [(measured.median(job, name, percentile) or 0) * 1e3 for percentile in PERCENTILES]
            axes.plot(PERCENTILES, values, color=color, marker="o", label=CONTESTANTS[name].title)
        axes.set(title=f"server {job.latency} ms away", ylabel="ms")
        axes.set_ylim(bottom=0)
    panes[0][0].legend(frameon=False)
    figure.tight_layout()
    return figure


def _portal(measured: Measured) -> Any:
    """What reads from a portal take, by the way in which they are made."""
    if measured.median(portal_job(WAYS_IN[0], "portal batch", 1), "portal batch", "wall") is None:
        return None
    figure, panes = plt.subplots(1, 2, figsize=(8, 3), sharey=True)
    for way_in, axes in zip(WAYS_IN, panes, strict=True):
        for (way, title), mark, color in zip(WAYS.items(), MARKS, (OURS, *OTHERS), strict=False):
            found = [(size, measured.median(portal_job(way_in, way, size), way, "wall")) for size in PORTAL_SIZES]
            points = [(size, value * 1e3) for size, value in found if value is not None]
            axes.loglog(*zip(*points, strict=True), color=color, marker=mark, label=title)
        axes.set(title={"basic": "basic authentication"}.get(way_in, way_in), xlabel="reads")
        _plainly(axes, PORTAL_SIZES)
    panes[0].set(ylabel="ms")
    panes[1].legend(frameon=False)
    figure.tight_layout()
    return figure


def _plainly(axes: Any, sizes: Sequence[int]) -> None:
    """Write numbers of calls as people do, and no powers."""
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:,g}")
