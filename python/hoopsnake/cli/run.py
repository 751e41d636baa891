# SPDX-License-Identifier: Apache-2.0
"""`hoop run`: prepare a run directory and the environment, then become the program by exec.

Nothing of this process stays: same pid, same descriptors, same signal dispositions as if the
program had been started without us. So it must import little and must never read stdin.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import time
from collections.abc import Sequence

from hoopsnake import _collectors
from hoopsnake._errors import HoopError
from hoopsnake._switch import disabled
from hoopsnake.cli import command, environment, inherited, rundirs, triggers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

USAGE = """\
usage: hoop run [options] program [arguments]

The program is one of
  script.py            run by the Python that `hoop` is installed in; also a .pyz, a directory
                       with a __main__.py, a file that is not executable, or - for stdin
  -m module, -c code   likewise
  command              anything on PATH: gunicorn, pytest, python3.12, a shell script ...
Options come before it; all words after it are the program's own.

  --report FILE      write the report into FILE instead of to stderr
  --json FILE        write the figures into FILE, as JSON
  --quiet            no report at the end; `hoop report` shows it later
  --collector NAME   who does full garbage collections: concurrent (Hoopsnake, in a copy of
                     the process while the program runs on; the default), inplace (Hoopsnake,
                     while the program stands still) or stock (CPython)
  --fast-gc-collect  gc.collect() is done by Hoopsnake too, in place
  --snapshot-at WHEN  the program's processes write snapshots of their heaps: at exit, at each new
                     peak, after a memory-error, near the limit of the control group, at a signal
                     (SIGUSR2), every 60s (5m, 2h). Several: exit,peak
  --snapshots DIR    where to; default: here
  --explain          the program's processes take snapshots as they grow; at the end it is said
                     why memory did not go away: who holds it, and what to change

Processes that the program starts come along if they run a Python that Hoopsnake knows.
HOOP_DISABLE=1 in the environment runs the program without us. The exit status is the
program's; 126 and 127 mean that it could not be executed or found, 2 that we had to give up.
"""

# Options that stand before a word of their own, and what it is.
_ARGUMENTS = {
    "--report": "a file name",
    "--json": "a file name",
    "--collector": "concurrent, inplace or stock",
    "--snapshot-at": "exit, peak, memory-error, limit, a signal, or a time such as 60s",
    "--snapshots": "a directory",
}


class Options:
    """What stands before the program's own words."""

    __slots__ = (
        "collector",
        "explain",
        "fast_gc_collect",
        "json_file",
        "quiet",
        "report_file",
        "snapshot_at",
        "snapshots",
        "words",
    )

    def __init__(self) -> None:
        self.report_file: str | None = None
        self.json_file: str | None = None
        self.quiet = False
        self.collector: str | None = None
        self.explain = False
        self.fast_gc_collect = False
        self.snapshot_at: list[str] = []
        self.snapshots: str | None = None
        self.words: list[str] = []


def main(arguments: Sequence[str]) -> int:
    """Run the program; returns only for --help and a missing program."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    options = parse(arguments)
    if not options.words:
        print(USAGE, end="", file=sys.stderr)
        return 2
    environ = environment.as_we_got_it(os.environ, environment.initial_entries())
    program = command.resolve(options.words, environ)
    if disabled(environ):
        return _become(program, environ)
    return _run_watched(program, options, environ)


def parse(arguments: Sequence[str]) -> Options:
    """Split our options from the program's words; they end at the first word that is none."""
    options = Options()
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] != "-" and rest[0][:2] not in ("-m", "-c"):
        word = rest.pop(0)
        if word == "--":
            break
        name, equals, value = word.partition("=")
        if name in _ARGUMENTS:
            if not equals and not rest:
                raise HoopError(f"{name} needs {_ARGUMENTS[name]}, see `hoop run --help`")
            _set_argument(options, name, value if equals else rest.pop(0))
        elif word == "--quiet":
            options.quiet = True
        elif word == "--explain":
            options.explain = True
        elif word == "--fast-gc-collect":
            options.fast_gc_collect = True
        else:
            raise HoopError(_unknown(word))
    options.words = rest
    return options


