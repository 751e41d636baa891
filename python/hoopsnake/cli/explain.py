# SPDX-License-Identifier: Apache-2.0
"""`hoop explain`: who is to blame for memory that does not go away, and what to change."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from hoopsnake._errors import HoopError
from hoopsnake._output import whole_file
from hoopsnake.cli import snapshots as shared
from hoopsnake.report import render, units
from hoopsnake.report.text import BLANK, Line, Page, Span, clean, paragraph

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hoopsnake.explain import Explanation, Suspect
    from hoopsnake.report.model import Run

_MOST = 5
_VERDICTS = {
    "grows": "GROWS",
    "bounded": "BOUNDED",
    "delayed": "DELAYED",
    "held-from-c": "HELD FROM C",
    "large": "LARGE",
    "environment": "ENVIRONMENT",
}


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    found = run(options.files or _of_newest_run(), options.pid)
    if options.json:
        from hoopsnake.explain.documents import as_json

        shared.show_json(as_json(found))
        return 0
    written = _write_documents(found, options)
    lines = text(found, shared.page(), most=options.rows, verbose=options.verbose)
    shared.show([*lines, *written])
    return 0


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="hoop explain",
        description="Says why memory does not go away: who holds it, by name, and what to change. "
        "Several snapshots of one process show what grows.",
    )
    made.add_argument(
        "files",
        nargs="*",
        help="snapshots of one process, or a directory of them; none: those of the newest run with "
        "`hoop run --explain`",
    )
    made.add_argument("-v", "--verbose", action="store_true", help="show the evidence")
    made.add_argument("-n", "--rows", type=shared.number_of, default=_MOST, help="default: 5")
    made.add_argument("--pid", type=int, help="of several processes in a directory, this one")
    made.add_argument("--json", action="store_true", help="print the answer as JSON, in bytes")
    made.add_argument("--markdown", metavar="FILE", help="write it for a bug report")
    made.add_argument("--html", metavar="FILE", help="write a page with pictures of the paths")
    return made


class Progress(shared.Progress):
    """Where there is no terminal, one line for each snapshot is enough."""

    def __call__(self, what: str, share: float) -> None:
        super().__call__(what if sys.stderr.isatty() else what.partition(":")[0], share)


def run(names: Sequence[str], pid: int | None = None) -> Explanation:
    """Explain the snapshots of one process, with progress on stderr."""
    from hoopsnake.explain import explain
    from hoopsnake.explain.series import by_process, expand

    groups = by_process(expand(names))
    if pid is not None and pid not in groups:
        known = ", ".join(map(str, groups))
        raise HoopError(f"no snapshot is of process {pid}; there are some of {known}")
    chosen = groups[pid] if pid is not None else next(iter(groups.values()))
    progress = Progress("explain")
    try:
        found = explain(chosen, progress=progress)
    finally:
        progress.done()
    if pid is None and len(groups) > 1:
        others = ", ".join(str(one) for one in groups if one != found.pid)
        found.notes.append(
            f"This is about process {found.pid}, the largest; --pid shows others ({others})."
        )
    return found


def files_of(run: Run) -> list[str]:
    """The snapshots that were taken in a run; an earlier one may have left some at their place."""
    from hoopsnake.explain.series import header_of

    if run.about is None or not run.about.explain or not os.path.isdir(run.about.explain):
        return []
    folder = run.about.explain
    names = sorted(name for name in os.listdir(folder) if name.endswith(".hoop"))
    paths = [os.path.join(folder, name) for name in names]
    return [path for path in paths if header_of(path)[1] >= run.about.started * 1e9]


def _of_newest_run() -> list[str]:
    from hoopsnake.cli import report

    for run in report.kept_runs():
        files = files_of(run)
        if files and run.about is not None:
            words = " ".join(run.about.arguments)
            print(f"hoop: explain: the newest run with snapshots: {clean(words)}", file=sys.stderr)
            return files
    raise HoopError("there is no run with snapshots; `hoop run --explain app.py` makes one")


def _write_documents(found: Explanation, options: argparse.Namespace) -> list[Line]:
    from hoopsnake.explain import documents

    lines: list[Line] = []
    for path, make in (
        (options.markdown, documents.as_markdown),
        (options.html, documents.as_html),
    ):
        if path:
            with whole_file(path) as part, open(part, "wb", closefd=False) as file:
                file.write(make(found).encode())
            lines.append((Span(f"written: {path}", "dim"),))
    return lines


def text(found: Explanation, on: Page, *, most: int = _MOST, verbose: bool = False) -> list[Line]:
    """The answer first, then each suspect, then what is worth knowing besides."""
    lines = paragraph(clean(_answer(found)), on, "strong")
    lines += paragraph(clean(_about(found)), on, "dim")
    for suspect in found.suspects[:most]:
        lines += [BLANK, *_suspect(suspect, on, verbose=verbose)]
    lines += shared.more(len(found.suspects) - most, "suspect")
    for note in found.notes:
        lines += [BLANK, *paragraph(clean(note), on, "dim")]
    return [*lines, BLANK]


def _answer(found: Explanation) -> str:
    alarms = found.alarms
    if not alarms and len(found.points) == 1:
        return "Nothing suspicious: nothing waits for the collector, or is held from C."
    if not alarms:
        return (
            "Nothing suspicious: nothing grows without a bound, waits for the collector, or is "
            "held from C."
        )
    first = alarms[0]
    more = f" ({len(alarms) - 1} more below)" if len(alarms) > 1 else ""
    return f"{units.plural(len(alarms), 'suspect')}, the first: {first.holder.name}{more}."


def _about(found: Explanation) -> str:
    last = found.points[-1]
    if len(found.points) == 1:
        seen = "one snapshot: growth can not be seen in it, give several for that"
    else:
        span = last.taken_ns - found.points[0].taken_ns
        seen = f"{len(found.points)} snapshots in {units.duration(span)}"
    return (
        f"Process {found.pid}, CPython {found.python}, {seen}; at the end "
        f"{units.plural(last.objects, 'object')}, {units.size(last.size)}."
    )


def _suspect(suspect: Suspect, on: Page, *, verbose: bool) -> list[Line]:
    head = f"{_VERDICTS[suspect.verdict]}  {suspect.sentence}"
    lines = paragraph(clean(head), on, "strong" if suspect.is_alarm else "dim", indent=2)
    lines += paragraph(clean(f"fix: {suspect.fix}"), on, indent=4)
    if verbose:
        facts = [
            f"path: {suspect.holder.path}",
            *suspect.evidence,
            *_rate(suspect),
            f"confidence: {suspect.confidence}; signature: {suspect.signature}",
        ]
        for fact in facts:
            lines += paragraph(clean(fact), on, "dim", indent=4)
    return lines


def _rate(suspect: Suspect) -> list[str]:
    growth = suspect.growth
    if growth is None or growth.seconds[-1] < 60 or growth.per_hour <= 0:
        return []
    return [f"at this rate {units.size(int(growth.per_hour))} more in an hour"]


def finish(names: Sequence[str], *, verbose: bool = False) -> None:
    """At the end of `hoop run --explain`: on stderr, beside the report."""
    stream = sys.stderr
    stream.write("\n")
    found = run(names)
    lines = text(found, render.page_for(stream), verbose=verbose)
    folder = os.path.dirname(found.points[-1].path)
    hint = f"The snapshots: {folder}. `hoop explain -v {folder}` shows the evidence."
    lines.append((Span(clean(hint), "dim"),))  # uncut: the path is to be copied
    render.write(lines, stream, colour=render.wants_colour(stream, os.environ))
