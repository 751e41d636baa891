# SPDX-License-Identifier: Apache-2.0
"""More than one interpreter in a process: sub-interpreters with and without a GIL of their own,
and programs that embed Python, start it twice, and set allocators themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from whole_process import Done, Sandbox, compile_c

WAYS = ["preloaded", "late"]

PRELUDE = """
import sys, threading, time
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
LATE = sys.argv[1:] == ["late"]
if LATE:
    import hoopsnake
    assert hoopsnake.install()

def create(own_gil=True):
    if sys.version_info >= (3, 13):
        return interpreters.create("isolated" if own_gil else "legacy")
    return interpreters.create(isolated=own_gil)

def run(id, code):
    if sys.version_info >= (3, 13):
        failure = interpreters.exec(id, code)
        assert failure is None, failure
    else:
        interpreters.run_string(id, code)

def validate():
    if LATE:
        from hoopsnake import _agent
        _agent.validate()

WORK = '''
d = {}
for i in range(20000):
    d[i % 1000] = [str(i), (i, i), bytearray(i % 700)]
class Node: pass
for i in range(2000):
    n = Node(); n.me = n
big = [bytearray(1 << 21) for _ in range(2)]
del big
'''
"""


def outcome(box: Sandbox, way: str, code: str) -> Done:
    script = box.script("many.py", PRELUDE + code + "\nvalidate()\nprint('end')\n")
    run = box.plain if way == "late" else box.preloaded
    done = run(script, *(["late"] if way == "late" else [])).check()
    assert done.text == "end\n", done
    assert done.err == b"", done
    return done


@pytest.mark.parametrize("way", WAYS)
def test_interpreters_with_their_own_gil_run_side_by_side(box: Sandbox, way: str) -> None:
    code = """
def session():
    for _ in range(2):
        id = create()
        run(id, WORK)
        interpreters.destroy(id)
threads = [threading.Thread(target=session) for _ in range(3)]
for t in threads: t.start()
for k in range(20):
    x = [(i, str(i)) for i in range(10000)]
for t in threads: t.join()
"""
    outcome(box, way, code)


@pytest.mark.parametrize("way", WAYS)
def test_a_busy_thread_is_not_overtaken_by_the_first_other_interpreter(
    box: Sandbox, way: str
) -> None:
    """The second GIL comes into being while another thread allocates without pause."""
    code = """
stop = False
def churn():
    keep = {}
    i = 0
    while not stop:
        i += 1
        keep[i % 977] = [str(i), (i,), {i: i}]
threads = [threading.Thread(target=churn) for _ in range(2)]
for t in threads: t.start()
for _ in range(3):
    id = create()
    run(id, WORK)
    interpreters.destroy(id)
stop = True
for t in threads: t.join()
"""
    outcome(box, way, code)


@pytest.mark.parametrize("way", WAYS)
def test_several_threads_make_the_first_other_interpreters_at_once(box: Sandbox, way: str) -> None:
    """Each under the runtime's lock, where nobody may wait for the GIL: whoever holds it may want
    the lock, as the main thread does that starts and ends threads."""
    code = """
barrier = threading.Barrier(5)
left = [1] * 4
def session():
    barrier.wait()
    id = create()
    run(id, "sum(range(1000))")
    interpreters.destroy(id)
    left.pop()
threads = [threading.Thread(target=session) for _ in range(4)]
for t in threads: t.start()
barrier.wait()
while left:
    short = threading.Thread(target=int)
    short.start()
    short.join()
for t in threads: t.join()
"""
    for _ in range(3):
        outcome(box, way, code)


@pytest.mark.parametrize("way", WAYS)
def test_interpreters_that_share_the_gil_come_and_go(box: Sandbox, way: str) -> None:
    code = """
for _ in range(3):
    id = create(own_gil=False)
    run(id, WORK + "import threading as h; t = h.Thread(target=list); t.start(); t.join()")
    interpreters.destroy(id)
"""
    outcome(box, way, code)


@pytest.mark.parametrize("way", WAYS)
def test_an_interpreter_that_is_never_destroyed_goes_with_the_process(
    box: Sandbox, way: str
) -> None:
    code = """
kept = [create(), create(own_gil=False)]
for id in kept: run(id, WORK)
"""
    script = box.script("many.py", PRELUDE + code + "\nprint('end')\n")
    words = [script, *(["late"] if way == "late" else [])]
    run = box.plain if way == "late" else box.preloaded
    done, plain = run(*words), box.plain(script)
    assert done.visible == plain.visible


def test_raw_interpreters_of_the_test_support_work(box: Sandbox) -> None:
    code = """
