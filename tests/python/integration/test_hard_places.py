# SPDX-License-Identifier: Apache-2.0
"""Closed streams, missing folders, full disks, tight limits, switched tracers: no harm is done."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from whole_process import MIB, Sandbox, hoop_command, wait_until

# What the system and the agent settle between them is the same in all versions.
pytestmark = pytest.mark.same_everywhere

ALLOCATE = "x = [(i, str(i)) for i in range(50000)]; y = bytearray(2 << 20); del x, y\n"


def limited(what: int, value: int) -> object:
    """For the child, between fork and exec."""
    return lambda: resource.setrlimit(what, (value, value))


def hoop_python(box: Sandbox, *words: str) -> list[str]:
    return [*hoop_command(), "run", box.python.path, *words]


# --- streams --------------------------------------------------------------------------------------


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(box: Sandbox, closed: str) -> None:
    """With 0, 1 or 2 closed our own files may come to have that number."""
    code = (
        ALLOCATE + "import os\n"
        "kinds = [os.path.exists(f'/proc/self/fd/{n}') for n in range(3)]\n"
        "open('seen', 'w').write(repr(kinds))\n"
        "try: print('out')\n"
        "except OSError: pass\n"
    )
    ours = box.execute_preloaded(["sh", "-c", f'exec "$0" -c "$1" {closed}', box.python.path, code])
    seen = (box.work / "seen").read_text()
    plain = box.execute(["sh", "-c", f'exec "$0" -c "$1" {closed}', box.python.path, code])
    assert ours.visible == plain.visible
    assert (box.work / "seen").read_text() == seen
    assert ours.figures()["active"] is True


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_the_report_with_closed_streams(box: Sandbox, closed: str) -> None:
    line = f'exec "$@" {closed}'
    done = box.execute(["sh", "-c", line, "sh", *hoop_python(box, "-c", "import sys; sys.exit(3)")])
    assert done.code == 3
    assert done.out == b""
    assert (b"Peak" in done.err) == ("2>&-" not in closed)


def test_stderr_that_nobody_reads_any_more(box: Sandbox) -> None:
    line = '{ "$@"; echo $? >status; } 2>&1 | true'
    box.execute(["sh", "-c", line, "sh", *hoop_python(box, "-c", "import sys; sys.exit(3)")])
    assert (box.work / "status").read_text() == "3\n"


@pytest.mark.parametrize("trap", ["", "trap '' PIPE; ", "trap '' XFSZ PIPE INT; "])
def test_signals_that_were_ignored_before_stay_so(box: Sandbox, trap: str) -> None:
    """Python ignores two of them by itself, before we could see what was inherited."""
    program = ["grep", "SigIgn", "/proc/self/status"]
    line = trap + '"$@"; exit $?'
    plain = box.execute(["sh", "-c", line, "sh", *program]).check()
    ours = box.execute(["sh", "-c", line, "sh", *hoop_command(), "run", "--quiet", *program])
    assert ours.visible == plain.visible


def test_the_line_that_we_stay_out_needs_no_reader(box: Sandbox) -> None:
    line = '{ sleep 0.2; "$@"; echo $? >status; } 2>&1 | true'
    words = ["sh", "-c", line, "sh", *hoop_python(box, "-c", "import sys; sys.exit(3)")]
    box.execute(words, environ={"PYTHONMALLOC": "malloc"})
    assert (box.work / "status").read_text() == "3\n"


def test_a_program_that_closes_every_descriptor(box: Sandbox) -> None:
    code = "import os; os.closerange(0, 1000)\n" + ALLOCATE
    done = box.hoop("-c", code)
    assert done.code == box.plain("-c", code).code
    assert "Peak" in done.report


# --- folders --------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["/nonexistent", "/proc", "/dev/null"])
def test_a_temporary_folder_that_cannot_be_used(box: Sandbox, where: str) -> None:
    """There is still /tmp."""
    words = [*hoop_command(), "run", "--report", "r.txt", box.python.path, "-c", "print(1)"]
    done = box.execute(words, environ={"TMPDIR": where})
    assert done.visible == (0, b"1\n", b"")


def test_a_run_directory_that_goes_away_during_the_run(box: Sandbox) -> None:
    code = (
        "import os, shutil\n"
        + ALLOCATE
        + "shutil.rmtree(os.environ['HOOP_RUN_DIR'])\n"
        + ALLOCATE
        + "if os.fork() == 0:\n"
        "    raise SystemExit(5)\n"
        "print(os.waitstatus_to_exitcode(os.wait()[1]))\n"
    )
    done = box.hoop("-c", code)
    assert (done.code, done.out) == (0, b"5\n")
    assert done.err.count(b"\n") <= 1  # that there is no report may be said


def test_a_run_directory_that_never_was(box: Sandbox) -> None:
    done = box.preloaded("-c", ALLOCATE + "print(1)", environ={"HOOP_RUN_DIR": "/nonexistent/run"})
    assert done.visible == (0, b"1\n", b"")


def test_a_run_directory_that_may_not_be_written(box: Sandbox) -> None:
    code = "import os; os.setgid(65534); os.setuid(65534)\n" + ALLOCATE + "print(1)\n"
    if os.geteuid() != 0:
        pytest.skip("needs root, to become nobody")
    done = box.preloaded("-c", code)
    assert done.visible == (0, b"1\n", b"")


def test_a_folder_that_is_deleted_under_the_program(box: Sandbox) -> None:
    gone = box.work / "gone"
    gone.mkdir()
    line = f'rmdir "{gone}"; exec "$@"'
    done = box.execute(["sh", "-c", line, "sh", *hoop_python(box, "-c", "print(1)")], cwd=gone)
    assert (done.code, done.out) == (0, b"1\n")
    assert b"Peak" in done.err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    mount = shutil.which("mount")
    if os.geteuid() != 0 or not mount:
        pytest.skip("needs root and mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = [mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("cannot mount here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("free_kib", [0, 4, 20, 40])
def test_a_full_disk(box: Sandbox, small_disk: Path, free_kib: int) -> None:
    """Mapped files on a full disk end in SIGBUS for who is careless."""
    run_dir = small_disk / "run"
    run_dir.mkdir()
    filler = small_disk / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while True:
            os.write(descriptor, bytes(4096))
    os.ftruncate(descriptor, max(os.fstat(descriptor).st_size - free_kib * 1024, 0))
    os.close(descriptor)
    code = (
        "import os, time\n"
        "for i in range(30):\n"
        "    x = [(i, str(i)) for i in range(20000)]; del x\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    x = [(i, str(i)) for i in range(20000)]\n"
        "    raise SystemExit(4)\n"
        "print(os.waitstatus_to_exitcode(os.wait()[1]))\n"
    )
    done = box.preloaded("-c", code, environ={"HOOP_RUN_DIR": str(run_dir)})
    assert done.visible == (0, b"4\n", b"")


def test_a_report_file_that_cannot_be_written_at_the_end(box: Sandbox) -> None:
    target = box.work / "later"
    target.mkdir()
    code = f"import shutil, sys; shutil.rmtree({str(target)!r}); sys.exit(3)"
    words = [*hoop_command(), "run", "--report", target / "r.txt", box.python.path, "-c", code]
    done = box.execute(words)
    assert (done.code, done.out) == (3, b"")
    assert done.err.startswith(b"hoop")
    assert done.err.count(b"\n") == 1


# --- limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mebibytes", [200, 500, 2000, 20000])
def test_a_limited_address_space_leaves_room_for_the_program(box: Sandbox, mebibytes: int) -> None:
    """The heap's reservation must not take what threads, libraries and big blocks need."""
    code = (
        "import ctypes, threading, mmap\n"
        "def work(): [str(i) for i in range(5000)]\n"
        "threads = [threading.Thread(target=work) for _ in range(3)]\n"
        "for t in threads: t.start()\n"
        "for t in threads: t.join()\n"
        "x = [(i, str(i)) for i in range(100000)]\n"
        "y = bytearray(8 << 20)\n"
        "m = mmap.mmap(-1, 16 << 20)\n"
        "print(len(x), len(y))\n"
    )
    limit = limited(resource.RLIMIT_AS, mebibytes * MIB)
    environ = {"MALLOC_ARENA_MAX": "1"}  # glibc's are 64 MiB each
    done = box.preloaded("-c", code, before_exec=limit, environ=environ)
    assert done.visible == (0, b"100000 8388608\n", b"")


