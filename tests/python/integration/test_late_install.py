# SPDX-License-Identifier: Apache-2.0
"""hoopsnake.install() in a running interpreter, and what may not come before or after."""

from __future__ import annotations

import re

import pytest
from whole_process import Done, Sandbox, compile_c

# What the system and the agent settle between them is the same in all versions.
pytestmark = pytest.mark.same_everywhere

INSTALL = "import hoopsnake\nassert hoopsnake.install() is True\n"
ACTIVE = "assert hoopsnake.stats().active is True\n"


def late(box: Sandbox, before: str, after: str, *options: str, **rest: object) -> Done:
    """`before`, install(), `after`, and a walk of the whole heap."""
    validate = "from hoopsnake import _agent\n_agent.validate()\nprint('end')\n"
    script = box.script("late.py", before + INSTALL + ACTIVE + after + validate)
    done = box.plain(*options, script, **rest).check()
    assert done.text.endswith("end\n"), done
    return done


def test_blocks_from_before_are_resized_and_freed_after(box: Sandbox) -> None:
    before = (
        "sizes = [0, 1, 16, 100, 511, 512, 513, 4000, 33000, 70000, 1 << 20, 3 << 20]\n"
        "arrays = [bytearray(n) for n in sizes for _ in range(20)]\n"
        "lists = [[None] * n for n in sizes]\n"
        "dicts = [{i: str(i) for i in range(n)} for n in (1, 9, 1000)]\n"
        "texts = [str(i) * 10 for i in range(20000)]\n"
    )
    after = (
        "for a in arrays:\n"
        "    before = bytes(a)\n"
        "    a.extend(b'x' * 1000)\n"
        "    assert a == before + b'x' * 1000\n"
        "    del a[:-10]\n"
        "    assert a == b'x' * 10\n"
        "for l in lists:\n"
        "    l.extend(range(100)); del l[5:]\n"
        "for d in dicts:\n"
        "    d.update((i, i) for i in range(5000)); d.clear()\n"
        "del arrays, lists, dicts, texts\n"
        "import gc; gc.collect()\n"
    )
    late(box, before, after)


def test_objects_from_before_live_on_with_threads_and_collections(box: Sandbox) -> None:
    before = (
        "import gc, threading, weakref, queue\n"
        "class Node: pass\n"
        "def ring(n):\n"
        "    nodes = [Node() for _ in range(n)]\n"
        "    for a, b in zip(nodes, nodes[1:] + nodes[:1]): a.next = b\n"
        "    return weakref.ref(nodes[0])\n"
        "old = [ring(50) for _ in range(50)]\n"
        "stop = False\n"
        "work = queue.Queue()\n"
        "def busy():\n"
        "    keep = {}\n"
        "    while not stop:\n"
        "        for i in range(300): keep[i] = [str(i), (i, i)]\n"
        "        work.put(dict(keep))\n"
        "        if work.qsize() > 5: work.get()\n"
        "threads = [threading.Thread(target=busy) for _ in range(4)]\n"
        "for t in threads: t.start()\n"
    )
    after = (
        "new = [ring(50) for _ in range(50)]\n"
        "gc.collect()\n"
        "assert all(r() is None for r in old + new)\n"
        "x = [[str(i)] for i in range(100000)]; del x\n"
        "stop = True\n"
        "for t in threads: t.join()\n"
    )
    late(box, before, after)


def test_installing_twice_changes_nothing(box: Sandbox) -> None:
    after = (
        "import sys\n"
        "functions = sys.getallocatedblocks\n"
        "blocks = hoopsnake.stats().live_blocks\n"
        "for _ in range(100): assert hoopsnake.install() is True\n"
        "assert abs(hoopsnake.stats().live_blocks - blocks) < 50\n"
        "assert sys.getallocatedblocks is functions\n"
    )
    late(box, "", after)


def test_under_hoop_run_install_has_nothing_to_do(box: Sandbox) -> None:
    code = "import hoopsnake; print(hoopsnake.stats().active, hoopsnake.install())"
    assert box.preloaded("-c", code).check().text == "True True\n"


def test_new_blocks_are_ours(box: Sandbox) -> None:
    after = (
        "before = hoopsnake.stats().live_blocks\n"
        "keep = [object() for _ in range(50000)]\n"
        "assert hoopsnake.stats().live_blocks - before >= 50000\n"
        "assert hoopsnake.trim() >= 0\n"
        "hoopsnake.epoch()\n"
    )
    late(box, "", after)


def test_the_process_ends_cleanly_with_blocks_of_both_heaps(box: Sandbox) -> None:
    before = "import atexit\nkeep = [str(i) for i in range(5000)]\n"
    after = "more = [str(i) for i in range(5000)]\natexit.register(lambda: print('bye'))\n"
    script = box.script("end.py", before + INSTALL + after)
    assert box.plain(script).visible == (0, b"bye\n", b"")


# --- tracers --------------------------------------------------------------------------------------

REFUSED = (
    "try:\n"
    "    hoopsnake.install()\n"
    "except hoopsnake.HoopError as error:\n"
    "    print(error)\n"
    "else:\n"
    "    print('installed')\n"
    "x = [str(i) for i in range(1000)]\n"
)


def refusal(box: Sandbox, before: str, *options: str, **rest: object) -> str:
    script = box.script("refused.py", "import hoopsnake\n" + before + REFUSED)
    text = box.plain(*options, script, **rest).check().text
    assert text.startswith("Hoopsnake stays out of this process: "), text
    return text


