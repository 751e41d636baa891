# SPDX-License-Identifier: Apache-2.0
"""The environment that puts Hoopsnake into a program and its children, and nothing else into it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping

import hoopsnake
from hoopsnake._errors import HoopError
from hoopsnake.cli import rundirs

SHIM = "libhoop_preload.so"

# These must be loaded first, or the program that was built with them refuses to start.
_SANITIZER = re.compile(r"lib(clang_rt\.)?(asan|hwasan|tsan|msan|lsan|ubsan)\b.*\.so")


def find_shim(environ: Mapping[str, str]) -> str:
    """Return the path of the library to preload."""
    return find_library(SHIM, environ)


def find_library(name: str, environ: Mapping[str, str]) -> str:
    """Return the path of a library of ours: beside the package, or in HOOP_AGENTS."""
    for folder in library_folders(environ):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    beside = os.path.dirname(os.path.abspath(hoopsnake.__file__))
    raise HoopError(
        f"{name} is missing from {beside}; reinstall with "
        f"`{sys.executable} -m pip install --force-reinstall hoopsnake`"
    )


def library_folders(environ: Mapping[str, str]) -> list[str]:
    beside = [os.path.abspath(folder) for folder in hoopsnake.__path__]
    return beside + [folder for folder in environ.get("HOOP_AGENTS", "").split(":") if folder]


def has_agent(environ: Mapping[str, str]) -> bool:
    """True when there is an agent for the Python that `hoop` itself runs on."""
    from importlib.machinery import EXTENSION_SUFFIXES

    name = "_agent" + EXTENSION_SUFFIXES[0]
    return any(os.path.isfile(os.path.join(folder, name)) for folder in library_folders(environ))


def link_if_unsafe(shim: str, run_dir: str) -> str:
    """Return a path of the shim that LD_PRELOAD can hold, a link in the run directory perhaps."""
    if rundirs.safe_in_preload(shim):
        return shim
    link = os.path.join(run_dir, "lib")
    os.symlink(os.path.dirname(shim), link)
    return os.path.join(link, SHIM)


def preload_value(shim: str, existing: str) -> str:
    """LD_PRELOAD with our shim once in it and all that was there."""
    if not existing.strip(" :"):
        return shim
    entries = [entry for entry in re.split("[ :]+", existing) if entry]
    others = [entry for entry in entries if os.path.basename(entry) != SHIM]
    kept = existing if len(others) == len(entries) else ":".join(others)
    if not others:
        return shim
    if any(_SANITIZER.match(os.path.basename(entry)) for entry in others):
        return f"{kept}:{shim}"
    return f"{shim}:{kept}"


def build(environ: Mapping[str, str], run_dir: str, shim: str, pid: int) -> dict[str, str]:
    """The program's environment: `environ` and our four variables."""
    result = dict(environ)
    result["LD_PRELOAD"] = preload_value(
        link_if_unsafe(shim, run_dir), environ.get("LD_PRELOAD", "")
    )
    result["HOOP_RUN_DIR"] = run_dir
    result["HOOP_ROOT_PID"] = str(pid)
    result["HOOP_PYTHON"] = sys.executable
    return result


def choices(collector: str | None, *, fast_gc_collect: bool) -> dict[str, str]:
    """Variables for what was asked for; what was not stays as it is inherited."""
    result = {}
    if collector is not None:
        result["HOOP_COLLECTOR"] = collector
    if fast_gc_collect:
        result["HOOP_GC_COLLECT"] = "1"
    return result


def as_we_got_it(environ: Mapping[str, str], initial: Iterable[bytes]) -> dict[str, str]:
    """`environ` without the LC_CTYPE that a Python starting in the C locale adds for its children.

    `initial` are the entries that the process was started with.
    """
    result = dict(environ)
    coerced = result.get("LC_CTYPE") in ("C.UTF-8", "C.utf8", "UTF-8")
    if coerced and not any(entry.startswith(b"LC_CTYPE=") for entry in initial):
        del result["LC_CTYPE"]
    return result


def initial_entries() -> list[bytes]:
    try:
        with open("/proc/self/environ", "rb") as block:
            return block.read().split(b"\0")
    except OSError:
        return [b"LC_CTYPE="]  # unknown: then leave everything as it is
