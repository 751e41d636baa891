# SPDX-License-Identifier: Apache-2.0
"""Memory comes back, and the figures of it are true."""

from __future__ import annotations

import pytest
from whole_process import Sandbox

# What the system and the agent settle between them is the same in all versions.
pytestmark = pytest.mark.same_everywhere

PRELUDE = """
import gc, os, sys, threading, time
MIB = 1 << 20
def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
def soon(condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain: " + repr(hoopsnake.stats())
        time.sleep(0.02)
def threads():
    return len(os.listdir("/proc/self/task"))
import hoopsnake
"""


def run(box: Sandbox, code: str, **options: object) -> str:
    done = box.preloaded("-c", PRELUDE + code, **options).check()
    assert done.err == b"", done
    return done.text


# --- giving back ----------------------------------------------------------------------------------


def test_an_idle_program_gives_a_peak_back(box: Sandbox) -> None:
    code = """
start = rss()
x = [(i, str(i)) for i in range(400000)]
peak = rss()
assert peak - start > 40 * MIB
del x
soon(lambda: rss() - start < (peak - start) * 0.2)
"""
    run(box, code)


def test_an_idle_program_gives_back_what_lies_between_survivors(box: Sandbox) -> None:
    """Every two hundredth of blocks of 96 bytes lives on: pages without one must go."""
    code = """
start = rss()
x = [bytes(60) for i in range(400000)]
peak = rss()
x[:] = x[::200]
soon(lambda: rss() - start < (peak - start) * 0.5)
assert len(x) == 2000 and set(x) == {bytes(60)}
"""
    run(box, code)


def test_a_busy_program_gives_a_peak_back(box: Sandbox) -> None:
    code = """
start = rss()
x = [(i, str(i)) for i in range(400000)]
peak = rss()
del x
def busy():
    d = {}
    for i in range(20000): d[i % 500] = [str(i)]
def done():
    busy()
    return rss() - start < (peak - start) * 0.3
soon(done)
"""
    run(box, code)


def test_big_blocks_go_at_once_or_soon(box: Sandbox) -> None:
    code = """
start = rss()
x = [bytearray(b"x") * (5 * MIB) for _ in range(10)]
assert rss() - start > 45 * MIB
del x
soon(lambda: rss() - start < 10 * MIB)
"""
    run(box, code)


def test_memory_freed_by_a_collection_comes_back(box: Sandbox) -> None:
    code = """
class Node: pass
start = rss()
for _ in range(200000):
    n = Node(); n.me = n; n.pad = bytes(100)
    if _ == 0: gc.disable()
peak = rss()
gc.enable()
gc.collect()
soon(lambda: rss() - start < (peak - start) * 0.3)
"""
    run(box, code)


def test_a_program_that_blocks_in_c_gives_back_too(box: Sandbox) -> None:
    """The main thread waits in a system call, without the GIL; seen from outside."""
    code = """
x = [(i, str(i)) for i in range(400000)]
del x
print(rss(), flush=True)
print(sys.stdin.readline())
"""
    import time

    process = box.start([box.python.path, "-c", PRELUDE + code], **box.preloading(None))
    assert process.stdout is not None
    peak = int(process.stdout.readline())
    statm = f"/proc/{process.pid}/statm"
    end = time.monotonic() + 15
    resident = peak
    while resident > peak * 0.5 and time.monotonic() < end:
        time.sleep(0.05)
        with open(statm) as file:
            resident = int(file.read().split()[1]) * 4096
    _, err = process.communicate(b"go on\n", 30)
    assert (process.returncode, err) == (0, b"")
    assert resident <= peak * 0.5


def test_trim_gives_back_now_and_says_how_much(box: Sandbox) -> None:
    code = """
x = [(i, str(i)) for i in range(400000)]
peak = rss()
del x
before = rss()
given = hoopsnake.trim()
after = rss()
assert type(given) is int
if before > peak * 0.9:
    assert given > 30 * MIB, given
    assert abs((before - after) - given) < 4 * MIB, (before, after, given)
assert after < peak * 0.5
assert hoopsnake.trim() < MIB
assert hoopsnake.stats().returned_total >= given
"""
    run(box, code)


def test_what_was_given_back_can_be_used_again(box: Sandbox) -> None:
    code = """
for round in range(6):
    x = {i: (str(i), [i]) for i in range(60000)}
    keep = dict(list(x.items())[::97])
    del x
    if round % 2: hoopsnake.trim()
    else: time.sleep(0.12)
    assert all(v == (str(k), [k]) for k, v in keep.items())
from hoopsnake import _agent
_agent.validate()
"""
    run(box, code)


def test_trims_in_threads_and_in_finalizers_are_fine(box: Sandbox) -> None:
    code = """
class Node:
    def __del__(self): hoopsnake.trim(); hoopsnake.epoch(); hoopsnake.stats()
def work():
    for _ in range(5):
        n = Node(); n.me = n
        x = [(i, str(i)) for i in range(5000)]; del x, n
        gc.collect(); hoopsnake.trim()
ts = [threading.Thread(target=work) for _ in range(3)]
for t in ts: t.start()
for t in ts: t.join()
from hoopsnake import _agent
_agent.validate()
"""
    run(box, code)


# --- epochs ---------------------------------------------------------------------------------------


