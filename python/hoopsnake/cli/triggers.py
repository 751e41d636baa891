# SPDX-License-Identifier: Apache-2.0
"""When the processes of a run take snapshots of themselves: `--snapshot-at` and `--snapshots`."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Sequence

from hoopsnake._errors import HoopError

_PLAIN = ("exit", "peak", "memory-error", "limit")
_TIME = re.compile(r"(\d+)(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
# The program could not go on as it does, or the system does not let us handle them.
_NOT_THESE = {"SIGKILL", "SIGSTOP", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGALRM", "SIGCHLD"}


def parse(words: str) -> list[str]:
    """What the agent is told (docs/format/run-directory.md) for `exit,SIGUSR2,60s`."""
    return [_parse_one(word) for word in words.split(",") if word]


def _parse_one(word: str) -> str:
    if word in _PLAIN:
        return word
    if match := _TIME.fullmatch(word):
        seconds = int(match[1]) * _SECONDS[match[2]]
        if seconds:
            return f"every:{seconds}"
    name = word if word.startswith("SIG") else f"SIG{word}"
    if name not in _NOT_THESE and name in signal.Signals.__members__:
        return f"signal:{int(signal.Signals[name])}"
    raise HoopError(
        f"--snapshot-at {word!r}: give exit, peak, memory-error, limit, a signal such as SIGUSR2, "
        "or a time such as 60s"
    )


def directory(path: str) -> str:
    """The absolute path of a directory that can be written to."""
    full = os.path.abspath(path)
    if not os.path.isdir(full) or not os.access(full, os.W_OK | os.X_OK):
        raise HoopError(f"--snapshots {path!r}: there is no such directory that can be written to")
    return full


def environment(words: Sequence[str], path: str | None) -> dict[str, str]:
    """Variables for what was asked for; `explain` among the words: `hoop run --explain`."""
    if not words:
        return {}
    return {"HOOP_SNAPSHOT_AT": ",".join(words), "HOOP_SNAPSHOT_DIR": path or os.getcwd()}
