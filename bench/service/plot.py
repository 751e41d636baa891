# SPDX-License-Identifier: Apache-2.0
"""Draws latencies, and memory over time, by contestant: plot.py RESULTS.json PICTURE.svg."""

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
    "stock": ("CPython", {"color": RIVALS[0]}),
    "gc-freeze": ("gc.freeze()", {"color": RIVALS[1], "linestyle": "--"}),
    "gc-young": ("no full collections", {"color": RIVALS[3 % len(RIVALS)], "linestyle": "-."}),
    "gc-off": ("gc.disable()", {"color": RIVALS[2], "linestyle": ":"}),
    "concurrent": ("Hoopsnake, concurrent", {"color": OURS, "linewidth": 2.4, "zorder": 5}),
}
# How many nines: the horizontal axis of latencies.
SHARES = (0, 90, 99, 99.9)


def odds(share: float) -> float:
    """One in so many requests takes longer."""
    return 100 / (100 - share)


def draw_latencies(axes: Any, name: str, runs: list[dict[str, Any]]) -> None:
    """Medians over the rounds; the longest has the number of requests as its odds."""
    label, style = LINES[name]
    shares = [share for share, _ in runs[0]["curve"]]
    rounds = [[seconds for _, seconds in run["curve"]] for run in runs]
    middle = [1e3 * statistics.median(of_share) for of_share in zip(*rounds, strict=True)]
    places = [odds(share) if share < 100 else runs[0]["requests"] for share in shares]
    axes.plot(places, middle, label=label, **{"linewidth": 1.6, **style})


def draw_memory(axes: Any, name: str, runs: list[dict[str, Any]]) -> None:
    """Of the last round."""
    _, style = LINES[name]
    points = [(seconds, size / 1e9) for seconds, size in runs[-1]["memory"]]
    axes.plot(*zip(*points, strict=True), **{"linewidth": 1.6, **style})


def main() -> None:
    results, picture = sys.argv[1:3]
    document = json.loads(Path(results).read_text(encoding="utf-8"))
    version, measured = next(iter(document["results"].items()))
    figure, [latencies, memory] = new_picture(2, 9.6, 3.8)
    for name in LINES:
        if name in measured:
            draw_latencies(latencies, name, measured[name])
            draw_memory(memory, name, measured[name])
    latencies.set(
        xscale="log", yscale="log", xlabel="requests answered so soon", ylabel="latency, ms"
    )
    latencies.set_xticks([odds(share) for share in SHARES], [f"{share:g} %" for share in SHARES])
    latencies.minorticks_off()
    plain_log_scale(latencies.yaxis)
    memory.set(xlabel="seconds", ylabel="memory, copies included, GB")
    memory.set_ylim(bottom=0)
    rate = measured["stock"][0]["rate"]
    figure.suptitle(f"A service at {rate:.0f} requests/s, CPython {version}", fontsize=11)
    figure.legend(loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    save(figure, picture)


if __name__ == "__main__":
    main()
