#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_page.py PAGE PROGRAMS: what the tutorial shows is so.

Each block of C++ or CMake on the page is a part of the file that the page linked to last, whatever
its indentation. Each block of plain text is a part of what that program prints. Every program next
to this file is linked to, and ends well; its build is PROGRAMS/tutorial_<name>.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

STEPS = Path(__file__).resolve().parent
ABORT = {"12_destructor"}
PART = re.compile(r"^```(\w*)\n(.*?)^```$|\]\((\S+?\.(?:cpp|txt))\)", re.DOTALL | re.MULTILINE)


def is_part(block: str, text: str) -> bool:
    """Are these lines in the text, one after the other, all indented by as much?"""
    wanted = textwrap.dedent(block).splitlines()
    lines = text.splitlines()
    windows = (lines[i : i + len(wanted)] for i in range(len(lines) - len(wanted) + 1))
    return any(textwrap.dedent("\n".join(window)).splitlines() == wanted for window in windows)


def output_of(name: str, programs: Path) -> str:
    run = subprocess.run(
        [programs / f"tutorial_{name}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    if (run.returncode != 0) != (name in ABORT):
        sys.exit(f"{name} ended with {run.returncode}:\n{run.stdout}")
    return run.stdout


def faults(page: Path, outputs: dict[str, str]) -> Iterator[str]:
    text = page.read_text(encoding="utf-8")
    shown = STEPS / "none.cpp"
    for match in PART.finditer(text):
        language, block, link = match.groups()
        place = f"{page.name}:{text.count(chr(10), 0, match.start()) + 1}"
        if link is not None:
            shown = (page.parent / link).resolve()
        elif language in ("cpp", "cmake") and not is_part(block, shown.read_text(encoding="utf-8")):
            yield f"{place}: not in {shown.name}"
        elif language == "" and not is_part(block, outputs[shown.stem]):
            yield f"{place}: {shown.stem} prints something else:\n{outputs[shown.stem]}"
    for name in outputs:
        if f"/{name}.cpp)" not in text:
            yield f"{name}.cpp is not on the page"


def main() -> None:
    page, programs = Path(sys.argv[1]), Path(sys.argv[2])
    names = sorted(path.stem for path in STEPS.glob("*.cpp"))
    found = list(faults(page, {name: output_of(name, programs) for name in names}))
    sys.exit("\n".join(found) or None)


main()