import _testcapi
for _ in range(3):
    assert _testcapi.run_in_subinterp(WORK + "import gc; gc.collect()") == 0
print("end")
"""
    script = box.script(
        "raw.py",
        "try: import _testcapi\nexcept ImportError: raise SystemExit(77)\n" + PRELUDE + code,
    )
    done = box.preloaded(script)
    if done.code == 77:
        pytest.skip("this Python has no _testcapi")
    assert done.check().text == "end\n"


@pytest.mark.parametrize("way", WAYS)
def test_objects_pass_between_interpreters(box: Sandbox, way: str) -> None:
    code = """
import os
read, write = os.pipe()
id = create()
run(id, f"import os; os.write({write}, b'x' * 5000)")
assert os.read(read, 9000) == b'x' * 5000
interpreters.destroy(id)
"""
    outcome(box, way, code)


def test_memory_is_given_back_while_the_heap_is_shared(box: Sandbox) -> None:
    code = """
id = create()
run(id, WORK)
import hoopsnake
x = [(i, str(i)) for i in range(200000)]; del x
end = time.monotonic() + 30
while hoopsnake.stats().returned_total < 5 << 20:
    assert time.monotonic() < end, hoopsnake.stats()
    time.sleep(0.1)
assert hoopsnake.trim() >= 0
hoopsnake.epoch()
assert sys.getallocatedblocks() > 1000
run(id, WORK)
interpreters.destroy(id)
"""
    outcome(box, "preloaded", code)


def test_a_fork_works_after_the_heap_was_shared(box: Sandbox) -> None:
    code = """
import os, warnings
warnings.simplefilter("ignore")
id = create()
run(id, WORK)
interpreters.destroy(id)  # or CPython's own child fails
pid = os.fork()
if pid == 0:
    x = [str(i) for i in range(50000)]
    run(create(), WORK)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""
    outcome(box, "preloaded", code)


def test_the_report_of_a_program_with_interpreters_adds_up(box: Sandbox) -> None:
    code = """
id = create()
run(id, WORK)
interpreters.destroy(id)
"""
    figures = outcome(box, "preloaded", code).figures()
    assert sum(line["bytes"] for line in figures["rss"]) == figures["final_rss"]
    assert figures["types"]


# --- embedding ------------------------------------------------------------------------------------

TWICE = """
#include <Python.h>
int main(int argc, char** argv) {
  for (int i = 0; i < ROUNDS; ++i) {
    Py_InitializeEx(0);
    if (PyRun_SimpleString(
            "import sys, json, re\\n"
            "x = [str(i) for i in range(20000)]\\n"
            "class A: pass\\n"
            "a = A(); a.a = a\\n"
            "import threading\\n"
            "t = threading.Thread(target=lambda: [object() for _ in range(5000)])\\n"
            "t.start(); t.join()\\n"
            "print(len(x), sys.getallocatedblocks() > 1000)\\n") != 0) return 1;
    if (Py_FinalizeEx() != 0) return 2;
  }
  return 7;
}
"""

DEBUG_HOOKS = """
#include <Python.h>
int main(void) {
  PyMem_SetupDebugHooks();
  Py_InitializeEx(0);
  int bad = PyRun_SimpleString("x = [str(i) for i in range(20000)]; del x; print('hooked')");
  return Py_FinalizeEx() != 0 || bad;
}
"""

OWN_ALLOCATOR = """
#include <Python.h>
static PyMemAllocatorEx before;
static long calls;
static void* my_malloc(void* c, size_t n) { ++calls; return before.malloc(before.ctx, n); }
static void* my_calloc(void* c, size_t m, size_t n) {
  ++calls;
  return before.calloc(before.ctx, m, n);
}
static void* my_realloc(void* c, void* p, size_t n) { return before.realloc(before.ctx, p, n); }
static void my_free(void* c, void* p) { before.free(before.ctx, p); }
int main(void) {
  PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &before);
  PyMemAllocatorEx mine = {&calls, my_malloc, my_calloc, my_realloc, my_free};
  PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &mine);
  Py_InitializeEx(0);
  int bad = PyRun_SimpleString("x = [object() for i in range(20000)]; del x");
  bad |= Py_FinalizeEx() != 0;
  printf("%s\\n", calls > 20000 ? "called" : "left out");
  return bad;
}
"""

