# SPDX-License-Identifier: Apache-2.0
"""Readers of the three kinds of file in a run directory.

A reader returns what could be used, or None, and adds to a list what could not, with file and
offset. It never raises on content: a file may be cut off, garbled, or made by an enemy.
"""

from __future__ import annotations

import json
import os
import stat
import struct
from enum import Enum
from typing import Any, TypeVar

from hoopsnake.report.fields import Fields
from hoopsnake.report.model import (
    Collector,
    CollectorFigures,
    Ending,
    FinalFile,
    FullCollection,
    Generation,
    HeapFigures,
    Lateness,
    LiveFile,
    LiveState,
    OpenedPlace,
    PauseCount,
    Peak,
    Problem,
    RssPart,
    RunFile,
    Sample,
    SizeClass,
    TypeFigures,
)

FORMAT = 1
LARGEST_FILE = 256 << 20

MOST_CHILDREN = 500  # of a run that leave files; src/cpython/live_file.cpp

_MAGIC = b"HOOPLIV1"
_HEADER = struct.Struct("<8sIIIIQQIIQQIIII")
_SAMPLE = struct.Struct("<QQQ8xQQQ8x")
_PROGRAM = slice(128, 256)
_FIRST_SAMPLE = 256

EnumT = TypeVar("EnumT", bound=Enum)


def read_run(path: str, problems: list[Problem]) -> RunFile | None:
    fields = _read_document(path, problems)
    if fields is None:
        return None
    return RunFile(
        arguments=fields.texts("argv"),
        program=fields.texts("program"),
        directory=fields.text("cwd"),
        started=fields.number("started"),
        root_pid=fields.integer("root_pid"),
        python=fields.text("python") or "",
        report_file=fields.text("report"),
        json_file=fields.text("json"),
        quiet=fields.flag("quiet"),
        explain=fields.text("explain"),
        warned=fields.flag("warned"),
    )


def read_final(path: str, problems: list[Problem]) -> FinalFile | None:
    fields = _read_document(path, problems)
    if fields is None:
        return None
    resources = fields.child("resources")
    return FinalFile(
        pid=fields.integer("pid"),
        parent=fields.integer("ppid"),
        image=fields.integer("n"),
        python=fields.text("python") or "",
        arguments=fields.texts("argv"),
        active=fields.flag("active"),
        reason=fields.text("reason"),
        ending=_member(Ending, fields.text("exit"), Ending.NORMAL),
        wall=fields.integer("wall_ns"),
        cpu_user=fields.integer("cpu_user_ns"),
        cpu_system=fields.integer("cpu_sys_ns"),
        peak_rss=fields.integer("peak_rss"),
        final_rss=fields.integer("final_rss"),
        peak=_peak(fields.child("peak")),
        heap=_heap(fields.child("heap")),
        classes=tuple(_size_class(row) for row in fields.rows("classes")),
        types=_types(fields),
        generations=tuple(_generation(row) for row in fields.rows("gc")),
        collector=_collector(fields.child("collector")),
        rss=tuple(_rss_part(row) for row in fields.rows("rss")),
        opened=tuple(_opened_place(row) for row in resources.rows("places")) if resources else (),
        opened_unseen=resources.integer("unseen") if resources else 0,
    )


def read_live(path: str, problems: list[Problem]) -> LiveFile | None:
    data = _read_bytes(path, problems)
    if data is None:
        return None
    name = os.path.basename(path)
    if len(data) < _FIRST_SAMPLE:
        problems.append(Problem(name, f"offset {len(data)}", "the file ends within its header"))
        return None
    (magic, version, header_bytes, pid, parent, started, _, hex_version, state) = (
        _HEADER.unpack_from(data)[:9]
    )
    peak_rss, peak_at, stride, _, count, _ = _HEADER.unpack_from(data)[9:]
    if magic != _MAGIC or version != FORMAT:
        problems.append(Problem(name, "offset 0", "this is no sample file of a known format"))
        return None
    if header_bytes < _FIRST_SAMPLE or stride < _SAMPLE.size:
        problems.append(Problem(name, "offset 12", "header or samples are too short"))
        return None
    return LiveFile(
        pid=pid,
        parent=parent,
        started_unix_ns=started,
        python=_python_version(hex_version),
        state=_member(LiveState, state, LiveState.RUNNING),
        peak_rss=peak_rss,
        peak_at=peak_at,
        program=data[_PROGRAM].split(b"\0", 1)[0].decode("utf-8", "replace"),
        samples=_samples(data, name, (header_bytes, stride, count), problems),
    )


