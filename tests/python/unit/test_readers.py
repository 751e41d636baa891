# SPDX-License-Identifier: Apache-2.0
"""The readers of run files: right on good files, quiet and exact on bad ones."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import run_files
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hoopsnake.report import readers
from hoopsnake.report.load import load_run
from hoopsnake.report.model import (
    Collector,
    Ending,
    LiveState,
    PauseCount,
    Problem,
    Sample,
    SizeClass,
)
from hoopsnake.report.render import report
from hoopsnake.report.text import UNICODE, Page

SAMPLES = [(0, 10, 1, 2, 3, 4, 5, 6), (100, 20, 1, 2, 3, 4, 5, 6), (250, 15, 1, 2, 3, 4, 5, 6)]
GOOD_LIVE = run_files.live_bytes(SAMPLES, state=1, peak=(20, 100), hex_version=0x030E00C2)
GOOD_FINAL = json.dumps(run_files.big_final()).encode()

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def write(folder: Path, name: str, content: bytes) -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


def test_a_live_file_is_read_whole(tmp_path: Path) -> None:
    problems: list[Problem] = []
    live = readers.read_live(write(tmp_path, "1.0.live", GOOD_LIVE), problems)
    assert live is not None
    assert not problems
    assert (live.pid, live.parent, live.python, live.program) == (
        4242,
        4000,
        "3.14.0rc2",
        "server.py",
    )
    assert (live.state, live.peak_rss, live.peak_at) == (LiveState.RUNNING, 20, 100)
    assert live.samples == tuple(Sample(*row[:3], *row[4:7]) for row in SAMPLES)


def test_a_longer_header_and_longer_samples_of_later_versions_are_skipped(tmp_path: Path) -> None:
    head = bytearray(GOOD_LIVE[:256])
    head[12:16] = (320).to_bytes(4, "little")
    head[64:68] = (72).to_bytes(4, "little")
    body = b"".join(GOOD_LIVE[256 + 64 * i : 320 + 64 * i] + b"\xff" * 8 for i in range(3))
    problems: list[Problem] = []
    path = write(tmp_path, "1.0.live", bytes(head) + b"\xee" * 64 + body)
    live = readers.read_live(path, problems)
    assert live is not None
    assert not problems
    assert [sample.at for sample in live.samples] == [0, 100, 250]


def test_a_cut_live_file_keeps_its_whole_samples(tmp_path: Path) -> None:
    problems: list[Problem] = []
    live = readers.read_live(write(tmp_path, "7.0.live", GOOD_LIVE[:-1]), problems)
    assert live is not None
    assert len(live.samples) == 2
    assert str(problems[0]) == "7.0.live, offset 384: 3 samples are announced, 2 are there"


def test_samples_end_where_time_runs_backwards(tmp_path: Path) -> None:
    data = run_files.live_bytes([SAMPLES[1], SAMPLES[0], SAMPLES[2]])
    problems: list[Problem] = []
    live = readers.read_live(write(tmp_path, "7.0.live", data), problems)
    assert live is not None
    assert len(live.samples) == 1
    assert problems[0].place == "offset 320"


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"", "offset 0"),
        (GOOD_LIVE[:200], "offset 200"),
        (b"X" + GOOD_LIVE[1:], "offset 0"),
        (GOOD_LIVE[:64] + bytes(4) + GOOD_LIVE[68:], "offset 12"),
    ],
)
def test_a_useless_live_file_is_named_with_its_offset(
    tmp_path: Path, content: bytes, place: str
) -> None:
    problems: list[Problem] = []
    assert readers.read_live(write(tmp_path, "7.0.live", content), problems) is None
    assert [(problem.file, problem.place) for problem in problems] == [("7.0.live", place)]


def test_a_final_file_is_read_whole(tmp_path: Path) -> None:
    problems: list[Problem] = []
    final = readers.read_final(write(tmp_path, "1.0.json", GOOD_FINAL), problems)
    assert final is not None
    assert not problems
    assert (final.python, final.ending, final.active) == ("3.13.0", Ending.NORMAL, True)
    assert final.heap is not None
    assert final.heap.fragmentation == 0.064
    assert final.types[0].name == "builtins.dict"
    assert sum(part.size for part in final.rss) == final.final_rss
    assert final.classes[0] == SizeClass("obj", 16, 3200, 90, 4)
    assert final.collector is not None
    assert (final.collector.mode, final.collector.in_place) == (Collector.CONCURRENT, 1)
    assert final.collector.pauses[10] == PauseCount(64_000_000, 0, 0, 1)
    assert [one.outcome for one in final.collector.recent] == ["done", "discarded"]


def test_wrong_values_are_named_and_read_as_nothing(tmp_path: Path) -> None:
    document = run_files.final_json(
        wall_ns="soon",
        peak_rss=True,
        final_rss=-1,
        argv=["a", 1, None],
        heap=run_files.heap(in_use=1 << 70, fragmentation=float("inf")),
        types=[{"type": "builtins.int", "count": 1, "bytes": 8}, 17],
        exit="sideways",
        collector=run_files.collector(
            reason=3,
            freed=-1,
            pauses=[{"up_to_ns": "long"}],
            recent=[run_files.collection(at_ns=None)],
        ),
        rss=[{"what": "overlap", "bytes": -5}],
    )
    problems: list[Problem] = []
    content = json.dumps(document).encode()
    final = readers.read_final(write(tmp_path, "1.0.json", content), problems)
    assert final is not None
    assert final.arguments == ("a",)
    assert final.ending is Ending.NORMAL
    assert {problem.place for problem in problems} == {
        "wall_ns",
        "peak_rss",
        "final_rss",
        "heap.in_use",
        "heap.fragmentation",
        "types[1]",
        "collector.reason",
        "collector.freed",
        "collector.pauses[0].up_to_ns",
        "collector.recent[0].at_ns",
    }


def test_many_wrong_values_do_not_make_many_words(tmp_path: Path) -> None:
    content = json.dumps(run_files.final_json(types=[7] * 5000)).encode()
    problems: list[Problem] = []
    assert readers.read_final(write(tmp_path, "1.0.json", content), problems) is not None
    assert len(problems) <= 20


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"format": 2}',
        b"[" * 200_000,
        b'{"format": 1, "pid": ' + b"9" * 5000 + b"}",
    ],
    ids=["empty", "cut", "list", "no text", "newer", "deep", "long number"],
)
def test_a_useless_final_file_is_one_problem(tmp_path: Path, content: bytes) -> None:
    problems: list[Problem] = []
    assert readers.read_final(write(tmp_path, "3.0.json", content), problems) is None
    assert [problem.file for problem in problems] == ["3.0.json"]


def test_a_pipe_or_a_link_in_place_of_a_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "1.0.json")
    (tmp_path / "2.0.json").symlink_to("/dev/zero")
    (tmp_path / "3.0.json").mkdir()
    for name in ("1.0.json", "2.0.json", "3.0.json", "4.0.json"):
        problems: list[Problem] = []
        assert readers.read_final(str(tmp_path / name), problems) is None
        assert len(problems) == 1


def show(path: Path) -> None:
    run = load_run(str(path), lambda pid, started: False)
    if run:
        assert report(run, Page(80, UNICODE), every_process=True)


@same_folder
@given(st.integers(0, len(GOOD_LIVE)), st.integers(0, len(GOOD_FINAL)))
def test_files_cut_anywhere_still_make_a_report(tmp_path: Path, live: int, final: int) -> None:
    write(tmp_path, "4242.0.live", GOOD_LIVE[:live])
    write(tmp_path, "4242.0.json", GOOD_FINAL[:final])
    show(tmp_path)


@same_folder
@given(st.data())
def test_garbled_live_files_still_make_a_report(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(GOOD_LIVE)
    for _ in range(data.draw(st.integers(1, 12))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    write(tmp_path, "4242.0.live", bytes(content))
    show(tmp_path)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([0, -1, 1 << 62, "builtins.dict", "exec", "run"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@same_folder
@given(st.data())
def test_documents_with_any_value_anywhere_still_make_a_report(
    tmp_path: Path, data: st.DataObject
) -> None:
    document = run_files.big_final(types=run_files.types({"builtins.int": (3, 96)}))
    for _ in range(data.draw(st.integers(1, 4))):
        _put_anywhere(document, data)
    write(tmp_path, "4242.0.json", json.dumps(document).encode())
    show(tmp_path)


def _put_anywhere(node: Any, data: st.DataObject) -> None:
    while True:
        keys = sorted(node) if isinstance(node, dict) else range(len(node))
        key = data.draw(st.sampled_from(list(keys)))
        if not isinstance(node[key], (dict, list)) or not node[key] or data.draw(st.booleans()):
            node[key] = data.draw(JSON_VALUES)
            return
        node = node[key]


@same_folder
@given(st.binary(max_size=400))
@example(b'{"format": 1}')
@example(b'{"format": 1, "started": 1e300, "root_pid": 1, "argv": ["x"]}')
def test_any_bytes_as_run_file_still_make_a_report(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, "run.json", content)
    show(tmp_path)
