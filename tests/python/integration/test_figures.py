# SPDX-License-Identifier: Apache-2.0
"""What the report says of real programs is true: sums, types, collections, ends."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from whole_process import (
    MIB,
    Done,
    Json,
    Sandbox,
    compile_c,
    hoop_command,
    killed_by,
    wait_until,
)

PROGRAMS = {
    "nothing": "pass",
    "small objects": "x = [(i, str(i)) for i in range(200000)]",
    "big blocks": "x = [bytearray(b'x') * (3 << 20) for _ in range(10)]",
    "after a peak": "x = [(i, str(i)) for i in range(300000)]; del x[10:]",
    "libc memory": (
        "import ctypes; libc = ctypes.CDLL(None); libc.malloc.restype = ctypes.c_void_p\n"
        "x = [libc.malloc(100000) for _ in range(100)]\nfor p in x: ctypes.memset(p, 1, 100000)"
    ),
    "mapped memory": (
        "import mmap; m = mmap.mmap(-1, 9 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
        "for i in range(0, 9 << 20, 4096): m[i] = 1"
    ),
    "a mapped file": (
        "import mmap, sys; f = open(sys.executable, 'rb')\n"
        "m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ); n = sum(m[::4096])"
    ),
    "threads": (
        "import threading; e = threading.Event()\n"
        "for _ in range(20): threading.Thread(target=e.wait, daemon=True).start()"
    ),
}


def lines_of(figures: Json) -> dict[str, int]:
    return {line["what"]: line["bytes"] for line in figures["rss"]}


def type_counts(figures: Json) -> dict[str, int]:
    return {entry["type"]: entry["count"] for entry in figures["types"]}


@pytest.mark.parametrize("code", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_the_sums_add_up(box: Sandbox, code: str) -> None:
    figures = box.preloaded("-c", code).check().figures()
    lines = lines_of(figures)
    assert sum(lines.values()) == figures["final_rss"]
    assert all(value >= 0 for value in lines.values())
    assert figures["peak_rss"] >= figures["final_rss"] * 0.98
    assert lines["not attributed"] < figures["final_rss"] * 0.02
    heap = figures["heap"]
    assert heap["in_use"] == lines["objects and buffers in use"]
    assert heap["free_resident"] == lines["free in the heap"]
    assert sum(entry["live"] for entry in figures["classes"]) == heap["live_blocks"]
    assert sum(type_counts(figures).values()) == pytest.approx(heap["live_blocks"], abs=100)


def test_memory_is_attributed_to_where_it_is(box: Sandbox) -> None:
    def of(name: str) -> dict[str, int]:
        return lines_of(box.preloaded("-c", PROGRAMS[name]).check().figures())

    nothing = of("nothing")
    for name, what, least in [
        ("big blocks", "objects and buffers in use", 30 * MIB),
        ("small objects", "objects and buffers in use", 15 * MIB),
        ("libc memory", "libc heap in use", 9 * MIB),
        ("mapped memory", "other mappings", 9 * MIB),
    ]:
        grown = {line: value - nothing[line] for line, value in of(name).items()}
        assert grown.pop(what) >= least * 0.95, name
        assert max(grown.values()) < least * 0.3, (name, grown)


TYPES = """
import collections, dataclasses, sys
N = 1234
class WithDict:
    def __init__(self, i): self.i = i
class Slotted:
    __slots__ = ("a", "b")
    def __init__(self, i): self.a = i
class Weak:
    __slots__ = ("a", "__weakref__")
class SlottedWithDict:
    __slots__ = ("a", "__dict__")
class SubInt(int): pass
class SubStr(str): pass
class SubTuple(tuple): pass
class SubList(list): pass
class SubDict(dict): pass
class SubBytes(bytes): pass
class SubFloat(float): pass
class Empty(tuple):
    __slots__ = ()
class Base: pass
class Derived(Base): pass
class Meta(type): pass
class WithMeta(metaclass=Meta): pass
class Finalized:
    def __del__(self): pass
Named = collections.namedtuple("Named", "a b")
@dataclasses.dataclass
class Data:
    a: int = 0
class Outer:
    class Inner: pass