def read_left_out(path: str) -> int:
    """How many children of the run came too late to leave files."""
    data = _read_bytes(path, [])
    if data is None or len(data) < 8:
        return 0
    return max(0, int.from_bytes(data[:8], "little") - MOST_CHILDREN)


def _samples(
    data: bytes, name: str, layout: tuple[int, int, int], problems: list[Problem]
) -> tuple[Sample, ...]:
    first, stride, count = layout
    whole = max(0, (len(data) - first) // stride)
    if count > whole:
        message = f"{count} samples are announced, {whole} are there"
        problems.append(Problem(name, f"offset {min(first + whole * stride, len(data))}", message))
    samples: list[Sample] = []
    for index in range(min(count, whole)):
        sample = Sample(*_SAMPLE.unpack_from(data, first + index * stride))
        if samples and sample.at < samples[-1].at:
            message = "time runs backwards; samples from here on are left out"
            problems.append(Problem(name, f"offset {first + index * stride}", message))
            break
        samples.append(sample)
    return tuple(samples)


def _python_version(hex_version: int) -> str:
    """3.13.0 for 0x030d00f0."""
    level = {0xA: "a", 0xB: "b", 0xC: "rc"}.get(hex_version >> 4 & 0xF, "")
    numbers = f"{hex_version >> 24}.{hex_version >> 16 & 0xFF}.{hex_version >> 8 & 0xFF}"
    return f"{numbers}{level}{hex_version & 0xF}" if level else numbers


def _peak(fields: Fields | None) -> Peak | None:
    if fields is None:
        return None
    return Peak(
        at=fields.integer("at_ns"),
        rss=fields.integer("rss"),
        heap_held=fields.integer("heap_held"),
        types=_types(fields),
        sampled=fields.flag("sampled"),
    )


def _heap(fields: Fields | None) -> HeapFigures | None:
    if fields is None:
        return None
    return HeapFigures(
        reserved=fields.integer("reserved"),
        committed=fields.integer("committed"),
        in_use=fields.integer("in_use"),
        free_resident=fields.integer("free_resident"),
        free_returned=fields.integer("free_returned"),
        metadata=fields.integer("metadata"),
        direct=fields.integer("direct"),
        huge_pages=fields.integer("huge_pages"),
        returned_total=fields.integer("returned_total"),
        trim_time=fields.integer("trim_ns"),
        live_blocks=fields.integer("live_blocks"),
        fragmentation=fields.share("fragmentation"),
    )


def _types(fields: Fields) -> tuple[TypeFigures, ...]:
    found = (
        TypeFigures(row.text("type") or "?", row.integer("count"), row.integer("bytes"))
        for row in fields.rows("types")
    )
    return tuple(sorted(found, key=lambda figures: -figures.size))


def _size_class(row: Fields) -> SizeClass:
    return SizeClass(
        domain=row.text("domain") or "",
        size=row.integer("size"),
        live=row.integer("live"),
        free=row.integer("free"),
        slabs=row.integer("slabs"),
    )


def _generation(row: Fields) -> Generation:
    return Generation(
        number=row.integer("generation"),
        collections=row.integer("collections"),
        time=row.integer("ns"),
        longest=row.integer("longest_ns"),
        collected=row.integer("collected"),
    )


def _collector(fields: Fields | None) -> CollectorFigures | None:
    mode = fields.text("mode") if fields else None
    if fields is None or mode not in {known.value for known in Collector}:
        return None
    return CollectorFigures(
        mode=Collector(mode),
        reason=fields.text("reason"),
        collections=fields.integer("collections"),
        concurrent=fields.integer("concurrent"),
        in_place=fields.integer("inplace"),
        failed=fields.integer("failed"),
        discarded=fields.integer("discarded"),
        objects=fields.integer("objects"),
        candidates=fields.integer("candidates"),
        freed=fields.integer("freed"),
        died=fields.integer("died"),
        untracked=fields.integer("untracked"),
        survived=fields.integer("survived"),
        longest_pause=fields.integer("longest_pause_ns"),
        longest_judging=fields.integer("longest_judge_ns"),
        total_pause=fields.integer("total_pause_ns"),
        total_search=fields.integer("total_search_ns"),
        total_judging=fields.integer("total_judge_ns"),
        pauses=tuple(_pause_count(row) for row in fields.rows("pauses")),
        recent=tuple(_full_collection(row) for row in fields.rows("recent")),
    )


def _pause_count(row: Fields) -> PauseCount:
    return PauseCount(
        up_to=row.integer("up_to_ns"),
        young=row.integer("young"),
        full=row.integer("full"),
        hoop=row.integer("hoop"),
    )


def _full_collection(row: Fields) -> FullCollection:
    return FullCollection(
        at=row.integer("at_ns"),
        trigger=row.text("trigger") or "",
        mode=row.text("mode") or "",
        outcome=row.text("outcome") or "",
        reason=row.text("reason"),
        pause=row.integer("pause_ns"),
        search=row.integer("search_ns"),
        judging=row.integer("judge_ns"),
        longest_judging=row.integer("longest_judge_ns"),
        batches=row.integer("batches"),
        objects=row.integer("objects"),
        candidates=row.integer("candidates"),
        components=row.integer("components"),
        largest_component=row.integer("largest_component"),
        freed=row.integer("freed"),
        died=row.integer("dropped_died"),
        untracked=row.integer("dropped_untracked"),
        survived=row.integer("survived"),
    )


def _rss_part(row: Fields) -> RssPart:
    return RssPart(row.text("what") or "?", row.integer("bytes", signed=True))


def _opened_place(row: Fields) -> OpenedPlace:
    return OpenedPlace(
        kind=row.text("kind") or "?",
        type=row.text("type"),
        file=row.text("file"),
        line=row.integer("line"),
        function=row.text("function"),
        opened=row.integer("opened"),
        finalized=_lateness(row.child("finalized")),
        late=_lateness(row.child("late")),
        left=_lateness(row.child("left")),
        holder=row.text("holder"),
    )


def _lateness(fields: Fields | None) -> Lateness:
    if fields is None:
        return Lateness()
    return Lateness(fields.integer("count"), fields.integer("longest_ns"))


def _member(kind: type[EnumT], value: Any, default: EnumT) -> EnumT:
    try:
        return kind(value)
    except ValueError:
        return default


def _read_document(path: str, problems: list[Problem]) -> Fields | None:
    """The JSON object in a file of ours, if its format is one that we know."""
    data = _read_bytes(path, problems)
    if data is None:
        return None
    name = os.path.basename(path)
    try:
        document = json.loads(data.decode("utf-8", "surrogateescape"))
    except json.JSONDecodeError as error:
        problems.append(Problem(name, f"offset {error.pos}", error.msg))
        return None
    except (ValueError, RecursionError) as error:
        problems.append(Problem(name, "", f"no JSON that could be read: {error}"))
        return None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        problems.append(Problem(name, "format", f"is not {FORMAT}; is this Hoopsnake too old?"))
        return None
    return Fields(document, name, problems)


def _read_bytes(path: str, problems: list[Problem]) -> bytes | None:
    """The content of a regular file of sane size. A pipe put in its place must not block us."""
    name = os.path.basename(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_FILE:
                problems.append(Problem(name, "", "not a file of sane size"))
                return None
            return file.read(LARGEST_FILE)
    except OSError as error:
        problems.append(Problem(name, "", error.strerror or str(error)))
        return None
