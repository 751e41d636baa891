# SPDX-License-Identifier: Apache-2.0
"""What a program may do at the worst moment, all of it allowed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import multiprocessing
import multiprocessing.resource_tracker as resource_tracker
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
import warnings
import weakref
from collections.abc import Callable
from typing import Any

from journal import JOURNAL, DisagreementError
from world import World

try:
    import hoopsnake

    hoopsnake.stats()
except Exception:
    hoopsnake = None  # type: ignore[assignment]

CHILD_MAY_TAKE = 60.0
MIB = 1 << 20


def is_hooped() -> bool:
    return hoopsnake is not None and hoopsnake.stats().active


def validate_heap() -> None:
    if is_hooped():
        hoopsnake._agent.validate()


def children() -> set[int]:
    """Of all threads; those that are dead and not taken away as well."""
    found: set[int] = set()
    for task in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError), open(f"/proc/self/task/{task}/children") as file:
            found.update(map(int, file.read().split()))
    return found


def descriptors() -> set[str]:
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.add(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
    return {line for line in found if not line.endswith("/fd")}


def collect_until_settled(worlds: list[World]) -> None:
    end = time.monotonic() + 5
    for turn in range(1000):
        gc.collect()
        for world in worlds:
            world.drain()
            world.limbo.clear()
        if turn >= 2 and all(world.is_settled() for world in worlds):
            return
        if turn >= 8:
            if time.monotonic() > end:
                return  # the checks say what is left
            time.sleep(0.01)


class Disturbances:
    """For the main thread. Counts what it did."""

    def __init__(self, seed: str, heavy: bool) -> None:
        self.random = random.Random(f"{seed} disturbances")
        self.world = World(f"{seed} signals", fragile_kinds=False)  # the signal handler's
        self.in_handler = False
        self.own_children: set[int] = set()
        self.counts: dict[str, int] = {}
        self.heavy = heavy
        self.last_kill = time.monotonic()
        light: list[tuple[Callable[[World], None], float]] = [
            (self.collect, 4),
            (self.collect_young, 8),
            (self.collect_by_us, 4),
            (self.freeze, 3),
            (self.switch_off_for_a_while, 3),
            (self.change_thresholds, 8),
            (self.look_at_objects, 3),
            (self.trace_allocations, 1),
            (self.be_idle, 3),
            (self.change_callbacks, 2),
            (self.signal_storm, 5),
            (self.short_threads, 3),
            (self.run_asyncio, 1.5),
            (self.wait_for_any_child, 6),
            (self.fork_and_check, 1.5),
            (self.run_program, 1),
            (self.trim_and_validate, 2),
            (self.kill_the_copy, 4),
        ]
        rare: list[tuple[Callable[[World], None], float]] = [
            (self.fork_without_memory, 0.3),
            (self.fork_without_processes, 0.3),
            (self.fork_and_kill_copies, 0.3),
            (self.multiprocessing_fork, 0.3),
            (self.multiprocessing_spawn, 0.1),
        ]
        self.all = light + (rare if heavy else [])

    def one(self, world: World) -> None:
        functions, weights = zip(*self.all, strict=True)
        function = self.random.choices(functions, weights)[0]
        self.counts[function.__name__] = self.counts.get(function.__name__, 0) + 1
        function(world)

    def every_rare_one(self, world: World) -> None:
        for function in (
            self.fork_without_memory,
            self.fork_without_processes,
            self.fork_and_kill_copies,
            self.multiprocessing_fork,
        ):
            self.counts[function.__name__] = self.counts.get(function.__name__, 0) + 1
            function(world)

    def back_to_normal(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        gc.enable()
        gc.unfreeze()
        if tracemalloc.is_tracing():
            tracemalloc.stop()

    # --- the collector ---------------------------------------------------------------------------

    def collect(self, _: World) -> None:
        gc.collect()

    def collect_young(self, _: World) -> None:
        gc.collect(self.random.randint(0, 1))

    def collect_by_us(self, _: World) -> None:
        if is_hooped():
            hoopsnake.collect()

    def freeze(self, world: World) -> None:
        gc.freeze()
        for _ in range(self.random.randint(0, 30)):
            world.step()
        gc.unfreeze()

    def switch_off_for_a_while(self, world: World) -> None:
        gc.disable()
        for _ in range(self.random.randint(0, 200)):
            world.step()
        gc.enable()

    def change_thresholds(self, _: World) -> None:
        gc.set_threshold(
            self.random.choice([10, 50, 100, 700, 2000]),
            self.random.randint(1, 10),
            self.random.randint(1, 10),
        )

    def look_at_objects(self, world: World) -> None:
        found = gc.get_objects(generation=self.random.choice([None, 0, 1, 2]))
        some = [self.random.choice(found) for _ in range(20)] if found else []
        del found
        if self.random.random() < 0.2:
            gc.get_referrers(*some[:3])
        for _ in range(self.random.randint(0, 10)):
            world.step()

    def trace_allocations(self, world: World) -> None:
        tracemalloc.start()
        for _ in range(self.random.randint(0, 30)):
            world.step()
        tracemalloc.stop()

    def be_idle(self, _: World) -> None:
        end = time.monotonic() + self.random.choice([0.02, 0.1, 0.3])
        while time.monotonic() < end:
            time.sleep(0.01)

    def change_callbacks(self, world: World) -> None:
        def callback(_: str, __: object) -> None:
            ring: list[Any] = []
            ring.append(ring)

        gc.callbacks.insert(self.random.choice([0, 99]), callback)
        for _ in range(self.random.randint(0, 50)):
            world.step()
        gc.callbacks.remove(callback)

    def trim_and_validate(self, _: World) -> None:
        if is_hooped():
            hoopsnake.trim()
        validate_heap()

    # --- signals and threads ---------------------------------------------------------------------

    def on_signal(self, *_: object) -> None:
        if self.in_handler:
            return
        self.in_handler = True
        try:
            self.world.step()
        finally:
            self.in_handler = False

    def signal_storm(self, world: World) -> None:
        signal.signal(signal.SIGALRM, self.on_signal)
        signal.setitimer(signal.ITIMER_REAL, 0.001, self.random.choice([0.0007, 0.003]))
        for _ in range(self.random.randint(10, 150)):
            world.step()
        signal.setitimer(signal.ITIMER_REAL, 0)

    def short_threads(self, world: World) -> None:
        def work() -> None:
            ring: list[Any] = [{"i": i} for i in range(50)]
            ring.append(ring)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        world.step()
        for thread in threads:
            thread.join()

    def run_asyncio(self, world: World) -> None:
        async def worker(turns: int) -> None:
            for _ in range(turns):
                world.step()
                await asyncio.sleep(0)

        async def forever(me: list[Any]) -> None:
            await me[0]

        async def main() -> None:
            sys.set_asyncgen_hooks(None, None)
            lost: list[Any] = [asyncio.get_running_loop().create_future()]
            lost.append(asyncio.ensure_future(forever(lost)))
            await asyncio.gather(*(worker(self.random.randint(1, 15)) for _ in range(5)))
            lost[1].cancel()

        asyncio.run(main())

    # --- processes -------------------------------------------------------------------------------

    def wait_for_any_child(self, _: World) -> None:
        """A copy is none of the program's children."""
        try:
            found = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        raise DisagreementError(f"waitpid(-1) found {found}")

    def fork(self, body: Callable[[], None]) -> None:
        """`body` in a child, which says what went wrong."""
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            self.be_child(body, writer)
        os.close(writer)
        try:
            status = self.wait_for(pid)
            with open(reader, closefd=False) as pipe:
                text = pipe.read()
        finally:
            os.close(reader)
        if status != 0:
            raise DisagreementError(f"a forked child ended with {status}: {text}")

    @staticmethod
    def be_child(body: Callable[[], None], writer: int) -> None:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
            if collections_work():
                body()
            validate_heap()
            os._exit(0)
        except BaseException as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode())
            os._exit(1)

    def wait_for(self, pid: int) -> int:
        self.own_children.add(pid)
        end = time.monotonic() + CHILD_MAY_TAKE
        while True:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self.own_children.discard(pid)
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > end:
                os.kill(pid, signal.SIGABRT)
                end += CHILD_MAY_TAKE
            time.sleep(0.005)

    def fork_and_check(self, world: World) -> None:
        def body() -> None:
            for _ in range(self.random.randint(0, 100)):
                world.step()
            gc.unfreeze()
            collect_until_settled([world])
            world.check()

        self.fork(body)

    def fork_without_memory(self, _: World) -> None:
        self.fork(lambda: without_memory(f"{self.random.random()}"))

    def fork_without_processes(self, _: World) -> None:
        self.fork(lambda: without_processes(f"{self.random.random()}"))

    def fork_and_kill_copies(self, _: World) -> None:
        self.fork(lambda: with_killed_copies(f"{self.random.random()}"))

    def run_program(self, world: World) -> None:
        process = subprocess.Popen(["/bin/true"])
        self.own_children.add(process.pid)
        for _ in range(10):
            world.step()
        if process.wait() != 0:
            raise DisagreementError("a program did not run")
        self.own_children.discard(process.pid)

    def multiprocessing_with(self, method: str) -> None:
        context = multiprocessing.get_context(method)
        queue = context.SimpleQueue()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            process = context.Process(target=_answer, args=(queue, 3))
            process.start()
        self.own_children.add(process.pid or 0)
        if queue.get() != [3, 3, 3]:
            raise DisagreementError("multiprocessing gave a wrong answer")
        process.join()
        self.own_children.discard(process.pid or 0)
        if process.exitcode != 0:
            raise DisagreementError(f"multiprocessing: exit status {process.exitcode}")
        process.close()
        queue.close()

    def multiprocessing_fork(self, _: World) -> None:
        self.multiprocessing_with("fork")

    def multiprocessing_spawn(self, _: World) -> None:
        self.multiprocessing_with("spawn")
        # A child of its own, which would stay.
        resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]

    def kill_the_copy(self, _: World) -> None:
        """Seldom: afterwards there is none for seconds."""
        if not is_hooped() or time.monotonic() < self.last_kill + 15:
            return
        if kill_copies(self.own_children):
            self.last_kill = time.monotonic()
            self.counts["killed"] = self.counts.get("killed", 0) + 1