def test_a_limit_set_at_run_time_counts_from_there(box: Sandbox) -> None:
    """Programs allow themselves some more than they use now; our reservation is not use."""
    code = (
        "import resource, threading\n"
        "keep = [str(i) for i in range(10000)]\n"
        "resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))\n"
        "t = threading.Thread(target=lambda: [str(i) for i in range(5000)])\n"
        "t.start(); t.join()\n"
        "y = bytearray(2 << 20)\n"
        "x = [(i, str(i)) for i in range(200000)]\n"
        "try:\n"
        "    big = bytearray(1 << 30)\n"
        "except MemoryError:\n"
        "    print('refused')\n"
        "print(len(x), resource.getrlimit(resource.RLIMIT_AS))\n"
    )
    box.both("-c", code).check()


def test_under_a_generous_limit_the_heap_goes_on_growing(box: Sandbox) -> None:
    code = (
        "import hoopsnake, resource\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))\n"
        "before = hoopsnake.stats().live_blocks\n"
        "x = [(i, str(i)) for i in range(300000)]\n"
        "print(hoopsnake.stats().live_blocks - before > 600000)\n"
    )
    assert box.preloaded("-c", code).visible == (0, b"True\n", b"")


def test_prlimit_from_outside_or_for_itself(box: Sandbox) -> None:
    code = (
        "import os, resource, threading\n"
        "resource.prlimit(os.getpid(), resource.RLIMIT_AS, (500 << 20, resource.RLIM_INFINITY))\n"
        "resource.prlimit(0, resource.RLIMIT_AS, (400 << 20, resource.RLIM_INFINITY))\n"
        "t = threading.Thread(target=lambda: bytearray(2 << 20))\n"
        "t.start(); t.join()\n"
        "print(resource.getrlimit(resource.RLIMIT_AS), bytearray(2 << 20)[:1])\n"
        "resource.prlimit(0, resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)\n"
        "x = [str(i) for i in range(100000)]\n"
    )
    box.both("-c", code).check()


