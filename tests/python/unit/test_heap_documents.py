# SPDX-License-Identifier: Apache-2.0
"""What docs/heap-api.md and docs/sql.md show runs, on a snapshot of known content."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from snapshot_files import App

import hoopsnake.heap as h
from hoopsnake.cli.sql import query

DOCS = Path(__file__).resolve().parents[3] / "docs"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SECTION = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)


def fences(document: str, language: str) -> list[str]:
    text = (DOCS / document).read_text(encoding="utf-8")
    return [code for kind, code in FENCE.findall(text) if kind == language]


@pytest.mark.parametrize("code", fences("heap-api.md", "python"))
def test_python_examples_run(code: str, tmp_path: Path) -> None:
    App().file.write(tmp_path / "service.hoop")
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout


@pytest.mark.parametrize("text", fences("sql.md", "sql"))
def test_sql_examples_find_something(text: str, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    names, rows = query(h.open(App().file.write(tmp_path / "service.hoop")), text)
    assert names
    assert rows


def test_the_documented_columns_are_those_of_the_tables(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    from hoopsnake.heap import tables

    snap = h.open(App().file.write(tmp_path / "service.hoop"))
    text = (DOCS / "sql.md").read_text(encoding="utf-8")
    documented = {
        name: re.findall(r"^\| `(\w+)` \| (\w+) \|", body, re.MULTILINE)
        for name, body in SECTION.findall(text)
    }
    found = {
        name: [(field.name, kind_of(field.type)) for field in table.schema]
        for name, table in tables.arrow_tables(snap).items()
    }
    assert documented == found


def kind_of(arrow_type: Any) -> str:
    return str(getattr(arrow_type, "value_type", arrow_type))