def test_a_tracer_that_was_first_keeps_us_out(box: Sandbox) -> None:
    text = refusal(box, "import tracemalloc; tracemalloc.start()\n")
    assert "another allocator hook was there first" in text
    assert "another allocator hook" in refusal(box, "", "-X", "tracemalloc")
    assert "another" in refusal(box, "", environ={"PYTHONTRACEMALLOC": "1"})


@pytest.mark.parametrize("value", ["debug", "malloc", "pymalloc", "pymalloc_debug"])
def test_an_allocator_that_was_asked_for_keeps_us_out(box: Sandbox, value: str) -> None:
    assert "PYTHONMALLOC" in refusal(box, "", environ={"PYTHONMALLOC": value})


def test_debug_hooks_keep_us_out(box: Sandbox) -> None:
    assert "another allocator hook" in refusal(box, "", "-X", "dev")
    assert "PYTHONDEVMODE" in refusal(box, "", environ={"PYTHONDEVMODE": "1"})


def test_after_a_refusal_a_tracer_can_be_stopped_and_we_can_come(box: Sandbox) -> None:
    before = "import tracemalloc; tracemalloc.start(); a = [str(i) for i in range(999)]\n"
    code = (
        "import hoopsnake\n"
        + before
        + REFUSED
        + "tracemalloc.stop()\n"
        + INSTALL
        + ACTIVE
        + "del a\n"
    )
    assert "stays out" in box.plain("-c", code).check().text


@pytest.mark.parametrize("way", ["late", "preloaded"])
def test_a_tracer_that_comes_later_works_and_goes(box: Sandbox, way: str) -> None:
    code = (
        "import hoopsnake, tracemalloc, threading\n"
        "assert hoopsnake.install()\n"
        "old = [str(i) for i in range(3000)]\n"
        "for _ in range(3):\n"
        "    tracemalloc.start()\n"
        "    new = [bytearray(1000) for _ in range(1000)]\n"
        "    size, peak = tracemalloc.get_traced_memory()\n"
        "    assert 1_000_000 <= size <= 1_300_000, size\n"
        "    del old\n"
        "    old = [str(i) for i in range(3000)]\n"
        "    t = threading.Thread(target=lambda: [str(i) for i in range(3000)])\n"
        "    t.start(); t.join()\n"
        "    tracemalloc.stop()\n"
        "    del new[::2]\n"
        "    assert hoopsnake.install() and hoopsnake.stats().active\n"
        "from hoopsnake import _agent\n"
        "_agent.validate()\n"
        "before = hoopsnake.stats().live_blocks\n"
        "x = [object() for _ in range(10000)]\n"
        "assert hoopsnake.stats().live_blocks - before >= 10000\n"
        "print('end')\n"
    )
    run = box.plain if way == "late" else box.preloaded
    assert run("-c", code).check().text == "end\n"


FAKE = 'const char* Py_GetVersion(void) { return "3.13.0 free-threading build (main)"; }\n'


def test_a_free_threaded_build_keeps_us_out(box: Sandbox, compiler: str) -> None:
    library = box.work / "libfake.so"
    compile_c(FAKE, library, ["-shared", "-fPIC"])
    code = (
        "import ctypes, sys, hoopsnake._agent as agent\n"
        "version = ctypes.CDLL(None).Py_GetVersion\n"
        "version.restype = ctypes.c_char_p\n"
        "if b'free' not in version(): sys.exit('not fooled')\n"
        "try: agent.install()\n"
        "except RuntimeError as e: print(e)\n"
        "print(agent.status())\n"
    )
    done = box.plain("-c", code, environ={"LD_PRELOAD": str(library)})
    if b"not fooled" in done.err:
        pytest.skip("this Python is one file: its version cannot be replaced")
    assert "free-threaded builds need their own object allocator" in done.text
    assert "'active': False" in done.text


def test_the_switch_turns_install_off(box: Sandbox) -> None:
    code = "import hoopsnake; print(hoopsnake.install(), hoopsnake.stats().active)"
    assert box.plain("-c", code, environ={"HOOP_DISABLE": "1"}).check().text == "False False\n"


def test_without_address_space_install_says_so(box: Sandbox) -> None:
    code = (
        "import hoopsnake, resource\n"
        "hoopsnake.stats()\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * 4096\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (50 << 20),) * 2)\n"
        "try: hoopsnake.install()\n"
        "except hoopsnake.HoopError as e: print(e)\n"
        "x = [str(i) for i in range(10000)]\n"
    )
    done = box.plain("-c", code).check()
    assert re.match(r"Hoopsnake stays out of this process: no address space", done.text)


def test_a_child_of_fork_has_the_heap_that_was_installed(box: Sandbox) -> None:
    after = (
        "import os\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    x = [str(i) for i in range(50000)]; del x\n"
        "    hoopsnake.trim(); os._exit(0 if hoopsnake.stats().active else 1)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0\n"
    )
    late(box, "", after)


def test_memory_is_given_back_after_a_late_install_too(box: Sandbox) -> None:
    after = (
        "import time\n"
        "x = [(i, str(i)) for i in range(300000)]; del x\n"
        "end = time.monotonic() + 20\n"
        "while hoopsnake.stats().returned_total < 10 << 20:\n"
        "    assert time.monotonic() < end, hoopsnake.stats()\n"
        "    time.sleep(0.1)\n"
    )
    late(box, "", after)
