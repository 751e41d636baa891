# SPDX-License-Identifier: Apache-2.0
"""Signals, threads, finalization and natives at the worst moment."""

from __future__ import annotations

import re
import signal
import subprocess

import pytest
from whole_process import Done, Sandbox, killed_by

# What the system and the agent settle between them is the same in all versions.
pytestmark = pytest.mark.same_everywhere

WAYS = ["preloaded", "late"]


def start_both_ways(box: Sandbox, way: str, code: str) -> Done:
    if way == "preloaded":
        return box.preloaded("-c", code)
    return box.plain("-c", "import hoopsnake; assert hoopsnake.install()\n" + code)


VALIDATE = "\nfrom hoopsnake import _agent\n_agent.validate()\n"


@pytest.mark.parametrize("way", WAYS)
def test_a_timer_that_interrupts_every_millisecond(box: Sandbox, way: str) -> None:
    code = """
import signal, time
kept = {}
count = 0
def tick(*_):
    global count
    count += 1
    kept[count % 100] = [str(i) for i in range(50)]
signal.signal(signal.SIGALRM, tick)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
end = time.monotonic() + 0.5
while time.monotonic() < end or count < 20:
    x = {i: (str(i), [i]) for i in range(3000)}
    y = bytearray(3 << 20); y += b"x" * (1 << 20)
    time.sleep(0.001)
signal.setitimer(signal.ITIMER_REAL, 0)
print(count >= 20)
"""
    assert start_both_ways(box, way, code + VALIDATE).visible == (0, b"True\n", b"")


def end_with_slow_report(box: Sandbox, code: str) -> Done:
    slow = box.script("report.sh", "#!/bin/sh\nsleep 0.6\necho reported\n")
    slow.chmod(0o755)
    words = ["sh", "-c", 'HOOP_ROOT_PID=$$ exec "$@"', "sh", box.python.path, "-c", code]
    return box.execute_preloaded(words, environ={"HOOP_PYTHON": str(slow)})


def test_a_timer_that_still_runs_at_the_end_does_not_kill_during_the_report(box: Sandbox) -> None:
    """Python gives its handlers up before the report is made: the default is to die."""
    code = """
import signal
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.3)
"""
    assert end_with_slow_report(box, code).visible == (0, b"", b"reported\n")


@pytest.mark.pythons("3.10", "3.14")
def test_daemon_threads_that_wait_for_the_interpreter_do_not_see_it_freed(box: Sandbox) -> None:
    """They have asked for it while one function had it for long, and take that back, by states that
    3.10 has freed, while the report is made."""
    code = """
import atexit, threading, time
def wait():
    while True: time.sleep(0.002)
for _ in range(60):
    threading.Thread(target=wait, daemon=True).start()
atexit.register(sum, range(2_000_000))
"""
    assert end_with_slow_report(box, code).visible == (0, b"", b"reported\n")


def test_many_threads_share_objects(box: Sandbox) -> None:
    code = """
import queue, sys, threading
sys.setswitchinterval(1e-5)
q = queue.Queue(1000)
def make():
    for i in range(3000): q.put({"i": i, "s": str(i) * 5, "l": [i] * (i % 90)})
    q.put(None)
def use():
    while (item := q.get()) is not None:
        assert item["s"] == str(item["i"]) * 5 and len(item["l"]) == item["i"] % 90
threads = [threading.Thread(target=f) for f in (make, use) * 4]
for t in threads: t.start()
for t in threads: t.join()
print("end")
"""
    assert box.preloaded("-c", code + VALIDATE).visible == (0, b"end\n", b"")


def test_a_thousand_threads_one_after_another(box: Sandbox) -> None:
    code = """
import threading
for _ in range(1000):
    t = threading.Thread(target=lambda: [str(i) for i in range(100)])
    t.start(); t.join()
print("end")
"""
    assert box.preloaded("-c", code).visible == (0, b"end\n", b"")


def test_late_allocations_in_atexit_and_finalizers(box: Sandbox) -> None:
    code = """
import atexit, gc, sys, threading
class Last:
    def __init__(self): self.me = self; self.pad = [str(i) for i in range(1000)]
    def __del__(self):
        x = [str(i) for i in range(1000)]
        sys.stdout.write("del\\n")
atexit.register(lambda: print(len([str(i) for i in range(50000)])))
def more():
    atexit.register(print, "registered late")
atexit.register(more)
sys.keep = Last()
builtins = __import__("builtins"); builtins.keep = Last()
t = threading.local(); t.keep = [Last()]
"""
    box.both("-c", code).check()