def test_running_out_of_memory_leaves_the_program_usable(box: Sandbox) -> None:
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))\n"
        "def fill(make):\n"
        "    kept = []\n"
        "    try:\n"
        "        while True: kept.append(make())\n"
        "    except MemoryError:\n"
        "        n = len(kept); del kept\n"
        "        return n > 0\n"
        "for make in (lambda: bytearray(3 << 20), lambda: [None] * 5000, lambda: 'x' * 700,\n"
        "             lambda: {1: 2}, lambda: bytearray(100000)):\n"
        "    print(fill(make))\n"
        "    x = [(i, str(i)) for i in range(100000)]; del x\n"
        "a = bytearray(1 << 20)\n"
        "try:\n"
        "    while True: a.extend(bytes(len(a)))\n"
        "except MemoryError: print(len(a) >= 1 << 20, a[:1])\n"
    )
    box.both("-c", code).check()


def test_a_limit_on_resident_data_is_respected(box: Sandbox) -> None:
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (300 << 20, 300 << 20))\n"
        "x = [(i, str(i)) for i in range(200000)]\n"
        "try:\n"
        "    kept = [bytearray(5 << 20) for _ in range(200)]\n"
        "except MemoryError: print('refused', len(x))\n"
    )
    box.both("-c", code).check()


@pytest.mark.parametrize("files", [3, 4, 6])
def test_hardly_any_descriptor(box: Sandbox, files: int) -> None:
    code = f"import os, resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files}))\n"
    code += ALLOCATE + "pid = os.fork()\nif pid == 0: os._exit(0)\nos.wait()\nprint('end')\n"
    done = box.hoop("-c", code)
    assert done.visible == (0, b"end\n", b"")


def test_hardly_any_descriptor_from_the_start(box: Sandbox) -> None:
    options = {"before_exec": limited(resource.RLIMIT_NOFILE, 4)}
    words = ["-S", "-c", "print(1)"]
    ours, plain = box.preloaded(*words, **options), box.plain(*words, **options)
    assert ours.visible == plain.visible


