# SPDX-License-Identifier: Apache-2.0
"""`hoop advise`: what would make a program's heap smaller, and the change to make."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from hoopsnake._errors import HoopError
from hoopsnake._output import whole_file
from hoopsnake.cli import snapshots as shared
from hoopsnake.cli import triggers
from hoopsnake.report import units
from hoopsnake.report.text import BLANK, Line, Page, Span, clean, paragraph

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hoopsnake.advise import Advice
    from hoopsnake.advise.verify import Check
    from hoopsnake.heap import Snapshot

_MOST = 10
_ABOUT = 0.85  # of the largest snapshot
_MOST_LOOKED_AT = 8
_SLOW_TO_OPEN = 20_000_000  # bytes of a file
_WITH_VALUE = ("-n", "--rows", "--keep", "--markdown")
_MAGIC = b"HOOPSNAP"


def main(arguments: Sequence[str]) -> int:
    ours, words = _split(arguments)
    is_file = bool(words) and _is_snapshot(words[0])
    options = _parser().parse_args([*ours, *words[1:]] if is_file else ours)
    if not words:
        raise HoopError("give a snapshot or a program: hoop advise FILE, hoop advise script.py")
    if is_file:
        return _advise(options, words[0])
    with tempfile.TemporaryDirectory(prefix="hoop-advise-") as folder:
        return _advise(options, _run(words, folder, keep=options.keep))


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our options, and the words from the file or the program on."""
    at = 0
    while at < len(arguments):
        word = arguments[at]
        if word == "--":
            return list(arguments[:at]), list(arguments[at + 1 :])
        if not word.startswith("-") or word == "-" or word[:2] in ("-m", "-c"):
            break
        at += 2 if word in _WITH_VALUE else 1
    return list(arguments[:at]), list(arguments[at:])


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="hoop advise",
        usage="hoop advise [options] FILE\n"
        "       hoop advise [options] (script.py | -m module | -c code | command) [arguments]",
        description="Says what would make a heap smaller, and the change to make; largest saving "
        "first. Takes a snapshot, or runs a program and looks at its peak.",
    )
    made.add_argument(
        "-v", "--verbose", action="store_true", help="small savings, libraries, and all evidence"
    )
    made.add_argument("-n", "--rows", type=shared.number_of, default=_MOST, help="default: 10")
    made.add_argument(
        "--verify", action="store_true", help="build a sample both ways in a child, and measure"
    )
    made.add_argument("--keep", metavar="FILE", help="keep the snapshot of a program's peak there")
    made.add_argument("--markdown", metavar="FILE", help="write it for an issue")
    made.add_argument("--json", action="store_true", help="print the answer as JSON, in bytes")
    made.add_argument(
        "--no-index", action="store_true", help="neither read nor write FILE.index beside the file"
    )
    return made


def _is_snapshot(path: str) -> bool:
    """What ends in .hoop is taken for one as well: then its reader says what is wrong with it."""
    try:
        with open(path, "rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC or path.endswith(".hoop")
    except OSError:
        return path.endswith(".hoop")


# --- a program -----------------------------------------------------------------------------------


def _run(words: Sequence[str], folder: str, keep: str | None) -> str:
    """Run a program as it is; return the snapshot of the largest peak of its processes."""
    command = [sys.executable, "-m", "hoopsnake", "run", "--quiet", "--", *words]
    # As it grows, and at each new peak: a short program has ended before a peak is noticed.
    environ = os.environ | triggers.environment(["explain", "peak"], folder)
    status = subprocess.run(command, env=environ, check=False).returncode
    if status in (126, 127):
        raise HoopError("there is nothing to advise on", exit_code=status)
    if status:
        how = f"exit status {status}" if status > 0 else f"signal {-status}"
        print(f"hoop advise: the program ended with {how}", file=sys.stderr)
    files = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".hoop")]
    if not files:
        raise HoopError(
            "the program left no snapshot: it is no Python that Hoopsnake knows, or it ended "
            "at once"
        )
    chosen = _peak_of(files)
    if keep:
        with (
            whole_file(keep) as part,
            open(part, "wb", closefd=False) as out,
            open(chosen, "rb") as file,
        ):
            shutil.copyfileobj(file, out)
        return keep
    return chosen


def _peak_of(files: Sequence[str]) -> str:
    """Of the heaps that are about as large as the largest, the last: things are in place then."""
    from hoopsnake.heap import open as open_snapshot

    largest_file = max(map(os.path.getsize, files))
    # A file has a few bytes for each object, whatever its size: all that may be it are looked at.
    likely = sorted(files, key=os.path.getsize)[-_MOST_LOOKED_AT:]
    if largest_file > _SLOW_TO_OPEN:
        sizes = {path: os.path.getsize(path) for path in likely}
    else:
        sizes = {path: open_snapshot(path, index="never").size for path in likely}
    least = _ABOUT * max(sizes.values())
    return max((path for path in likely if sizes[path] >= least), key=os.path.getmtime)


