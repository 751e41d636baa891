# SPDX-License-Identifier: Apache-2.0
"""The one sentence that a report begins with."""

from __future__ import annotations

from hoopsnake.report import units
from hoopsnake.report.model import Process, Run, State
from hoopsnake.report.text import clean

_OUTSIDE = "memory outside Python's heap"


def opening(run: Run) -> str:
    """What happened to the memory, in one sentence that holds for any run."""
    root = run.root
    if root is None:
        return _without_root(run)
    if not root.active:
        text = _passive(root)
    elif root.final is None:
        text = _unfinished(root)
    else:
        text = _finished(root)
    return f"{text}{_others(run)}."


def type_label(name: str) -> str:
    """A type as its users call it: `dict` for builtins.dict. What is no type stays in brackets."""
    if name.startswith("(buffers"):
        return "(container storage)"
    return clean(name.removeprefix("builtins."))


def _finished(root: Process) -> str:
    final = root.final
    assert final is not None
    parts = [_peak_of(root)]
    if final.heap:
        live = f"{units.size(final.heap.in_use)} of that live objects"
        parts.append(f"{units.size(final.final_rss)} left at the end, {live}")
    else:
        parts.append(f"{units.size(final.final_rss)} left at the end")
    if root.state is State.AT_ONCE:
        parts.append("it left by os._exit")
    elif root.state is State.REPLACED:
        parts.append("then it became another program")
    return "; ".join(parts)


def _peak_of(root: Process) -> str:
    text = f"Peak {units.size(root.peak_rss)}"
    if root.peak_at:
        text += f" after {units.duration(root.peak_at)}"
    kinds = _largest_kinds(root)
    return f"{text}, {kinds}" if kinds else text


def _largest_kinds(root: Process) -> str:
    """`about 38% of it dict and 21% str`. A kind below 5% is not worth a word."""
    types = root.types_at_peak()
    if not types:
        return ""
    kinds = [(type_label(name).strip("()"), size) for name, size in types.items()]
    kinds.append((_OUTSIDE, root.peak_rss - root.heap_at_peak))
    kinds.sort(key=lambda kind: -kind[1])
    named = [kind for kind in kinds[:2] if kind[1] >= 0.05 * root.peak_rss > 0]
    shares = [(units.percent(size, root.peak_rss), name) for name, size in named]
    if not shares:
        return "spread over many types"
    phrases = [f"about {shares[0][0]} of it {shares[0][1]}"]
    phrases += [f"{share} {name}" for share, name in shares[1:]]
    return " and ".join(phrases)


def _unfinished(root: Process) -> str:
    seen = root.samples[-1] if root.samples else None
    now = "now" if root.state is State.RUNNING else "when last seen"
    after = f" after {units.duration(seen.at)}" if seen and seen.at else ""
    start = {
        State.RUNNING: f"Still running{after}",
        State.KILLED: f"Killed or crashed{after}, so the figures stop there",
        State.REPLACED: f"Became another program{after}, so the figures stop there",
    }.get(root.state, f"Ended{after} without final figures")
    peak = _peak_of(root)
    rest = f", {units.size(seen.rss)} {now}" if seen else ""
    return f"{start}: {peak[0].lower()}{peak[1:]}{rest}"


def _passive(root: Process) -> str:
    reason = clean(root.reason or "no reason was given")
    text = f"Hoopsnake stayed out ({reason}), so this ran on Python's own heap"
    if root.final and root.final.final_rss:
        final = root.final
        left = units.size(final.final_rss)
        return f"{text}: peak {units.size(root.peak_rss)}, {left} left at the end"
    return f"{text}: peak {units.size(root.peak_rss)}" if root.peak_rss else text


def _without_root(run: Run) -> str:
    words = run.about.arguments if run.about else ()
    name = clean(words[0].rpartition("/")[2]) if words else "The program"
    if not run.descendants:
        return f"{name} left no figures: it ran no Python that Hoopsnake knows."
    peak = units.size(max(process.peak_rss for process in run.descendants))
    if len(run.descendants) == 1:
        return f"{name} itself is no Python program; it ran one, which peaked at {peak}."
    many = f"{len(run.descendants):,} Python processes"
    return f"{name} itself is no Python program; it ran {many}, which peaked at up to {peak}."


def _others(run: Run) -> str:
    count = len(run.descendants)
    if not count:
        return ""
    highest = units.size(max(process.peak_rss for process in run.descendants))
    if count == 1:
        return f"; another Python process peaked at {highest}"
    return f"; {count:,} other Python processes peaked at up to {highest}"
