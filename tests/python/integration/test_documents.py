# SPDX-License-Identifier: Apache-2.0
"""What the documents say holds: Python examples run, links and named files exist, make targets too.

A Python example that cannot run by itself is preceded by `<!-- not run: why -->`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NOT_RUN = re.compile(r"<!-- not run: [^\n]+ -->\s*$")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
TOOL = re.compile(r"(?:^|[\s`(])(tools/\w+)\b", re.MULTILINE)
TARGET = re.compile(r"(?:^|`|\$ )make ([a-z]+)\b", re.MULTILINE)


def examples() -> list[tuple[str, str]]:
    found = []
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            if match.group(1) == "python" and not NOT_RUN.search(text[: match.start()]):
                line = text.count("\n", 0, match.start()) + 2
                found.append((f"{document.relative_to(ROOT)}:{line}", match.group(2)))
    return found


def each_document() -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS]
    )


@pytest.mark.parametrize(("place", "code"), examples(), ids=[place for place, _ in examples()])
def test_example_runs(place: str, code: str, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(code, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, f"{place}\n{run.stderr}"


@each_document()
def test_links_lead_somewhere(document: Path) -> None:
    links = LINK.findall(document.read_text(encoding="utf-8"))
    here = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in here if not (document.parent / link).exists()] == []


@each_document()
def test_named_tools_and_targets_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert [tool for tool in TOOL.findall(text) if not (ROOT / tool).exists()] == []
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert set(TARGET.findall(text)) <= targets
