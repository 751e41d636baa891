# SPDX-License-Identifier: Apache-2.0
"""tests/torture/snaps.py, shorter: programs at work go on, whoever takes snapshots of them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from whole_process import ROOT, Sandbox

SNAPS = ROOT / "tests" / "torture" / "snaps.py"
NOT_ALLOWED = "left out: hoop snap"  # to trace: the others are checked


def take(box: Sandbox, *options: str) -> None:
    words = [sys.executable, str(SNAPS), "--python", box.python.path, *options]
    environ = os.environ | {"HOOP_AGENTS": box.environ["HOOP_AGENTS"]}
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()[1:]
    assert all(line.endswith("fine") or NOT_ALLOWED in line for line in lines), done.stdout


@pytest.mark.pythons("3.10", "3.14")
def test_programs_go_on(box: Sandbox) -> None:
    """A crawler, 200 threads, loops in C, one in a system call."""
    take(box, "--snaps", "2", "--programs", "crawler,many_threads,tight_loop,blocked")


@pytest.mark.pythons("3.13")
def test_a_busy_server_is_attached_to_fifty_times(box: Sandbox) -> None:
    take(box, "--snaps", "50", "--open-every", "10", "--programs", "server", "--ways", "attached")
