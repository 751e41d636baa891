# SPDX-License-Identifier: Apache-2.0
"""`hoop run --snapshot-at` and `--snapshots`: what they take, and what they say otherwise."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from hoopsnake._errors import HoopError
from hoopsnake.cli import run, triggers


def test_words_become_what_the_agent_reads() -> None:
    number = int(signal.SIGUSR2)
    assert triggers.parse("exit,peak,memory-error,limit,SIGUSR2,60s,5m,2h") == [
        "exit",
        "peak",
        "memory-error",
        "limit",
        f"signal:{number}",
        "every:60",
        "every:300",
        "every:7200",
    ]
    assert triggers.parse("USR2") == [f"signal:{number}"]


@pytest.mark.parametrize("word", ["sometimes", "0s", "SIGKILL", "SIGSEGV", "SIGNOT", "60", "-1s"])
def test_other_words_are_refused_with_what_there_is(word: str) -> None:
    with pytest.raises(HoopError, match="give exit, peak, memory-error, limit, a signal"):
        triggers.parse(word)


def test_options_add_up(tmp_path: Path) -> None:
    words = ["--snapshot-at", "exit", "--snapshot-at=peak", "--snapshots", str(tmp_path), "app.py"]
    options = run.parse(words)
    assert options.snapshot_at == ["exit", "peak"]
    assert triggers.environment(options.snapshot_at, options.snapshots) == {
        "HOOP_SNAPSHOT_AT": "exit,peak",
        "HOOP_SNAPSHOT_DIR": str(tmp_path),
    }
    assert triggers.environment([], str(tmp_path)) == {}


def test_a_directory_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(HoopError, match="no such directory"):
        triggers.directory(str(tmp_path / "nowhere"))
