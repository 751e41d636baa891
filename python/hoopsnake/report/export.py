# SPDX-License-Identifier: Apache-2.0
"""A run as one JSON document; docs/report.md describes it. Names only ever get added."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hoopsnake.report.model import (
    CollectorFigures,
    FinalFile,
    FullCollection,
    HeapFigures,
    Lateness,
    OpenedPlace,
    Peak,
    Process,
    Run,
    RunFile,
    Sample,
    TypeFigures,
)

FORMAT = 1

Object = dict[str, Any]


def to_json(run: Run) -> str:
    """The document as text, one line, ASCII."""
    return json.dumps(document(run), allow_nan=False)


def document(run: Run) -> Object:
    """The document; `processes` are all but the root."""
    return {
        "format": FORMAT,
        "run": _run(run.path, run.about),
        "root": _process(run.root) if run.root else None,
        "processes": [_process(process) for process in run.others],
        "left_out": run.left_out,
        "problems": [
            {"file": problem.file, "place": problem.place, "message": problem.message}
            for problem in run.problems
        ],
    }


def _run(path: str, about: RunFile | None) -> Object:
    return {
        "directory": path,
        "argv": list(about.arguments) if about else [],
        "program": list(about.program) if about else [],
        "cwd": about.directory if about else None,
        "started": about.started if about else None,
        "root_pid": about.root_pid if about else None,
        "python": about.python if about else None,
    }


def _process(process: Process) -> Object:
    result: Object = {
        "pid": process.pid,
        "ppid": process.parent,
        "n": process.image,
        "state": process.state.name.lower(),
        "active": process.active,
        "reason": process.reason,
        "python": process.python,
        "argv": list(process.program),
        "started_unix_ns": process.started_unix_ns,
        "wall_ns": process.wall,
        "peak_rss": process.peak_rss,
        "samples": _samples(process.samples),
        "final": _final(process.final) if process.final else None,
    }
    return result


def _samples(samples: Sequence[Sample]) -> Object:
    return {
        "t_ns": [sample.at for sample in samples],
        "rss": [sample.rss for sample in samples],
        "heap_held": [sample.heap_held for sample in samples],
        "heap_returned": [sample.heap_returned for sample in samples],
        "gc_collections": [sample.collections for sample in samples],
        "gc_ns": [sample.collection_time for sample in samples],
    }


def _final(final: FinalFile) -> Object:
    return {
        "cpu_user_ns": final.cpu_user,
        "cpu_sys_ns": final.cpu_system,
        "final_rss": final.final_rss,
        "peak": _peak(final.peak) if final.peak else None,
        "heap": _heap(final.heap) if final.heap else None,
        "classes": [
            {
                "domain": row.domain,
                "size": row.size,
                "live": row.live,
                "free": row.free,
                "slabs": row.slabs,
            }
            for row in final.classes
        ],
        "types": _types(final.types),
        "gc": [
            {
                "generation": one.number,
                "collections": one.collections,
                "ns": one.time,
                "longest_ns": one.longest,
                "collected": one.collected,
            }
            for one in final.generations
        ],
        "collector": _collector(final.collector) if final.collector else None,
        "rss": [{"what": part.what, "bytes": part.size} for part in final.rss],
        "resources": {
            "unseen": final.opened_unseen,
            "places": [_opened_place(place) for place in final.opened],
        },
    }


def _opened_place(place: OpenedPlace) -> Object:
    return {
        "kind": place.kind,
        "type": place.type,
        "file": place.file,
        "line": place.line,
        "function": place.function,
        "opened": place.opened,
        "finalized": _lateness(place.finalized),
        "late": _lateness(place.late),
        "left": _lateness(place.left),
        "holder": place.holder,
    }


def _lateness(lateness: Lateness) -> Object:
    return {"count": lateness.count, "longest_ns": lateness.longest}


def _collector(figures: CollectorFigures) -> Object:
    return {
        "mode": figures.mode.value,
        "reason": figures.reason,
        "collections": figures.collections,
        "concurrent": figures.concurrent,
        "inplace": figures.in_place,
        "failed": figures.failed,
        "discarded": figures.discarded,
        "objects": figures.objects,
        "candidates": figures.candidates,
        "freed": figures.freed,
        "died": figures.died,
        "untracked": figures.untracked,
        "survived": figures.survived,
        "longest_pause_ns": figures.longest_pause,
        "longest_judge_ns": figures.longest_judging,
        "total_pause_ns": figures.total_pause,
        "total_search_ns": figures.total_search,
        "total_judge_ns": figures.total_judging,
        "pauses": [
            {"up_to_ns": row.up_to, "young": row.young, "full": row.full, "hoop": row.hoop}
            for row in figures.pauses
        ],
        "recent": [_full_collection(one) for one in figures.recent],
    }


def _full_collection(one: FullCollection) -> Object:
    return {
        "at_ns": one.at,
        "trigger": one.trigger,
        "mode": one.mode,
        "outcome": one.outcome,
        "reason": one.reason,
        "pause_ns": one.pause,
        "search_ns": one.search,
        "judge_ns": one.judging,
        "longest_judge_ns": one.longest_judging,
        "batches": one.batches,
        "objects": one.objects,
        "candidates": one.candidates,
        "components": one.components,
        "largest_component": one.largest_component,
        "freed": one.freed,
        "dropped_died": one.died,
        "dropped_untracked": one.untracked,
        "survived": one.survived,
    }


def _peak(peak: Peak) -> Object:
    return {
        "at_ns": peak.at,
        "rss": peak.rss,
        "heap_held": peak.heap_held,
        "types": _types(peak.types),
        "sampled": peak.sampled,
    }


def _heap(heap: HeapFigures) -> Object:
    return {
        "reserved": heap.reserved,
        "committed": heap.committed,
        "in_use": heap.in_use,
        "free_resident": heap.free_resident,
        "free_returned": heap.free_returned,
        "metadata": heap.metadata,
        "direct": heap.direct,
        "huge_pages": heap.huge_pages,
        "returned_total": heap.returned_total,
        "trim_ns": heap.trim_time,
        "live_blocks": heap.live_blocks,
        "fragmentation": heap.fragmentation,
    }


def _types(types: Sequence[TypeFigures]) -> list[Object]:
    return [{"type": one.name, "count": one.count, "bytes": one.size} for one in types]
