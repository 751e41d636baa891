# SPDX-License-Identifier: Apache-2.0
"""SVG pictures that can be read on a light page and on a dark one: nothing behind them, grey text.

Runs in the environment that bench/setup makes for plots.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

TEXT = "#808890"
OURS = "#e8640c"
# A colour for each of the others; the colour-blind can tell them apart.
RIVALS = ("#4c9fd8", "#1fa37c", "#c77daf", "#b39b00")


def new_picture(columns: int, width: float, height: float) -> tuple[Any, list[Any]]:
    """The figure and its panels, side by side."""
    import_module("matplotlib").use("svg")
    pyplot = import_module("matplotlib.pyplot")
    colours = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    pyplot.rcParams.update(dict.fromkeys(colours, TEXT))
    # The same picture is the same file; text is text, in the reader's own font.
    pyplot.rcParams.update(
        {"svg.hashsalt": "hoopsnake", "svg.fonttype": "none", "font.family": "sans-serif"}
    )
    figure, panels = pyplot.subplots(1, columns, figsize=(width, height), squeeze=False)
    for axes in panels.flat:
        axes.patch.set_alpha(0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color=TEXT, alpha=0.25, linewidth=0.6)
        axes.set_axisbelow(True)
    figure.patch.set_alpha(0)
    figure.set_layout_engine("constrained")
    return figure, list(panels.flat)


def plain_number(value: float, _position: int = 0) -> str:
    """0.1, 1, 10, 1,000: powers of ten are hard to read at a glance."""
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def plain_log_scale(axis: Any) -> None:
    """REQUIRES: the scale is logarithmic already."""
    ticker = import_module("matplotlib.ticker")
    axis.set_major_formatter(ticker.FuncFormatter(plain_number))
    axis.set_minor_formatter(ticker.NullFormatter())


def save(figure: Any, picture: str) -> None:
    Path(picture).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, metadata={"Date": None})
