# SPDX-License-Identifier: Apache-2.0
"""Runs in a process of its own: executes a program, looks at what becomes of its objects.

The job comes as JSON in the file that the command line names, the result goes into the other one.
What the program prints goes where it prints. Nothing here keeps an object of the program alive.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import json
import os
import resource
import sys
import weakref
from collections.abc import Callable
from types import CodeType
from typing import Any

Json = dict[str, Any]
FILE = "program.py"
AT, WATCH, FIRST = "__hoop_at__", "__hoop_watch__", "__hoop_first__"
END = 0  # the line after the last one


def main() -> None:
    """`sys.argv`: the file of the job, the file of the result."""
    job_file, result_file = sys.argv[1:3]
    with open(job_file, encoding="utf-8") as file:
        job: Json = json.load(file)
    _limit(job["memory"], job["seconds"], job["output"])
    on_our_heap = _install()
    sys.argv = [FILE]
    if job["confined"]:
        _confine()
    result: Json = {"heap": on_our_heap}
    if job["do"] == "output":  # what it prints at its very end counts too
        _write(result_file, result)
        _execute(compile(job["program"], FILE, "exec"))
        return
    try:
        result |= _JOBS[job["do"]](job)
    except BaseException as error:
        result["error"] = _sentence(error)
    _write(result_file, result)


def _install() -> bool:
    import hoopsnake

    try:
        return hoopsnake.install(collector="stock")
    except hoopsnake.HoopError:
        return False  # answers are the same on CPython's own heap


def _limit(memory: int, seconds: int, output: int) -> None:
    """Bytes of address space, seconds of processor time, bytes of each file."""
    for which, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, output),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # a lower limit is in force already
            resource.setrlimit(which, (most, most))


_REFUSED = {
    "os.fork": "start a process",
    "os.forkpty": "start a process",
    "os.exec": "start a program",
    "os.posix_spawn": "start a program",
    "os.spawn": "start a program",
    "os.system": "start a program",
    "subprocess.Popen": "start a program",
    "os.kill": "send a signal",
    "os.killpg": "send a signal",
    "socket.connect": "use the network",
    "socket.bind": "use the network",
    "ctypes.dlopen": "load a library",
}


def _confine() -> None:
    """For code of the user's: against accidents, not against malice. It stays to the very end."""

    def refuse(event: str, _: object) -> None:
        if event in _REFUSED:
            raise PermissionError(f"code for a question may not {_REFUSED[event]}")

    sys.addaudithook(refuse)


def _execute(code: CodeType) -> Json:
    """Run it as the main module; return its names."""
    names = sys.modules["__main__"].__dict__
    for name in [name for name in names if not name.startswith("__")]:
        del names[name]
    gc.collect()
    exec(code, names)
    return names


# --- when is it freed? ---------------------------------------------------------------------------


class _Marker(ast.NodeTransformer):
    """Tells before each statement of the module which line it is; not inside functions."""

    def __init__(self, watch: str) -> None:
        self.what, _, line = watch.partition(" after ")
        self.line = int(line or 0)

    def mark(self, tree: ast.Module) -> ast.Module:
        self._mark_body(tree)
        return ast.fix_missing_locations(tree)

    def _mark_body(self, node: ast.AST) -> None:
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            if isinstance(body, list):
                setattr(node, field, self._marked(body))
        for handler in getattr(node, "handlers", []):
            self._mark_body(handler)

    def _marked(self, body: list[ast.stmt]) -> list[ast.stmt]:
        marked: list[ast.stmt] = []
        for statement in body:
            marked += [_call(f"{AT}({statement.lineno})"), statement]
            if isinstance(statement, ast.ClassDef) and self.what == f"first {statement.name}":
                marked.append(_call(f"{FIRST}({statement.name})"))
            elif statement.lineno == self.line:
                marked.append(_call(f"{WATCH}({self.what})"))
            if not isinstance(statement, (ast.ClassDef, ast.FunctionDef)):
                self._mark_body(statement)
        return marked


def _call(text: str) -> ast.stmt:
    return ast.parse(text).body[0]


