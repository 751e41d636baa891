# SPDX-License-Identifier: Apache-2.0
"""What docs/explain.md shows in Python runs, on snapshots of known content."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from snapshot_files import service

TEXT = (Path(__file__).resolve().parents[3] / "docs/explain.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("sessions", [0, 10])
def test_the_example_of_the_api_runs(sessions: int, tmp_path: Path) -> None:
    (code,) = FENCE.findall(TEXT.partition("## From Python")[2])
    for number in range(3):
        service(sessions * number, number).file.write(tmp_path / f"{number + 1}.hoop")
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if sessions:
        assert run.stdout.startswith("grows 23 `app.Session`")
        assert "AssertionError: 23 `app.Session`" in run.stderr
    else:
        assert (run.returncode, run.stdout) == (0, "[]\n"), run.stderr
