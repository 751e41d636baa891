# SPDX-License-Identifier: Apache-2.0
"""A snapshot of a process that never heard of Hoopsnake: it is copied, and code of ours runs in the
copy.
"""

from __future__ import annotations

import os

import hoopsnake
from hoopsnake._errors import HoopError
from hoopsnake.cli import environment

_KB = 1024


def take(pid: int, file: int, *, with_values: bool) -> dict[str, object]:
    """Write a snapshot of the process into `file`; returns facts about it."""
    from hoopsnake import _core

    if not hasattr(_core, "snapshot_process"):
        raise HoopError(
            f"process {pid} is none of `hoop run`, and others are copied on x86-64 only"
        )
    blob = environment.find_library("libhoop_blob.so", os.environ)
    try:
        version = _core.find_python(pid)[0]
        with open(blob, "rb") as code:
            facts = _core.snapshot_process(pid, code.read(), file, _rows(pid, version), with_values)
    except OSError as error:
        raise HoopError(str(error)) from error
    answer: dict[str, object] = dict(facts)
    answer["pid"] = pid
    answer["pause_ns"] = facts["stop_ns"]
    return answer


def _rows(pid: int, version: int) -> bytes:
    """What the file says of the process as a whole; keys of the account begin with a blank."""
    release = f"{version >> 24}.{version >> 16 & 255}"
    if version & 0xFFFF:
        release += f".{version >> 8 & 255}"
    rows = {
        "python": release,
        "program": _program(pid),
        "hoopsnake": hoopsnake.__version__,
        "trigger": "hoop snap, from outside",
    }
    rows |= {f" {name}": str(size) for name, size in account(pid).items()}
    return b"".join(part.encode(errors="replace") + b"\0" for row in rows.items() for part in row)


def _program(pid: int) -> str:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")


def account(pid: int) -> dict[str, int]:
    """Where the resident memory of a process is, in bytes, by what its mappings are. It adds up."""
    sums = {"C library's heap": 0, "stacks": 0, "code and files": 0, "anonymous mappings": 0}
    where = "anonymous mappings"
    try:
        with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as smaps:
            for line in smaps:
                words = line.split(maxsplit=5)
                if words[0] == "Rss:":
                    sums[where] += int(words[1]) * _KB
                elif "-" in words[0] and not words[0].endswith(":"):
                    where = _kind(words[5].strip() if len(words) > 5 else "")
    except OSError:
        return {}
    return {**sums, "resident": sum(sums.values())}


def _kind(name: str) -> str:
    if name == "[heap]":
        return "C library's heap"
    if name.startswith("[stack"):
        return "stacks"
    return "code and files" if name.startswith("/") else "anonymous mappings"
