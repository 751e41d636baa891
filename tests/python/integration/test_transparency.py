# SPDX-License-Identifier: Apache-2.0
"""A program under Hoopsnake cannot tell: exit status, streams, arguments, tracebacks, variables."""

from __future__ import annotations

import signal
import sys
import zipapp

import pytest
from whole_process import Sandbox, hoop_command, killed_by

# What the system and the agent settle between them is the same in all versions.
pytestmark = pytest.mark.same_everywhere

# What a program can see of how it was started.
LOOK = """
import os, sys
main = sys.modules["__main__"]
print(sys.argv, sys.path, sys.flags, sys.orig_argv, sys.executable, sys.warnoptions)
print(__name__, main.__dict__.get("__file__"), main.__spec__, main.__loader__.__class__)
print(sorted(set(sys.modules) - {"hoopsnake"}), os.getcwd(), sys.getrecursionlimit())
print({k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD",) and k[:5] != "HOOP_"})
print(sorted(vars(main)), sys.stdin.readline(), sys.gettrace(), sys.getprofile())
sys.stderr.write("to stderr\\n")
"""

EXITS = {
    "plain end": ("pass", 0),
    "sys.exit(3)": ("import sys; sys.exit(3)", 3),
    "sys.exit(text)": ("import sys; sys.exit('no such luck')", 1),
    "exception": ("def f(): return 1 / 0\nf()", 1),
    "exception in a thread": (
        "import threading\nthreading.Thread(target=lambda: 1 / 0).start()",
        0,
    ),
    "exception in atexit": ("import atexit; atexit.register(lambda: 1 / 0)", 0),
    "exit in atexit": ("import atexit, os; atexit.register(os._exit, 4)", 4),
    "os._exit": ("import os; os._exit(5)", 5),
    "abort": ("import os; os.abort()", killed_by(signal.SIGABRT)),
    "SIGTERM": ("import os; os.kill(os.getpid(), 15)", killed_by(signal.SIGTERM)),
    "SIGKILL": ("import os; os.kill(os.getpid(), 9)", killed_by(signal.SIGKILL)),
    "SIGSEGV": ("import os; os.kill(os.getpid(), 11)", killed_by(signal.SIGSEGV)),
    "SIGINT": (
        "import signal; signal.signal(2, signal.default_int_handler); signal.raise_signal(2)",
        killed_by(signal.SIGINT),
    ),
    "SIGINT handled": (
        "import signal\nsignal.signal(2, lambda *a: print('asked'))\nsignal.raise_signal(2)",
        0,
    ),
    "stack overflow in Python": ("def f(): f()\ntry: f()\nexcept RecursionError: print('deep')", 0),
    "syntax error": ("def f(:", 1),
    "exec of another program": ("import os; os.execv('/bin/sh', ['sh', '-c', 'exit 6'])", 6),
}


@pytest.mark.parametrize(("code", "status"), EXITS.values(), ids=EXITS.keys())
def test_it_ends_as_without_us(box: Sandbox, code: str, status: int) -> None:
    assert box.both("-c", code).code == status


def test_every_way_to_start_looks_the_same(box: Sandbox) -> None:
    box.script("look.py", LOOK)
    box.script("tool/__main__.py", LOOK)
    zipapp.create_archive(box.work / "tool", box.work / "tool.pyz")
    ways = [
        ["look.py", "a b", "--report", "x"],
        ["-m", "look", "-v"],
        ["-c", LOOK, "-", "\u00e9"],
        ["tool", "1"],
        ["tool.pyz", "1"],
        ["-O", "-B", "-W", "error", "-X", "utf8", "look.py"],
        ["-u", "-s", "-P" if box.minor >= "3.11" else "-q", "tool.pyz"],
    ]
    for words in ways:
        done = box.both(*words, input=b"one line\n").check()
        assert b"one line" in done.out
        assert done.err == b"to stderr\n"


@pytest.mark.parametrize("words", [["look.py", "x"], ["-m", "look"], ["-c", LOOK, "x"], ["tool"]])
def test_hoop_run_starts_it_as_python_does(box: Sandbox, words: list[str]) -> None:
    box.script("look.py", LOOK)
    box.script("tool/__main__.py", LOOK)
    ours = box.hoop(*words, input=b"one line\n").check()
    assert ours.visible == box.plain(*words, input=b"one line\n").visible
    assert ours.figures()["active"] is True
    assert "Peak" in ours.report


@pytest.mark.parametrize(
    ("code", "status"),
    [EXITS[name] for name in ("sys.exit(3)", "exception", "SIGKILL", "os._exit", "SIGINT")],
)
def test_the_status_is_the_programs_own_after_the_report_too(
    box: Sandbox, code: str, status: int
) -> None:
    done = box.hoop("-c", code)
    assert done.visible == box.plain("-c", code).visible
    assert done.code == status


@pytest.mark.pythons("3.11", "3.14")
def test_a_console_script_runs_under_its_own_python(box: Sandbox) -> None:
    code = "import sys\nprint(sys.argv, __name__, sys.version_info[:2])\nsys.exit(9)\n"
    script = box.script("tool", f"#!{box.python.path}\n{code}")
    script.chmod(0o755)
    done = box.hoop_run([script, "--quiet", "-m"])
    assert done.visible == box.execute([script, "--quiet", "-m"]).visible
    assert done.code == 9
    assert done.figures()["python"].startswith(box.minor)


