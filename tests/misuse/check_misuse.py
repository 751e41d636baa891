# SPDX-License-Identifier: Apache-2.0
"""check_misuse.py SOURCE PROGRAM: runs PROGRAM and holds it against what SOURCE says will happen.

The source says it in comments, one line each, ending where the line ends:
    // EXPECT-SIGNAL: SIGABRT    the signal that ends it (without it: it exits with status 0)
    // EXPECT-STDERR: <regex>    all of stderr but the last newline (without it: nothing there)
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path


def expectation(source: str, key: str) -> str | None:
    found = re.findall(rf"^// EXPECT-{key}: (.*?)\s*$", source, re.MULTILINE)
    if len(found) > 1:
        raise SystemExit(f"more than one EXPECT-{key}")
    return found[0] if found else None


def status_text(returncode: int) -> str:
    return signal.Signals(-returncode).name if returncode < 0 else f"exit status {returncode}"


def main() -> int:
    source = Path(sys.argv[1]).read_text(encoding="utf-8")
    wanted = expectation(source, "SIGNAL") or "exit status 0"
    message = expectation(source, "STDERR") or ""
    run = subprocess.run(
        [sys.argv[2]], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=50
    )
    got, stderr = status_text(run.returncode), run.stderr.removesuffix("\n")
    faults = []
    if got != wanted:
        faults.append(f"ended with {got}, expected {wanted}")
    if not re.fullmatch(message, stderr):
        faults.append(f"stderr does not match {message!r}")
    for fault in faults:
        print(fault)
    print(f"stderr:\n{stderr}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
