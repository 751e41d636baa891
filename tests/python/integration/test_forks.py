# SPDX-License-Identifier: Apache-2.0
"""fork, multiprocessing and exec: children work at once, say nothing, and appear in the report."""

from __future__ import annotations

import pytest
from whole_process import Sandbox

# What the system and the agent settle between them is the same in all versions.
pytestmark = pytest.mark.same_everywhere

PRELUDE = """
import os, sys, threading, time, warnings
def allocate(n=20000):
    d = {i % 997: [str(i), (i, i), bytearray(i % 600)] for i in range(n)}
    return sum(len(v) for v in d.values())
def wait(pid, expected=0):
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == expected, status
"""


def test_a_child_works_at_once_and_can_fork_again(box: Sandbox) -> None:
    code = """
keep = [str(i) for i in range(50000)]
def generation(n):
    if n == 0:
        return 0
    pid = os.fork()
    if pid == 0:
        del keep[::2]
        assert allocate() > 0
        os._exit(generation(n - 1))
    allocate()
    wait(pid)
    return 0
generation(4)
assert keep == [str(i) for i in range(50000)]
print("end")
"""
    done = box.both("-c", PRELUDE + code).check()
    figures = done.all_figures()
    assert len(figures) == 5
    assert all(document["active"] for document in figures)
    assert {d["exit"] for d in figures if d["pid"] != done.pid} == {"_exit"}


@pytest.mark.parametrize("end", ["os._exit(9)", "sys.exit(9)", "raise SystemExit(9)"])
def test_a_childs_end_is_its_own(box: Sandbox, end: str) -> None:
    code = f"""
import atexit
atexit.register(lambda: print("atexit", flush=True))
pid = os.fork()
if pid == 0:
    {end}
wait(pid, 9)
"""
    done = box.both("-c", PRELUDE + code).check()
    child = next(d for d in done.all_figures() if d["pid"] != done.pid)
    assert child["ppid"] == done.pid
    assert child["final_rss"] > 0


def test_only_the_first_process_reports(box: Sandbox) -> None:
    """A child that ends normally is not the run's end."""
    code = """
pid = os.fork()
if pid == 0:
    sys.exit(0)
wait(pid)
time.sleep(0.1)
print("later")
"""
    done = box.hoop("-c", PRELUDE + code).check()
    assert done.visible == (0, b"later\n", b"")
    assert len(done.summary["processes"]) == 2 - 1
    assert done.summary["root"]["pid"] == done.pid
    assert "ther Python process" in done.report


def test_a_fork_in_a_thread_while_others_allocate(box: Sandbox) -> None:
    code = """
warnings.simplefilter("ignore", DeprecationWarning)
stop = False
def churn():
    while not stop: allocate(2000)
threads = [threading.Thread(target=churn) for _ in range(3)]
for t in threads: t.start()
def forker():
    for _ in range(10):
        pid = os.fork()
        if pid == 0:
            allocate(2000)
            os._exit(0)
        wait(pid)
f = threading.Thread(target=forker)
f.start(); f.join()
stop = True
for t in threads: t.join()
print("end")
"""
    box.both("-c", PRELUDE + code).check()


def test_threads_that_fork_at_once_while_memory_is_given_back(box: Sandbox) -> None:
    """Each of them stops our thread, and may find another at it."""
    code = """
warnings.simplefilter("ignore", DeprecationWarning)
sys.setswitchinterval(1e-5)
def forker():
    for _ in range(15):
        x = [(i, str(i)) for i in range(30000)]
        del x
        time.sleep(0.02)
        pid = os.fork()
        if pid == 0: os._exit(0)
        wait(pid)
x = [(i, str(i)) for i in range(400000)]
del x[::2]
threads = [threading.Thread(target=forker) for _ in range(4)]
for t in threads: t.start()
while any(t.is_alive() for t in threads):
    time.sleep(0.15)
    del x[len(x) // 2:]
for t in threads: t.join()
print("end")
"""
    assert box.preloaded("-c", PRELUDE + code).visible == (0, b"end\n", b"")


def test_no_warning_of_threads_comes_from_us(box: Sandbox) -> None:
    """3.12 and later warn when they fork beside a thread; ours runs after memory was freed."""
    code = """
warnings.simplefilter("error")
for _ in range(3):
    x = [(i, str(i)) for i in range(300000)]
    del x
    time.sleep(0.15)  # time enough for a thread that gives memory back
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            allocate()
            os._exit(0)
        wait(pid)
print("end")
"""
    box.both("-c", PRELUDE + code).check()


