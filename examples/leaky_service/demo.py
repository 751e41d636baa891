# SPDX-License-Identifier: Apache-2.0
"""Runs the shop under uvicorn on Hoopsnake's heap, with visitors, and asks who holds its memory.

demo.py [--seconds N] [--rate N]   `make demo` calls it, by way of tools/demo

Three snapshots are taken while requests come in. Then: what answers took meanwhile, what the
snapshots say, why memory does not go away, and the report of the run. Everything is in build/demo;
whatever happens, no process stays.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DEMO = Path("build/demo")  # below ROOT, where everything runs
HOOP = Path(sys.executable).with_name("hoop")
FIRST, SECOND, THIRD = DEMO / "first.hoop", DEMO / "leak.hoop", DEMO / "last.hoop"
ANSWERS = DEMO / "answers.txt"
SERVICE_LOG, VISITORS_LOG = DEMO / "service.log", DEMO / "visitors.log"
START_SECONDS = 60.0  # the service has to answer by then
END_SECONDS = 30.0  # and to have ended
TELL_SECONDS = 4.0  # between lines of progress
clock = time.monotonic


class DemoError(Exception):
    """What went wrong, in a line for people."""


@dataclass(frozen=True)
class Answer:
    """Seconds: when the request was due, by time.monotonic, and from then to its answer."""

    due: float
    latency: float


@dataclass(frozen=True)
class Phase:
    """A part of the run, by time.monotonic."""

    name: str
    start: float
    end: float


def say(text: str = "") -> None:
    print(text, flush=True)


# ---- processes ----


@contextlib.contextmanager
def started(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Runs beside us, in a session of its own: a Ctrl-C is ours alone to pass on."""
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """As gently as it lets us. SIGTERM would end uvicorn before Python can: without a report."""
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(signal_number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)


def hoop(*words: str | Path) -> None:
    """Shows a command of ours and what it prints."""
    text = " ".join(map(str, words))
    say(f"\n$ .venv/bin/hoop {text}")
    status = subprocess.run([HOOP, *words], stdin=subprocess.DEVNULL).returncode
    if status != 0:
        raise DemoError(f"hoop {text}: exit status {status}")


# ---- the service ----


