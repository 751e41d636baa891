# SPDX-License-Identifier: Apache-2.0
"""`make demo`, shorter: it shows what it promises, and leaves nothing behind when it is stopped."""

from __future__ import annotations

import fcntl
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DEMO = ROOT / "examples" / "leaky_service" / "demo.py"
COMMAND = [sys.executable, str(DEMO), "--seconds", "1", "--rate", "100"]

pytest.importorskip("uvicorn")
if not Path(sys.executable).with_name("hoop").exists():
    pytest.skip("hoop is not installed beside this Python", allow_module_level=True)


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """There is one build/demo, and tests may run side by side."""
    lock = ROOT / "build" / "demo.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def cmdlines() -> list[bytes]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return found


def leftovers() -> list[bytes]:
    """Services and visitors of the demo; a process that ends is given a moment."""
    mine: list[bytes] = []
    for _ in range(50):
        mine = [line for line in cmdlines() if b"leaky_service" in line]
        if not mine:
            break
        time.sleep(0.1)
    return mine


def test_shows_who_holds_the_sessions_while_the_service_goes_on() -> None:
    done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"shop\.Session objects are held by shop\.SESSIONS\[\*\]", done.stdout)
    assert "closure cell `session` of watch_prices.<locals>.price_changed" in done.stdout
    assert re.search(r"the second snapshot +[\d.]+ s +\d+ requests/s, median", done.stdout)
    assert re.search(r"appeared and stayed, the most in shop\.SESSIONS", done.stdout)
    _, _, answer = done.stdout.partition("==> why does it not go away")
    assert re.search(r"suspects?, the first: module-level \w+ `shop\.(SESSIONS|PRICE_W)", answer)
    assert re.search(r"GROWS [\d,]+ .*`shop\.SESSIONS`, shop\.py", " ".join(answer.split()))
    assert "Where the memory was at the end" in done.stdout
    assert not leftovers()


def test_leaves_no_process_after_an_interrupt() -> None:
    process = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = ""
    while "requests/s" not in line:
        line = process.stdout.readline()
        assert line, "the demo ended"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    # A snapshot that was being taken may say so too.
    assert errors.endswith("demo: stopped; nothing of it is left running\n")
    assert not leftovers()