def _set_argument(options: Options, name: str, value: str) -> None:
    if name == "--report":
        options.report_file = _writable(name, value)
    elif name == "--json":
        options.json_file = _writable(name, value)
    elif name == "--snapshot-at":
        options.snapshot_at += triggers.parse(value)
    elif name == "--snapshots":
        options.snapshots = triggers.directory(value)
    else:
        options.collector = _collectors.checked(value)


def _unknown(word: str) -> str:
    if word.startswith("--"):
        return f"there is no option {word}, see `hoop run --help`"
    return f"there is no option {word}; options of Python go like this: hoop run python {word} ..."


def _writable(option: str, path: str) -> str:
    """The absolute path, checked now: at the end of the run it would be too late to say so."""
    full = os.path.abspath(path)
    target = full if os.path.exists(full) else os.path.dirname(full)
    if not path or os.path.isdir(full) or not os.access(target, os.W_OK):
        raise HoopError(f"{option} {path!r}: no file can be written there")
    return full


def _run_watched(program: command.Command, options: Options, environ: dict[str, str]) -> NoReturn:
    shim = environment.find_shim(environ)
    warned = program.by_our_python and not environment.has_agent(environ)
    if warned:
        _say_there_is_no_agent()
    base = rundirs.claim_base(environ)
    rundirs.prune(base, rundirs.KEPT_RUNS - 1)
    started = time.time()
    run_dir = rundirs.create(base, os.getpid(), started)
    try:
        _prepare_explanation(run_dir, options)
        _describe(run_dir, program, options, started, warned=warned)
        ours = environment.build(environ, run_dir, shim, os.getpid())
        ours |= environment.choices(options.collector, fast_gc_collect=options.fast_gc_collect)
        ours |= triggers.environment(options.snapshot_at, options.snapshots)
        _become(program, ours)
    except OSError as error:
        rundirs.remove(run_dir)
        raise HoopError(f"cannot prepare {run_dir} ({error.strerror})") from error
    except HoopError:
        rundirs.remove(run_dir)
        raise


def _prepare_explanation(run_dir: str, options: Options) -> None:
    if not options.explain:
        return
    options.snapshot_at.append("explain")
    if options.snapshots is None:
        options.snapshots = os.path.join(run_dir, rundirs.SNAPSHOTS)
        os.mkdir(options.snapshots, 0o700)


def _say_there_is_no_agent() -> None:
    version = ".".join(map(str, sys.version_info[:2]))
    print(
        f"hoop run: no agent for Python {version} is installed, so the program runs without us; "
        f"reinstall with `{sys.executable} -m pip install --force-reinstall hoopsnake`",
        file=sys.stderr,
        flush=True,
    )


def _describe(
    run_dir: str, program: command.Command, options: Options, started: float, *, warned: bool
) -> None:
    """Write run.json, from which the report takes what no process of the run can know."""
    document = {
        "format": 1,
        "argv": options.words,
        "program": program.arguments,
        "cwd": _working_directory(),
        "started": started,
        "root_pid": os.getpid(),
        "python": sys.executable,
        "report": options.report_file,
        "json": options.json_file,
        "quiet": options.quiet,
        "explain": options.snapshots if options.explain else None,
        "color": "auto",
        "warned": warned,
    }
    path = os.path.join(run_dir, "run.json")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        json.dump(document, file)


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


def _become(program: command.Command, environ: dict[str, str]) -> NoReturn:
    """Exec; raises HoopError when the system refuses."""
    # Python ignores these two from its start on, and what is ignored stays so across exec.
    for number in {signal.SIGPIPE, signal.SIGXFSZ} - inherited.ignored_signals():
        signal.signal(number, signal.SIG_DFL)
    try:
        _exec(program, environ)
    except OSError as error:
        missing = error.errno == errno.ENOENT
        reason = "the interpreter that it names does not exist" if missing else error.strerror
        code = command.NOT_FOUND if missing else command.NOT_EXECUTABLE
        raise HoopError(f"cannot run {program.path!r}: {reason}", exit_code=code) from error


def _exec(program: command.Command, environ: dict[str, str]) -> NoReturn:
    try:
        os.execve(program.path, program.arguments, environ)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
    # A script without a #! line: what a shell, and execvp(3), do with it.
    os.execve("/bin/sh", ["/bin/sh", program.path, *program.arguments[1:]], environ)
