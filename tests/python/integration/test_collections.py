# SPDX-License-Identifier: Apache-2.0
"""Full collections in whole processes: who does them, what is freed, what nobody may notice."""

from __future__ import annotations

from pathlib import Path

import pytest
from whole_process import ROOT, Sandbox, wait_until

TORTURE = ROOT / "tests" / "torture" / "torture.py"

# A heap that is not small, cycles that become garbage, and what to ask about it.
PRELUDE = """
import gc, os, signal, sys, time, weakref
import hoopsnake
class Node:
    pass
def cycle():
    one, other = Node(), Node()
    one.other, other.other = other, one
    return one
def children():
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return [int(word) for word in file.read().split()]
def work(until, seconds=20):
    # Young garbage and old, as long as that takes.
    kept, end = [], time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, (hoopsnake.collections()[-3:], hoopsnake.stats())
        kept += [cycle() for _ in range(100)]
        if len(kept) > 5000:
            del kept[:2500]
def done():
    return [one for one in hoopsnake.collections() if one.outcome == "done"]
def copy_in_flight():
    if hoopsnake.collections() and hoopsnake.collections()[-1].outcome == "running":
        return children()
heap = [[i] for i in range(30_000)]
hoopsnake.stats(), hoopsnake.collections()  # what they import leaves garbage
"""
FORCED = {"HOOP_COLLECT_EVERY": "2"}
CONCURRENT = FORCED | {"HOOP_COLLECTOR": "concurrent"}
IN_PLACE = FORCED | {"HOOP_COLLECTOR": "inplace"}


def run(box: Sandbox, code: str, environ: dict[str, str]) -> str:
    return box.preloaded("-c", PRELUDE + code, environ=environ).check().text


@pytest.mark.parametrize("environ", [CONCURRENT, IN_PLACE], ids=["concurrent", "inplace"])
def test_garbage_is_found_judged_and_freed(box: Sandbox, environ: dict[str, str]) -> None:
    code = """
gone = []
class Finalized(Node):
    def __del__(self):
        gone.append(self.number)
def old_garbage():
    nodes = [Finalized() for _ in range(1000)]
    for number, node in enumerate(nodes):
        node.number, node.next = number, nodes[number - 1]
    gc.collect()  # they are of the oldest generation now
old_garbage()
work(lambda: len(gone) == 1000)
assert sorted(gone) == list(range(1000))
assert any(one.freed >= 1000 and one.largest_component >= 1000 for one in hoopsnake.collections())
print(hoopsnake.collections()[-1].mode, gc.get_stats()[2]["collections"])
hoopsnake._agent.validate()
"""
    assert run(box, code, environ) == f"{environ['HOOP_COLLECTOR']} 1\n"


def test_full_collections_are_ours_by_default(box: Sandbox) -> None:
    code = """
heap += [[i] for i in range(300_000)]
work(lambda: len(done()) >= 2)
print(hoopsnake.stats().collector, gc.get_stats()[2]["collections"])
"""
    words = run(box, code, {}).split()
    assert words[0] == "concurrent"
    assert int(words[1]) <= 3  # while the heap was small


def test_stock_leaves_all_to_cpython(box: Sandbox) -> None:
    code = """
work(lambda: gc.get_stats()[2]["collections"] >= 2)
print(hoopsnake.stats().collector, hoopsnake.collections())
"""
    assert run(box, code, FORCED | {"HOOP_COLLECTOR": "stock"}) == "stock []\n"


def test_debug_flags_make_us_passive_as_long_as_they_are_set(box: Sandbox) -> None:
    code = """
work(done)
gc.set_debug(gc.DEBUG_UNCOLLECTABLE)
work(lambda: hoopsnake.stats().collector == "passive")
print(hoopsnake.stats().collector_reason)
gc.set_debug(0)
count = len(done())
work(lambda: len(done()) > count)
print(hoopsnake.stats().collector)
"""
    assert run(box, code, CONCURRENT) == "gc.set_debug() is in use\nconcurrent\n"


def test_cleared_callbacks_are_noticed(box: Sandbox) -> None:
    code = """
work(done)
gc.callbacks.clear()
print(hoopsnake.stats().collector, hoopsnake.stats().collector_reason)
count = len(hoopsnake.collections())
work(lambda: gc.get_stats()[2]["collections"] >= 1)
assert len(hoopsnake.collections()) <= count + 1
"""
    assert run(box, code, CONCURRENT).startswith("passive gc.callbacks was cleared")


