# SPDX-License-Identifier: Apache-2.0
"""Snapshots in, suspects out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from hoopsnake.explain import delayed, environment, from_c, kept, still_open
from hoopsnake.explain.describe import of_frontier, of_swelling
from hoopsnake.explain.growth import find_growth, find_swelling
from hoopsnake.explain.model import Suspect
from hoopsnake.explain.series import Point, Progress, Series, expand, read
from hoopsnake.heap.layouts import Layout
from hoopsnake.heap.snapshot import Snapshot

_LARGE_BOUNDED = 500_000
_SHARE_BOUNDED = 0.02


@dataclass(slots=True)
class Explanation:
    """What was found, those to blame first, and what is worth knowing besides."""

    python: str
    pid: int
    points: list[Point]
    suspects: list[Suspect]
    notes: list[str] = field(default_factory=list)

    @property
    def alarms(self) -> list[Suspect]:
        return [one for one in self.suspects if one.is_alarm]

    def __iter__(self) -> Iterator[Suspect]:
        return iter(self.suspects)

    def __len__(self) -> int:
        return len(self.suspects)


def explain(
    snapshots: Iterable[str | os.PathLike[str] | Snapshot] | str | os.PathLike[str] | Snapshot,
    *,
    progress: Progress | None = None,
) -> Explanation:
    """Say why memory does not go away: from one snapshot, or several of one process.

    Takes paths of files or of a directory of them, or opened snapshots. Raises HoopError with what
    is wrong with a file.
    """
    if isinstance(snapshots, (str, os.PathLike, Snapshot)):
        snapshots = [snapshots]
    names = [one.path if isinstance(one, Snapshot) else os.fspath(one) for one in snapshots]
    return explain_series(read(expand(names), progress))


def explain_series(series: Series) -> Explanation:
    """Explain the end of a series; if nothing is wrong there, the heights before it."""
    found = _examine(series)
    if not any(one.is_alarm for one in found):
        found = _earlier(series) or [*found, *environment.large(_peak(series))]
    return Explanation(
        series.last.python,
        series.last.pid,
        series.points,
        [*found, *environment.suspects(series), *still_open.suspects(series)],
    )


def _examine(series: Series) -> list[Suspect]:
    found: list[Suspect] = [of_frontier(series, one) for one in find_growth(series)]
    found += (of_swelling(series, row, sizes) for row, sizes in find_swelling(series)[:3])
    found += kept.suspects(series, found)
    found += delayed.suspects(series)
    found += from_c.suspects(series)
    return _best_first([one for one in found if _is_worth_a_word(series, one)])


def _is_worth_a_word(series: Series, suspect: Suspect) -> bool:
    """What has a bound has to be large."""
    if suspect.verdict != "bounded" or suspect.growth is None:
        return True
    return suspect.bytes >= max(_LARGE_BOUNDED, _SHARE_BOUNDED * series.now.size)


def _earlier(series: Series) -> list[Suspect]:
    """What was there at a height of the run, and had gone by its end.

    Of what grew, only what went when all went: a queue grows for a while and goes again.
    """
    end = _end(series.points)
    for number in _heights(series.points, end):
        is_end = number >= end
        at_height = series.until(number)
        found = [
            one
            for one in _examine(at_height)
            if one.is_alarm and one.verdict != "held-from-c"
            if one.type != _THREAD  # they have come to their end
            if (is_end and not _was_let_go(series, at_height, one))
            or one.growth is None
            or one.holder.kind == "coroutine"
            if _is_lasting(one, number) and not _was_emptied(series, one)
            if one.verdict != "bounded" or series.points[number].trigger in _TELLING
        ]
        if found:
            return [replace(one, sentence=f"{one.sentence} {_GONE}") for one in found]
    return []


def _was_let_go(series: Series, at_height: Series, suspect: Suspect) -> bool:
    """A module had it: that is still there at the end of a run, so the program let go of it."""
    if series.now.trigger != "exit":
        return False
    container = at_height.last.core.find(suspect.container)
    if container is None:
        return False
    steps = at_height.last.core.path_steps(container)
    return any(at_height.last.layout_of(one) == Layout.MODULE for one, _, _ in steps)


def _was_emptied(series: Series, suspect: Suspect) -> bool:
    """Its holder is there at the end, and holds next to nothing: it was filled and worked off."""
    if suspect.growth is None or series.last.core.find(suspect.container) is None:
        return False
    return series.now.containers.get(suspect.container, 0) < 0.1 * suspect.count


# Holders that go with what the program was just at.
_PASSING = ("local variable", "suspended frame", "closure cell")
_MANY_RISES = 4


def _is_lasting(suspect: Suspect, number: int) -> bool:
    """Not just what the program was at. Coroutines go at the end of the run at the latest: what one
    holds counts if it became more all the time, up to this snapshot."""
    if suspect.holder.kind != "coroutine":
        return suspect.holder.kind not in _PASSING and not suspect.type.startswith("weakref.Ref")
    growth = suspect.growth
    return growth is not None and growth.rises >= max(_MANY_RISES, number / 3)


# Snapshots just before something goes.
_TELLING = ("collect", "garbage", "loop")
_QUICK = 500_000  # objects
_THREAD = "<thread>"
_GONE = "It had gone by the end of the run."


_PEAK = 1.3


def _peak(series: Series) -> Series:
    """The series up to its height, where it had far more than at its end."""
    sizes = [point.size for point in series.points]
    height = max(range(len(sizes)), key=sizes.__getitem__)
    return series.until(height) if sizes[height] > _PEAK * sizes[-1] else series


def _end(points: Sequence[Point]) -> int:
    """The last snapshot of the program at work: before its event loops ended, and itself."""
    at = len(points) - 2
    while at > 0 and points[at].trigger == "loop":
        at -= 1
    return at


def _heights(points: Sequence[Point], end: int) -> list[int]:
    """Snapshots to look at besides the last: the largest ones, and those before something went."""
    earlier = range(len(points) - 1)
    if not earlier:
        return []
    tellings = [number for number in earlier if points[number].trigger in _TELLING]
    chosen = [
        end,
        len(points) - 2,
        max(earlier, key=lambda number: points[number].size),
        max(earlier, key=lambda number: points[number].objects),
        *tellings[-2:],
        *tellings[:2],
    ]
    if points[-1].objects < _QUICK:
        # The last ones may show how the program was taking its data down.
        chosen += [number for number in range(end - 1, end - 4, -1) if number > 0]
    return list(dict.fromkeys(chosen))


def _best_first(suspects: Sequence[Suspect]) -> list[Suspect]:
    ordered = sorted(suspects, key=lambda one: -one.weight)
    seen: set[tuple[str, str]] = set()
    kept_ones: list[Suspect] = []
    for one in ordered:
        key = (one.holder.name, one.verdict)
        if key not in seen:
            seen.add(key)
            kept_ones.append(one)
    return kept_ones