@contextlib.contextmanager
def service() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The process and its port: a free one, that uvicorn names in its log."""
    program = ["-m", "uvicorn", "--app-dir", "examples/leaky_service", "--no-access-log"]
    words = ["run", "--quiet", *program, "--port", "0", "shop:app"]
    say("==> a web service on our heap: uvicorn, as it is, with an application that leaks")
    say(f"\n$ .venv/bin/hoop {' '.join(words)}")
    with started([str(HOOP), *words], SERVICE_LOG) as process:
        yield process, port_of(process)


def wait_for_visitors(visitors: subprocess.Popen[bytes]) -> None:
    give_up = clock() + START_SECONDS
    while not answers():
        if visitors.poll() is not None or clock() > give_up:
            raise DemoError(f"no visitor was answered:\n{VISITORS_LOG.read_text()}")
        time.sleep(0.05)


def port_of(process: subprocess.Popen[bytes]) -> int:
    give_up = clock() + START_SECONDS
    while clock() < give_up and process.poll() is None:
        if found := re.search(r"running on http://[\d.]+:(\d+)", SERVICE_LOG.read_text()):
            return int(found[1])
        time.sleep(0.05)
    raise DemoError(f"the service did not start:\n{SERVICE_LOG.read_text()}")


def resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def run_name(pid: int) -> str:
    """What `hoop report` calls the run that a process belongs to."""
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    prefix = b"HOOP_RUN_DIR="
    return next(os.fsdecode(v[len(prefix) :]) for v in variables if v.startswith(prefix))


# ---- what the visitors saw ----


def answers() -> list[Answer]:
    """So far; the last line may be half of one."""
    lines = ANSWERS.read_text(encoding="ascii").split("\n")[:-1] if ANSWERS.exists() else []
    return [Answer(*map(float, line.split())) for line in lines]


def figures(phase: Phase) -> str:
    """Of the requests that were due within the phase."""
    found = [a.latency for a in answers() if phase.start <= a.due < phase.end]
    if not found:
        return "no request was due"
    rate = len(found) / (phase.end - phase.start)
    middle, longest = 1e3 * statistics.median(found), 1e3 * max(found)
    return f"{rate:4.0f} requests/s, median {middle:5.1f} ms, longest {longest:6.1f} ms"


def watch(name: str, seconds: float, pid: int, visitors: subprocess.Popen[bytes]) -> Phase:
    """Lets requests come in, and tells how it goes."""
    start = told = clock()
    while clock() < start + seconds:
        time.sleep(min(TELL_SECONDS, max(0.0, start + seconds - clock())))
        if visitors.poll() is not None:
            raise DemoError(f"the visitors went away:\n{VISITORS_LOG.read_text()}")
        now = clock()
        say(f"    {figures(Phase('', told, now))}; the service has {resident_mib(pid):.0f} MiB")
        told = now
    return Phase(name, start, clock())


def snapshot(name: str, pid: int, file: Path) -> Phase:
    start = clock()
    hoop("snap", str(pid), "-o", file)
    say()
    return Phase(name, start, clock())


def tell_promise(phases: Sequence[Phase]) -> None:
    say("\n==> did the service go on? What its visitors saw, from when a request was due:\n")
    for phase in phases:
        say(f"  {phase.name:<22} {phase.end - phase.start:5.1f} s  {figures(phase)}")


# ---- all of it ----


def run_service(rate: float, seconds: float) -> tuple[list[Phase], str]:
    """The parts of the run, and the run's name. The service has ended when this returns."""
    with service() as (process, port):
        pid = process.pid
        name = run_name(pid)
        say(f"\n    process {pid} at http://127.0.0.1:{port}; now its visitors come:")
        command = [
            sys.executable,
            str(HERE / "load.py"),
            str(port),
            f"{rate:g}",
            f"{4 * seconds + 300:g}",  # longer than all of it
            str(ANSWERS),
        ]
        with started(command, VISITORS_LOG) as visitors:
            wait_for_visitors(visitors)
            phases = [
                watch("before", seconds, pid, visitors),
                snapshot("the first snapshot", pid, FIRST),
                watch("between", seconds, pid, visitors),
                snapshot("the second snapshot", pid, SECOND),
                watch("after", seconds / 2, pid, visitors),
                snapshot("the third snapshot", pid, THIRD),
            ]
        end(process)
    return phases, name


def ask_snapshots() -> None:
    say("\n==> what holds the memory?")
    hoop("top", SECOND, "-n", "8")
    hoop("why", SECOND, "Session")
    say("\n==> and what has come since the first snapshot?")
    hoop("diff", FIRST, SECOND, "-n", "8")
    say("\n==> why does it not go away, and what is to be changed?")
    hoop("explain", FIRST, SECOND, THIRD)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--seconds", type=float, default=8, help="before and between snapshots (%(default)s)")
    add("--rate", type=float, default=400, help="requests a second (%(default)s)")
    return parser.parse_args()


def stop_on_signals() -> None:
    """As Ctrl-C does, also where a shell started us with it ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def main() -> int:
    options = parse_arguments()
    os.chdir(ROOT)
    DEMO.mkdir(parents=True, exist_ok=True)
    for old in [*DEMO.glob("*.hoop*"), ANSWERS]:
        old.unlink(missing_ok=True)
    stop_on_signals()
    try:
        phases, run = run_service(options.rate, options.seconds)
        tell_promise(phases)
        ask_snapshots()
        say("\n==> the report of the whole run, which `hoop run` prints at the end by itself")
        hoop("report", run)
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: stopped; nothing of it is left running", file=sys.stderr)
        return 130
    say(f"\n==> ask on: .venv/bin/hoop tree {SECOND}; your own program: .venv/bin/hoop run app.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
