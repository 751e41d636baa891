# SPDX-License-Identifier: Apache-2.0
"""What a program forgot to close is told, with its place; what is in order is not mentioned."""

from __future__ import annotations

import os

import pytest
from whole_process import Done, Json, Sandbox

# Of each kind, three that nobody closes: by the count of references, or (`cycle`) by the collector.
FORGETS = """
import asyncio, gc, mmap, os, socket, sqlite3, subprocess, sys, tempfile

def text_file(): f = open(__file__); f.readline()
def raw_file(): f = open(__file__, "rb", buffering=0)
def cycle(): f = [open(__file__)]; f.append(f)
def failed():
    f = open(__file__)
    raise ValueError
def a_socket(): s = socket.socket()
def a_database(): c = sqlite3.connect(":memory:")
def a_mmap(): m = mmap.mmap(-1, 4096)
def a_process(): p = subprocess.Popen([sys.executable, "-S", "-c", ""])
def a_directory(): d = tempfile.TemporaryDirectory()
def a_loop(): l = asyncio.new_event_loop()

for _ in range(3):
    for make in (text_file, raw_file, cycle, a_socket, a_database, a_mmap, a_process, a_directory,
                 a_loop):
        make()
    try:
        failed()
    except ValueError:
        pass
gc.collect()
"""
FORGOTTEN = {
    "text_file": "file",
    "raw_file": "file",
    "cycle": "file",
    "failed": "file",
    "a_socket": "socket",
    "a_database": "database",
    "a_mmap": "mmap",
    "a_process": "process",
    "a_directory": "directory",
    "a_loop": "event loop",
}

# The same, in order; and what lives as long as the program does.
IN_ORDER = """
import asyncio, contextlib, logging, mmap, os, random, socket, sqlite3, subprocess, sys, tempfile
import concurrent.futures, multiprocessing, threading, urllib.request, http.server

for _ in range(3):
    with open(__file__) as f:
        f.readline()
    f = open(__file__, "rb", buffering=0)
    f.close()
    with socket.socket() as s:
        pass
    a, b = socket.socketpair()
    with a, b.makefile("rb") as reader:
        a.sendall(b"x")
        reader.read(1)
    b.close()
    with contextlib.closing(sqlite3.connect(":memory:")) as c:
        c.execute("select 1")
    with mmap.mmap(-1, 4096) as m:
        pass
    subprocess.run([sys.executable, "-S", "-c", ""], check=True)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
        p.communicate(b"x")
    with tempfile.TemporaryDirectory() as d, tempfile.NamedTemporaryFile(dir=d):
        pass
    asyncio.run(asyncio.sleep(0))
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as f:
        pass
    os.close(os.open(__file__, os.O_RDONLY))
    with contextlib.suppress(FileNotFoundError):
        open("/nonexistent/file")
    with open(os.dup(1), "w", closefd=True) as f:
        pass
    view = open(1, "w", closefd=False)
    del view
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    list(pool.map(str, range(10)))

async def serve():
    async def answer(reader, writer):
        writer.write(await reader.read(1))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        for _ in range(5):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"x")
            await reader.read()
            writer.close()
            await writer.wait_closed()
asyncio.run(serve())

logging.basicConfig(filename="all.log")
logging.warning("to the end")
LOCK = os.open(__file__, os.O_RDONLY)
DATABASE = sqlite3.connect("kept.sqlite")
OUTPUT = open("out.txt", "w")
"""

# What is open at the end, three by three, and who has it.
LEAVES = """
import os, socket, subprocess, sys, tempfile

KEPT = []
class Store:
    def __init__(self): self.sockets = []
STORE = Store()

def keep(): KEPT.append(open(__file__))
def by_attribute(): STORE.sockets.append(socket.socket())
def pipes(): os.pipe()
def zombie(): subprocess.Popen([sys.executable, "-S", "-c", ""]).returncode = 0
def directory(): tempfile.mkdtemp()
def one(): return open(__file__)

for _ in range(3):
    keep(); by_attribute(); pipes(); zombie(); directory()
ONE = one()
"""


def places(done: Done) -> dict[str, Json]:
    """By the function that opens; each function must be told once."""
    found = done.figures()["resources"]["places"]
    by_function = {place["function"]: place for place in found}
    assert len(by_function) == len(found), found
    return by_function


def line_of(code: str, function: str) -> int:
    lines = code.splitlines()
    (start,) = (n for n, line in enumerate(lines, 1) if line.startswith(f"def {function}("))
    return start if len(lines[start - 1].split(":", 1)[1]) else start + 1