def generator(): yield 1
async def coroutine(): pass
makers = [
    WithDict, Slotted, lambda i: Weak(), lambda i: SlottedWithDict(), SubInt, SubStr,
    lambda i: SubTuple((i,)), lambda i: SubList([i]), lambda i: SubDict(a=i),
    lambda i: SubBytes(b"%d" % i), SubFloat, lambda i: Empty((i, i)), lambda i: Derived(),
    lambda i: WithMeta(), lambda i: Finalized(), lambda i: Named(i, i), Data,
    lambda i: Outer.Inner(),
]
keep = [[make(i + 1000) for i in range(N)] for make in makers]
started = [generator() for _ in range(N)]
for g in started: next(g)
fresh = [generator() for _ in range(N)]
local = (lambda: [type("Local", (), {}) for _ in range(3)])()
import gc
print(sum([type(o) is type(started[0]) for o in gc.get_objects()]))
"""


def test_live_objects_are_counted_by_type_exactly(box: Sandbox) -> None:
    done = box.preloaded("-W", "ignore", "-c", TYPES).check()
    counts = type_counts(done.figures())
    names = [
        "WithDict",
        "Slotted",
        "Weak",
        "SlottedWithDict",
        "SubInt",
        "SubStr",
        "SubTuple",
        "SubList",
        "SubDict",
        "SubBytes",
        "SubFloat",
        "Empty",
        "Derived",
        "WithMeta",
        "Finalized",
        "Named",
        "Data",
        "Outer.Inner",
    ]
    assert {name: counts.get(f"__main__.{name}") for name in names} == dict.fromkeys(names, 1234)
    assert counts["builtins.generator"] == int(done.text) >= 2 * 1234
    assert "__main__.Base" not in counts
    assert counts["__main__.Meta"] == 1


def test_lists_and_dicts_of_types_are_not_their_instances(box: Sandbox) -> None:
    code = """
class WithDict: pass
class Plain: __slots__ = ()
class Number(int): pass
kinds = [WithDict, Plain, Number]
lists = [[kind] * 9 for kind in kinds for _ in range(500)]
tuples = [(kind,) * 9 for kind in kinds for _ in range(500)]
dicts = [{id(kind) + i: kind for i in range(5)} for kind in kinds for _ in range(500)]
sets = [{kind, i} for i, kind in enumerate(kinds * 500)]
"""
    counts = type_counts(box.preloaded("-c", code).check().figures())
    assert [name for name in counts if "__main__" in name] == []


def test_a_table_of_subclasses_is_no_instance(box: Sandbox) -> None:
    """The dict behind `__subclasses__` has addresses of types as its keys' hashes."""
    code = "class Base: pass\n" + "".join(f"class Derived{i}(Base): pass\n" for i in range(50))
    code += "bases = [type(f'Only{i}', (type(f'Base{i}', (), {}),), {}) for i in range(200)]"
    counts = type_counts(box.preloaded("-c", code).check().figures())
    assert [name for name in counts if "__main__" in name] == []


def test_plain_objects_are_counted_with_what_was_there(box: Sandbox) -> None:
    """Types that everything uses: the difference that a number of new ones makes."""
    kinds = {
        "builtins.float": "[i + 0.5 for i in range(5000)]",
        "builtins.int": "[i + 10**6 for i in range(5000)]",
        "builtins.str": "[str(i) * 2 for i in range(5000)]",
        "builtins.bytes": "[b'%d--' % i for i in range(5000)]",
        "builtins.tuple": "[(i,) for i in range(5000)]",
        "builtins.list": "[[i] for i in range(5000)]",
        "builtins.dict": "[{1: i} for i in range(5000)]",
        "builtins.set": "[{i} for i in range(5000)]",
        "builtins.bytearray": "[bytearray(9) for i in range(5000)]",
        "builtins.complex": "[i + 2j for i in range(5000)]",
        "builtins.object": "[object() for i in range(5000)]",
        "builtins.function": "[lambda: 0 for i in range(5000)]",
        "builtins.range": "[range(i) for i in range(5000)]",
    }
    plain = type_counts(box.preloaded("-c", "keep = []").check().figures())
    code = "".join(f"k{n} = {line}\n" for n, line in enumerate(kinds.values()))
    counts = type_counts(box.preloaded("-c", code).check().figures())
    grown = {name: counts[name] - plain.get(name, 0) for name in kinds}
    ints_besides = 15 * 5000  # in the tuples, lists, dicts ...
    for name, growth in grown.items():
        # Names of variables, constants of the code, and what the agent's set-up makes once.
        most = 5000 + (ints_besides if name == "builtins.int" else 400)
        # A plain run has a few hundred texts more or less, by when its samples were taken.
        least = 5000 - (400 if name == "builtins.str" else 110)
        assert least <= growth <= most, (name, grown)


def test_dead_objects_are_not_counted_as_live(box: Sandbox) -> None:
    code = """
class Gone:
    def __init__(self): self.me = self
x = [Gone() for _ in range(1000)]
del x
import gc; gc.collect()
class Kept: pass
y = [Kept() for _ in range(7)]
floats = [i + 0.5 for i in range(1000)]; del floats
"""
    counts = type_counts(box.preloaded("-c", code).check().figures())
    assert "__main__.Gone" not in counts
    assert counts["__main__.Kept"] == 7
    assert counts.get("builtins.float", 0) < 300