@pytest.mark.parametrize("stop", ["gc.disable()", "gc.set_threshold(0)"])
def test_nothing_is_judged_while_the_collector_is_switched_off(box: Sandbox, stop: str) -> None:
    code = f"""
work(done)
{stop}
kept = [cycle() for _ in range(5000)]
before = sum(one.batches for one in hoopsnake.collections())
seen = weakref.ref(kept[0])
kept.clear()
for _ in range(30):
    time.sleep(0.01)
    kept = [cycle() for _ in range(500)]
assert seen() is not None
assert sum(one.batches for one in hoopsnake.collections()) == before
"""
    run(box, code, CONCURRENT)


def test_lowered_thresholds_bring_a_collection_of_ours(box: Sandbox) -> None:
    code = """
heap += [[i] for i in range(300_000)]
gc.collect()
fulls = gc.get_stats()[2]["collections"]
gc.set_threshold(*gc.get_threshold()[:2], 1 << 30)
heap += [[i] for i in range(300_000)]
count = len(hoopsnake.collections())
gc.set_threshold(*gc.get_threshold()[:2], 5)
assert len(hoopsnake.collections()) == count + 1
work(lambda: len(done()) > 0)
assert gc.get_stats()[2]["collections"] == fulls
"""
    run(box, code, {})


def test_frozen_objects_stay_frozen(box: Sandbox) -> None:
    code = """
frozen = [cycle() for _ in range(2000)]
seen = weakref.ref(frozen[0])
work(copy_in_flight)
frozen.clear()
gc.freeze()
count = gc.get_freeze_count()
work(lambda: len(done()) >= 3)
assert gc.get_freeze_count() <= count
assert seen() is not None
gc.unfreeze()
gc.collect()
assert seen() is None
"""
    run(box, code, CONCURRENT)


def test_a_copy_that_is_killed_costs_one_collection(box: Sandbox) -> None:
    code = """
def kill_it():
    if pids := copy_in_flight():
        os.kill(pids[0], signal.SIGKILL)
    return any(one.outcome == "failed" for one in hoopsnake.collections())
work(kill_it)
work(lambda: hoopsnake.collections()[-1].outcome == "done")
last = hoopsnake.collections()[-1]
print(last.mode, last.reason)
"""
    assert run(box, code, CONCURRENT) == "inplace copies failed shortly before\n"


def test_a_copy_that_is_refused_is_done_without(box: Sandbox) -> None:
    code = """
import resource
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)  # root may always
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
count = len(done())
work(lambda: len(done()) >= count + 3)
reasons = {one.reason for one in done()[-3:]}
print(done()[-1].mode, "copies failed shortly before" in reasons)
"""
    assert run(box, code, CONCURRENT) == "inplace True\n"


def test_the_program_never_sees_the_copy(box: Sandbox) -> None:
    code = """
signals = []
signal.signal(signal.SIGCHLD, lambda *_: signals.append(1))
reader, writer = os.pipe()
work(copy_in_flight)
os.close(writer)
assert os.read(reader, 1) == b"", "somebody else holds the pipe"
for options in (0, os.WNOHANG):
    try:
        print(os.waitpid(-1, options))
    except ChildProcessError:
        pass
work(lambda: len(done()) >= 3)
assert not signals
hoopsnake.collect()
assert not children(), "a zombie"
"""
    run(box, code, CONCURRENT)


def test_forks_in_flight(box: Sandbox) -> None:
    code = """
import warnings
warnings.simplefilter("error")
for _ in range(10):
    work(copy_in_flight)
    pid = os.fork()
    if pid == 0:
        heap += [cycle() for _ in range(100)]
        assert not hoopsnake.collections()
        work(lambda: len(done()) >= 1)
        hoopsnake._agent.validate()
        os._exit(0)
    assert os.waitpid(pid, 0) == (pid, 0)
"""
    run(box, code, CONCURRENT)


