# SPDX-License-Identifier: Apache-2.0
"""Runs a script with another tool around it, as the tool's documentation recommends.

    PYTHONPATH=tests/corpus python -c "import rivals_ask" TOOL ANSWER.json script.py args

The tool looks before the script and at its end, while all that the script keeps is still there.
What it says goes into ANSWER.json: the type that it points at, what it says of the holder, and its
text. Where a tool gives a list of types, the first that a module defines is followed, as a
developer would do; where it gives places of allocation, their source lines stand for both.
RIVALS_PATH is where the tools are installed: last on the path, so that the script's own packages
come first.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from typing import Any

Answer = dict[str, Any]
MOST = 5  # entries of a list that are read
GROWS, FROM_C = "grows", "held-from-c"


def run_script() -> None:
    """As python does: in __main__, with the script's folder first on the path."""
    import __main__

    path = sys.argv[0]
    if os.path.isdir(path):
        sys.path.insert(0, path)
        path = os.path.join(path, "__main__.py")
    else:
        sys.path.insert(0, os.path.dirname(path))
    __main__.__file__ = path
    with open(path) as file:
        code = compile(file.read(), path, "exec")
    exec(code, __main__.__dict__)
    sys.setprofile(None)


def nothing(text: str = "no type grew") -> Answer:
    return said("", "", text, "")


def said(name: str, holder: str, text: str, verdict: str = GROWS) -> Answer:
    return {"type": name, "holder": holder, "text": text, "verdict": verdict}


def one_of_a_module(names: Iterable[str]) -> str:
    names = list(names)
    return next((name for name in names if "." in name), names[0] if names else "")


def leak_hunter() -> Answer:
    from leak_hunter import why_alive
    from leak_hunter.growth import count_objects

    before = count_objects()
    run_script()
    growth = count_objects() - before
    names = [name for name, count in growth.most_common() if count > 1]
    name = one_of_a_module(names[:20])
    if not name:
        return nothing()
    report = why_alive(name)
    held = report.format()
    verdict = FROM_C if report.outside_python else GROWS
    return said(name, held, f"+{growth[name]} {name}; {held}", verdict)


def edge(holder: Any, held: Any) -> str:
    """What objgraph writes at an arrow of its picture."""
    if isinstance(holder, dict):
        return next((f"[{key!r}]" for key, value in holder.items() if value is held), "")
    if isinstance(getattr(holder, "__dict__", None), dict):
        values = vars(holder).items()
        return next((f".{key}" for key, value in values if value is held), "")
    return ""


def objgraph_tool() -> Answer:
    import objgraph

    objgraph.growth(shortnames=False)
    run_script()
    growth = objgraph.growth(limit=20, shortnames=False)
    name = one_of_a_module(row[0].removeprefix("builtins.") for row in growth)
    if not name:
        return nothing()
    found = objgraph.by_type(name)
    chain = objgraph.find_backref_chain(found[-1], objgraph.is_proper_module) if found else []
    links = []
    for holder, held in zip(chain, [*chain[1:], None], strict=True):
        title = getattr(holder, "__name__", "")
        links.append(f"{type(holder).__name__} {title}{edge(holder, held)}")
    shown = ", ".join(f"{row[0]} +{row[2]}" for row in growth[:MOST])
    path = " -> ".join(links)
    return said(name, path, f"{shown}; {path}")


def guppy() -> Answer:
    from guppy import hpy

    heap = hpy()
    heap.setrelheap()
    run_script()
    gc.collect()
    grown = heap.heap()
    if not len(grown):
        return nothing()
    # A row: index, count, percent, size, percent, cumulative, percent, kind.
    kinds = [line.split(None, 7)[7] for line in str(grown).splitlines()[2 : 2 + MOST]]
    name = one_of_a_module(kinds)
    part = grown[kinds.index(name)]
    held = "\n".join([str(part.byvia[0]), str(part.byid[0].sp)])
    return said(name, held, f"{', '.join(kinds)}; {held}")


def tracemalloc_tool() -> Answer:
    import tracemalloc

    tracemalloc.start(MOST)
    before = tracemalloc.take_snapshot()
    run_script()
    gc.collect()
    hidden = [tracemalloc.Filter(False, "<frozen*"), tracemalloc.Filter(False, "*tracemalloc*")]
    after = tracemalloc.take_snapshot().filter_traces(hidden)
    grown = after.compare_to(before.filter_traces(hidden), "traceback")
    if not grown or grown[0].size_diff <= 0:
        return nothing("no line grew")
    text = f"+{grown[0].size_diff} bytes in +{grown[0].count_diff} blocks"
    return of_places(text, [(one.filename, one.lineno) for one in grown[0].traceback])


def of_places(text: str, places: Iterable[tuple[str, int]]) -> Answer:
    import linecache

    lines = {place: linecache.getline(*place).strip() for place in places if place[0] != __file__}
    shown = "; ".join(f"{os.path.basename(path)}:{lines[path, line]}" for path, line in lines)
    code = "\n".join(lines.values())
    return said(code, code, f"{text}; {shown}")


def memray_tool() -> Answer:
    import memray

    with tempfile.TemporaryDirectory() as folder:
        name = os.path.join(folder, "leaks.bin")
        with memray.Tracker(name, trace_python_allocators=True):
            run_script()
        records = list(memray.FileReader(name).get_leaked_allocation_records(merge_threads=True))
    records.sort(key=lambda record: -int(record.size))
    for record in records:
        frames = [frame for frame in record.stack_trace(MOST) if not frame[1].startswith("<froz")]
        if not frames:
            continue
        text = f"{record.size} bytes in {record.n_allocations} allocations"
        return of_places(text, [(path, line) for _, path, line in frames])
    return nothing("no leaked allocation")


TOOLS: dict[str, Callable[[], Answer]] = {
    "python-leak-hunter": leak_hunter,
    "guppy3": guppy,
    "objgraph": objgraph_tool,
    "tracemalloc": tracemalloc_tool,
    "memray": memray_tool,
}


def main() -> None:
    sys.path.append(os.environ["RIVALS_PATH"])
    _, name, answer_file, *rest = sys.argv
    sys.argv = rest
    out = os.dup(1)
    try:
        answer = TOOLS[name]()
    except BaseException as error:
        answer = nothing(f"{type(error).__name__}: {error}")
    with open(answer_file, "w") as file:
        json.dump(answer, file)
    os.close(out)
    sys.stdout.flush()
    os._exit(0)  # what the script left running does not matter any more


if len(sys.argv) > 2 and sys.argv[0] == "-c":
    main()