def test_what_the_finalizer_closes_is_told_with_its_place(box: Sandbox) -> None:
    path = box.script("forgets.py", FORGETS)
    found = places(box.preloaded(path).check())
    assert {name: place["kind"] for name, place in found.items()} == FORGOTTEN
    for name, place in found.items():
        assert place["file"] == os.fspath(path)
        assert place["line"] == line_of(FORGETS, name), name
        assert (place["opened"], place["finalized"]["count"]) == (3, 3), name
        assert (place["left"]["count"], place["late"]["count"]) == (0, 0), name


def test_nothing_is_told_where_all_is_in_order(box: Sandbox) -> None:
    done = box.hoop(box.script("order.py", IN_ORDER)).check()
    assert "Not closed" not in done.report
    found = done.summary["root"]["final"]["resources"]["places"]
    # What lives as long as the program is known, and not worth a line.
    kept = {place["kind"] for place in found}
    assert kept == {"database", "descriptor", "file"}
    for place in found:
        assert (place["left"]["count"], place["finalized"]["count"]) == (1, 0), place


def test_what_is_open_at_the_end_is_told_with_its_holder(box: Sandbox) -> None:
    found = places(box.preloaded(box.script("leaves.py", LEAVES)).check())
    left = {name: (place["kind"], place["left"]["count"]) for name, place in found.items()}
    assert left == {
        "keep": ("file", 3),
        "by_attribute": ("socket", 3),
        "pipes": ("descriptor", 6),
        "zombie": ("process", 3),
        "directory": ("directory", 3),
        "one": ("file", 1),
    }
    assert found["keep"]["holder"] == "__main__.KEPT[*]"
    assert found["by_attribute"]["holder"] == "__main__.STORE.sockets[*]"


# Pools of threads and of processes: kept, dropped, or ended as they should be.
POOLS = """
import asyncio, concurrent.futures as futures, gc, multiprocessing.pool as multi, sys

def threads(): p = futures.ThreadPoolExecutor(2); p.submit(len, "x").result(); return p
def processes(): p = futures.ProcessPoolExecutor(1); p.submit(len, "x").result(); return p
def multi_threads(): p = multi.ThreadPool(1); p.map(len, ["x"]); return p
def multi_processes(): p = multi.Pool(1); p.map(len, ["x"]); return p

async def in_loop():
    await asyncio.get_running_loop().run_in_executor(None, len, "x")

if __name__ == "__main__":
    ALL = (threads, processes, multi_threads, multi_processes)
    how = sys.argv[1]
    if how == "kept":
        KEPT = [make() for make in ALL for _ in range(3)]
    if how == "dropped":
        for make in ALL:
            make()
        gc.collect()
    if how == "ended":
        for make in ALL:
            with make():
                pass
        for make in ALL[:2]:
            make().shutdown()
        for make in ALL[2:]:
            pool = make()
            pool.close()
            pool.join()
        threads().shutdown(wait=False)
        unused = futures.ThreadPoolExecutor(2)
        asyncio.run(in_loop())
"""


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (
            "kept",
            {
                "threads": (0, 3, "__main__.KEPT[*]"),
                "processes": (0, 3, None),
                "multi_threads": (0, 3, "__main__.KEPT[*]"),
                "multi_processes": (0, 3, "__main__.KEPT[*]"),
            },
        ),
        # One of processes says nothing when it is dropped.
        (
            "dropped",
            {
                "threads": (1, 0, None),
                "multi_threads": (1, 0, None),
                "multi_processes": (1, 0, None),
            },
        ),
        ("ended", {}),
    ],
)
def test_pools_that_were_not_ended(
    how: str, told: dict[str, tuple[int, int, str | None]], box: Sandbox
) -> None:
    path = box.script("pools.py", POOLS)
    found = places(box.preloaded(path, how).check())
    counts = {
        name: (place["finalized"]["count"], place["left"]["count"], place["holder"])
        for name, place in found.items()
    }
    assert counts == told
    assert {place["kind"] for place in found.values()} <= {"pool"}
    assert all(place["line"] == line_of(POOLS, name) for name, place in found.items())


@pytest.mark.same_everywhere
def test_the_report_says_it_in_a_few_lines(box: Sandbox) -> None:
    report = box.hoop(box.script("forgets.py", FORGETS)).check().report
    section = report.split("Not closed in time\n")[1].split("\n\n")[0].splitlines()
    assert len(section) <= 6
    assert "forgets.py:" in section[1]
    assert "hoop report --not-closed" in section[-1]


