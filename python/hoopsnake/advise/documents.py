# SPDX-License-Identifier: Apache-2.0
"""Advice as JSON, and as Markdown for an issue."""

from __future__ import annotations

from collections.abc import Sequence

from hoopsnake.advise.model import Advice
from hoopsnake.advise.verify import Check
from hoopsnake.heap.snapshot import Snapshot
from hoopsnake.report import units

FORMAT = 1


def total_of(found: Sequence[Advice]) -> int:
    """What all of it saves of the heap."""
    return sum(one.saving for one in found if one.is_heap)


def as_json(
    snapshot: Snapshot, found: Sequence[Advice], checks: dict[int, Check]
) -> dict[str, object]:
    """docs/format/advice.md describes it. `checks`: by place in `found`."""
    return {
        "format": FORMAT,
        "pid": snapshot.pid,
        "python": snapshot.python,
        "file": snapshot.path,
        "taken": snapshot.taken_ns,
        "objects": len(snapshot),
        "bytes": snapshot.size,
        "saving": min(total_of(found), snapshot.size),
        "advice": [_one_json(one, snapshot, checks.get(n)) for n, one in enumerate(found)],
    }


def _one_json(one: Advice, snapshot: Snapshot, check: Check | None) -> dict[str, object]:
    return {
        "kind": one.kind,
        "title": one.title,
        "saving": one.saving,
        "share": one.saving / max(snapshot.size, 1),
        "of_heap": one.is_heap,
        "bytes": one.now,
        "count": one.count,
        "type": one.type,
        "held": [
            {
                "count": held.count,
                "path": held.path,
                "name": held.holder.name,
                "kind": held.holder.kind,
                "file": held.holder.file,
                "line": held.holder.line,
            }
            for held in one.held
        ],
        "defined": {"file": one.file, "line": one.line},
        "library": one.is_library,
        "change": one.change,
        "example": one.example,
        "evidence": one.evidence,
        "verified": None
        if check is None
        else {
            "predicted": check.predicted,
            "measured": check.measured,
            "units": check.count,
            "how": check.how,
            "error": check.error,
        },
    }


def as_markdown(snapshot: Snapshot, found: Sequence[Advice], checks: dict[int, Check]) -> str:
    lines = [
        "## What would make it smaller",
        "",
        f"CPython {snapshot.python}, {units.plural(len(snapshot), 'object')}, "
        f"{units.size(snapshot.size)}.",
        "",
    ]
    if not found:
        lines += ["Nothing of any size was found.", ""]
    for number, one in enumerate(found):
        share = units.percent(one.saving, snapshot.size)
        amount = units.size(one.saving) + (f" ({share})" if one.is_heap else " of resident memory")
        lines += [f"### {number + 1}. {amount}: {one.title}", ""]
        if one.place:
            lines.append(f"- defined at `{one.place}`")
        lines += [f"- {held.count:,} held by {held.holder.name}" for held in one.held]
        lines += [f"- {fact}" for fact in one.evidence]
        if number in checks:
            lines.append(f"- {checks[number].sentence}")
        lines += ["", one.change, "", "```python", one.example.rstrip("\n"), "```", ""]
    return "\n".join(lines)
