#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether other tools find in a process what a snapshot of it says: sizes, dominators, chains.

A program of known kinds of objects is copied from outside; then guppy3, Pympler and objgraph look
at it from within. The installed package is asked, on the Python that it is installed in.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.common.contestants import clean_environment
from bench.common.options import parser_of, write_results
from bench.common.pythons import venv_python
from bench.common.rounds import say
from bench.common.table import markdown_table

if TYPE_CHECKING:
    from hoopsnake.heap import HeapObject, Snapshot

KINDS = Path(__file__).resolve().with_name("kinds.py")
VERSION = ".".join(map(str, sys.version_info[:2]))
Said = dict[str, Any]
# What Pympler does not look at: types, modules, and code that can be called.
NOT_INTO = ("type", "module", "function", "builtin_function_or_method", "frame", "code")


def look(python: Path, objects: int, file: Path) -> tuple[Said, Said]:
    """Takes the snapshot; returns what the program says of itself, and what the tools say of it."""
    with subprocess.Popen(
        [str(python), str(KINDS), str(objects)],
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        about: Said = json.loads(process.stdout.readline())
        words = [sys.executable, "-m", "hoopsnake", "snap", "-o", str(file), str(process.pid)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        answer, _ = process.communicate("\n")
    return about, json.loads(answer)


# ---- what the snapshot says ----


def dominated(top: HeapObject) -> list[HeapObject]:
    """It and all that goes with it."""
    found, waiting = [], [top]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += one.dominated()
    return found


def reachable(top: HeapObject) -> list[HeapObject]:
    """It and what it leads to, as far as Pympler goes."""
    found, waiting = {top.id: top}, [top]
    while waiting:
        for reference in waiting.pop().referents():
            one = reference.object
            if reference.kind != "weak" and one.type not in NOT_INTO and one.id not in found:
                found[one.id] = one
                waiting.append(one)
    return list(found.values())


def chain(snapshot: Snapshot, address: int) -> list[tuple[int, str]]:
    """From the module on."""
    path = snapshot.object_at(address).path_objects()
    start = next((at for at, one in enumerate(path) if one.type == "module"), 0)
    return [(one.address, one.heap_type.qualname) for one in path[start:]]


# ---- tables ----


def size_table(snapshot: Snapshot, about: Said, guppy: Said) -> str:
    """Of all that hangs on the program's objects alone."""
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for one in dominated(snapshot.object_at(about["world"])):
        name = f"{one.heap_type.module}.{one.heap_type.qualname}"
        counts[name] += 1
        sizes[name] += one.size
    rows = []
    for kind in sorted(counts.keys() | guppy["types"], key=lambda kind: -sizes[kind]):
        count, size = guppy["types"].get(kind, (0, 0))
        rows.append([kind, *pair(counts[kind], count), *pair(sizes[kind], size)])
    count, size = (sum(theirs[column] for theirs in guppy["types"].values()) for column in (0, 1))
    rows.append(["all", *pair(sum(counts.values()), count), *pair(sum(sizes.values()), size)])
    return markdown_table(["type", "objects", "guppy3's", "bytes", "guppy3's"], rows)


def deep_table(snapshot: Snapshot, about: Said, said: Said) -> str:
    """One object of each kind."""
    rows = []
    for name, address in about["first"].items():
        one = snapshot.object_at(address)
        deep = sum(each.size for each in reachable(one)) if one.type not in NOT_INTO else None
        row = [name.replace("_", " ")]
        row += pair(one.retained, said.get("guppy3", {}).get("dominated", {}).get(name))
        rows.append(row + pair(deep, said.get("pympler", {}).get("deep", {}).get(name)))
    header = ["an object of each kind", "retained", "guppy3's", "reachable", "Pympler's"]
    return markdown_table(header, rows)


def pair(ours: int | None, theirs: int | None) -> list[str]:
    """Theirs in bold where it is another."""
    if ours is None or theirs is None:
        return ["-", "-"]
    return [f"{ours:,}", "same" if ours == theirs else f"**{theirs:,}**"]


def chain_table(snapshot: Snapshot, objgraph: Said) -> str:
    rows = []
    for theirs in objgraph["chains"].values():
        found = chain(snapshot, theirs[-1][0])
        same = [address for address, _ in found] == [address for address, _ in theirs]
        steps = [" > ".join(kind for _, kind in one) for one in (found, theirs)]
        path = snapshot.object_at(theirs[-1][0]).path()
        rows.append([path if "`" in path else f"`{path}`", steps[0], "same" if same else steps[1]])
    return markdown_table(["path", "through", "objgraph's chain"], rows)


def all_tables(version: str, snapshot: Snapshot, about: Said, said: Said) -> str:
    parts = [f"#### CPython {version}"]
    if "guppy3" in said:
        parts.append(size_table(snapshot, about, said["guppy3"]))
    parts.append(deep_table(snapshot, about, said))
    if "objgraph" in said:
        parts.append(chain_table(snapshot, said["objgraph"]))
    return "\n\n".join(parts)


def compare(version: str, python: Path, objects: int) -> tuple[str, Said]:
    from hoopsnake import heap

    with tempfile.TemporaryDirectory(prefix="hoop-bench-") as folder:
        file = Path(folder) / "kinds.hoop"
        about, said = look(python, objects, file)
        return all_tables(version, heap.open(file, index="never"), about, said), said


def main() -> int:
    parser = parser_of((__doc__ or "").splitlines()[0], rounds=1)
    add = parser.add_argument
    add("--objects", type=int, default=100_000, help="about (%(default)s)")
    add("--pythons", default=VERSION, help="of the program (%(default)s)")
    options = parser.parse_args()
    if importlib.util.find_spec("hoopsnake") is None:
        say("agreement: left out: hoopsnake is not installed in this Python: make install")
        return 0
    texts, results = [], {}
    for version in options.pythons.split(","):
        python = venv_python(version)
        if python is None:
            say(f"agreement: left out: Python {version}: bench/setup installs the tools for it")
            continue
        text, results[version] = compare(
            version, python, 3_000 if options.smoke else options.objects
        )
        texts.append(text)
    write_results(options, "agreement", results, "\n\n".join(texts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