def test_uncollected_garbage_is_still_counted(box: Sandbox) -> None:
    code = """
import gc; gc.disable()
class Leaked: pass
for _ in range(321):
    n = Leaked(); n.me = n
"""
    done = box.preloaded("-c", code).check()
    assert type_counts(done.figures())["__main__.Leaked"] == 321


def test_strange_types_do_no_harm_to_the_census(box: Sandbox) -> None:
    code = """
class Evil(type):
    def __subclasses__(cls): raise RuntimeError("no")
    def __getattribute__(cls, name): raise RuntimeError("no")
    def __eq__(cls, other): raise RuntimeError("no")
    __hash__ = None
try:
    class Odd(metaclass=Evil): pass
except RuntimeError: pass
class Named:
    pass
Named.__module__ = 7
Named.__qualname__ = "new\\tname \\"quoted\\" \\u1234"
class Unspeakable: pass
Unspeakable.__qualname__ = "\\ud800"
class Long: pass
Long.__qualname__ = "x" * 10000
keep = [[kind() for _ in range(5)] for kind in (Named, Long, Unspeakable)]
temporary = [type(f"T{i}", (), {}) for i in range(3000)]
objects = [t() for t in temporary]
del temporary
"""
    figures = box.preloaded("-c", code).check().figures()
    names = type_counts(figures)
    assert any("quoted" in name for name in names)
    assert any("xxxxxxxx" in name for name in names)
    assert names["builtins.type"] > 3000


def test_a_large_heap_is_counted_in_full(box: Sandbox) -> None:
    code = "class A: __slots__ = ()\nkeep = [A() for _ in range(2_000_000)]\n"
    done = box.preloaded("-c", code).check()
    assert type_counts(done.figures())["__main__.A"] == 2_000_000


def test_the_peak_names_what_it_consisted_of(box: Sandbox) -> None:
    code = """
class Order:
    __slots__ = ("a", "b", "c", "d")
x = [Order() for _ in range(600000)]
y = [Order() for _ in range(600000)]
del x, y
"""
    done = box.hoop("-c", code).check()
    peak = done.figures()["peak"]
    assert peak["types"][0]["type"] == "__main__.Order"
    assert peak["rss"] <= done.figures()["peak_rss"]
    assert peak["types"][0]["bytes"] > 0.4 * peak["heap_held"]
    assert "Order" in done.report.split("\n\n")[1]


def test_collections_are_those_that_the_collector_did(box: Sandbox) -> None:
    code = """
import gc, json
before = gc.get_stats()
for _ in range(200):
    n = []; n.append(n)
    gc.collect(_ % 3)
keep = [[i] for i in range(50000)]
gc.collect()
after = gc.get_stats()
print(json.dumps([[b["collections"] - a["collections"], b["collected"] - a["collected"]]
                  for a, b in zip(before, after)]))
gc.disable()
import os
"""
    done = box.preloaded("-c", code).check()
    stats = json.loads(done.text)
    ours = [[entry["collections"], entry["collected"]] for entry in done.figures()["gc"]]
    for (theirs, theirs_collected), (mine, mine_collected) in zip(stats, ours, strict=True):
        assert 0 <= mine - theirs <= 50  # and those before and after
        assert 0 <= mine_collected - theirs_collected <= 5000
    for entry in done.figures()["gc"]:
        assert entry["longest_ns"] <= entry["ns"]
        assert (entry["ns"] > 0) == (entry["collections"] > 0)


def test_the_file_the_run_directory_and_the_report_agree(box: Sandbox) -> None:
    done = box.hoop("-c", "x = [str(i) for i in range(100000)]", "an argument").check()
    root, figures = done.summary["root"], done.figures()
    assert root["pid"] == figures["pid"] == done.pid
    assert root["argv"] == figures["argv"]
    assert root["argv"][1:] == ["-c", "x = [str(i) for i in range(100000)]", "an argument"]
    for name in ("cpu_user_ns", "final_rss", "classes", "types", "gc", "rss"):
        assert root["final"][name] == figures[name], name
    assert done.summary["problems"] == []
    shown = box.execute([*hoop_command(), "report", "--json", done.run_dir]).check()
    assert json.loads(shown.out) == done.summary
    assert figures["python"].startswith(box.minor)
    assert f"CPython {figures['python']}, process {done.pid}" in done.report
    samples = root["samples"]
    assert samples["t_ns"] == sorted(samples["t_ns"])
    assert max(samples["rss"]) <= root["peak_rss"] * 1.01
    assert root["wall_ns"] >= samples["t_ns"][-1]