def test_an_epoch_keeps_later_blocks_off_earlier_pages(box: Sandbox) -> None:
    code = """
old = [bytes(50) for _ in range(999)]
del old[::2]
hoopsnake.epoch()
new = [bytes(50) for _ in range(999)]
assert not {id(b) >> 12 for b in old} & {id(b) >> 12 for b in new}
"""
    run(box, code)


def test_freezing_the_collector_starts_an_epoch(box: Sandbox) -> None:
    code = """
old = [bytes(50) for _ in range(999)]
del old[::2]
gc.freeze()
assert gc.get_freeze_count() > 0
new = [bytes(50) for _ in range(999)]
assert not {id(b) >> 12 for b in old} & {id(b) >> 12 for b in new}
gc.unfreeze()
assert gc.get_freeze_count() == 0
"""
    run(box, code)


def test_a_childs_blocks_share_no_page_with_its_parents(box: Sandbox) -> None:
    code = """
old = [bytes(50) for _ in range(999)]
del old[::2]
if os.fork() == 0:
    new = [bytes(50) for _ in range(999)]
    os._exit(bool({id(b) >> 12 for b in old} & {id(b) >> 12 for b in new}))
assert os.wait()[1] == 0
"""
    run(box, code)


# --- figures --------------------------------------------------------------------------------------


def test_the_sums_of_stats_are_plausible(box: Sandbox) -> None:
    code = """
gc.collect()
a = hoopsnake.stats()
x = [object() for _ in range(100000)]
y = bytearray(b"x") * (4 * MIB)
b = hoopsnake.stats()
assert a.active and b.active
assert 100000 <= b.live_blocks - a.live_blocks < 101000
# A block for each object and its slot in the list, and the big one.
expected = 100000 * 16 + 100000 * 8 + 4 * MIB
assert expected <= b.in_use - a.in_use < expected * 1.1 + MIB, b.in_use - a.in_use
assert b.direct - a.direct >= 4 * MIB
assert b.committed <= b.reserved
assert b.in_use + b.free_resident <= rss() + MIB
assert 0 <= b.fragmentation <= 1
del x, y
hoopsnake.trim()
c = hoopsnake.stats()
assert abs(c.live_blocks - a.live_blocks) < 1000
assert c.returned_total > b.returned_total
assert c.trim_seconds > 0
assert 0 < c.metadata < 8 * MIB
"""
    run(box, code)


def test_allocated_blocks_are_counted_to_the_last_one(box: Sandbox) -> None:
    code = """
gc.collect(); gc.disable()
a = sys.getallocatedblocks()
x = [None] * 1000
for i in range(1000): x[i] = object()
b = sys.getallocatedblocks()
assert 1001 <= b - a <= 1010, b - a
del x
assert abs(sys.getallocatedblocks() - a) <= 9
"""
    run(box, code)


def test_a_loop_without_a_leak_shows_none(box: Sandbox) -> None:
    """How CPython's own leak checks count: after a few rounds nothing is added."""
    code = """
import json, re
def body():
    data = json.loads(json.dumps({str(i): [i, {"a": i}] for i in range(200)}))
    class A:
        def f(self): yield 1
    a = A(); a.me = a; a.g = a.f(); next(a.g)
    re.findall(r"\\d+", "1 22 333" * 50)
    try: 1 / 0
    except ZeroDivisionError as e: a.e = e
counts = []
for _ in range(12):
    body()
    gc.collect()
    counts.append(sys.getallocatedblocks())
assert max(counts[-5:]) - min(counts[-5:]) <= 4, counts
leak = []
before = sys.getallocatedblocks()
for _ in range(50): leak.append(object())
after = sys.getallocatedblocks()
assert 45 <= after - before <= 55, after - before
"""
    run(box, code)


def test_the_count_includes_only_what_lives(box: Sandbox) -> None:
    code = """
a = sys.getallocatedblocks()
x = [bytearray(n) for n in (1, 600, 40000, 70000) for _ in range(12)] + [bytearray(2 * MIB)] * 2
b = sys.getallocatedblocks()
assert 98 <= b - a <= 110, b - a
del x
assert abs(sys.getallocatedblocks() - a) < 5
"""
    run(box, code)


# --- the thread -----------------------------------------------------------------------------------


def test_the_thread_lives_only_while_there_is_something_to_give(box: Sandbox) -> None:
    code = """
x = [(i, str(i)) for i in range(300000)]
del x
time.sleep(0.3)
assert threading.active_count() == 1  # Python knows nothing of it
soon(lambda: threads() == 2)  # the program's, and the attendant
"""
    run(box, code)


def test_the_programs_signals_do_not_go_to_our_thread(box: Sandbox) -> None:
    code = """
import signal
got = []
signal.signal(signal.SIGUSR1, lambda *a: got.append(threading.current_thread().name))
x = [(i, str(i)) for i in range(300000)]
del x
for _ in range(50):
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(0.01)
assert len(got) == 50 and set(got) == {"MainThread"}, got
"""
    run(box, code)


def test_nothing_is_left_running_at_the_end(box: Sandbox) -> None:
    """Memory to give, a thread at work, and the end comes at once."""
    code = "x = [(i, str(i)) for i in range(300000)]; del x"
    for _ in range(5):
        assert run(box, code) == ""


def test_an_end_amid_many_threads_is_clean(box: Sandbox) -> None:
    code = """
stop = threading.Event()
def work():
    while True:
        x = [(i, str(i)) for i in range(3000)]; del x
for _ in range(4): threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
print("end")
"""
    assert run(box, code) == "end\n"
