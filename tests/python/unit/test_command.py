# SPDX-License-Identifier: Apache-2.0
"""What `hoop run` takes its words for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hoopsnake._errors import HoopError
from hoopsnake.cli.command import Command, resolve


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and a folder `bin` that is all of PATH."""
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "bin").mkdir()
    monkeypatch.chdir(work)
    return work


def environ(here: Path) -> dict[str, str]:
    return {"PATH": f"{here.parent / 'bin'}"}


def put(path: Path, *, executable: bool) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755 if executable else 0o644)
    return path


def by_python(command: Command) -> list[str]:
    assert command.by_our_python
    assert command.path == command.arguments[0] == sys.executable
    return command.arguments[1:]


@pytest.mark.parametrize(
    "words",
    [
        ["-m", "test", "-v"],
        ["-mtest"],
        ["-c", "pass", "-x"],
        ["-"],
        ["app.py", "--port", "1"],
        ["dir/app.PYZ"],
        ["gone.pyw"],
    ],
)
def test_modules_code_and_python_files_are_for_our_python(here: Path, words: list[str]) -> None:
    assert by_python(resolve(words, environ(here))) == words


def test_a_folder_with_a_main_is_for_our_python(here: Path) -> None:
    put(here / "tool" / "__main__.py", executable=False)
    assert by_python(resolve(["tool", "x"], environ(here))) == ["tool", "x"]


def test_a_file_that_is_not_executable_is_for_our_python(here: Path) -> None:
    put(here / "manage", executable=False)
    assert by_python(resolve(["manage"], environ(here))) == ["manage"]


def test_a_command_is_looked_up_and_keeps_its_name(here: Path) -> None:
    path = put(here.parent / "bin" / "gunicorn", executable=True)
    command = resolve(["gunicorn", "app:wsgi"], environ(here))
    assert (command.path, command.arguments) == (str(path), ["gunicorn", "app:wsgi"])
    assert not command.by_our_python


def test_a_command_wins_over_a_package_of_its_name(here: Path) -> None:
    put(here / "mypy" / "__main__.py", executable=False)
    path = put(here.parent / "bin" / "mypy", executable=True)
    assert resolve(["mypy"], environ(here)).path == str(path)
    assert by_python(resolve(["./mypy"], environ(here))) == ["./mypy"]


def test_a_script_here_wins_over_a_command_of_its_name(here: Path) -> None:
    put(here.parent / "bin" / "tool.py", executable=True)
    assert not resolve(["tool.py"], environ(here)).by_our_python
    put(here / "tool.py", executable=True)
    assert by_python(resolve(["tool.py"], environ(here))) == ["tool.py"]


def test_a_path_is_run_as_it_is(here: Path) -> None:
    put(here / "deploy", executable=True)
    assert resolve(["./deploy", "now"], environ(here)).path == "./deploy"


def test_an_empty_entry_of_path_is_here(here: Path) -> None:
    put(here / "deploy", executable=True)
    assert resolve(["deploy"], {"PATH": ":/bin"}).path == "./deploy"


@pytest.mark.parametrize(
    ("word", "code", "message"),
    [
        ("nosuch", 127, "'nosuch': no such command on PATH and no such file here"),
        ("./nosuch", 127, "'./nosuch': no such file"),
        ("", 127, "'': no such command on PATH and no such file here"),
        ("empty", 126, "'empty' is a directory without a __main__.py; name the script in it"),
    ],
)
def test_what_cannot_be_run_is_said_in_a_line(
    here: Path, word: str, code: int, message: str
) -> None:
    (here / "empty").mkdir()
    with pytest.raises(HoopError) as caught:
        resolve([word], environ(here))
    assert (caught.value.exit_code, str(caught.value)) == (code, message)


def test_a_command_that_may_not_be_executed_is_126(here: Path) -> None:
    put(here.parent / "bin" / "tool", executable=False)
    with pytest.raises(HoopError, match="is not executable") as caught:
        resolve(["tool"], environ(here))
    assert caught.value.exit_code == 126
