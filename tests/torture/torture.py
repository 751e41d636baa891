#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/torture/torture.py: changes a graph of objects while collections are in flight.

    tests/torture/torture.py --seconds 3600 --mode concurrent
    tests/torture/torture.py --seconds 10 --mode as-is         no Hoopsnake: the model itself

Runs under the Python that it is started with; `--mode` brings Hoopsnake in by `hoop run`, with a
full collection forced after every few young ones. A model says what must live and what must go;
at checkpoints both have to agree: nothing missing, nothing finalized twice or while reachable, no
child, descriptor or zombie left. See world.py for the model, shapes.py for the kinds of objects,
disturbances.py for what happens meanwhile.

Prints a line each second. Exit status: 0, or 1 with the seed and what differs. The same seed gives
the same steps; what threads and copies do meanwhile is not the same.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import os
import random
import shutil
import sys
import threading
import time
from pathlib import Path

import extensions
from disturbances import (
    Disturbances,
    children,
    collect_until_settled,
    descriptors,
    hoopsnake,
    is_hooped,
    validate_heap,
)
from journal import JOURNAL, DisagreementError
from world import CLOCK, World

MODES = ("as-is", "concurrent", "inplace", "stock")
COLLECT_EVERY = "HOOP_COLLECT_EVERY"
# After a checkpoint everything goes once in so many times.
DROPS_ALL_EVERY = 3


