# SPDX-License-Identifier: Apache-2.0
"""Entry point of `hoop`: picks the verb, turns HoopError into one line and an exit status."""

from __future__ import annotations

import sys

import hoopsnake
from hoopsnake._errors import HoopError

USAGE = """\
usage: hoop run [options] (script.py | -m module | -c code | command) [arguments]
       hoop report [options] [run directory]
       hoop --version

Runs a Python program on Hoopsnake's heap, which is fast and gives memory back, and reports
where the memory went. `hoop run --help` and `hoop report --help` say more.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run `hoop` with these arguments (default: the process's own); return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    verb = words[0] if words else ""
    try:
        return _dispatch(verb, words[1:])
    except HoopError as error:
        name = f"hoop {verb}" if verb in ("run", "report") else "hoop"
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
    if verb in ("-V", "--version"):
        print(f"hoop {hoopsnake.__version__}")
        return 0
    if verb in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0
    if not verb:
        print(USAGE, end="", file=sys.stderr)
        return 2
    raise HoopError(f"there is no {verb!r}; the verbs are `run` and `report`, see `hoop --help`")


def _reader_went_away() -> int:
    """`hoop report | head`: end quietly, and keep the interpreter from complaining at its exit."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141