@pytest.mark.parametrize("call", ["_clear", "_run_exitfuncs"])
def test_the_end_is_noticed_though_the_program_drops_all_atexit_functions(
    box: Sandbox, call: str
) -> None:
    code = f"""
import atexit, time
atexit.register(print, "registered")
x = [(i, str(i)) for i in range(300000)]
del x  # from now on there is something for a thread of ours to do
atexit.{call}()
kept = [object() for _ in range(12345)]
time.sleep(0.3)
"""
    figures = box.both("-c", code).check().figures()
    counts = {entry["type"]: entry["count"] for entry in figures["types"]}
    assert counts["builtins.object"] > 12000


def test_atexit_functions_of_another_interpreter_do_not_end_ours(box: Sandbox) -> None:
    code = """
import atexit
try: import _interpreters as interpreters
except ImportError: import _xxsubinterpreters as interpreters
run = interpreters.exec if hasattr(interpreters, "exec") else interpreters.run_string
id = interpreters.create()
run(id, "import atexit; atexit._clear(); atexit._run_exitfuncs()")
interpreters.destroy(id)
kept = [object() for _ in range(12345)]
"""
    figures = box.preloaded("-c", code).check().figures()
    counts = {entry["type"]: entry["count"] for entry in figures["types"]}
    assert counts["builtins.object"] > 12000


def test_a_fork_while_the_interpreter_ends_starts_no_thread(box: Sandbox) -> None:
    """Such a thread would ask for the GIL of an interpreter that is gone."""
    code = """
import os, time
class Last:
    def __del__(self, os=os, sleep=time.sleep):
        x = [(i, str(i)) for i in range(100000)]
        del x
        try: pid = os.fork()
        except RuntimeError: pid = -1  # 3.12 and later refuse
        if pid == 0: os._exit(0)
        if pid > 0: os.waitpid(pid, 0)
        x = [(i, str(i)) for i in range(100000)]
        del x
        os.write(1, b"%d" % len(os.listdir("/proc/self/task")))
        sleep(0.3)
last = Last()
"""
    assert box.preloaded("-c", code).visible == (0, b"1", b"")


def test_single_phase_extension_modules_at_the_end(box: Sandbox) -> None:
    """Around finalization CPython swaps allocators behind our back (up to 3.13)."""
    code = """
import importlib, sys
for name in ("_decimal", "_ctypes", "_datetime", "readline", "_curses", "_tkinter", "_sqlite3",
             "_elementtree", "_pickle", "_socket", "_ssl", "_asyncio", "_testcapi", "_ctypes_test",
             "_testsinglephase", "_testmultiphase", "_testbuffer", "_testinternalcapi", "_dbm"):
    try: importlib.import_module(name)
    except Exception: pass
import datetime, decimal, xml.etree.ElementTree as E, threading
keep = [decimal.Decimal(i) / 7 for i in range(999)]
tree = [E.fromstring("<a><b/></a>") for _ in range(99)]
def daemon():
    while True:
        x = [decimal.Decimal(i) for i in range(99)]
threading.Thread(target=daemon, daemon=True).start()
print("end")
"""
    for _ in range(3):
        assert box.preloaded("-c", code).visible == (0, b"end\n", b"")


def test_raw_blocks_freed_by_threads_while_the_interpreter_ends(box: Sandbox) -> None:
    code = """
import threading, zlib, hashlib, time
data = bytes(300000)
def work():
    while True:
        zlib.compress(data, 1); hashlib.sha256(data).digest()
for _ in range(4): threading.Thread(target=work, daemon=True).start()
time.sleep(0.05)
print("end")
"""
    # 3.10 does so by itself, once in 3000 starts: a thread that asked for the GIL before the end
    # and wakes after it (take_gil, RESET_GIL_DROP_REQUEST) reads the state of the interpreter, a
    # freed block there (later versions have it in static memory). The program is done by then.
    ends = {0, killed_by(signal.SIGSEGV)} if box.minor == "3.10" else {0}
    for _ in range(3):
        done = box.preloaded("-c", code)
        assert done.code in ends
        assert (done.out, done.err) == (b"end\n", b"")