# --- the answer ----------------------------------------------------------------------------------


def _advise(options: argparse.Namespace, path: str) -> int:
    from hoopsnake.advise import advise, documents

    snapshot = shared.open_file(path, options)
    progress = shared.Progress("advise")
    try:
        found = advise(snapshot, small=options.verbose, progress=progress)
        if not options.verbose:
            found = [one for one in found if not one.is_library]
        checks = _verify(snapshot, found[: options.rows], progress) if options.verify else {}
    finally:
        progress.done()
    if options.json:
        shared.show_json(documents.as_json(snapshot, found, checks))
        return 0
    lines = text(snapshot, found, checks, shared.page(), most=options.rows, verbose=options.verbose)
    if options.markdown:
        with whole_file(options.markdown) as part, open(part, "wb", closefd=False) as file:
            file.write(documents.as_markdown(snapshot, found, checks).encode())
        lines.append((Span(f"written: {options.markdown}", "dim"),))
    shared.show(lines)
    return 0


def _verify(
    snapshot: Snapshot, found: Sequence[Advice], progress: shared.Progress
) -> dict[int, Check]:
    from hoopsnake.advise import verify

    python = verify.python_for(snapshot.python)
    on_hoop = "heap: live blocks" in snapshot.memory
    checks = {}
    for number, one in enumerate(found):
        progress(f"measuring {one.kind}", number / len(found))
        check = verify.verify(one, python, on_hoop=on_hoop)
        if check:
            checks[number] = check
    return checks


def text(
    snapshot: Snapshot,
    found: Sequence[Advice],
    checks: dict[int, Check],
    on: Page,
    *,
    most: int = _MOST,
    verbose: bool = False,
) -> list[Line]:
    """The answer first, then each advice."""
    lines = paragraph(_answer(snapshot, found), on, "strong")
    lines += paragraph(
        f"Process {snapshot.pid}, CPython {snapshot.python}: "
        f"{units.plural(len(snapshot), 'object')}, {units.size(snapshot.size)}.",
        on,
        "dim",
    )
    for number, one in enumerate(found[:most]):
        lines += [BLANK, *_one(snapshot, one, checks.get(number), on, verbose=verbose)]
    return [*lines, *shared.more(len(found) - most, "piece"), BLANK]


def _answer(snapshot: Snapshot, found: Sequence[Advice]) -> str:
    from hoopsnake.advise.documents import total_of

    if not found:
        return (
            "Nothing of any size would make it smaller (-v shows what is small, and what is of "
            "libraries)."
        )
    total = min(total_of(found), snapshot.size)
    first = found[0]
    share = units.percent(total, snapshot.size)
    if not total:
        return clean(f"{first.title}.")
    return clean(
        f"{units.size(total)} of {units.size(snapshot.size)} ({share}) could go"
        + (f", in {len(found)} ways." if len(found) > 1 else ".")
    )


def _one(
    snapshot: Snapshot, one: Advice, check: Check | None, on: Page, *, verbose: bool
) -> list[Line]:
    share = units.percent(one.saving, snapshot.size)
    amount = f"{units.size(one.saving)}, {share}" if one.is_heap else f"{units.size(one.saving)}"
    where = f", {one.place}" if one.place else ""
    library = " (of a library)" if one.is_library else ""
    head = f"{amount}  {one.title}{where}{library}"
    lines = paragraph(clean(head), on, "strong", indent=2)
    for held in one.held if verbose else one.held[:1]:
        lines += paragraph(clean(_held(one, held.count, held.path, held.holder.name)), on, indent=4)
    lines += paragraph(clean(f"change: {one.change}"), on, indent=4)
    for row in one.example.rstrip("\n").split("\n"):
        lines.append((Span(f"        {clean(row)}", "head"),) if row else BLANK)
    if check:
        lines += paragraph(clean(check.sentence), on, indent=4)
    if verbose:
        for fact in one.evidence:
            lines += paragraph(clean(f"- {fact}"), on, "dim", indent=4)
    return lines


def _held(one: Advice, count: int, path: str, name: str) -> str:
    name = name.replace("`__main__.", "`")
    who = f"held by {name}"
    if "[*]" in path:
        who += f", at `{path.removeprefix('__main__.')}`"
    return who if len(one.held) == 1 else f"{count:,} {who}"
