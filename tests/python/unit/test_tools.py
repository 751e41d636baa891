# SPDX-License-Identifier: Apache-2.0
"""The small programs in tools/ and tests/ that the build leans on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def run_tool(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / name), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.fixture
def nothing_around(tmp_path: Path) -> dict[str, str]:
    return {"PATH": str(tmp_path), "PYENV_ROOT": str(tmp_path), "HOOP_PYTHONS": ""}


def test_find_pythons_takes_the_named_ones(nothing_around: dict[str, str]) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    run = run_tool("tools/find_pythons", **nothing_around | {"HOOP_PYTHONS": sys.executable})
    path, found = run.stdout.strip().split("\t")
    assert found == version
    assert os.path.realpath(path) == os.path.realpath(sys.executable)
    assert "not found" in run.stderr
    assert f"3.{sys.version_info[1]}," not in run.stderr


def test_find_pythons_says_which_are_missing(nothing_around: dict[str, str]) -> None:
    run = run_tool("tools/find_pythons", **nothing_around)
    assert run.stdout == ""
    assert "not found: 3.10, 3.11, 3.12, 3.13, 3.14 " in run.stderr


def test_find_pythons_says_what_was_named_in_vain(nothing_around: dict[str, str]) -> None:
    run = run_tool("tools/find_pythons", **nothing_around | {"HOOP_PYTHONS": "/bin/true"})
    assert "/bin/true: not a usable CPython" in run.stderr


def test_count_tests_sums_reports(tmp_path: Path) -> None:
    ctest, pytest_report = tmp_path / "ctest.xml", tmp_path / "pytest.xml"
    ctest.write_text(
        '<testsuite><testcase name="a" status="run"/>'
        '<testcase name="b" status="fail"><failure message="x"/></testcase></testsuite>'
    )
    pytest_report.write_text(
        '<testsuites><testsuite><testcase name="c"><skipped message="x"/></testcase>'
        '<testcase name="d"><error message="x"/></testcase><testcase name="e"/>'
        "</testsuite></testsuites>"
    )
    run = run_tool("tools/count_tests", str(ctest), str(pytest_report), str(tmp_path / "none"))
    assert run.stdout == "2 passed, 2 failed, 1 skipped\n"
    assert run.returncode == 1


def misuse(tmp_path: Path, expectations: str, script: str) -> subprocess.CompletedProcess[str]:
    source, program = tmp_path / "case.cpp", tmp_path / "case"
    source.write_text(expectations)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return run_tool("tests/misuse/check_misuse.py", str(source), str(program))


ABORTS = "// EXPECT-SIGNAL: SIGABRT\n// EXPECT-STDERR: hoopsnake: double free of 0x[0-9a-f]+\n"


def test_check_misuse_holds_signal_and_message(tmp_path: Path) -> None:
    run = misuse(tmp_path, ABORTS, "echo hoopsnake: double free of 0x1f >&2; kill -ABRT $$")
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    "script",
    [
        "echo hoopsnake: double free of 0x1f >&2",
        "echo hoopsnake: double free of 0x1f >&2; kill -SEGV $$",
        "echo hoopsnake: double free of 0x1f by nobody >&2; kill -ABRT $$",
        "echo hoopsnake: double free of 0x1f >&2; echo more >&2; kill -ABRT $$",
        "kill -ABRT $$",
    ],
)
def test_check_misuse_sees_every_difference(tmp_path: Path, script: str) -> None:
    assert misuse(tmp_path, ABORTS, script).returncode == 1


def test_check_misuse_expects_silence_by_default(tmp_path: Path) -> None:
    assert misuse(tmp_path, "", "true").returncode == 0
    assert misuse(tmp_path, "", "echo x >&2").returncode == 1
