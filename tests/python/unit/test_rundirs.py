# SPDX-License-Identifier: Apache-2.0
"""Run directories: whose they are, and which go."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hoopsnake._errors import HoopError
from hoopsnake.cli import rundirs


def nobody(pid: int) -> bool:
    return False


def mode_of(path: str | Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


def make_runs(base: Path, count: int) -> list[Path]:
    runs = []
    for number in range(count):
        path = base / f"run-20260921-1413{number:02}-{1000 + number}"
        path.mkdir(parents=True)
        (path / "run.json").write_text("{}")
        (path / f"{1000 + number}.0.live").write_bytes(b"")
        (path / f"{1000 + number}.0.json").write_bytes(b"")
        (path / "lib").symlink_to("/nowhere")
        runs.append(path)
    return runs


def test_the_runtime_directory_comes_first(tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    environ = {"XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(tmp_path)}
    assert rundirs.claim_base(environ) == str(runtime / "hoopsnake")
    assert mode_of(runtime / "hoopsnake") == 0o700


@pytest.mark.parametrize("runtime", ["", "relative", "/nonexistent"])
def test_without_one_it_is_a_private_folder_for_temporary_files(
    tmp_path: Path, runtime: str
) -> None:
    environ = {"XDG_RUNTIME_DIR": runtime, "TMPDIR": str(tmp_path)}
    base = rundirs.claim_base(environ)
    assert base == str(tmp_path / f"hoopsnake-{os.geteuid()}")
    assert mode_of(base) == 0o700


def test_a_base_that_others_could_write_is_closed(tmp_path: Path) -> None:
    base = tmp_path / f"hoopsnake-{os.geteuid()}"
    base.mkdir()
    base.chmod(0o777)
    assert rundirs.claim_base({"TMPDIR": str(tmp_path)}) == str(base)
    assert mode_of(base) == 0o700


def only(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rundirs, "base_candidates", lambda environ: [str(base)])


def test_a_link_in_place_of_the_base_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "victim"
    target.mkdir(mode=0o755)
    base = tmp_path / "hoopsnake-1"
    base.symlink_to(target)
    only(base, monkeypatch)
    with pytest.raises(HoopError, match=r"it is a symbolic link\); set TMPDIR"):
        rundirs.claim_base({})
    assert mode_of(target) == 0o755
    assert not list(target.iterdir())
    assert rundirs.existing_bases({}) == []


def test_a_base_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tmp_path / "hoopsnake-1"
    base.mkdir()
    only(base, monkeypatch)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(HoopError, match="it belongs to another user"):
        rundirs.claim_base({})
    assert rundirs.existing_bases({}) == []


def test_a_file_in_place_of_the_base_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hoopsnake-1").touch()
    only(tmp_path / "hoopsnake-1", monkeypatch)
    with pytest.raises(HoopError, match="Not a directory"):
        rundirs.claim_base({})


def test_when_one_base_is_refused_the_next_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").symlink_to(tmp_path)
    monkeypatch.setattr(
        rundirs, "base_candidates", lambda environ: [f"{tmp_path}/one", f"{tmp_path}/two"]
    )
    assert rundirs.claim_base({}) == f"{tmp_path}/two"


def test_a_base_with_a_space_in_its_path_is_passed_over(tmp_path: Path) -> None:
    spaced = tmp_path / "my files"
    spaced.mkdir()
    candidates = rundirs.base_candidates({"TMPDIR": str(spaced)})
    assert candidates == [f"/tmp/hoopsnake-{os.geteuid()}"]


def test_a_run_directory_is_named_in_utc_and_private(tmp_path: Path) -> None:
    path = rundirs.create(str(tmp_path), 4242, 1_790_000_000.0)
    assert path == str(tmp_path / "run-20260921-141320-4242")
    assert mode_of(path) == 0o700


def test_two_runs_of_one_process_in_a_second_are_kept_apart(tmp_path: Path) -> None:
    first = rundirs.create(str(tmp_path), 4242, 1_790_000_000.0)
    second = rundirs.create(str(tmp_path), 4242, 1_790_000_000.5)
    assert second != first
    assert rundirs.list_runs(str(tmp_path)) == [second, first]


def test_the_oldest_runs_go(tmp_path: Path) -> None:
    runs = make_runs(tmp_path, 6)
    rundirs.prune(str(tmp_path), 4, nobody)
    assert [path.exists() for path in runs] == [False, False, True, True, True, True]


def test_a_run_stays_while_any_of_its_processes_does(tmp_path: Path) -> None:
    runs = make_runs(tmp_path, 3)
    (runs[1] / "5555.0.live").touch()
    rundirs.prune(str(tmp_path), 0, lambda pid: pid == 5555)
    assert [path.exists() for path in runs] == [False, True, False]


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    (run,) = make_runs(tmp_path, 1)
    (run / "notes.txt").write_text("mine")
    (tmp_path / "run-of-mine").mkdir()
    outside = tmp_path / "outside"
    (precious,) = make_runs(outside, 1)
    (tmp_path / "run-20200101-000000-1").symlink_to(precious)
    rundirs.prune(str(tmp_path), 0, nobody)
    assert [path.name for path in run.iterdir()] == ["notes.txt"]
    assert (tmp_path / "run-of-mine").exists()
    assert (precious / "run.json").exists()


def test_this_process_exists_and_an_impossible_one_does_not() -> None:
    assert rundirs.process_exists(os.getpid())
    assert not rundirs.process_exists(1 << 40)
