# SPDX-License-Identifier: Apache-2.0
"""Runs a benchmark of pyperformance in this process, with a fixed number of loops.

The scripts ask `pyperf` for a Runner, which would calibrate, spawn workers and measure. The module
that stands in for it here only calls their functions, so that the whole process can be measured.
"""

from __future__ import annotations

import argparse
import asyncio
import runpy
import sys
import time
import types
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any


class FixedRunner:
    """The part of pyperf.Runner that the scripts use; `loops` stands for what pyperf would find."""

    loops = 1
    results: list[object] = []  # noqa: RUF012  one process runs one benchmark

    def __init__(self, add_cmdline_args: object = None, **_: object) -> None:
        self.metadata: dict[str, object] = {}
        self.argparser = argparse.ArgumentParser()
        self.args = argparse.Namespace()

    def parse_args(self, args: list[str] | None = None) -> argparse.Namespace:
        self.args = self.argparser.parse_args(args)
        return self.args

    def bench_func(self, name: str, func: Callable[..., Any], *args: Any, **_: object) -> None:
        result = None
        for _loop in range(self.loops):
            result = func(*args)
        self._note(name, result)

    def bench_time_func(self, name: str, func: Callable[..., Any], *args: Any, **_: object) -> None:
        func(self.loops, *args)
        self._note(name, None)

    def bench_async_func(self, name: str, func: Callable[..., Any], *args: Any, **_: Any) -> None:
        async def loop() -> None:
            for _loop in range(self.loops):
                await func(*args)

        asyncio.run(loop())
        self._note(name, None)

    def _note(self, name: str, result: object) -> None:
        """Results that have one spelling become part of the checksum."""
        spelt = isinstance(result, (int, float, str, bytes, bool, type(None)))
        self.results.append((name, result if spelt else type(result).__name__))


def stand_in() -> types.ModuleType:
    module = types.ModuleType("pyperf")
    vars(module).update(
        Runner=FixedRunner,
        perf_counter=time.perf_counter,
        python_implementation=lambda: "cpython",
        python_has_jit=lambda: False,
    )
    return module


def script_of(benchmark: str) -> Path:
    spec = find_spec("pyperformance")
    if spec is None or spec.origin is None:
        raise SystemExit("pyperformance is not installed: run bench/setup")
    folder = Path(spec.origin).parent / "data-files" / "benchmarks" / f"bm_{benchmark}"
    return folder / "run_benchmark.py"


def run(benchmark: str, arguments: list[str], scale: float) -> object:
    """`arguments`: the loops at scale 1, then what the script gets on its command line."""
    loops, *rest = arguments
    FixedRunner.loops = max(1, round(int(loops) * scale))
    sys.modules["pyperf"] = stand_in()
    script = script_of(benchmark)
    sys.argv = [str(script), *rest]
    sys.path.insert(0, str(script.parent))
    runpy.run_path(str(script), run_name="__main__")
    return FixedRunner.results