@pytest.mark.same_everywhere
def test_files_closed_long_after_their_last_use_are_told(box: Sandbox) -> None:
    late = """
import time
def keep(): return open(__file__)
def few(): return open(__file__)
files = [keep() for _ in range(4)]
two = [few() for _ in range(2)]
for file in files: file.read(1)
time.sleep(0.1)
for file in files + two: file.close()
"""
    path = box.script("late.py", late)
    done = box.preloaded(path, environ={"HOOP_CLOSED_LATE": "20"}).check()
    found = places(done)
    assert set(found) == {"keep"}
    assert found["keep"]["late"]["count"] == 2  # and by then two are open, which may be meant
    assert found["keep"]["late"]["longest_ns"] > 20e6
    assert places(box.preloaded(path).check()) == {}  # it takes ten seconds to be late


@pytest.mark.same_everywhere
def test_a_forked_child_tells_of_its_own_only(box: Sandbox) -> None:
    code = """
import os, sys
def parents(): return open(__file__)
def childs(): return open(__file__)
mine = [parents() for _ in range(5)]
pid = os.fork()
if pid == 0:
    mine.clear()
    its = [childs() for _ in range(4)]
    sys.exit(0)
os.waitpid(pid, 0)
for file in mine: file.close()
"""
    done = box.preloaded(box.script("forks.py", code)).check()
    told = {
        figures["pid"] == done.pid: [
            (place["function"], place["left"]["count"]) for place in figures["resources"]["places"]
        ]
        for figures in done.all_figures()
    }
    assert told == {True: [], False: [("childs", 4)]}


@pytest.mark.same_everywhere
@pytest.mark.parametrize("ending", ["raise SystemError", "import os; os._exit(0)"])
def test_what_an_end_amid_the_program_leaves_open_is_not_told(box: Sandbox, ending: str) -> None:
    code = f"files = [open({__file__!r}) for _ in range(5)]\n{ending}\n"
    assert box.preloaded("-c", code).figures()["resources"]["places"] == []


def test_storms_end_with_the_right_counts(box: Sandbox) -> None:
    code = """
import gc, io, os, socket, threading

def opens(): return open("/dev/null")
def sockets(): return socket.socket()

def work():
    for number in range(300):
        file, other = opens(), sockets()
        if number % 3:
            file.close()
        if number % 2:
            other.close()
        try:
            open("/nonexistent/file")
        except OSError:
            pass

class Broken(io.FileIO):
    def __init__(self, path):
        super().__init__(path)
        raise ValueError

class Returns(io.FileIO):
    def __del__(self):
        saved.append(self)

saved = []
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
for _ in range(10):
    try:
        Broken("/dev/null")
    except ValueError:
        pass
    Returns("/dev/null")
for file in saved: file.close()
saved.clear()
gc.collect()
file = io.FileIO("/dev/null")
for _ in range(10): file.__init__("/dev/null")
file.close()
for _ in range(100_000):
    with open("/dev/null"):
        pass
"""
    found = places(box.preloaded(box.script("storm.py", code)).check())
    told = {name: place["finalized"]["count"] for name, place in found.items()}
    assert told == {"opens": 800, "sockets": 1200}


@pytest.mark.same_everywhere
def test_the_types_look_as_they_did(box: Sandbox) -> None:
    box.both(
        "-c",
        "import _io, socket, mmap, sqlite3, os, warnings, _imp\n"
        "for t in (_io.FileIO, socket.socket, mmap.mmap, sqlite3.Connection):\n"
        "    print(t, t.__init__, t.__new__.__name__, t.close, t.__doc__, sorted(vars(t)))\n"
        "for f in (os.open, os.pipe, os.mkdir, warnings.warn, _imp.exec_dynamic):\n"
        "    print(f, f.__doc__, f.__text_signature__)\n"
        "import sys; sys.addaudithook(lambda e, a: print(e) if e.startswith('open') else None)\n"
        "open('/dev/null').close()\n",
    )


@pytest.mark.same_everywhere
def test_warnings_of_resources_are_given_as_before(box: Sandbox) -> None:
    box.both("-W", "always", "-c", "def f(): x = open('/dev/null')\nf()")
    box.both("-W", "error", "-c", "import socket\ndef f(): x = socket.socket()\nf()")
