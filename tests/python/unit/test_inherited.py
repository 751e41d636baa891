# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from hoopsnake.cli import inherited


def parent(proc: Path, program: str, status: str) -> str:
    folder = proc / str(os.getppid())
    folder.mkdir()
    (folder / "exe").symlink_to(program)
    (folder / "status").write_text(status)
    return str(proc)


def test_what_a_shell_ignores_is_inherited(tmp_path: Path) -> None:
    proc = parent(tmp_path, "/bin/dash", "Name:\tsh\nSigIgn:\t0000000001001000\n")
    assert inherited.ignored_signals(proc) == {signal.SIGPIPE, signal.SIGXFSZ}


@pytest.mark.parametrize("name", ["python3", "python3.14", "python", "python3.11 (deleted)"])
def test_what_a_python_ignores_is_its_own(tmp_path: Path, name: str) -> None:
    proc = parent(tmp_path, f"/usr/bin/{name}", "SigIgn:\t0000000001001000\n")
    assert inherited.ignored_signals(proc) == set()


@pytest.mark.parametrize("status", ["", "SigIgn:\n", "SigIgn:\tno number\n"])
def test_a_status_that_says_nothing_is_no_obstacle(tmp_path: Path, status: str) -> None:
    assert inherited.ignored_signals(parent(tmp_path, "/bin/sh", status)) == set()


def test_no_proc_is_no_obstacle(tmp_path: Path) -> None:
    assert inherited.ignored_signals(str(tmp_path / "nowhere")) == set()
