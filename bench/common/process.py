# SPDX-License-Identifier: Apache-2.0
"""Runs one program at a time, pinned to a core, and says what it cost."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

SPAWNER = Path(__file__).with_name("spawner.py")


@dataclass(frozen=True)
class Outcome:
    """`cpu` is user and system time; times in seconds, peak_rss in bytes."""

    status: int
    wall: float
    cpu: float
    peak_rss: int
    stdout: str
    stderr: str


def default_core() -> int:
    """The last core that this process may use: the first one gets more of the interrupts."""
    return max(os.sched_getaffinity(0))


class Spawner:
    """Owns the small process that starts the measured ones; use as a context manager."""

    def __init__(self, core: int) -> None:
        self._core = core
        self._directory = tempfile.TemporaryDirectory(prefix="hoop-bench-")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(SPAWNER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Spawner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pipe(self._process.stdin).close()
        self._process.wait()
        self._pipe(self._process.stdout).close()
        self._directory.cleanup()

    def run(self, argv: Sequence[str], env: Mapping[str, str]) -> Outcome:
        stdout = Path(self._directory.name) / "stdout"
        stderr = Path(self._directory.name) / "stderr"
        status, wall, cpu, peak_rss = self._ask(
            {
                "argv": list(argv),
                "env": dict(env),
                "cores": [self._core],
                "stdout": str(stdout),
                "stderr": str(stderr),
            }
        )
        return Outcome(status, wall, cpu, peak_rss, _text(stdout), _text(stderr))

    def _ask(self, question: dict[str, object]) -> tuple[int, float, float, int]:
        request = marshal.dumps(question)
        requests = self._pipe(self._process.stdin)
        requests.write(len(request).to_bytes(8, "little") + request)
        requests.flush()
        answers = self._pipe(self._process.stdout)
        length = answers.read(8)
        if len(length) != 8:
            raise RuntimeError("the process that starts the measured ones has ended")
        answer: tuple[int, float, float, int] = marshal.loads(
            answers.read(int.from_bytes(length, "little"))
        )
        return answer

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
