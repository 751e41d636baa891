# SPDX-License-Identifier: Apache-2.0
"""Facts that documents repeat from the code: tests and files that they name, and byte tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

CODE = re.compile(r"`([^`\n]+)`")
CPP_TEST = re.compile(r"[A-Z]\w+\.[A-Z]\w+")
FILE = re.compile(r"(?:src|tests|tools|cmake|python|bench|fuzz)/[\w./-]+")
PYTHON_TEST = re.compile(r"test_[a-z0-9_]+")
ROW = re.compile(r"^\| (\d+) \| (\d+) \| `(\w+)` \|", re.MULTILINE)
FIELD = re.compile(r"^  (char|std::uint\d+_t) (\w+)(?:\[([\d -]+)\])?;", re.MULTILINE)


def words(document: Path) -> set[str]:
    return set(CODE.findall(document.read_text(encoding="utf-8")))


def text_below(folder: str, pattern: str) -> str:
    return "\n".join(path.read_text() for path in sorted((ROOT / folder).rglob(pattern)))


def each_document() -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS]
    )


@each_document()
def test_named_files_exist(document: Path) -> None:
    named = {word for word in words(document) if FILE.fullmatch(word)}
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@each_document()
def test_named_cpp_tests_exist(document: Path) -> None:
    source = text_below("tests/cpp", "*_test.cpp")
    known = {".".join(names) for names in re.findall(r"^TEST\w*\((\w+), (\w+)\)", source, re.M)}
    suites = {name.partition(".")[0] for name in known}
    named = {word for word in words(document) if CPP_TEST.fullmatch(word)}
    assert sorted(name for name in named if name.partition(".")[0] in suites) == sorted(
        name for name in named & known
    )


@pytest.mark.parametrize("name", ["pitfalls.md", "adr"])
def test_named_python_tests_exist(name: str) -> None:
    place = ROOT / "docs" / name
    documents = sorted(place.glob("*.md")) if place.is_dir() else [place]
    known = set(re.findall(r"^def (test_\w+)", text_below("tests/python", "*.py"), re.M))
    named = {word for path in documents for word in words(path) if PYTHON_TEST.fullmatch(word)}
    # CPython's own, which tools/cpython_tests runs, have short names.
    ours = {word for word in named if word.count("_") > 3}
    assert sorted(ours - known) == []


def fields(struct: str) -> list[tuple[int, int, str]]:
    """Offset, size and name of each field, as a compiler lays them out: all are aligned here."""
    source = (ROOT / "src/cpython/live_file.h").read_text()
    body = source.partition(f"struct {struct} {{")[2].partition("};")[0]
    found, offset = [], 0
    for kind, name, count in FIELD.findall(body):
        whole, _, less = (count or "1").partition(" - ")
        length = int(whole) - int(less or 0)
        size = length * (1 if kind == "char" else int(re.sub(r"\D", "", kind)) // 8)
        found.append((offset, size, name))
        offset += size
    return found


def test_byte_tables_match_the_code() -> None:
    text = (ROOT / "docs/format/run-directory.md").read_text()
    header, _, sample = text.partition("A sample, 64 bytes:")
    for part, struct in ((header, "LiveHeader"), (sample, "LiveSample")):
        rows = [(int(offset), int(size), name) for offset, size, name in ROW.findall(part)]
        assert rows == fields(struct)


def test_the_architecture_can_be_read_in_one_sitting() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text().split()) <= 2000


def test_every_decision_is_listed() -> None:
    index = (ROOT / "docs/index.md").read_text()
    decisions = sorted((ROOT / "docs/adr").glob("*.md"))
    assert [path.name for path in decisions if f"adr/{path.name}" not in index] == []
    assert [path.name[:4] for path in decisions] == [
        f"{i:04}" for i in range(1, len(decisions) + 1)
    ]
