# SPDX-License-Identifier: Apache-2.0
"""The options that all benches have, and what they write at the end."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from bench.common.contestants import Contestant
from bench.common.process import default_core
from bench.common.rounds import say

T = TypeVar("T")


def parser_of(description: str, rounds: int) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    add = parser.add_argument
    add(
        "--smoke", action="store_true", help="one tiny round: proves that it runs, measures nothing"
    )
    add("--rounds", type=int, default=rounds, help="take the median of so many (%(default)s)")
    add("--core", type=int, default=default_core(), help="core to run on (%(default)s)")
    add(
        "--contestants",
        metavar="A,B",
        help="only these, and the one that they are measured against",
    )
    add("--hoop", metavar="DIR", help="where libhoop_preload.so and the agents are")
    add("--json", metavar="FILE", help="write every sample")
    add(
        "--markdown",
        metavar="FILE",
        help="write the tables there (see write_section), not to stdout",
    )
    return parser


def only_named(items: Sequence[T], names: str | None, key: str = "name") -> list[T]:
    if names is None:
        return list(items)
    wanted = names.split(",")
    known = {getattr(item, key) for item in items}
    for name in wanted:
        if name not in known:
            say(f"no such {type(items[0]).__name__.lower()} here: {name}")
    return [item for item in items if getattr(item, key) in wanted]


def only_contestants(contestants: list[Contestant], names: str | None) -> list[Contestant]:
    """The base of the ratios always takes part."""
    return only_named(contestants, None if names is None else f"{contestants[0].name},{names}")


def machine() -> dict[str, object]:
    """What the figures depend on."""
    return {
        "cpu": _first_value("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "libc": " ".join(platform.libc_ver()),
        "transparent_huge_pages": _read("/sys/kernel/mm/transparent_hugepage/enabled"),
        "load_average": os.getloadavg(),
        "date": time.strftime("%Y-%m-%d"),
    }


def write_results(options: argparse.Namespace, kind: str, results: object, tables: str) -> None:
    if options.json:
        document = {
            "format": 1,
            "kind": kind,
            "smoke": options.smoke,
            "machine": machine(),
            "results": results,
        }
        Path(options.json).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if options.markdown:
        write_section(Path(options.markdown), kind, tables)
    else:
        print(tables)


def write_section(path: Path, kind: str, tables: str) -> None:
    """Into the document's section between `<!-- begin: KIND -->` and `<!-- end: KIND -->`.

    A document that has none is replaced as a whole.
    """
    begin, end = f"<!-- begin: {kind} -->", f"<!-- end: {kind} -->"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if found and closed:
        path.write_text(f"{before}{begin}\n\n{tables}\n\n{end}{after}", encoding="utf-8")
    else:
        path.write_text(f"{tables}\n", encoding="utf-8")


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return "unknown"


def _first_value(path: str, name: str) -> str:
    for line in _read(path).splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "unknown"
