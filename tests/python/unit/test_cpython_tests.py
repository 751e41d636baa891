# SPDX-License-Identifier: Apache-2.0
"""tools/cpython_tests, with scripts that play the interpreter and `hoop`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

# A Python whose test suite finds what the file named after the side says: lines of a test's name
# and its verdict, and that of a re-run where it is another. A file name alone may crash.
INTERPRETER = """\
#!{python}
import os, pathlib, sys
here = pathlib.Path(__file__).parent
side = "hoop" if "FAKE_HOOP" in os.environ else "stock"
if sys.argv[1] == "-I":
    print(__file__, "3.11.99", 1, 1, sep="\\t")
elif "--list-tests" in sys.argv:
    print("test_a", "test.test_b.test_more", sep="\\n")
else:
    with open(here / "calls", "a") as calls:
        print(side, *(word for word in sys.argv if word.startswith("test_")), file=calls)
    report = next(word for word in sys.argv if word.startswith("--junit-xml=")).partition("=")[2]
    cases, bad = [], set()
    for line in (here / (side + ".txt")).read_text().splitlines():
        name, *verdicts = line.split()
        verdict = verdicts[-1 if "again" in report else 0]
        if verdict in ("failed", "crashed", "nameless"):
            bad.add(name.partition(".T.")[0])
        inner = {{"failed": "<failure/>", "skipped": "<skipped/>"}}.get(verdict, "")
        if verdict == "nameless":
            cases.append("<testcase/>")
        elif verdict != "crashed":
            cases.append(f'<testcase name="{{name}}">{{inner}}</testcase>')
    pathlib.Path(report).write_text(f"<testsuites>{{''.join(cases)}}</testsuites>")
    if bad:
        print(len(bad), "tests failed:\\n    " + " ".join(sorted(bad)) + "\\n")
"""

HOOP = """\
#!{python}
import json, os, pathlib, sys
words = sys.argv[3:]
if words[0].startswith("--json="):
    inactive = pathlib.Path(__file__).with_name("inactive").exists()
    root = {{"active": not inactive, "reason": "no luck" if inactive else None}}
    pathlib.Path(words[0][7:]).write_text(json.dumps({{"root": root}}))
else:
    os.environ["FAKE_HOOP"] = "1"
    os.execv(words[0], words)