def test_interrupted_by_the_keyboard_amid_allocations(box: Sandbox) -> None:
    code = "print('up', flush=True)\nwhile True: x = [(i, str(i)) for i in range(10000)]\n"
    process = subprocess.Popen(
        [box.python.path, "-c", code],
        env=box.environ | box.preloading(box.new_run_dir()),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == killed_by(signal.SIGINT)
    assert err.rstrip().endswith(b"KeyboardInterrupt")


@pytest.mark.parametrize("way", WAYS)
def test_sizes_at_every_edge(box: Sandbox, way: str) -> None:
    code = """
import ctypes, sys
api = ctypes.PyDLL(None)
P, S = ctypes.c_void_p, ctypes.c_size_t
for kind in ("PyMem", "PyObject"):
    malloc, calloc = getattr(api, kind + "_Malloc"), getattr(api, kind + "_Calloc")
    realloc, free = getattr(api, kind + "_Realloc"), getattr(api, kind + "_Free")
    for f in (malloc, calloc, realloc): f.restype = P
    malloc.argtypes, calloc.argtypes = [S], [S, S]
    realloc.argtypes, free.argtypes, free.restype = [P, S], [P], None
    sizes = sorted({max(0, (1 << k) + d) for k in range(23) for d in (-17, -1, 0, 1)})
    blocks = [malloc(n) for n in sizes]
    assert all(blocks) and len(set(blocks)) == len(blocks)
    assert all(b % 16 == 0 for b in blocks)
    for b, n in zip(blocks, sizes): ctypes.memset(b, n & 255, n)
    moved = [realloc(b, n * 2 + 1) for b, n in zip(blocks, sizes)]
    for b, n in zip(moved, sizes): assert ctypes.string_at(b, n) == bytes([n & 255]) * n
    moved = [realloc(b, n // 3) for b, n in zip(moved, sizes)]
    for b, n in zip(moved, sizes): assert ctypes.string_at(b, n // 3) == bytes([n & 255]) * (n // 3)
    for b in moved: free(b)
    assert realloc(None, 50) and realloc(malloc(10), 0)
    zeroed = [calloc(n, 1) for n in sizes] + [calloc(1, n) for n in sizes]
    for b, n in zip(zeroed, sizes * 2): assert ctypes.string_at(b, n) == bytes(n)
    for b in zeroed: free(b)
    a, b = malloc(0), malloc(0)
    assert a and b and a != b
    assert calloc(0, 10) and calloc(10, 0)
    assert not malloc(sys.maxsize + 1) and not malloc(sys.maxsize) and not calloc(sys.maxsize, 3)
    keep = malloc(100)
    ctypes.memset(keep, 7, 100)
    assert not realloc(keep, sys.maxsize)
    assert ctypes.string_at(keep, 100) == b"\\x07" * 100
    free(None)
print("end")
"""
    assert start_both_ways(box, way, code + VALIDATE).visible == (0, b"end\n", b"")


def test_domains_may_be_mixed_and_foreign_blocks_come_in(box: Sandbox) -> None:
    """pybind11 and nanobind free object memory as plain memory; some free what malloc gave."""
    code = """
import ctypes
api, libc = ctypes.PyDLL(None), ctypes.CDLL(None)
P, S = ctypes.c_void_p, ctypes.c_size_t
for f in (api.PyMem_Malloc, api.PyObject_Malloc, libc.malloc): f.restype, f.argtypes = P, [S]
for f in (api.PyMem_Realloc, api.PyObject_Realloc): f.restype, f.argtypes = P, [P, S]
for f in (api.PyMem_Free, api.PyObject_Free): f.argtypes = [P]
for n in (1, 500, 600, 40000, 2 << 20):
    for _ in range(50):
        api.PyMem_Free(api.PyObject_Malloc(n))
        api.PyObject_Free(api.PyMem_Malloc(n))
        api.PyMem_Free(libc.malloc(n))
        api.PyObject_Free(libc.malloc(n))
        api.PyObject_Free(api.PyMem_Realloc(api.PyObject_Malloc(n), n * 2))
        block = libc.malloc(n); ctypes.memset(block, 9, n)
        block = api.PyMem_Realloc(block, n * 3)
        assert ctypes.string_at(block, n) == b"\\x09" * n
        api.PyMem_Free(block)
print("end")
"""
    assert box.preloaded("-c", code + VALIDATE).visible == (0, b"end\n", b"")


# --- programs that misuse blocks ------------------------------------------------------------------

# Blocks of a size that nobody else asks for.
MISUSE = """
import ctypes, os, sys
api = ctypes.PyDLL(None)
api.PyObject_Malloc.restype = ctypes.c_void_p
api.PyObject_Malloc.argtypes = [ctypes.c_size_t]
api.PyObject_Free.argtypes = [ctypes.c_void_p]
import hoopsnake
from hoopsnake import _agent
blocks = [api.PyObject_Malloc(3000) for _ in range(200)]
free = api.PyObject_Free
def validate():
    try:
        _agent.validate()
    except RuntimeError as error:
        sys.stderr.write(f"validate: {error}\\n")
        os.kill(os.getpid(), 6)
print(f"{blocks[100]:#x}", flush=True)
"""
LOOKS = ["hoopsnake.trim()", "validate()"]
CLASS = "size class 3072"


def misuse(box: Sandbox, code: str) -> tuple[str, str]:
    """The one line that the program ends with, and the address of block 100."""
    done = box.preloaded("-c", MISUSE + code)
    text = done.err.decode()
    assert done.code == killed_by(signal.SIGABRT), done
    assert re.fullmatch(r"(hoopsnake|validate): [^\n]+\n", text), text
    return text, done.text.strip()


@pytest.mark.parametrize("look", LOOKS)
def test_a_double_free_is_named_on_request(box: Sandbox, look: str) -> None:
    code = f"""
for b in blocks[::3]: free(b)
free(blocks[100]); free(blocks[100])
{look}
"""
    text, block = misuse(box, code)
    assert "double free" in text
    assert f"block {block}" in text
    assert CLASS in text


@pytest.mark.parametrize("look", LOOKS)
def test_a_double_free_with_others_in_between_is_named(box: Sandbox, look: str) -> None:
    code = f"""
free(blocks[100])
for b in blocks[::3]: free(b)
free(blocks[100])
{look}
"""
    text, block = misuse(box, code)
    assert "double free" in text
    assert f"block {block}" in text


@pytest.mark.parametrize("look", LOOKS)
def test_a_block_that_was_written_to_after_its_free_is_named(box: Sandbox, look: str) -> None:
    code = f"""
for b in blocks[1::3]: free(b)
ctypes.memset(blocks[100], 0x41, 16)
{look}
"""
    text, block = misuse(box, code)
    assert "written to after it was freed" in text
    assert f"block {block}" in text
    assert CLASS in text


@pytest.mark.parametrize("look", LOOKS)
def test_a_pointer_into_the_middle_of_a_block_is_named(box: Sandbox, look: str) -> None:
    code = f"""
for b in blocks[::3]: free(b)
free(blocks[100] + 48)
{look}
"""
    text, block = misuse(box, code)
    assert f"{int(block, 16) + 48:#x}" in text
    assert CLASS in text


def test_a_damaged_heap_does_not_end_as_if_nothing_were(box: Sandbox) -> None:
    text, _ = misuse(box, "for b in blocks[::3]: free(b)\nfree(blocks[99])\n")
    assert "double free" in text


def test_a_pointer_that_nobody_gave_out_ends_as_without_us(box: Sandbox) -> None:
    code = """
import ctypes, mmap
api = ctypes.PyDLL(None)
api.PyObject_Free.argtypes = [ctypes.c_void_p]
pages = mmap.mmap(-1, 1 << 20)
api.PyObject_Free(ctypes.addressof(ctypes.c_char.from_buffer(pages)) + 4112)
"""
    assert box.both("-c", code).code == killed_by(signal.SIGABRT)


def test_a_program_that_aborts_leaves_its_samples(box: Sandbox) -> None:
    done = box.preloaded("-c", "x = [str(i) for i in range(99999)]\n__import__('os').abort()")
    assert done.code == killed_by(signal.SIGABRT)
    assert done.run_dir is not None
    live = list(done.run_dir.glob("*.live"))
    assert len(live) == 1
    assert live[0].read_bytes().startswith(b"HOOPLIV1")