def kill_copies(others: set[int]) -> int:
    found = children() - others
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def _answer(queue: Any, number: int) -> None:
    gc.collect()
    queue.put([number] * 3)


def collections_work() -> bool:
    """Not in a child that was forked while another thread was inside a collection.

    CPython takes that one for still running, there and for ever, with us and without.
    """
    ring: list[Any] = []

    class Canary:
        pass

    canary = Canary()
    ring += [ring, canary]
    gone = weakref.ref(canary)
    del ring, canary
    gc.collect()
    return gone() is None


# --- whole lives of children under a hardship ----------------------------------------------------


def live(world: World, seconds: float, hardship: Callable[[], None]) -> None:
    gc.set_threshold(50, 2, 2)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(20):
            world.step()
        hardship()


def end_of_life(world: World) -> None:
    for drop in (False, True):
        if drop:
            world.drop_all()
        collect_until_settled([world])
        world.check()


def with_killed_copies(seed: str) -> None:
    """Copies are killed; the next search is in place, and later there are copies again."""
    world = World(seed, fragile_kinds=False)
    live(world, 0.3, lambda: None)
    live(world, 0.3, lambda: kill_copies(set()) and None)
    end_of_life(world)
    gc.disable()
    gc.collect()
    if left := children():
        raise DisagreementError(f"children are left: {left}")