def test_no_more_processes_or_threads(box: Sandbox) -> None:
    """The thread that gives memory back cannot start; the program does not notice."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become a user without other processes")
    code = (
        "import os, resource, sys, time\n"
        "os.setgid(54321); os.setuid(54321)\n"
        "resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))\n"
        "for _ in range(3):\n"
        "    x = [(i, str(i)) for i in range(100000)]; del x\n"
        "time.sleep(0.3)\n"
        "x = [(i, str(i)) for i in range(100000)]; del x\n"
        "print('end')\n"
    )
    assert box.preloaded("-c", code).visible == (0, b"end\n", b"")


def test_a_small_stack(box: Sandbox) -> None:
    code = (
        "import threading\nthreading.stack_size(64 << 10)\n"
        "def work():\n    x = [(i, str(i)) for i in range(50000)]\n    del x\n"
        "t = threading.Thread(target=work); t.start(); t.join(); print('end')\n"
    )
    limit = limited(resource.RLIMIT_STACK, 512 << 10)
    assert box.preloaded("-c", code, before_exec=limit).visible == (0, b"end\n", b"")


def make_memory_group() -> Path | None:
    """A memory cgroup of 64 MiB, of either version."""
    for base, limit in (
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        ("/sys/fs/cgroup", "memory.max"),
    ):
        group = Path(base, f"hoopsnake-test-{os.getpid()}")
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(64 * MIB))
            return group
        except OSError:
            group.rmdir()
    return None


@pytest.fixture
def memory_group() -> Iterator[Path]:
    group = make_memory_group()
    if group is None:
        pytest.skip("no memory cgroup can be made here")
    yield group
    wait_until(lambda: not (group / "cgroup.procs").read_text())
    group.rmdir()


def test_a_container_with_little_memory(box: Sandbox, memory_group: Path) -> None:
    """Peaks that fit one after another but not together: memory must come back in between."""
    join = f"open('{memory_group}/cgroup.procs', 'w').write(str(__import__('os').getpid()))\n"
    code = join + (
        "for _ in range(4):\n"
        "    x = [(i, str(i)) for i in range(150000)]; del x\n"
        "    y = bytearray(30 << 20); del y\n"
        "print('end')\n"
    )
    assert box.preloaded("-c", code).visible == (0, b"end\n", b"")


def test_without_proc_the_program_runs(box: Sandbox) -> None:
    """A chroot without /proc: no figures perhaps, but no harm."""
    unshare = shutil.which("unshare")
    if os.geteuid() != 0 or not unshare:
        pytest.skip("needs root and unshare")
    line = 'mount -t tmpfs none /proc && exec "$@"'
    words = [unshare, "-m", "sh", "-c", line, "sh", box.python.path, "-c", ALLOCATE + "print(1)"]
    done = box.execute_preloaded(words)
    if b"mount" in done.err or b"unshare" in done.err:
        pytest.skip("cannot hide /proc here")
    assert done.visible == (0, b"1\n", b"")


# --- tracers --------------------------------------------------------------------------------------

# A thread of ours that wants the GIL has allocated to get there, which tracemalloc saw. Before
# 3.12.9 and 3.13.2 it crashes when it goes on after tracemalloc has stopped.
STOP_TRACING = """
import os, signal, sys, time
sys.setswitchinterval(1000)  # who wants the GIL waits until this thread sleeps
tracemalloc.start()
prepare()
end = time.monotonic() + 0.5
while time.monotonic() < end: pass
tracemalloc.stop()
time.sleep(0.05)
print(tracemalloc.is_tracing())
"""


@pytest.mark.parametrize("way", ["preloaded", "late"])
def test_tracing_stops_while_memory_is_given_back(box: Sandbox, way: str) -> None:
    prepare = "def prepare(): [(i, str(i)) for i in range(100000)]\n"
    if way == "preloaded":
        done = box.preloaded("-c", "import tracemalloc\n" + prepare + STOP_TRACING)
    else:
        install = "import tracemalloc, hoopsnake; assert hoopsnake.install()\n"
        done = box.plain("-c", install + prepare + STOP_TRACING)
    assert done.visible == (0, b"False\n", b"")


def test_tracing_stops_while_a_snapshot_is_taken(box: Sandbox) -> None:
    prepare = "import tracemalloc\ndef prepare(): os.kill(os.getpid(), signal.SIGUSR2)\n"
    environ = {
        "HOOP_SNAPSHOT_AT": f"signal:{signal.SIGUSR2.value}",
        "HOOP_SNAPSHOT_DIR": str(box.work),
    }
    wait = "while not any(name.endswith('.hoop') for name in os.listdir()): time.sleep(0.01)\n"
    done = box.preloaded("-c", prepare + STOP_TRACING + wait, environ=environ)
    assert (done.code, done.out) == (0, b"False\n")


def test_tracing_that_is_started_wrongly_says_so(box: Sandbox) -> None:
    """And the thread that gives memory back may go on."""
    code = (
        "import time, tracemalloc\n"
        "for frames in (0, 'x', 1 << 40):\n"
        "    try: tracemalloc.start(frames)\n"
        "    except Exception as error: print(repr(error))\n"
        "try: tracemalloc.stop(1)\n"
        "except TypeError as error: print(error)\n"
        "tracemalloc.start(); tracemalloc.start(); tracemalloc.stop(); tracemalloc.stop()\n"
    )
    give_back = (
        "import hoopsnake\n"
        "x = [(i, str(i)) for i in range(100000)]\n"
        "before = hoopsnake.stats().returned_total\n"
        "del x\n"
        "end = time.monotonic() + 30\n"
        "while hoopsnake.stats().returned_total == before:\n"
        "    assert time.monotonic() < end\n"
        "    time.sleep(0.05)\n"
    )
    plain = box.plain("-c", code)
    assert box.preloaded("-c", code + give_back).visible == plain.visible