def test_two_hundred_forks_while_a_thread_allocates(box: Sandbox) -> None:
    code = """
warnings.simplefilter("ignore", DeprecationWarning)
stop = False
def churn():
    keep = {}
    i = 0
    while not stop:
        i += 1
        keep[i % 5000] = [str(i)]
t = threading.Thread(target=churn)
t.start()
pids = []
for i in range(200):
    pid = os.fork()
    if pid == 0:
        x = [str(i) for i in range(300)]
        os._exit(0)
    pids.append(pid)
    if len(pids) > 20: wait(pids.pop(0))
for pid in pids: wait(pid)
stop = True
t.join()
print("end")
"""
    done = box.preloaded("-c", PRELUDE + code).check()
    assert done.visible == (0, b"end\n", b"")
    assert len(done.all_figures()) == 201


@pytest.mark.pythons("3.12")
def test_a_server_that_forks_for_ever_does_not_fill_the_disk(box: Sandbox) -> None:
    code = """
for _ in range(530):
    pid = os.fork()
    if pid == 0: os._exit(0)
    wait(pid)
"""
    done = box.hoop("-c", PRELUDE + code).check()
    assert len(done.summary["processes"]) == 500
    assert done.summary["left_out"] == 30
    assert "30 more left no figures" in done.report
    assert "Peak" in done.report
    assert done.run_dir is not None
    assert len(list(done.run_dir.iterdir())) <= 2 * 501 + 3


def test_memory_of_a_child_is_given_back_in_the_child(box: Sandbox) -> None:
    code = """
import hoopsnake
x = [(i, str(i)) for i in range(200000)]
pid = os.fork()
if pid == 0:
    del x
    end = time.monotonic() + 20
    while hoopsnake.stats().returned_total < 10 << 20:
        assert time.monotonic() < end, hoopsnake.stats()
        time.sleep(0.05)
    os._exit(0)
wait(pid)
assert len(x) == 200000 and x[1999] == (1999, "1999")
print("end")
"""
    assert box.preloaded("-c", PRELUDE + code).check().visible == (0, b"end\n", b"")


def test_a_parent_that_forks_and_waits_gives_back_what_it_had_freed(box: Sandbox) -> None:
    """A prefork server: it loads, frees, forks its workers, and then only waits for them."""
    code = """
import hoopsnake
def returned(): return hoopsnake.stats().returned_total
x = [(i, str(i)) for i in range(200000)]
r, w = os.pipe()
del x
before = returned()
pid = os.fork()
if pid == 0:
    os.read(r, 1)
    os._exit(0)
time.sleep(2)
after = returned()
os.write(w, b"x")
wait(pid)
print(after - before > 10 << 20)
"""
    assert box.preloaded("-c", PRELUDE + code).check().visible == (0, b"True\n", b"")


def test_vfork_and_spawned_children_leave_the_parent_alone(box: Sandbox) -> None:
    """subprocess uses vfork: between it and exec the child runs in our memory."""
    code = """
import subprocess
for _ in range(20):
    assert subprocess.run(["true"]).returncode == 0
    assert subprocess.run(["false"]).returncode == 1
    try: subprocess.run(["/nonexistent/program"])
    except FileNotFoundError: pass
assert os.posix_spawn("/bin/true", ["true"], os.environ) > 0
os.wait()
print(subprocess.check_output(["echo", "x"]))
"""
    done = box.both("-c", PRELUDE + code).check()
    assert len(done.all_figures()) == 1
    assert done.figures()["exit"] == "normal"


def test_exec_keeps_the_figures_of_each_image(box: Sandbox) -> None:
    code = "import os, sys; n = int(sys.argv[1]); print(n, flush=True)\n" + (
        "if n: os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:-1], str(n - 1)])"
    )
    done = box.both("-c", code, "2").check()
    assert done.text == "2\n1\n0\n"
    assert done.figures()["n"] == 2
    live = sorted(path.name for path in (done.run_dir or box.work).glob("*.live"))
    assert live == [f"{done.pid}.{n}.live" for n in range(3)]


def test_exec_of_another_program_ends_with_its_report(box: Sandbox) -> None:
    code = "import os; os.execvp('sh', ['sh', '-c', 'echo from sh; exit 4'])"
    done = box.hoop("-c", code)
    assert done.visible == (4, b"from sh\n", b"")
    root = done.summary["root"]
    assert root["final"]["types"]
    assert sum(part["bytes"] for part in root["final"]["rss"]) == root["final"]["final_rss"]
    assert done.report.splitlines()[2].startswith("Peak ")
    assert "then it became another program" in " ".join(done.report.split())


