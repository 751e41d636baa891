# SPDX-License-Identifier: Apache-2.0
"""`hoop report`: show a run of the past, or (`--finish`) the one that is just ending."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence

from hoopsnake._errors import HoopError
from hoopsnake.cli import rundirs
from hoopsnake.report import render, resources, units
from hoopsnake.report.load import load_run
from hoopsnake.report.model import Process, Run
from hoopsnake.report.text import UNICODE, Column, Line, Page, Row, Span, clean, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def main(arguments: Sequence[str]) -> int:
    """Do what the words after `hoop report` ask for."""
    if len(arguments) == 2 and arguments[0] == "--finish":
        finish(arguments[1])
        return 0
    options = _parser().parse_args(arguments)
    if options.list:
        return _list_runs()
    run = _chosen_run(options.run)
    if options.json:
        from hoopsnake.report.export import to_json

        print(to_json(run))
        return 0
    page = render.page_for(sys.stdout)
    if options.not_closed:
        lines = _not_closed(run, options.pid, page)
    elif options.pid is not None:
        lines = render.process_report(run, _process_of(run, options.pid), page)
    else:
        lines = render.report(run, page, every_process=options.processes)
    render.write(lines, sys.stdout, colour=render.wants_colour(sys.stdout, os.environ))
    return 0


def finish(run_dir: str) -> None:
    """Report on the run that ends now, the way it was asked for. Called by its first process.

    Whatever is wrong costs one line: the program has done its work, and its exit status is its own.
    """
    try:
        run = load_run(run_dir)
        if run is None:
            _say(f"there is no report, since {run_dir} holds no figures")
            return
        _finish(run)
    except Exception as error:
        _say(f"the report failed ({type(error).__name__}: {error})")


def _finish(run: Run) -> None:
    about = run.about
    if about and about.json_file:
        from hoopsnake.report.export import to_json

        _write_file(about.json_file, to_json(run) + "\n")
    if about and about.report_file:
        _write_report(run, about.report_file)
    elif not (about and about.quiet):
        _show(run)
    if about and about.explain:
        _explain(run)
        if about.quiet or about.report_file:
            _show_not_closed(run)


def _explain(run: Run) -> None:
    from hoopsnake.cli import explain

    files = explain.files_of(run)
    if files:
        explain.finish(files)
    elif any(process.active for process in run.processes):
        _say("there is no explanation, since no snapshot was taken; the program was too short")
    else:
        _say("there is no explanation, since no snapshot was taken")


def _show_not_closed(run: Run) -> None:
    """Beside an explanation, where the report does not say it."""
    stream = sys.stderr
    page = render.page_for(stream)
    directory = run.about.directory if run.about else None
    lines = resources.not_closed(run.focus, page, directory) if run.focus else []
    if lines:
        stream.write("\n")
        render.write(lines, stream, colour=render.wants_colour(stream, os.environ))


def _show(run: Run) -> None:
    """Print the report. Where Hoopsnake stayed out of all there was, the agent has said why."""
    stream = sys.stderr
    if not run.processes:
        if not (run.about and run.about.warned):
            _say("there is no report, since no Python that Hoopsnake knows was run")
    elif any(process.active for process in run.processes):
        stream.write("\n")
        lines = render.report(run, render.page_for(stream))
        render.write(lines, stream, colour=render.wants_colour(stream, os.environ))


def _write_report(run: Run, path: str) -> None:
    page = Page(render.WIDTH_ELSEWHERE, UNICODE)
    _write_file(path, render.as_text(render.report(run, page)))


def _write_file(path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        _say(f"cannot write {path} ({error.strerror})")


def _say(message: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # no stderr: no place to complain to
        print(f"hoop: {clean(message)}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    import argparse

    parser = argparse.ArgumentParser(
        prog="hoop report",
        description="Shows where the memory of a run of `hoop run` went: of the newest run, or of "
        "the one named. A run that was killed, or that still goes on, is shown from its samples.",
    )
    parser.add_argument("run", nargs="?", help="a run directory, or its name as --list shows it")
    parser.add_argument("--list", action="store_true", help="list the runs that are kept")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    parser.add_argument("--processes", action="store_true", help="list every process, however many")
    parser.add_argument(
        "--not-closed",
        action="store_true",
        help="list everything that was not closed, also what may be meant to stay open",
    )
    parser.add_argument("--pid", type=int, help="report on this process of the run instead")
    return parser


def _not_closed(run: Run, pid: int | None, page: Page) -> list[Line]:
    process = run.focus if pid is None else _process_of(run, pid)
    if process is None or process.final is None:
        raise HoopError("nothing is known of what was open: no process of this run told its end")
    directory = run.about.directory if run.about else None
    lines = resources.not_closed(process, page, directory, everything=True)
    return lines or [(Span("All that was opened was closed."),)]


def _chosen_run(name: str | None) -> Run:
    if name is None:
        return _newest_run()
    places = [name] if "/" in name or os.path.isdir(name) else []
    places += [os.path.join(base, name) for base in rundirs.existing_bases(os.environ)]
    for place in places:
        run = load_run(place)
        if run:
            return run
    raise HoopError(f"{name!r} is no run that left any figures; `hoop report --list` shows all")


def _newest_run() -> Run:
    run = next(kept_runs(), None)
    if run is not None:
        return run
    raise HoopError("there is no run to report on; `hoop run app.py` makes one")


def kept_runs() -> Iterator[Run]:
    """The runs that left figures, the newest first."""
    return (run for path in _all_runs() if (run := load_run(path)))


def _all_runs() -> list[str]:
    paths = [
        path for base in rundirs.existing_bases(os.environ) for path in rundirs.list_runs(base)
    ]
    return sorted(paths, key=os.path.basename, reverse=True)


def _process_of(run: Run, pid: int) -> Process:
    found = [process for process in run.processes if process.pid == pid]
    if not found:
        raise HoopError(f"no process {pid} in this run; `hoop report --processes` lists them")
    return max(found, key=lambda process: process.image)


def _list_runs() -> int:
    rows: list[Row] = []
    for path in _all_runs():
        run = load_run(path)
        if run:
            rows.append(_list_row(run))
    if not rows:
        raise HoopError("there is no run to list; `hoop run app.py` makes one")
    columns = [
        Column("run"),
        Column("started"),
        Column("ran", right=True),
        Column("peak", right=True),
        Column("state"),
        Column("program", flexible=True),
    ]
    lines = table(columns, rows, render.page_for(sys.stdout), indent=0)
    render.write(lines, sys.stdout, colour=render.wants_colour(sys.stdout, os.environ))
    return 0


def _list_row(run: Run) -> Row:
    root = run.root
    return [
        os.path.basename(run.path),
        render.moment(run.about.started, "%d %b %H:%M") if run.about else "",
        units.duration(root.wall) if root and root.wall else "",
        units.size(root.peak_rss) if root and root.peak_rss else "",
        root.state.value if root else "no Python",
        Span(clean(" ".join(run.about.arguments)) if run.about else "", "strong"),
    ]