def test_a_killed_program_is_shown_from_its_samples(box: Sandbox) -> None:
    code = """
import os, time
x = [(i, str(i)) for i in range(300000)]
for _ in range(10):
    y = [str(i) for i in range(20000)]
    time.sleep(0.02)
os.kill(os.getpid(), 9)
"""
    words = [*hoop_command(), "run", box.python.path, "-c", code]
    done = box.execute(words)
    assert done.visible == (killed_by(signal.SIGKILL), b"", b"")
    shown = box.execute([*hoop_command(), "report", box.last_run_dir()]).check()
    first = shown.text.split("\n\n")[1]
    assert "illed" in first
    peak = json.loads(
        box.execute([*hoop_command(), "report", "--json", box.last_run_dir()]).check().out
    )["root"]
    assert peak["state"] == "killed"
    assert peak["peak_rss"] > 30 * MIB


def test_a_running_program_is_shown_as_running(box: Sandbox) -> None:
    code = "x = [str(i) for i in range(99999)]; print(1, flush=True); input()"
    process = box.start([*hoop_command(), "run", "--quiet", box.python.path, "-c", code])
    assert process.stdout is not None
    assert process.stdout.readline() == b"1\n"
    shown = box.execute([*hoop_command(), "report", box.last_run_dir()]).check()
    out, err = process.communicate(b"\n", 30)
    assert (process.returncode, out, err) == (0, b"", b"")
    assert "till running" in shown.text


def test_children_that_end_at_once_are_in_the_report(box: Sandbox) -> None:
    code = """
import os
pids = []
for i in range(3):
    pid = os.fork()
    if pid == 0:
        x = [str(i) for i in range(50000)]
        os._exit(i)
    pids.append(pid)
for pid in pids: os.waitpid(pid, 0)
print(*sorted(pids))
"""
    done = box.hoop("-c", code).check()
    pids = [int(word) for word in done.text.split()]
    processes = done.summary["processes"]
    assert sorted(process["pid"] for process in processes) == pids
    assert {process["state"] for process in processes} == {"at_once"}
    assert all(process["peak_rss"] > 5 * MIB for process in processes)


def test_a_first_process_that_ends_at_once_reports_too(box: Sandbox) -> None:
    code = "import os; x = [str(i) for i in range(100000)]; os._exit(7)"
    done = box.hoop("-c", code)
    assert done.visible == (7, b"", b"")
    assert "Peak" in done.report
    assert type_counts(done.figures())["builtins.str"] > 100000


NO_GIL = """
#include <pthread.h>
#include <unistd.h>
static void* leave(void* after) { usleep((long)after); _exit(7); }
void leave_soon(long after) {
  pthread_t thread;
  pthread_create(&thread, 0, leave, (void*)after);
}
"""


def test_exit_by_a_thread_without_the_gil_is_quiet(box: Sandbox, compiler: str) -> None:
    """It may come while another thread is inside the heap."""
    library = box.work / "leave.so"
    compile_c(NO_GIL, library, ["-shared", "-fPIC", "-pthread"])
    for after in (20000, 30000, 45000, 60000):
        code = (
            f"import ctypes; ctypes.CDLL({str(library)!r}).leave_soon(ctypes.c_long({after}))\n"
            "while True: x = [(i, str(i), [i]) for i in range(3000)]"
        )
        done = box.hoop("-c", code)
        assert done.visible == (7, b"", b"")
        assert done.summary["root"]["state"] == "at_once"


HANDLER = """
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>
static void leave(int signal) { _exit(7); }
void leave_soon(long after) {
  struct itimerval timer = {{0, 0}, {0, after}};
  signal(SIGALRM, leave);
  setitimer(ITIMER_REAL, &timer, 0);
}
"""


def test_exit_by_a_signal_handler_in_c_leaves_the_samples(box: Sandbox, compiler: str) -> None:
    """It has the GIL, but comes in the midst of anything: of an allocation, for one."""
    library = box.work / "leave.so"
    compile_c(HANDLER, library, ["-shared", "-fPIC"])
    for after in (20000, 30000, 45000, 60000):
        code = (
            f"import ctypes; ctypes.CDLL({str(library)!r}).leave_soon(ctypes.c_long({after}))\n"
            "while True: x = [(i, str(i), [i]) for i in range(3000)]"
        )
        done = box.hoop("-c", code)
        assert done.visible == (7, b"", b"")
        assert done.summary["root"]["state"] == "at_once"
        assert done.all_figures() == []