@pytest.mark.parametrize("how", ["execv", "execve", "fexecve"])
def test_a_program_whose_exec_fails_goes_on_and_ends_as_ever(box: Sandbox, how: str) -> None:
    script = box.script("no_program", "\x7fnothing that could be executed\n")
    script.chmod(0o755)
    calls = {
        "execv": f"os.execv({str(script)!r}, ['x'])",
        "execve": f"os.execve({str(script)!r}, ['x'], os.environ)",
        "fexecve": f"os.execve(os.open({str(script)!r}, os.O_RDONLY), ['x'], os.environ)",
    }
    code = f"""
for _ in range(3):
    try: {calls[how]}
    except OSError as error: print(error.errno)
x = [object() for _ in range(12345)]
"""
    done = box.both("-c", PRELUDE + code).check()
    figures = done.figures()
    assert figures["exit"] == "normal"
    assert {entry["type"]: entry["count"] for entry in figures["types"]}["builtins.object"] > 12000
    assert len(done.all_figures()) == 1


def test_a_child_that_forks_only_to_exec_leaves_no_figures_of_its_parents_heap(
    box: Sandbox,
) -> None:
    code = """
x = [str(i) for i in range(50000)]
pid = os.fork()
if pid == 0: os.execvp("true", ["true"])
wait(pid)
"""
    done = box.hoop("-c", PRELUDE + code).check()
    assert [process["final"] for process in done.summary["processes"]] == [None]


# --- multiprocessing ------------------------------------------------------------------------------

POOL = """
import multiprocessing, os, sys

def work(n):
    return sum(len(str(i)) for i in range(n)), {{n: [n]}}

def main():
    context = multiprocessing.get_context("{method}")
    with context.Pool(2) as pool:
        results = pool.map(work, [3000 + i for i in range(16)], chunksize=2)
    print(sum(r[0] for r in results), len(results))
    queue = context.Queue()
    process = context.Process(target=queue.put, args=(b"x" * 100000,))
    process.start()
    print(len(queue.get()))
    process.join()
    print(process.exitcode)
    process = context.Process(target=sys.exit, args=(5,))
    process.start(); process.join()
    print(process.exitcode)

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools_give_the_same_results_and_come_along(box: Sandbox, method: str) -> None:
    script = box.script("pool.py", POOL.format(method=method))
    done = box.preloaded(script, environ={"PYTHONWARNINGS": "error"}).check()
    assert done.text == "174720 16\n100000\n0\n5\n"
    assert done.err == b""
    figures = done.all_figures()  # workers that the pool terminates leave none
    assert len(figures) >= 3
    assert all(document["active"] for document in figures)


def test_an_executor_and_shared_memory_work(box: Sandbox) -> None:
    code = """
import concurrent.futures, multiprocessing.shared_memory, multiprocessing
def double(x): return x * 2
def write(name):
    block = multiprocessing.shared_memory.SharedMemory(name)
    block.buf[0] = 7
    block.close()
if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        print(list(pool.map(double, range(5))))
        block = multiprocessing.shared_memory.SharedMemory(create=True, size=100)
        pool.submit(write, block.name).result()
        print(block.buf[0])
        block.close(); block.unlink()
"""
    done = box.preloaded(box.script("executor.py", code)).check()
    assert done.visible == (0, b"[0, 2, 4, 6, 8]\n7\n", b"")


def test_the_report_names_the_processes_of_a_pool(box: Sandbox) -> None:
    done = box.hoop(box.script("pool.py", POOL.format(method="fork"))).check()
    assert len(done.summary["processes"]) >= 2
    for process in done.summary["processes"]:
        assert process["active"] is True
        assert process["peak_rss"] > 0
    assert str(done.summary["processes"][0]["pid"]) in done.report


def test_a_worker_that_is_killed_while_idle_is_in_the_report(box: Sandbox) -> None:
    code = """
pid = os.fork()
if pid == 0: time.sleep(60)
time.sleep(0.1)
os.kill(pid, 9)
wait(pid, -9)
"""
    done = box.hoop("-c", PRELUDE + code).check()
    assert [process["state"] for process in done.summary["processes"]] == ["killed"]
