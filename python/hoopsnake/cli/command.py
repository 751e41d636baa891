# SPDX-License-Identifier: Apache-2.0
"""What `hoop run` runs: the words after its options, turned into a path and an argument list."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping, Sequence

from hoopsnake._errors import HoopError

NOT_EXECUTABLE = 126
NOT_FOUND = 127

_DEFAULT_PATH = "/bin:/usr/bin"


class Command:
    """A program ready for exec. `by_our_python`: it is the Python that `hoop` itself runs on."""

    __slots__ = ("arguments", "by_our_python", "path")

    def __init__(self, path: str, arguments: list[str], *, by_our_python: bool) -> None:
        self.path = path
        self.arguments = arguments
        self.by_our_python = by_our_python


def resolve(words: Sequence[str], environ: Mapping[str, str]) -> Command:
    """Choose what to exec for the non-empty `words`; HoopError with exit code 126 or 127 if none.

    Order: `-m`, `-c` and `-` are for our Python; a word that names a Python file is run by our
    Python; a bare word is a command if PATH has one (a checkout of mypy holds a directory `mypy`
    with a `__main__.py`, yet `hoop run mypy` means the tool); a directory with a `__main__.py`
    and a file that is not executable are run by our Python.
    """
    word = words[0]
    if word == "-" or word[:2] in ("-m", "-c"):
        return _python(words)
    if word.lower().endswith((".py", ".pyw", ".pyz")) and (
        os.path.exists(word) or not _search(word, environ)
    ):
        return _python(words)
    found = _search(word, environ)
    if "/" not in word and found:
        return Command(found, list(words), by_our_python=False)
    if os.path.isfile(os.path.join(word, "__main__.py")) or _is_plain_file(word):
        return _python(words)
    if found:
        return Command(found, list(words), by_our_python=False)
    raise _why_not(word, environ)


def _python(words: Sequence[str]) -> Command:
    if not sys.executable:
        raise HoopError("cannot tell which Python this is (sys.executable is empty)")
    return Command(sys.executable, [sys.executable, *words], by_our_python=True)


def _search(word: str, environ: Mapping[str, str]) -> str | None:
    """Return the executable file that a shell would run for `word`."""
    return next((path for path in _places(word, environ) if _is_executable(path)), None)


def _places(word: str, environ: Mapping[str, str]) -> list[str]:
    if "/" in word:
        return [word]
    if not word:
        return []
    folders = environ.get("PATH", _DEFAULT_PATH).split(":")
    return [os.path.join(folder, word) if folder else f"./{word}" for folder in folders]


def _is_executable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _is_plain_file(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(mode) and not os.access(path, os.X_OK)


def _why_not(word: str, environ: Mapping[str, str]) -> HoopError:
    if os.path.isdir(word):
        return HoopError(
            f"{word!r} is a directory without a __main__.py; name the script in it",
            exit_code=NOT_EXECUTABLE,
        )
    barred = next((path for path in _places(word, environ) if os.path.isfile(path)), None)
    if barred:
        return HoopError(f"{barred!r} is not executable; chmod +x it", exit_code=NOT_EXECUTABLE)
    where = "no such file" if "/" in word else "no such command on PATH and no such file here"
    return HoopError(f"{word!r}: {where}", exit_code=NOT_FOUND)