def parse(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(usage=__doc__, add_help=True)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    parser.add_argument("--mode", choices=MODES, default="as-is")
    parser.add_argument("--threads", type=int, default=2, help="mutators beside the main thread")
    parser.add_argument("--light", action="store_true", help="no forks with hardships")
    parser.add_argument("--every", type=int, default=3, help="young collections for a full one")
    return parser.parse_args(words)


def become_hooped(options: argparse.Namespace) -> None:
    """Start again under `hoop run`."""
    beside = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "hoop"
    hoop = str(beside) if beside.exists() else shutil.which("hoop")
    command = [hoop] if hoop else [sys.executable, "-m", "hoopsnake"]
    os.environ[COLLECT_EVERY] = str(options.every)
    words = ["run", "--quiet", f"--collector={options.mode}", sys.executable, __file__]
    rest = [f"--{name}={getattr(options, name)}" for name in ("seconds", "seed", "threads")]
    rest += ["--light"] if options.light else []
    os.execvp(command[0], [*command, *words, *rest])


class Mutators:
    """Threads, each with a world of its own, that can be made to rest."""

    def __init__(self, seed: str, count: int) -> None:
        self.worlds = [World(f"{seed} thread {i}") for i in range(count)]
        self.failures: list[BaseException] = []
        self.resting = threading.Barrier(count + 1)
        self.must_rest = self.must_end = False
        self.threads = [threading.Thread(target=self.run, args=(world,)) for world in self.worlds]

    def start(self) -> None:
        for thread in self.threads:
            thread.daemon = True
            thread.start()

    def run(self, world: World) -> None:
        try:
            while not self.must_end:
                if self.must_rest:
                    self.resting.wait(120)
                    self.resting.wait(120)
                world.step()
        except threading.BrokenBarrierError:
            return
        except BaseException as error:
            self.failures.append(error)
            self.resting.abort()

    def rest(self) -> None:
        self.must_rest = True
        self.raise_failure()
        try:
            self.resting.wait(120)
        except threading.BrokenBarrierError:
            self.raise_failure()
            raise
        self.must_rest = False

    def go_on(self) -> None:
        self.resting.wait(120)

    def raise_failure(self) -> None:
        if self.failures:
            raise self.failures[0]

    def end(self) -> None:
        self.must_end = True
        for thread in self.threads:
            thread.join()
        self.raise_failure()


class Torture:
    """One run."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.world = World(f"{options.seed} main")
        self.mutators = Mutators(str(options.seed), options.threads)
        self.disturbances = Disturbances(str(options.seed), heavy=not options.light)
        self.random = random.Random(options.seed)
        self.start = time.monotonic()
        self.checkpoints = 0
        self.descriptors: set[str] | None = None

    @property
    def worlds(self) -> list[World]:
        return [self.world, self.disturbances.world, *self.mutators.worlds]

    def run(self) -> None:
        gc.callbacks.append(CLOCK)
        self.mutators.start()
        end = self.start + self.options.seconds
        next_line = self.start + 1
        next_check = self.start + 1.5
        while (now := time.monotonic()) < end:
            self.some_steps()
            if now >= next_check:
                self.checkpoint(drop=self.checkpoints % DROPS_ALL_EVERY == 0)
                next_check = time.monotonic() + self.random.uniform(0.5, 4)
            if now >= next_line:
                self.tell()
                next_line = now + 1
            self.mutators.raise_failure()
        if not self.options.light:
            self.disturbances.every_rare_one(self.world)
        self.checkpoint(drop=True, last=True)
        self.tell()

    def some_steps(self) -> None:
        for _ in range(self.random.randint(1, 60)):
            self.world.step()
        if self.random.random() < 0.02:
            sys.setswitchinterval(self.random.choice([1e-6, 1e-4, 0.005]))
        self.disturbances.one(self.world)

    def checkpoint(self, drop: bool, last: bool = False) -> None:
        self.mutators.rest()
        try:
            self.check_at_rest(drop)
        finally:
            if last:
                self.mutators.must_end = True
            self.mutators.go_on()
        if last:
            self.mutators.end()

    def check_at_rest(self, drop: bool) -> None:
        self.disturbances.back_to_normal()
        gc.disable()  # no search begins while we look
        if drop:
            for world in self.worlds:
                world.drop_all()
        collect_until_settled(self.worlds)
        for world in self.worlds:
            world.check()
        if gc.garbage:
            raise DisagreementError("gc.garbage is not empty")
        validate_heap()
        self.check_leftovers()
        gc.enable()
        self.checkpoints += 1

    def check_leftovers(self) -> None:
        tracker = {getattr(_resource_tracker(), "_pid", None)}
        if left := children() - tracker:
            raise DisagreementError(f"children are left: {left}")
        now = descriptors()
        if self.descriptors is None:
            self.descriptors = now
        if extra := {line for line in now - self.descriptors if not _is_trackers(line)}:
            raise DisagreementError(f"descriptors are left: {sorted(extra)}")

    def tell(self) -> None:
        seconds = time.monotonic() - self.start
        nodes = sum(len(world.shape_of) for world in self.worlds)
        gone = sum(JOURNAL.gone)
        line = (
            f"{seconds:6.1f} s  {sum(world.steps for world in self.worlds):,} steps, "
            f"{nodes:,} nodes, "
            f"{gone:,} gone, {self.checkpoints} checkpoints, {CLOCK.began:,} collections"
        )
        if is_hooped():
            stats = hoopsnake.stats()
            recent = hoopsnake.collections()
            line += (
                f"; {stats.collector}: {stats.full_collections:,} full, the last {len(recent)}: "
                f"{sum(one.freed for one in recent):,} freed, "
                f"{sum(one.dropped_died for one in recent):,} died, "
                f"{sum(one.survived for one in recent):,} survived, "
                f"{sum(one.mode == 'concurrent' for one in recent)} concurrent, "
                f"{sum(one.outcome == 'failed' for one in recent)} failed"
            )
            if stats.collector_reason:
                line += f" ({stats.collector_reason})"
        print(line, flush=True)


def _resource_tracker() -> object:
    tracker = sys.modules.get("multiprocessing.resource_tracker")
    return getattr(tracker, "_resource_tracker", None)


def _is_trackers(line: str) -> bool:
    number = getattr(_resource_tracker(), "_fd", None)
    return number is not None and line.startswith(f"{number} ")


def check_mode(wanted: str) -> None:
    if wanted != "as-is" and (not is_hooped() or hoopsnake.stats().collector != wanted):
        reason = hoopsnake.stats().collector_reason if is_hooped() else "not active"
        raise DisagreementError(f"Hoopsnake is not in mode {wanted}: {reason}")


def main() -> int:
    options = parse()
    if options.mode != "as-is":
        become_hooped(options)
    faulthandler.enable()
    faulthandler.dump_traceback_later(options.seconds * 3 + 180, exit=True)
    wanted = os.environ.get("HOOP_COLLECTOR", "as-is")
    print(
        f"seed {options.seed}, {wanted}, with {extensions.names() or 'no extensions'}", flush=True
    )
    torture = Torture(options)
    try:
        check_mode(wanted)
        torture.run()
    except DisagreementError as failure:
        print(f"FAILED, seed {options.seed}: {failure}", flush=True)
        print(f"disturbances: {torture.disturbances.counts}", flush=True)
        os._exit(1)
    print(f"ok, seed {options.seed}: {torture.disturbances.counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