@pytest.mark.parametrize("end", ["sys.exit(3)", "os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_the_copy_ends_with_its_process(box: Sandbox, end: str) -> None:
    code = f"""
heap += [[i] for i in range(300_000)]
work(copy_in_flight)
print(children()[0], flush=True)
{end}
"""
    done = box.preloaded("-c", PRELUDE + code, environ=CONCURRENT)
    assert done.code in (3, -9)
    process = Path(f"/proc/{int(done.text)}/stat")
    # Whose process is killed, it sees that at its next step.
    wait_until(lambda: not process.exists() or ") Z " in process.read_text(), 10)


def test_exec_in_flight_leaves_no_child(box: Sandbox) -> None:
    code = """
work(copy_in_flight)
os.environ["HOOP_COLLECTOR"] = "stock"  # the next image makes no copies
os.execv(sys.executable, [sys.executable, "-c", '''
import os
print(open(f"/proc/self/task/{os.getpid()}/children").read().split())'''])
"""
    assert run(box, code, CONCURRENT) == "[]\n"


def test_a_program_that_waits_is_nudged(box: Sandbox) -> None:
    code = """
import threading
work(done)
gone = []
class Finalized(Node):
    def __del__(self):
        gone.append(threading.current_thread() is threading.main_thread())
for _ in range(50):
    one = Finalized()
    one.me = one
    del one
gc.collect(1)
work(copy_in_flight)
end = time.monotonic() + 20
while hoopsnake.collections()[-1].outcome == "running" and time.monotonic() < end:
    time.sleep(0.02)
assert hoopsnake.collections()[-1].outcome == "done"
assert all(gone)
"""
    run(box, code, CONCURRENT)


@pytest.mark.parametrize("collect", ["hoopsnake.collect()", "gc.collect()"])
def test_a_full_collection_on_demand_is_as_cpythons(box: Sandbox, collect: str) -> None:
    code = f"""
def garbage():
    for _ in range(500):
        cycle()
gc.disable()
gc.collect()
garbage()
expected = gc.collect()
seen = []
gc.callbacks.append(lambda phase, info: seen.append((phase, info["generation"])))
before = gc.get_stats()[2]
garbage()
objects = len(gc.get_objects())
found = {collect}
after = gc.get_stats()[2]
assert found == expected, (found, expected)
assert seen == [("start", 2), ("stop", 2)]
assert after["collections"] == before["collections"] + 1
assert after["collected"] == before["collected"] + found
assert gc.get_count()[1:] == (0, 0)
assert abs(len(gc.get_objects()) - objects + found) < 100
last = hoopsnake.collections()[-1]
print(last.trigger, last.mode, last.outcome, last.freed == found)
"""
    assert run(box, code, {"HOOP_GC_COLLECT": "1"}) == "collect inplace done True\n"


def test_all_objects_are_seen_amid_a_collection_on_demand(box: Sandbox) -> None:
    code = """
counts = []
class Finalized(Node):
    def __del__(self):
        counts.append(len(gc.get_objects()))
one = Finalized()
one.me = one
del one
hoopsnake.collect()
assert counts[0] > 30_000, counts
"""
    run(box, code, {})


def test_a_late_install_collects_too(box: Sandbox) -> None:
    code = """
assert hoopsnake.install(collector="concurrent")
early = [cycle() for _ in range(1)]
class Finalized(Node):
    def __del__(self):
        gone.append(1)
gone = []
for _ in range(100):
    one = Finalized()
    one.me = one
    del one
gc.collect(1)
heap += [[i] for i in range(100_000)]
work(lambda: len(done()) >= 1)
print(hoopsnake.stats().collector)
"""
    done = box.plain("-c", PRELUDE + code, environ=FORCED).check()
    assert done.text == "concurrent\n"


def test_a_second_interpreter_makes_us_passive(box: Sandbox) -> None:
    name = "_xxsubinterpreters" if box.minor in ("3.10", "3.11", "3.12") else "_interpreters"
    code = f"""
import {name} as interpreters
work(done)
other = interpreters.create()
work(lambda: hoopsnake.stats().collector == "passive")
print(hoopsnake.stats().collector_reason)
interpreters.destroy(other)
"""
    assert run(box, code, CONCURRENT) == "there is more than one interpreter\n"


def test_a_run_tells_of_its_collections(box: Sandbox) -> None:
    code = PRELUDE + "work(lambda: len(done()) >= 2)"
    done = box.hoop("-c", code, environ=CONCURRENT).check()
    assert "Hoopsnake" in done.report
    figures = done.figures()["collector"]
    assert figures["mode"] == "concurrent"
    assert figures["concurrent"] >= 2
    assert sum(row["hoop"] for row in figures["pauses"]) >= figures["concurrent"]
    # Where both cores are busy, one may be done in place.
    assert "concurrent" in {one["mode"] for one in figures["recent"]}


@pytest.mark.parametrize("collector", ["concurrent", "inplace"])
def test_torture(box: Sandbox, collector: str) -> None:
    """The model and Hoopsnake agree. A longer run is for hours by hand (CONTRIBUTING)."""
    environ = {"HOOP_COLLECTOR": collector, "HOOP_COLLECT_EVERY": "3"}
    words = [str(TORTURE), "--seconds", "3", "--seed", "7", "--light"]
    done = box.preloaded(*words, environ=environ, timeout=120)
    assert done.code == 0, done.text[-2000:] + done.err.decode(errors="replace")[-2000:]