def test_os_exit_that_is_called_wrongly_is_no_end(box: Sandbox) -> None:
    code = """
import os
try: os._exit("x")
except TypeError: pass
try: os._exit()
except TypeError: print("end")
"""
    assert box.both("-c", code).check().figures()["exit"] == "normal"


def test_os_exit_amid_trouble_still_reports(box: Sandbox) -> None:
    """In an exception handler, in a thread, in a signal handler, in a finalizer."""
    for code in (
        "import os\ntry: 1 / 0\nfinally: os._exit(7)",
        "import os, threading as t\nt = t.Thread(target=os._exit, args=(7,)); t.start(); t.join()",
        "import os, signal\nsignal.signal(10, lambda *a: os._exit(7)); signal.raise_signal(10)",
        "import os\nclass A:\n    def __del__(self): os._exit(7)\nx = A(); x.me = x; del x\n"
        "import gc; gc.collect()",
        "import os, ctypes\nctypes.CDLL(None)._exit(7)",
        "import os, ctypes\nctypes.CDLL(None)._Exit(7)",
        "import os, ctypes\nctypes.CDLL(None).exit(7)",
        "import os, ctypes\nctypes.PyDLL(None).exit(7)",
    ):
        done = box.hoop("-c", code)
        assert done.visible == (7, b"", b""), code
        assert done.report, code


def test_time_is_what_the_process_took(box: Sandbox) -> None:
    code = "import time\ntime.sleep(0.2)\nend = time.process_time() + 0.2\n" + (
        "while time.process_time() < end: pass"
    )
    figures = box.preloaded("-c", code).check().figures()
    cpu = figures["cpu_user_ns"] + figures["cpu_sys_ns"]
    assert cpu >= 190_000_000
    assert figures["wall_ns"] >= 390_000_000
    assert figures["wall_ns"] >= cpu * 0.9


def test_arguments_of_every_kind_are_written_as_json(box: Sandbox) -> None:
    words = [
        "-c",
        "pass",
        'quo"te',
        "back\\slash",
        "new\nline",
        "tab\t",
        "\x01",
        "\u00e9\u4e16",
        "",
    ]
    done = box.hoop(*words).check()
    assert done.figures()["argv"][1:] == words
    assert done.summary["root"]["argv"][1:] == words


def test_arguments_that_are_no_text_do_no_harm(box: Sandbox) -> None:
    bad = os.fsdecode(b"\xff\xfe")
    done = box.hoop_run([box.python.path, "-c", "import sys; print(len(sys.argv))", bad])
    assert done.visible == (0, b"2\n", b"")
    assert "Peak" in done.report


def test_very_many_arguments_do_no_harm(box: Sandbox) -> None:
    words = ["-c", "import sys; print(len(sys.argv))", *(["x" * 1000] * 100)]
    done = box.hoop(*words)
    assert done.visible == (0, b"101\n", b"")
    assert "Peak" in done.report


def test_a_long_run_keeps_a_bounded_file(box: Sandbox) -> None:
    code = """
import time
end = time.monotonic() + 1.5
while time.monotonic() < end:
    x = [str(i) for i in range(3000)]
"""
    done = box.preloaded("-c", code).check()
    assert done.run_dir is not None
    live = next(iter(done.run_dir.glob("*.live")))
    assert live.stat().st_size <= 64 * 1024


def live_states(run_dir: Path) -> list[int]:
    return [int.from_bytes(path.read_bytes()[44:48], "little") for path in run_dir.glob("*.live")]


def test_states_tell_how_each_process_ended(box: Sandbox) -> None:
    def state(code: str, **options: object) -> list[int]:
        done: Done = box.preloaded("-c", "x = [str(i) for i in range(9999)]\n" + code, **options)
        assert done.run_dir is not None
        return live_states(done.run_dir)

    assert state("pass") == [2]
    assert state("import os; os._exit(0)") == [4]
    assert state("import os; os.kill(os.getpid(), 9)") == [1]
    assert state("pass", environ={"PYTHONMALLOC": "malloc"}) == [3]


def test_a_child_that_outlives_the_first_process_is_no_obstacle(box: Sandbox) -> None:
    code = """
import os, time
if os.fork() == 0:
    for n in range(3):
        os.close(n)
    time.sleep(1)
    os._exit(0)
print("parent")
"""
    done = box.hoop("-c", code).check()
    assert done.out == b"parent\n"
    assert "Peak" in done.report
    run_dir = done.run_dir
    assert run_dir is not None
    wait_until(lambda: 1 not in live_states(run_dir))
