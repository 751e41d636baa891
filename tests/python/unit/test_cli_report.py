# SPDX-License-Identifier: Apache-2.0
"""`hoop report`, and what a program's end calls."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import run_files

from hoopsnake.cli import report, rundirs
from hoopsnake.cli.main import main

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `hoop report` looks for runs."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    path = tmp_path / f"hoopsnake-{os.geteuid()}"
    path.mkdir(mode=0o700)
    monkeypatch.setattr(rundirs, "existing_bases", lambda environ: [str(path)])
    return path


def about(path: Path, **changes: Any) -> None:
    file = path / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_the_newest_run_is_shown(base: Path, capsys: Captured) -> None:
    run_files.big(base)
    newer = run_files.small(base / "elsewhere")
    newer.rename(base / "run-20260922-000000-4242")
    assert main(["report"]) == 0
    assert "hello.py" in capsys.readouterr().out


def test_a_run_is_found_by_path_and_by_name(base: Path, capsys: Captured) -> None:
    path = run_files.big(base)
    assert main(["report", str(path)]) == 0
    by_path = capsys.readouterr().out
    assert main(["report", path.name]) == 0
    assert capsys.readouterr().out == by_path
    assert by_path.startswith("\u2500\u2500 Hoopsnake")


def test_json_goes_to_stdout(base: Path, capsys: Captured) -> None:
    run_files.big(base)
    assert main(["report", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["root"]["pid"] == 4242


def test_all_that_was_not_closed_on_demand(base: Path, capsys: Captured) -> None:
    run_files.forgetful(base)
    assert main(["report", "--not-closed"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "Not closed in time"
    assert len(shown) == 2 + len(run_files.FORGOTTEN)  # that one or two were left is told as well
    assert any("lock.py:9, lock" in line and "open at the end" in line for line in shown)


def test_where_all_was_closed_a_line_says_so(base: Path, capsys: Captured) -> None:
    run_files.small(base)
    assert main(["report", "--not-closed"]) == 0
    assert capsys.readouterr().out == "All that was opened was closed.\n"


def test_of_a_killed_program_nobody_knows(base: Path, capsys: Captured) -> None:
    run_files.killed(base)
    assert main(["report", "--not-closed"]) == 2
    assert "no process of this run told its end" in capsys.readouterr().err


def test_one_process_on_demand(base: Path, capsys: Captured) -> None:
    run_files.pool(base)
    assert main(["report", "--pid", "4251"]) == 0
    assert "process 4251" in capsys.readouterr().out.splitlines()[0]
    assert main(["report", "--pid", "1"]) == 2
    assert capsys.readouterr().err == (
        "hoop report: no process 1 in this run; `hoop report --processes` lists them\n"
    )


def test_the_list_has_a_line_for_each_run(base: Path, capsys: Captured) -> None:
    run_files.big(base)
    other = run_files.killed(base / "elsewhere")
    other.rename(base / "run-20260922-000000-4242")
    assert main(["report", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].split() == ["run", "started", "ran", "peak", "state", "program"]
    assert "run-20260922-000000-4242" in lines[1]
    assert "killed" in lines[1]
    assert lines[2].endswith("server.py --port 8000")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "hoop report: there is no run to report on; `hoop run app.py` makes one"),
        (["--list"], "hoop report: there is no run to list; `hoop run app.py` makes one"),
        (
            ["nowhere"],
            "hoop report: 'nowhere' is no run that left any figures; "
            "`hoop report --list` shows all",
        ),
    ],
)
def test_without_a_run_it_is_one_line(
    base: Path, capsys: Captured, words: list[str], line: str
) -> None:
    assert main(["report", *words]) == 2
    assert capsys.readouterr() == ("", line + "\n")


def test_the_end_of_a_run_reports_to_stderr(tmp_path: Path, capsys: Captured) -> None:
    path = run_files.big(tmp_path)
    assert main(["report", "--finish", str(path)]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("\n\u2500\u2500 Hoopsnake \u2500\u2500 server.py --port 8000")
    assert "Peak 412 MiB after 3.12 s" in captured.err


def test_a_quiet_run_says_nothing(tmp_path: Path, capsys: Captured) -> None:
    path = run_files.big(tmp_path)
    about(path, quiet=True, json=str(tmp_path / "out.json"))
    report.finish(str(path))
    assert capsys.readouterr() == ("", "")
    assert json.loads((tmp_path / "out.json").read_text())["format"] == 1


def test_a_report_file_gets_the_report_instead_of_stderr(tmp_path: Path, capsys: Captured) -> None:
    path = run_files.big(tmp_path)
    about(path, report=str(tmp_path / "report.txt"))
    report.finish(str(path))
    assert capsys.readouterr() == ("", "")
    text = (tmp_path / "report.txt").read_text(encoding="utf-8")
    assert text.startswith("\u2500\u2500 Hoopsnake")
    assert "\x1b" not in text


def test_where_we_stayed_out_the_agents_line_is_enough(tmp_path: Path, capsys: Captured) -> None:
    path = run_files.passive(tmp_path)
    report.finish(str(path))
    assert capsys.readouterr() == ("", "")


def test_where_no_python_ran_a_line_says_so_once(tmp_path: Path, capsys: Captured) -> None:
    path = run_files.write_run(tmp_path / "run", run_files.run_json(["true"], 4242), {})
    report.finish(str(path))
    assert capsys.readouterr().err == (
        "hoop: there is no report, since no Python that Hoopsnake knows was run\n"
    )
    about(path, warned=True)
    report.finish(str(path))
    assert capsys.readouterr() == ("", "")


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: Captured) -> None:
    path = run_files.big(tmp_path)
    about(path, report=str(tmp_path / "gone" / "report.txt"))
    report.finish(str(path))
    assert capsys.readouterr().err == (
        f"hoop: cannot write {tmp_path}/gone/report.txt (No such file or directory)\n"
    )


def test_an_end_without_figures_is_one_line(tmp_path: Path, capsys: Captured) -> None:
    report.finish(str(tmp_path / "gone"))
    assert capsys.readouterr().err == (
        f"hoop: there is no report, since {tmp_path}/gone holds no figures\n"
    )


def test_our_own_mistakes_are_one_line_too(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise TypeError("a mistake")

    monkeypatch.setattr(report, "_finish", broken)
    report.finish(str(run_files.big(tmp_path)))
    assert capsys.readouterr().err == "hoop: the report failed (TypeError: a mistake)\n"


def test_an_end_without_stderr_is_no_end_of_the_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    report.finish(str(run_files.big(tmp_path)))
    report.finish(str(tmp_path / "gone"))


@pytest.mark.parametrize(
    ("words", "code", "start"),
    [
        (["--version"], 0, "hoop 0."),
        (["--help"], 0, "usage: hoop run"),
        (["report", "--help"], 0, "usage: hoop report"),
    ],
)
def test_what_hoop_says_of_itself(
    capsys: Captured, words: list[str], code: int, start: str
) -> None:
    if words[0] == "report":  # argparse ends the process
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == code
    else:
        assert main(words) == code
    assert capsys.readouterr().out.startswith(start)


def test_an_unknown_verb_names_the_known(capsys: Captured) -> None:
    assert main(["rnu"]) == 2
    assert capsys.readouterr().err == ("hoop: there is no 'rnu'; `hoop --help` lists the verbs\n")
    assert main([]) == 2
