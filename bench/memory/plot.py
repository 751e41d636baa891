# SPDX-License-Identifier: Apache-2.0
"""Draws RSS over time, a panel for each scenario: plot.py RESULTS.json PICTURE.svg."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.memory.scenarios import SCENARIOS

# Ours stands out; a rival has one colour in all panels. Colours that the colour-blind can tell.
STYLES: dict[str, dict[str, Any]] = {
    "hoop": {"color": "#d55e00", "linewidth": 2.4, "zorder": 5},
    "pymalloc": {"color": "#000000"},
    "mimalloc": {"color": "#0072b2"},
    "mimalloc-purge-0": {"color": "#0072b2", "linestyle": ":"},
    "jemalloc": {"color": "#009e73"},
    "bundled-mimalloc": {"color": "#56b4e9"},
    "bundled-mimalloc-purge-0": {"color": "#56b4e9", "linestyle": ":"},
    "malloc": {"color": "#cc79a7"},
    "malloc+trim": {"color": "#cc79a7", "linestyle": ":"},
}
SECONDS_BEFORE_DROP = 0.3
SECONDS_AFTER_DROP = 1.3


def draw_panel(axes: Any, scenario: str, observed: dict[str, list[dict[str, Any]]]) -> None:
    for contestant, rounds in observed.items():
        first = rounds[0]
        drop = first["marks"]["dropped"]
        points = [(t - drop, rss / 2**20) for t, rss in first["timeline"]]
        style = {"linewidth": 1.3, **STYLES.get(contestant, {})}
        axes.plot(*zip(*points, strict=True), label=contestant, **style)
    ideal = [round_["rss"]["after"] - kept_bytes(round_) for round_ in observed["pymalloc"]]
    axes.axhline(min(ideal) / 2**20, color="grey", linewidth=0.8, linestyle="--")
    axes.set_title(SCENARIOS[scenario][2], fontsize=10)
    axes.set_xlim(-SECONDS_BEFORE_DROP, SECONDS_AFTER_DROP)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)


def kept_bytes(observation: dict[str, Any]) -> int:
    kept: int = observation["empty_pages"] - observation["returned_pages"]["after"]
    return kept * 4096


def main() -> None:
    results, picture = sys.argv[1:3]
    import_module("matplotlib").use("svg")
    pyplot = import_module("matplotlib.pyplot")
    document = json.loads(Path(results).read_text(encoding="utf-8"))
    version, measured = next(iter(document["results"].items()))
    columns = min(3, len(measured))
    lines = -(-len(measured) // columns)
    figure, panels = pyplot.subplots(
        lines, columns, figsize=(4.2 * columns, 3.0 * lines + 0.6), squeeze=False
    )
    flat = list(panels.flat)
    for axes, (scenario, observed) in zip(flat, measured.items(), strict=False):
        draw_panel(axes, scenario, observed)
    for axes in flat[len(measured) :]:
        axes.set_axis_off()
    for axes in panels[-1]:
        axes.set_xlabel("seconds since the drop", fontsize=9)
    figure.supylabel("RSS, MiB (dashed: page-granular ideal)", fontsize=9)
    handles, labels = flat[0].get_legend_handles_labels()
    figure.suptitle(f"Memory after a peak, CPython {version}", fontsize=11)
    figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=8, frameon=False)
    figure.set_layout_engine("constrained")
    Path(picture).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, metadata={"Date": None})


if __name__ == "__main__":
    main()