"""


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    for name, text in (("python3", INTERPRETER), ("hoop", HOOP)):
        script = tmp_path / name
        script.write_text(text.format(python=sys.executable))
        script.chmod(0o755)
    (tmp_path / "tools").mkdir()
    for tool in ("cpython_tests", "find_pythons"):  # copies: their build/ is then ours
        shutil.copy(ROOT / "tools" / tool, tmp_path / "tools")
    return tmp_path


def compare(stage: Path, stock: str, hoop: str, *words: str) -> subprocess.CompletedProcess[str]:
    (stage / "stock.txt").write_text(stock)
    (stage / "hoop.txt").write_text(hoop)
    command = [sys.executable, stage / "tools/cpython_tests", "--hoop", stage / "hoop", *words]
    environ = os.environ | {"HOOP_PYTHONS": "", "PYENV_ROOT": str(stage), "PATH": str(stage)}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def calls(stage: Path) -> list[str]:
    return (stage / "calls").read_text().splitlines()


def row(run: subprocess.CompletedProcess[str]) -> list[str]:
    return run.stdout.splitlines()[-1].split()


def test_is_content_where_both_find_the_same(stage: Path) -> None:
    found = (
        "test.test_a.T.test_x passed\ntest.test_a.T.test_y failed\ntest.test_b.T.test_z skipped\n"
    )
    run = compare(stage, found, found)
    assert run.returncode == 0, run.stderr
    assert row(run) == ["3.11.99", "3", "1", "1", "0", "0", "0"]
    assert calls(stage) == ["stock", "hoop"]


def test_names_what_fails_only_under_us(stage: Path) -> None:
    run = compare(stage, "test.test_a.T.test_x passed\n", "test.test_a.T.test_x failed\n")
    assert run.returncode == 1
    assert "fails only under us: test.test_a.T.test_x" in run.stdout
    assert row(run)[-1] == "1"
    assert calls(stage) == ["stock", "hoop", "stock test_a", "hoop test_a"]


def test_forgives_what_passes_when_run_again(stage: Path) -> None:
    run = compare(stage, "test.test_a.T.test_x passed\n", "test.test_a.T.test_x failed passed\n")
    assert run.returncode == 0
    assert "failed once, passed when run by itself: test.test_a.T.test_x" in run.stdout
    assert row(run)[-2:] == ["1", "0"]


def test_forgives_what_fails_without_us_too_when_run_again(stage: Path) -> None:
    run = compare(stage, "test.test_a.T.test_x passed failed\n", "test.test_a.T.test_x failed\n")
    assert run.returncode == 0


def test_sees_a_file_that_crashes(stage: Path) -> None:
    run = compare(stage, "test.test_b.T.test_x passed\n", "test.test_b.T.test_x crashed\n")
    assert run.returncode == 1
    assert "fails as a whole (crash or time-out) only under us: test_b" in run.stdout
    assert "did not run, though they pass without us: 1 of test_b" in run.stdout


def test_tells_the_modules_of_a_package_apart(stage: Path) -> None:
    fine = "test.test_b.test_fine.T.test_x passed\n"
    run = compare(
        stage,
        fine + "test.test_b.test_more.T.test_y passed\n",
        fine + "test.test_b.test_more.T.test_y crashed\n",
    )
    assert run.returncode == 1
    assert "fails as a whole (crash or time-out) only under us: test_b.test_more" in run.stdout
    assert "fails only under us" not in run.stdout
    assert calls(stage)[2:] == ["stock test_b", "hoop test_b"]


def test_finds_the_name_of_a_test_of_which_a_subtest_fails(stage: Path) -> None:
    others = "test.test_b.T.test_x passed\n"
    run = compare(
        stage,
        others + "test.test_b.T.test_y passed\n",
        others + "test.test_b.T.test_y nameless\n",
    )
    assert run.returncode == 1
    assert "fails only under us: test.test_b.T.test_y" in run.stdout
    assert "did not run" not in run.stdout


def test_allows_what_asks_for_pymalloc(stage: Path) -> None:
    name = "test.test_sys.SysModuleTest.test_debugmallocstats"
    run = compare(stage, f"{name} passed\n", f"{name} failed\n")
    assert run.returncode == 0
    assert f"can not pass under us: {name}" in run.stdout
    assert calls(stage) == ["stock", "hoop"]


def test_takes_the_worst_of_several_verdicts(stage: Path) -> None:
    twice = "test.test_a.T.test_x passed\n" * 2
    run = compare(stage, twice, "test.test_a.T.test_x failed\ntest.test_a.T.test_x passed\n")
    assert run.returncode == 1


def test_keeps_the_baseline(stage: Path) -> None:
    found = "test.test_a.T.test_x passed\n"
    compare(stage, found, found)
    assert "from an earlier run" in compare(stage, found, found).stdout
    assert calls(stage) == ["stock", "hoop", "hoop"]
    compare(stage, found, found, "--fresh")
    assert calls(stage)[3:] == ["stock", "hoop"]


def test_us_first_needs_no_baseline_where_nothing_fails(stage: Path) -> None:
    found = "test.test_a.T.test_x passed\ntest.test_b.T.test_z skipped\n"
    run = compare(stage, found, found, "--us-first")
    assert run.returncode == 0, run.stderr
    assert row(run) == ["3.11.99", "2", "0", "0", "0", "0", "0"]
    assert calls(stage) == ["hoop"]


def test_us_first_compares_the_files_in_which_something_fails(stage: Path) -> None:
    fine = "test.test_b.T.test_x passed\n"
    run = compare(
        stage,
        fine + "test.test_a.T.test_x passed\ntest.test_a.T.test_y failed\n",
        fine + "test.test_a.T.test_x failed\ntest.test_a.T.test_y failed\n",
        "--us-first",
    )
    assert run.returncode == 1
    assert "fails only under us: test.test_a.T.test_x" in run.stdout
    assert row(run)[-1] == "1"
    assert calls(stage) == ["hoop", "stock test_a", "stock test_a", "hoop test_a"]


def test_us_first_sees_a_crash_and_a_subtest(stage: Path) -> None:
    fine = "test.test_a.T.test_x passed\n"
    run = compare(
        stage,
        fine + "test.test_a.T.test_y passed\ntest.test_b.T.test_x passed\n",
        fine + "test.test_a.T.test_y nameless\ntest.test_b.T.test_x crashed\n",
        "--us-first",
    )
    assert run.returncode == 1
    assert "fails only under us: test.test_a.T.test_y" in run.stdout
    assert "fails as a whole (crash or time-out) only under us: test_b" in run.stdout
    assert calls(stage)[:2] == ["hoop", "stock test_a test_b"]


def test_runs_only_files_that_the_version_has(stage: Path) -> None:
    found = "test.test_b.T.test_x passed\n"
    compare(stage, found, found, "test_b", "test_unheard_of")
    assert calls(stage) == ["stock test_b", "hoop test_b"]


def test_compares_nothing_where_we_stay_out(stage: Path) -> None:
    (stage / "inactive").touch()
    run = compare(stage, "", "")
    assert run.returncode == 2
    assert "Hoopsnake stays out of it: no luck" in run.stdout
    assert not (stage / "calls").exists()