BLOCKS_OUTSIDE = """
#include <Python.h>
int main(void) {
  void* raw = PyMem_RawMalloc(100);
  Py_InitializeEx(0);
  void* memory = PyMem_Malloc(1000);
  void* object = PyObject_Malloc(0);
  void* other = PyObject_Malloc(0);
  printf("%d\\n", object != NULL && object != other);
  printf("%d\\n", PyMem_Calloc(PY_SSIZE_T_MAX / 2, 4) == NULL);
  printf("%d\\n", PyMem_Malloc((size_t)PY_SSIZE_T_MAX + 1) == NULL);
  memory = PyMem_Realloc(memory, 100000);
  printf("%d\\n", memory != NULL && ((size_t)memory & 15) == 0);
  PyObject_Free(memory);  /* domains may be mixed: pybind11 and nanobind do */
  PyMem_Free(object);
  PyMem_Free(malloc(300));  /* and this works with pymalloc by luck */
  memory = PyMem_Realloc(malloc(40), 4000);
  PyMem_Free(memory);
  PyMem_Free(NULL);
  PyObject_Free(NULL);
  if (Py_FinalizeEx() != 0) return 1;
  PyObject_Free(other);  /* frees go on after the interpreter */
  PyMem_RawFree(raw);
  puts("end");
  return 0;
}
"""


def shared_library(box: Sandbox) -> Path:
    """This version's libpython. Some builds were moved after they noted where it is."""
    ask = (
        "import sys, sysconfig as s; v = s.get_config_var\n"
        "print(v('INSTSONAME'), v('LIBDIR'), sys.base_prefix + '/lib')"
    )
    name, *folders = box.python.ask(ask).split()
    found = [path for folder in folders if (path := Path(folder, name)).exists()]
    if not found or ".so" not in name:
        pytest.skip("no shared libpython to embed")
    return found[0]


def embed(box: Sandbox, source: str, *defines: str) -> Path:
    """Compiles a program that embeds this Python."""
    include = box.python.ask("import sysconfig; print(sysconfig.get_path('include'))")
    library = shared_library(box)
    if not Path(include, "Python.h").exists():
        pytest.skip("no Python.h to embed with")
    target = box.work / "embed"
    flags = [*defines, f"-I{include}", str(library), f"-Wl,-rpath,{library.parent}", "-w"]
    compile_c(source, target, flags)
    return target


def embedded(box: Sandbox, program: Path) -> Done:
    done = box.execute_preloaded([program], environ=home_of(box))
    assert done.visible == box.execute([program], environ=home_of(box)).visible
    return done


def home_of(box: Sandbox) -> dict[str, str]:
    return {"PYTHONHOME": box.python.ask("import sys; print(sys.base_prefix)")}


def test_an_embedded_python_that_starts_again_and_again_is_served(
    box: Sandbox, compiler: str
) -> None:
    done = embedded(box, embed(box, TWICE, "-DROUNDS=3"))
    assert done.code == 7
    assert done.out == b"20000 True\n" * 3
    assert done.figures()["active"] is True


def test_a_program_may_put_debug_hooks_over_us(box: Sandbox, compiler: str) -> None:
    assert embedded(box, embed(box, DEBUG_HOOKS)).visible == (0, b"hooked\n", b"")


def test_a_program_may_put_its_own_allocator_over_us(box: Sandbox, compiler: str) -> None:
    assert embedded(box, embed(box, OWN_ALLOCATOR)).visible == (0, b"called\n", b"")


def test_blocks_of_every_size_and_domain_are_taken_back_after_the_end(
    box: Sandbox, compiler: str
) -> None:
    """Without us the last free crashes 3.12 and later."""
    done = box.execute_preloaded([embed(box, BLOCKS_OUTSIDE)], environ=home_of(box))
    assert done.visible == (0, b"1\n1\n1\n1\nend\n", b"")


def test_a_python_that_is_opened_late_runs_as_ever(box: Sandbox, compiler: str) -> None:
    """dlopen of libpython, as plug-ins do: not there when we look, so we stay out of it."""
    source = """
    #include <dlfcn.h>
    int main(void) {
      void* python = dlopen(LIBRARY, RTLD_NOW | RTLD_GLOBAL);
      if (!python) return 9;
      void (*start)(int) = dlsym(python, "Py_InitializeEx");
      int (*run)(const char*) = dlsym(python, "PyRun_SimpleString");
      int (*finish)(void) = dlsym(python, "Py_FinalizeEx");
      start(0);
      run("print(len([str(i) for i in range(9999)]))");
      return finish();
    }
    """
    program = box.work / "plugin"
    compile_c(source, program, [f'-DLIBRARY="{shared_library(box)}"', "-ldl", "-w"])
    assert embedded(box, program).visible == (0, b"9999\n", b"")
