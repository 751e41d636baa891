# SPDX-License-Identifier: Apache-2.0
"""pytest runs some hundred tests with fixtures and parameters, a few of which fail."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.fixture
def rows():
    return [{{"number": i, "text": "x" * i}} for i in range(50)]

@pytest.mark.parametrize("number", range(40))
def test_rows(rows, number):
    assert rows[number]["number"] == number

def test_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NUMBER", "{n}")
    (tmp_path / "x").write_text("y")
    print("hello")
    assert "hello" in capsys.readouterr().out

@pytest.mark.skipif({n} != 3, reason="fails in one file only")
def test_fails(rows):
    assert rows[0] == {{"number": 1}}
"""

with tempfile.TemporaryDirectory() as name:
    for n in range(10):
        (Path(name) / f"test_{n}.py").write_text(TESTS.format(n=n))
    os.chdir(name)
    status = pytest.main(["-q", "-p", "no:cacheprovider", name])
    os.chdir("/")
sys.exit(status != pytest.ExitCode.TESTS_FAILED)
