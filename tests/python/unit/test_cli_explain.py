# SPDX-License-Identifier: Apache-2.0
"""`hoop explain`, `hoop audit`, and what `hoop watch` does before there is a snapshot."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import pytest
from snapshot_files import App, service

from hoopsnake.cli import watch
from hoopsnake.cli.main import main
from hoopsnake.explain import Explanation, Growth, Holder, Suspect

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Snapshots of a service whose cache grows."""
    made = tmp_path / "snapshots"
    made.mkdir()
    for number in range(3):
        service(10 * number, 60 * number).file.write(made / f"4711-{number}.hoop")
    return made


def answer(capsys: Captured, *words: str | Path) -> str:
    assert main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def error(capsys: Captured, *words: str | Path) -> str:
    """The one line that is said when there is no answer."""
    assert main([str(word) for word in words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    return shown.err.rstrip()


# --- hoop explain ---------------------------------------------------------------------------------


def test_the_answer_comes_first(folder: Path, capsys: Captured) -> None:
    lines = answer(capsys, "explain", folder).splitlines()
    assert lines[0] == "1 suspect, the first: module-level dict `app.CACHE`."
    assert lines[1].startswith("Process 4711, CPython 3.12.1, 3 snapshots in ")
    assert lines[3].startswith("  GROWS  23 `app.Session` (25.6 KiB) are kept by")
    assert any(line.startswith("    fix: ") for line in lines)
    assert "confidence" not in "\n".join(lines)


def test_verbose_shows_the_evidence(folder: Path, capsys: Captured) -> None:
    text = " ".join(answer(capsys, "explain", "-v", folder).split())
    assert "path: app.CACHE" in text
    assert "in each snapshot there were 3, 13, 23 of them" in text
    assert "confidence: medium; signature: " in text
    assert "more in an hour" in text


def test_nothing_suspicious(folder: Path, capsys: Captured) -> None:
    text = answer(capsys, "explain", folder / "4711-0.hoop")
    assert text.startswith("Nothing suspicious")
    assert "growth can not be seen in it" in text


def test_json_is_all_that_is_printed(folder: Path, capsys: Captured) -> None:
    whole: Any = json.loads(answer(capsys, "explain", "--json", folder))
    assert [one["verdict"] for one in whole["suspects"]] == ["grows"]
    assert [Path(one["file"]).name for one in whole["snapshots"]] == [
        "4711-0.hoop",
        "4711-1.hoop",
        "4711-2.hoop",
    ]


def test_documents_are_written(folder: Path, tmp_path: Path, capsys: Captured) -> None:
    markdown, page = tmp_path / "bug.md", tmp_path / "bug.html"
    text = answer(capsys, "explain", folder, "--markdown", markdown, "--html", page)
    assert f"written: {markdown}" in text
    assert markdown.read_text().startswith("## Memory that does not go away")
    assert page.read_text().startswith("<!doctype html>")
    assert page.stat().st_mode & 0o777 == 0o600


def test_several_processes_in_a_directory(folder: Path, capsys: Captured) -> None:
    worker = App()
    worker.file.pid = 99
    worker.file.write(folder / "99-1.hoop")
    text = " ".join(answer(capsys, "explain", folder).split())
    assert "This is about process 4711, the largest; --pid shows others (99)." in text
    assert "Process 99," in answer(capsys, "explain", "--pid", "99", folder)
    assert error(capsys, "explain", "--pid", "5", folder).startswith(
        "hoop explain: no snapshot is of process 5; there are some of 4711, 99"
    )


def test_errors_of_explain_are_one_line(folder: Path, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "program.py").write_text("print(1)\n" * 20)
    (tmp_path / "half.hoop").write_bytes(App().file.build()[:700])
    for name, message in (
        ("missing.hoop", "No such file or directory"),
        ("empty", "no snapshot (*.hoop) is in "),
        ("program.py", "no snapshot of Hoopsnake's"),
        ("half.hoop", "is half a snapshot"),
    ):
        line = error(capsys, "explain", tmp_path / name)
        assert line.startswith("hoop explain: ")
        assert message in line
        assert name in line
    line = error(capsys, "explain", folder, "--html", "/none/x.html")
    assert line.startswith("hoop explain: cannot write /none/x.html")


# --- hoop audit -----------------------------------------------------------------------------------


def test_audit_of_one_snapshot(folder: Path, capsys: Captured) -> None:
    text = answer(capsys, "audit", folder / "4711-0.hoop")
    assert text.startswith(
        "2 references to 1 list object are held by C code, or were never released."
    )
    (row,) = json.loads(answer(capsys, "audit", "--json", folder / "4711-0.hoop"))
    assert (row["type"], row["references"], row["more_references"]) == ("list", 2, 0)


def test_audit_of_two_snapshots(tmp_path: Path, capsys: Captured) -> None:
    app = service()
    before = app.file.write(tmp_path / "before.hoop")
    same = answer(capsys, "audit", before, before)
    assert same.startswith("No count rose for which no reference was found.")
    app.file.objects[app.held].held_by_c = 1
    fewer = answer(capsys, "audit", before, app.file.write(tmp_path / "fewer.hoop"))
    assert fewer.startswith("No count rose for which no reference was found.")
    app.file.objects[app.held].held_by_c = 3
    later = answer(capsys, "audit", before, app.file.write(tmp_path / "later.hoop"))
    assert later.startswith(
        "1 more reference to 1 list object is held by C code, or was never released."
    )
    assert "+1" in later


def test_errors_of_audit_are_one_line(folder: Path, tmp_path: Path, capsys: Captured) -> None:
    assert "missing: cannot be opened" in error(capsys, "audit", tmp_path / "missing")
    other = App()
    other.file.pid = 99
    path = other.file.write(tmp_path / "other.hoop")
    assert error(capsys, "audit", folder / "4711-0.hoop", path) == (
        "hoop audit: these are snapshots of two processes (4711, 99); give those of one"
    )


# --- hoop watch -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10), ("5m", 300), ("1h", 3600), ("2", 2), ("0.5s", 0.5)]
)
def test_times_of_watch(text: str, seconds: float) -> None:
    assert watch.seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "0s", "-1s", "soon", "5d", "nan", "inf", "1e9h"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no time such as 10s, 5m or 1h"):
        watch.seconds_of(text)


def grown(*counts: int) -> Explanation:
    growth = Growth(counts, counts, tuple(float(i) for i in range(len(counts))))
    holder = Holder("`app.CACHE`", "module attribute", "app.CACHE")
    suspect = Suspect("grows", "", holder, "app.Page", counts[-1], counts[-1], "", growth=growth)
    return Explanation("3.12.1", 4711, [], [suspect])


def test_when_watch_is_sure() -> None:
    assert watch.is_sure(grown(1, 2, 3, 4), 4)
    assert not watch.is_sure(grown(1, 2, 3), 3)
    assert not watch.is_sure(grown(1, 2, 3, 3), 4)  # twice only
    assert not watch.is_sure(grown(1, 2, 3, 4, 4), 5)  # not any more
    assert not watch.is_sure(Explanation("3.12.1", 4711, [], []), 9)


def test_watch_makes_a_new_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    nobody = 2**22 + 1  # Linux has no larger numbers
    assert "no process 4194305" in error(capsys, "watch", str(nobody))
    assert os.listdir() == []
    Path(f"{nobody}-watch").mkdir()
    assert "no process 4194305" in error(capsys, "watch", str(nobody))
    assert os.listdir() == [f"{nobody}-watch"]
    file = tmp_path / "file"
    file.touch()
    assert error(capsys, "watch", str(nobody), "--snapshots", file / "x").startswith(
        f"hoop watch: cannot keep snapshots in {file / 'x'}"
    )


def test_watch_without_a_number(capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        main(["watch", "abc"])
    assert "PID" in capsys.readouterr().err