def without_processes(seed: str) -> None:
    """No process may be made; root may always, and is somebody else then."""
    if os.geteuid() == 0:
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    world = World(seed, fragile_kinds=False)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, resource.getrlimit(resource.RLIMIT_NPROC)[1]))
    live(world, 0.3, lambda: None)
    end_of_life(world)


def _address_space() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


class _LostCalls:
    """Finalizers that could not run for want of memory."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, told: Any) -> None:
        if told.exc_type is MemoryError:
            self.count += 1
        else:
            os.write(2, f"unraisable: {told.exc_type}: {told.exc_value}\n".encode())


def without_memory(seed: str) -> None:
    """Any step may fail half-way, so the model only knows what must not happen: twice, or never."""
    pick = random.Random(seed)
    lost = _LostCalls()
    sys.unraisablehook = lost
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    first = JOURNAL.next_serial()
    gc.set_threshold(50, 2, 2)
    filler: list[bytes] = []
    for turn in range(4):
        world = World(f"{seed} {turn}", fragile_kinds=False)
        for _ in range(300):
            world.step()
        resource.setrlimit(
            resource.RLIMIT_AS, (_address_space() + pick.choice([0, 1, 4, 16]) * MIB, hard)
        )
        _squeeze(world, filler, pick)
        filler.clear()
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
        del world
    end = time.monotonic() + 5
    missing = _missing(first)
    while len(missing) > lost.count and time.monotonic() < end:
        gc.collect()
        missing = _missing(first)
    if len(missing) > lost.count:
        raise DisagreementError(f"{len(missing)} not gone, {lost.count} lost: {missing[:10]}")
    twice = [s for s in range(first, JOURNAL.next_serial()) if JOURNAL.gone[s] > 1]
    if twice:
        raise DisagreementError(f"freed twice: {twice[:10]}")


def _squeeze(world: World, filler: list[bytes], pick: random.Random) -> None:
    for _ in range(400):
        try:
            filler.append(bytes(pick.choice([100, 5000, 100_000])))
            world.step()
        except MemoryError:
            if pick.random() < 0.5 and filler:
                del filler[len(filler) // 2 :]
        except OSError as error:
            if error.errno != errno.ENOMEM:
                raise
        except Exception:
            # What a step that failed left behind is not what the model has.
            return


def _missing(first: int) -> list[int]:
    last = JOURNAL.next_serial()
    return [s for s in range(first, last) if JOURNAL.made[s] and not JOURNAL.gone[s]]
