# SPDX-License-Identifier: Apache-2.0
"""Draws the longest stop against the size of the heap: plot.py RESULTS.json PICTURE.svg."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.common.picture import OURS, RIVALS, new_picture, plain_log_scale, save

# contestant -> its name for people, and what it looks like
LINES: dict[str, tuple[str, dict[str, Any]]] = {
    "stock": ("CPython's gc.collect()", {"color": RIVALS[0], "marker": "s"}),
    "in-place": ("Hoopsnake, in place", {"color": OURS, "marker": "o", "linestyle": "--"}),
    "concurrent": ("Hoopsnake, concurrent", {"color": OURS, "marker": "o", "linewidth": 2.4}),
}
BUILD = "on"

# contestant -> (millions of containers, milliseconds)
Points = dict[str, list[tuple[float, float]]]


def points_of(stops: dict[str, Any], version: str) -> Points:
    points: Points = {name: [] for name in LINES}
    for case, runs in stops.items():
        of_version, millions, build = case.split("/")
        if (of_version, build) != (version, BUILD):
            continue
        for name in LINES:
            last = [r["collections"][-1]["stop"] for r in runs.get(name, []) if r["collections"]]
            if last:
                points[name].append((float(millions[:-1]), 1e3 * statistics.median(last)))
    return {name: sorted(of_name) for name, of_name in points.items() if of_name}


def most_sizes(stops: dict[str, Any]) -> str:
    """The version of Python that was measured with most sizes of the heap."""
    versions = [case.split("/")[0] for case in stops if case.endswith(f"/{BUILD}")]
    return max(versions, key=versions.count)


def main() -> None:
    results, picture = sys.argv[1:3]
    stops = json.loads(Path(results).read_text(encoding="utf-8"))["results"]["stops"]
    version = most_sizes(stops)
    figure, [axes] = new_picture(1, 6.4, 3.6)
    points = points_of(stops, version)
    for name, of_name in points.items():
        label, style = LINES[name]
        axes.plot(*zip(*of_name, strict=True), label=label, **{"linewidth": 1.6, **style})
    axes.set_yscale("log")
    plain_log_scale(axes.yaxis)
    axes.set_xlim(left=0)
    axes.set_xlabel("containers on the heap, millions")
    axes.set_ylabel("longest stop, ms")
    axes.set_title(f"A full garbage collection, CPython {version}", fontsize=11)
    axes.legend(frameon=False, fontsize=9)
    save(figure, picture)


if __name__ == "__main__":
    main()
