# SPDX-License-Identifier: Apache-2.0
"""Runs real programs under real CPythons, with Hoopsnake and without, and says how they ended.

Interpreters come from tools/find_pythons; the agent of each from the installed package, from
HOOP_AGENTS, or from a build tree of this checkout, in this order.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import hoopsnake

ROOT = Path(__file__).resolve().parents[3]
MINORS = ("3.10", "3.11", "3.12", "3.13", "3.14")
SHIM = "libhoop_preload.so"
MIB = 1 << 20
TIMEOUT = 60
ADDRESS = re.compile(rb"\b0x[0-9a-f]{8,16}\b")

Json = dict[str, Any]
Words = Sequence[str | os.PathLike[str]]


@dataclasses.dataclass(frozen=True)
class Interpreter:
    """A CPython; `minor` is such as "3.12"."""

    path: str
    version: tuple[int, ...]

    @property
    def minor(self) -> str:
        return f"{self.version[0]}.{self.version[1]}"

    def ask(self, code: str) -> str:
        """What a line of code prints in it, without us."""
        command = [self.path, "-I", "-c", code]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=TIMEOUT
        ).stdout.strip()


@functools.cache
def interpreters() -> dict[str, Interpreter]:
    command = [sys.executable, ROOT / "tools" / "find_pythons"]
    lines = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=TIMEOUT
    ).stdout.splitlines()
    found = {}
    for line in lines:
        path, _, version = line.partition("\t")
        python = Interpreter(path, tuple(map(int, version.split("."))))
        found[python.minor] = python
    return found


@functools.cache
def agent_folders() -> tuple[Path, ...]:
    installed = Path(hoopsnake.__file__).parent
    named = [Path(folder) for folder in os.environ.get("HOOP_AGENTS", "").split(":") if folder]
    built = [ROOT / "build" / preset / "hoopsnake" for preset in ("release", "dev")]
    return tuple(folder for folder in (installed, *named, *built) if folder.is_dir())


def agent_name(minor: str) -> str:
    return f"_agent.cpython-{minor.replace('.', '')}-{platform.machine()}-linux-gnu.so"


@functools.cache
def find_library(name: str) -> Path | None:
    return next((folder / name for folder in agent_folders() if (folder / name).exists()), None)


def why_absent(minor: str) -> str:
    """The reason to skip tests on this version; "" if there is none."""
    if minor not in interpreters():
        return f"no CPython {minor} found (HOOP_PYTHONS can name one)"
    if find_library(agent_name(minor)) is None:
        return f"no agent for CPython {minor} (HOOP_AGENTS can name a folder that has one)"
    return "" if find_library(SHIM) else f"no {SHIM} (HOOP_AGENTS can name a folder that has it)"


def make_package(folder: Path, minor: str) -> Path:
    """The package as it is installed beside this version, in `folder`/hoopsnake."""
    package = folder / "hoopsnake"
    source = Path(hoopsnake.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for name in (SHIM, agent_name(minor)):
        library = find_library(name)
        assert library is not None, name
        shutil.copy(library, package / name)
    return package


def hoop_command() -> list[str]:
    beside = Path(sys.executable).parent / "hoop"
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "hoopsnake"]


@dataclasses.dataclass
class Done:
    """How a program ended. `run_dir`: what the agents wrote; `report`: what `hoop run` wrote."""

    code: int
    out: bytes
    err: bytes
    pid: int
    run_dir: Path | None = None
    report: str = ""
    summary: Json = dataclasses.field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def visible(self) -> tuple[int, bytes, bytes]:
        """All that can be seen from outside; addresses differ from process to process."""
        return self.code, ADDRESS.sub(b"0x...", self.out), ADDRESS.sub(b"0x...", self.err)

    def check(self) -> Done:
        assert self.code == 0, f"exit status {self.code}\n{self.err.decode(errors='replace')}"
        return self

    def all_figures(self) -> list[Json]:
        """The documents of all processes of the run."""
        assert self.run_dir is not None
        paths = sorted(self.run_dir.glob("*.*.json"))
        return [json.loads(path.read_bytes()) for path in paths]

    def figures(self) -> Json:
        """The document of the program's first process, in its last exec image."""
        mine = [document for document in self.all_figures() if document["pid"] == self.pid]
        assert mine, f"the program left no figures\n{self.err.decode(errors='replace')}"
        return max(mine, key=lambda document: int(document["n"]))