def test_the_python_of_hoop_itself_needs_no_name(box: Sandbox, minor: str) -> None:
    if minor != f"{sys.version_info[0]}.{sys.version_info[1]}":
        pytest.skip("`hoop` is not installed in this version")
    box.script("look.py", LOOK)
    executable = box.hoop_run(["-c", "import sys; print(sys.executable)"]).text.strip()
    done = box.hoop_run(["look.py", "x"], input=b"\n").check()
    assert done.visible == box.execute([executable, "look.py", "x"], input=b"\n").visible


def test_stdin_and_stdout_pass_through_byte_for_byte(box: Sandbox) -> None:
    payload = bytes(range(256)) * 4096
    code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
    assert box.hoop("-c", code, input=payload).check().out == payload


def test_stdout_that_is_closed_early_ends_the_program_as_ever(box: Sandbox) -> None:
    code = "import sys\nwhile True: sys.stdout.write('x' * 4096)"
    words = ["sh", "-c", f'"{box.python.path}" -c "$0" | head -c 9', code]
    assert box.execute_preloaded(words).visible == box.execute(words).visible


def test_the_programs_variables_are_kept(box: Sandbox) -> None:
    environ = {
        "PYTHONHASHSEED": "7",
        "PYTHONOPTIMIZE": "1",
        "PYTHONWARNINGS": "error",
        "PYTHONUTF8": "1",
        "PYTHONSTARTUP": "/nonexistent",
        "PYTHONBREAKPOINT": "0",
        "PYTHONINTMAXSTRDIGITS": "1000",
        "PYTHONTRACEMALLOC": "3",
    }
    code = (
        "import os, sys, tracemalloc\n"
        "print({k: v for k, v in os.environ.items() if k.startswith('PYTHON')})\n"
        "print(hash('x'), sys.flags, tracemalloc.get_traceback_limit())\n"
        "breakpoint()\n"
    )
    done = box.both("-c", code, environ=environ).check()
    assert done.figures()["active"] is True


def test_an_interactive_session_is_the_same(box: Sandbox) -> None:
    typed = b"x = 6\nx * 7\n1/0\nexit(2)\n"
    assert box.both("-i", "-q", input=typed).code == 2


def test_tracebacks_of_native_crashes_are_the_same(box: Sandbox) -> None:
    code = "import faulthandler, ctypes\nfaulthandler.enable()\nctypes.string_at(0)"
    done = box.both("-c", code)
    assert done.code == killed_by(signal.SIGSEGV)
    assert b"Segmentation fault" in done.err


def test_functions_that_we_replace_look_like_the_originals(box: Sandbox) -> None:
    code = (
        "import sys, gc, inspect, _imp, tracemalloc\n"
        "tracing = tracemalloc.start, tracemalloc.stop\n"
        "for f in (sys.getallocatedblocks, gc.freeze, _imp.create_builtin, *tracing):\n"
        "    print(f, f.__name__, f.__qualname__, f.__module__, f.__doc__, inspect.signature(f))\n"
        "    print(f.__self__ is sys.modules[f.__module__], type(f))\n"
        "print(gc.isenabled(), gc.get_threshold(), gc.get_freeze_count())\n"
    )
    box.both("-c", code)


def test_the_package_is_not_imported_behind_the_programs_back(box: Sandbox) -> None:
    code = "import sys; print('hoopsnake' in sys.modules, sorted(sys.modules))"
    assert box.both("-c", code).text.startswith("False")


def test_a_quiet_run_shows_its_report_later(box: Sandbox) -> None:
    done = box.execute([*hoop_command(), "run", "--quiet", box.python.path, "-c", "print('ran')"])
    assert done.visible == (0, b"ran\n", b"")
    run_dir = box.last_run_dir()
    later = box.execute([*hoop_command(), "report", run_dir]).check()
    assert "Peak" in later.text
    assert f"CPython {box.minor}" in later.text


def test_the_report_comes_to_stderr_once_and_last(box: Sandbox) -> None:
    code = "import sys; sys.stdout.write('out'); sys.stderr.write('err\\n'); sys.exit(3)"
    done = box.execute([*hoop_command(), "run", box.python.path, "-c", code])
    assert (done.code, done.out) == (3, b"out")
    lines = done.err.decode().splitlines()
    assert lines[0] == "err"
    assert sum("Peak memory" in line for line in lines) == 1
    assert "\x1b" not in done.err.decode()


def test_a_run_inside_a_run_reports_on_both(box: Sandbox) -> None:
    inner = [*hoop_command(), "run", "--report", "inner.txt", box.python.path, "-c", "print('in')"]
    done = box.hoop_run(inner).check()
    assert done.visible == (0, b"in\n", b"")
    assert "Peak" in (box.work / "inner.txt").read_text(encoding="utf-8")


def test_a_program_that_changes_its_folder_finds_its_report(box: Sandbox) -> None:
    code = "import os; os.chdir('/'); os.umask(0o777)"
    done = box.execute(
        [*hoop_command(), "run", "--report", "here.txt", box.python.path, "-c", code]
    )
    assert done.visible == (0, b"", b"")
    path = box.work / "here.txt"
    path.chmod(0o600)
    assert "Peak" in path.read_text(encoding="utf-8")
