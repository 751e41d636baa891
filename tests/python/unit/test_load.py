# SPDX-License-Identifier: Apache-2.0
"""Putting the files of a run together."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import run_files

from hoopsnake.report.load import load_run, process_runs
from hoopsnake.report.model import State


def dead(pid: int, started: int) -> bool:
    return False


def test_a_folder_without_a_run_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing of ours")
    assert load_run(str(tmp_path)) is None
    assert load_run(str(tmp_path / "absent")) is None


def test_the_root_is_the_process_that_hoop_run_became(tmp_path: Path) -> None:
    run = load_run(str(run_files.pool(tmp_path)), dead)
    assert run is not None
    assert run.root is not None
    assert run.root.pid == 4242
    assert [process.pid for process in run.descendants] == [4250, 4251, 4252, 4253, 4300]


@pytest.mark.parametrize(("count", "left_out"), [(3, 0), (500, 0), (501, 1), (700_000, 699_500)])
def test_children_that_left_no_files_are_counted(tmp_path: Path, count: int, left_out: int) -> None:
    path = run_files.small(tmp_path)
    (path / "children").write_bytes(count.to_bytes(8, "little"))
    run = load_run(str(path), dead)
    assert run is not None
    assert run.left_out == left_out


def test_a_count_of_children_that_was_cut_off_is_none(tmp_path: Path) -> None:
    path = run_files.small(tmp_path)
    (path / "children").write_bytes(b"xxx")
    run = load_run(str(path), dead)
    assert run is not None
    assert run.left_out == 0


def test_an_image_that_went_on_as_another_is_no_process_of_its_own(tmp_path: Path) -> None:
    run = load_run(str(run_files.pool(tmp_path)), dead)
    assert run is not None
    assert [process.image for process in run.others if process.pid == 4300] == [0, 1]
    assert [process.image for process in run.descendants if process.pid == 4300] == [1]


def test_the_last_image_of_the_root_is_the_root(tmp_path: Path) -> None:
    files: dict[str, bytes | run_files.Json] = {
        "9.0.live": run_files.live_bytes([], pid=9, state=1),
        "9.1.json": run_files.final_json(9, n=1, argv=["second.py"]),
    }
    path = run_files.write_run(tmp_path / "run-20260921-141320-9", None, files)
    run = load_run(str(path), dead)
    assert run is not None
    assert run.root is not None
    assert run.root.program == ("second.py",)
    assert not run.descendants


@pytest.mark.parametrize(("alive", "state"), [(True, State.RUNNING), (False, State.KILLED)])
def test_without_an_end_it_runs_or_was_killed(tmp_path: Path, alive: bool, state: State) -> None:
    run = load_run(str(run_files.killed(tmp_path)), lambda pid, started: alive)
    assert run is not None
    assert run.root is not None
    assert run.root.state is state
    assert run.root.peak_rss == max(run.root.peak_rss, 411 * run_files.MIB)


def test_a_later_process_of_the_same_number_is_not_taken_for_it() -> None:
    now = time.time_ns()
    assert process_runs(os.getpid(), now)
    assert not process_runs(os.getpid(), now - 10**9 * 10**7)
    assert not process_runs(1 << 40, now)