class _Watcher:
    """The line that runs, and the line in which one object was freed."""

    def __init__(self) -> None:
        self.line = END
        self.freed_at: int | None = None
        self.by = ""
        self._collecting = False
        self._reference: weakref.ref[object] | None = None

    def collection(self, phase: str, _: object) -> None:
        self._collecting = phase == "start"

    def at(self, line: int) -> None:
        self.line = line

    def watch(self, thing: object) -> None:
        if self._reference is None:
            self._reference = weakref.ref(thing, self._gone)

    def _gone(self, _: object) -> None:
        if self.line != END:
            self.freed_at, self.by = self.line, "collector" if self._collecting else "count"

    def first(self, cls: type) -> None:
        """Watch the first instance that there will be."""

        def new(cls: type, *_: object, **__: object) -> object:
            thing: object = object.__new__(cls)
            self.watch(thing)
            return thing

        setattr(cls, "__new__", new)  # noqa: B010 - mypy would not have it otherwise


def lifetime(job: Json) -> Json:
    watcher = _Watcher()
    tree = _Marker(job["watch"]).mark(ast.parse(job["program"], FILE))
    names = sys.modules["__main__"].__dict__
    names.update({AT: watcher.at, WATCH: watcher.watch, FIRST: watcher.first})
    gc.callbacks.append(watcher.collection)
    _execute(compile(tree, FILE, "exec"))
    gc.callbacks.remove(watcher.collection)
    watcher.at(END)
    if watcher._reference is None:
        raise LookupError(f"nothing was seen of {job['watch']!r}")
    return {"line": watcher.freed_at, "by": watcher.by}


# --- who holds it? -------------------------------------------------------------------------------


def leak(job: Json) -> Json:
    """How many objects of the class live: at the end, after a collection, after each cut."""
    names = _execute(compile(job["program"], FILE, "exec"))
    gc.disable()
    watched = job["watch"]
    counts = [_in_a_copy(names, cut, watched) for cut in job["cuts"]]
    return {
        "alive": _alive(watched),
        "collected": _in_a_copy(names, "pass", watched),
        "left": counts,
    }


def _alive(watched: str) -> int:
    return sum(type(thing).__name__ == watched for thing in gc.get_objects())


def _in_a_copy(names: Json, cut: str, watched: str) -> int:
    """Take a holder away in a copy of this process; return how many are left there."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            exec(compile(cut, "<cut>", "exec"), names)
            gc.collect()
            os.write(writing, str(_alive(watched)).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with open(reading, "rb") as file:
        answer = file.read()
    if os.waitpid(pid, 0)[1] or not answer:
        raise RuntimeError(f"this failed: {cut}")
    return int(answer)


# --- what is true, and how large is it? ----------------------------------------------------------


def share(job: Json) -> Json:
    names = _execute(compile(job["program"], FILE, "exec"))
    return {"values": [bool(eval(claim, names)) for claim in job["claims"]]}


def smaller(job: Json) -> Json:
    """Bytes that the call's result keeps, or that the call takes at its peak."""
    import tracemalloc

    code = compile(job["program"], FILE, "exec")
    call = compile(job["call"], "<call>", "eval")
    names = _execute(code)
    problem = _checked(job["check"], names)
    if problem:
        return {"wrong": problem}
    gc.collect()
    tracemalloc.start()
    result = eval(call, names)
    gc.collect()
    kept, peak = (
        tracemalloc.get_traced_memory()
    )  # not stopped: that races with threads up to 3.13.1
    del result
    return {"bytes": kept if job["measure"] == "kept" else peak}


def _checked(check: str, names: Json) -> str:
    try:
        exec(compile(check, "<check>", "exec"), dict(names))
    except AssertionError as error:
        line = error.__traceback__.tb_next.tb_lineno if _has_next(error) else 0  # type: ignore[union-attr]
        lines = check.splitlines()
        return lines[line - 1].strip() if 0 < line <= len(lines) else "a check failed"
    return ""


def _has_next(error: BaseException) -> bool:
    return error.__traceback__ is not None and error.__traceback__.tb_next is not None


_JOBS: dict[str, Callable[[Json], Json]] = {
    "lifetime": lifetime,
    "leak": leak,
    "share": share,
    "smaller": smaller,
}


def _sentence(error: BaseException) -> str:
    """Its type, its text, and the line of the program."""
    line = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    text = str(error.msg if isinstance(error, SyntaxError) else error).splitlines()
    told = ": ".join(filter(None, [type(error).__name__, text[0] if text else ""]))
    return f"{told}, in line {line}" if line else told


def _write(path: str, result: Json) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file)
