# SPDX-License-Identifier: Apache-2.0
"""Entry point of `hoop`: picks the verb, turns HoopError into one line and an exit status."""

from __future__ import annotations

import sys

import hoopsnake
from hoopsnake._errors import HoopError

USAGE = """\
usage: hoop run [options] (script.py | -m module | -c code | command) [arguments]
       hoop report [options] [run directory]
       hoop snap [options] PID
       hoop explain [FILE ...]
       hoop watch [options] PID
       hoop advise [options] (FILE | script.py) [arguments]
       hoop (top | tree | why | refs | cycles | diff | audit | sql | export) FILE ...
       hoop learn [options] (script.py | -c code | LESSON) [arguments]
       hoop quiz [options] [NAME ...]
       hoop --version

Runs a Python program on Hoopsnake's heap, which is fast and gives memory back, and reports
where the memory went. `hoop snap` writes all objects of a running Python process into a file,
while it goes on. `hoop explain` says from such snapshots why memory does not go away and what to
change, `hoop watch` does so with a running process. `hoop advise` says what would make a program
smaller. The others question a snapshot: what takes the memory (top, tree), who holds it (why,
refs, cycles, audit), what appeared (diff). `hoop learn` shows, line by line, what becomes of a
program's objects, `hoop quiz` asks questions on it. `hoop VERB --help` says more.
"""


# Their modules and functions.
_QUESTIONS = {
    "snap": ("snap", "main"),
    "top": ("top", "top"),
    "tree": ("top", "tree"),
    "why": ("why", "why"),
    "refs": ("why", "refs"),
    "cycles": ("why", "cycles"),
    "diff": ("diff", "main"),
    "explain": ("explain", "main"),
    "watch": ("watch", "main"),
    "advise": ("advise", "main"),
    "audit": ("audit", "main"),
    "sql": ("sql", "sql"),
    "export": ("sql", "export"),
    "learn": ("learn", "main"),
    "quiz": ("quiz", "main"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run `hoop` with these arguments (default: the process's own); return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    verb = words[0] if words else ""
    try:
        return _dispatch(verb, words[1:])
    except HoopError as error:
        name = f"hoop {verb}" if verb in ("run", "report", *_QUESTIONS) else "hoop"
        print(f"{name}: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        return _reader_went_away()
    except KeyboardInterrupt:
        return 130


def _dispatch(verb: str, words: list[str]) -> int:
    if verb == "run":
        from hoopsnake.cli import run

        return run.main(words)
    if verb == "report":
        from hoopsnake.cli import report

        return report.main(words)
    if verb in _QUESTIONS:
        from importlib import import_module

        module, function = _QUESTIONS[verb]
        status: int = getattr(import_module(f"hoopsnake.cli.{module}"), function)(words)
        return status
    if verb in ("-V", "--version"):
        print(f"hoop {hoopsnake.__version__}")
        return 0
    if verb in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0
    if not verb:
        print(USAGE, end="", file=sys.stderr)
        return 2
    raise HoopError(f"there is no {verb!r}; `hoop --help` lists the verbs")


def _reader_went_away() -> int:
    """`hoop report | head`: end quietly, and keep the interpreter from complaining at its exit."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141