class Sandbox:
    """A folder to work in, an environment, and one interpreter to run programs with."""

    # `temporary`: of a short name, as sockets are made there.
    def __init__(self, python: Interpreter, package: Path, folder: Path, temporary: Path) -> None:
        self.python = python
        self.package = package  # the hoopsnake package for this version
        self.work = folder / "work"
        self.temporary = temporary
        self.work.mkdir()
        self._runs = 0
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.work),
            "TMPDIR": str(self.temporary),
            "LC_ALL": "C.UTF-8",
            "PYTHONNOUSERSITE": "1",
            "PYTHONPATH": str(package.parent),
            "HOOP_AGENTS": ":".join(map(str, agent_folders())),
        }

    @property
    def minor(self) -> str:
        return self.python.minor

    def script(self, name: str, code: str) -> Path:
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
        return path

    # --- three ways to run a program of this interpreter -----------------------------------------

    def plain(self, *words: str | os.PathLike[str], **options: Any) -> Done:
        return self.execute([self.python.path, *words], **options)

    def hoop(self, *words: str | os.PathLike[str], **options: Any) -> Done:
        """`hoop run` with the report in a file."""
        return self.hoop_run([self.python.path, *words], **options)

    def preloaded(self, *words: str | os.PathLike[str], **options: Any) -> Done:
        """As `hoop run` does it, without `hoop` before and the report after: five times quicker."""
        return self.execute_preloaded([self.python.path, *words], **options)

    def both(self, *words: str | os.PathLike[str], **options: Any) -> Done:
        """Preloaded and plain, which must look the same; returns the first."""
        done = self.preloaded(*words, **options)
        plain = self.plain(*words, **options)
        assert done.visible == plain.visible
        return done

    # --- the same for any command ----------------------------------------------------------------

    def hoop_run(self, words: Words, options: Sequence[str] = (), **rest: Any) -> Done:
        self._runs += 1
        report = self.temporary / f"report-{self._runs}.txt"
        summary = self.temporary / f"summary-{self._runs}.json"
        start = [*hoop_command(), "run", "--report", report, "--json", summary, *options]
        done = self.execute([*start, *words], **rest)
        if report.exists():
            done.report = report.read_text(encoding="utf-8")
        if summary.exists():
            done.summary = json.loads(summary.read_bytes())
            done.run_dir = Path(done.summary["run"]["directory"])
        return done

    def execute_preloaded(
        self, words: Words, environ: Mapping[str, str] | None = None, **options: Any
    ) -> Done:
        run_dir = self.new_run_dir()
        merged = self.preloading(run_dir) | dict(environ or {})
        done = self.execute(words, environ=merged, **options)
        done.run_dir = run_dir
        return done

    def execute(
        self,
        words: Words,
        *,
        environ: Mapping[str, str] | None = None,
        input: bytes | None = b"",  # noqa: A002 - as subprocess names it
        timeout: float = TIMEOUT,
        cwd: Path | None = None,
        before_exec: Callable[[], object] | None = None,
    ) -> Done:
        """Run `words`; None in `environ` or for `input` means: not there, closed."""
        merged = self.environ | dict(environ or {})
        process = subprocess.Popen(
            [os.fspath(word) for word in words],
            cwd=cwd or self.work,
            env={name: value for name, value in merged.items() if value is not None},
            stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=before_exec,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(input, timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        return Done(process.returncode, out, err, process.pid)

    # --- what they are made of -------------------------------------------------------------------

    def new_run_dir(self) -> Path:
        self._runs += 1
        path = self.temporary / f"run-{self._runs}"
        path.mkdir()
        return path

    def preloading(self, run_dir: Path | None) -> dict[str, str]:
        """The variables that bring Hoopsnake into a process and its children."""
        variables = {"LD_PRELOAD": str(self.package / SHIM)}
        return variables | ({"HOOP_RUN_DIR": str(run_dir)} if run_dir else {})

    def last_run_dir(self) -> Path:
        """Where the latest `hoop run` of this test wrote."""
        found = sorted(
            self.temporary.glob("hoopsnake-*/run-*"), key=lambda path: path.stat().st_mtime
        )
        return found[-1]

    def start(self, words: Words, **environ: str) -> subprocess.Popen[bytes]:
        """A program that goes on while the test does something; the caller ends it."""
        return subprocess.Popen(
            [os.fspath(word) for word in words],
            cwd=self.work,
            env=self.environ | environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def killed_by(number: signal.Signals) -> int:
    return -number.value


def compile_c(source: str, target: Path, flags: Iterable[str] = ()) -> None:
    """`flags` come after the source, where libraries belong."""
    file = target.with_suffix(".c")
    file.write_text(source)
    command = [c_compiler(), "-o", str(target), str(file), *flags]
    subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT)


def c_compiler() -> str:
    return next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), "")
