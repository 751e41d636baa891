# SPDX-License-Identifier: Apache-2.0
"""Whatever a program starts behaves: shells, git, node, other Pythons, setuid programs."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import whole_process
from whole_process import Sandbox, compile_c, hoop_command

# What the system and the agent settle between them is the same in all versions.
pytestmark = pytest.mark.same_everywhere


def needs(program: str) -> str:
    found = shutil.which(program)
    if not found:
        pytest.skip(f"no {program} here")
    return found


@pytest.mark.pythons("3.12")
@pytest.mark.parametrize(
    "line",
    [
        "true",
        "false || exit 3",
        "cat; echo done",
        "yes | head -n 1000 | wc -l",
        "ls / | sort -r | head -n 3",
        "kill -9 $$",
        "(exit 7) & wait $!",
        "exec sh -c 'exit 8'",
        "printf '%s ' a b; >&2 echo error",
        "ulimit -n 20; ls / >/dev/null && env -i /bin/sh -c 'echo clean'",
    ],
)
def test_a_shell_and_its_tools(box: Sandbox, line: str) -> None:
    words = ["sh", "-c", line]
    done = box.hoop_run(words, input=b"typed\n")
    assert done.visible == box.execute(words, input=b"typed\n").visible


@pytest.mark.pythons("3.12")
@pytest.mark.parametrize(
    "words",
    [
        ["git", "--version"],
        ["node", "-e", "console.log([...Array(5).keys()].join())"],
        ["perl", "-e", "print join(',', 1..5)"],
        ["bash", "-c", "echo $BASH_VERSION"],
        ["gcc", "--version"],
        ["ldd", "/bin/sh"],
        ["find", "/etc/hostname"],
    ],
    ids=lambda words: words[0],
)
def test_programs_that_are_no_pythons(box: Sandbox, words: list[str]) -> None:
    needs(words[0])
    done = box.execute_preloaded(words)
    assert done.code == box.execute(words).code == 0
    assert done.err == b""
    if words[0] != "ldd":  # that one lists what is preloaded
        assert done.out == box.execute(words).out


def test_a_script_that_starts_all_kinds_of_programs(box: Sandbox) -> None:
    others = [
        python.path
        for minor, python in whole_process.interpreters().items()
        if not whole_process.why_absent(minor)
    ]
    lines = ["#!/bin/sh", "set -e", "true"]
    lines += [f"'{path}' -c 'print(sum(range(1000)))'" for path in others]
    lines += ["git --version >/dev/null"] if shutil.which("git") else []
    lines += ["node -e 'console.log(1)'"] if shutil.which("node") else []
    lines += [f"'{box.python.path}' -c 'import sys; sys.exit(6)'"]
    script = box.script("all.sh", "\n".join(lines) + "\n")
    script.chmod(0o755)
    done = box.hoop_run([script])
    assert done.visible == box.execute([script]).visible
    assert done.code == 6
    figures = done.all_figures()
    assert len(figures) == len(others) + 1
    assert all(document["active"] for document in figures)
    assert len({document["python"] for document in figures}) == len(others)
    assert done.summary["root"] is None
    assert len(done.summary["processes"]) == len(others) + 1


def test_another_version_runs_as_a_child(box: Sandbox) -> None:
    others = [m for m in whole_process.MINORS if m != box.minor and not whole_process.why_absent(m)]
    if not others:
        pytest.skip("only one version here")
    other = whole_process.interpreters()[others[0]].path
    code = (
        "import subprocess, sys\n"
        f"for python in (sys.executable, {other!r}):\n"
        "    subprocess.run([python, '-c', 'print([str(i) for i in range(3)])'], check=True)\n"
    )
    done = box.both("-c", code).check()
    assert [document["active"] for document in done.all_figures()] == [True] * 3


def test_an_empty_environment_leaves_us_behind(box: Sandbox) -> None:
    code = (
        "import subprocess, sys\n"
        "line = 'import os; print(dict(os.environ).keys() - {\"LC_CTYPE\"})'\n"
        "subprocess.run([sys.executable, '-c', line], env={}, check=True)\n"
        "subprocess.run(['env', '-i', sys.executable, '-c', line], check=True)\n"
    )
    done = box.both("-c", code).check()
    assert done.text == "set()\nset()\n"
    assert len(done.all_figures()) == 1


def test_a_child_that_clears_the_variable_is_without_us(box: Sandbox) -> None:
    code = (
        "import os, subprocess, sys\n"
        "env = {k: v for k, v in os.environ.items() if k != 'LD_PRELOAD'}\n"
        "subprocess.run([sys.executable, '-c', 'print(1)'], env=env, check=True)\n"
    )
    assert len(box.both("-c", code).check().all_figures()) == 1


def test_paths_with_spaces_are_fine(box: Sandbox) -> None:
    package = box.work / "my programs" / "hoopsnake"
    shutil.copytree(box.package, package)
    work = box.work / "in here"
    work.mkdir()
    script = work / "a script.py"
    script.write_text("import hoopsnake, sys; print(hoopsnake.__file__, sys.argv[1:])")
    environ = {"PYTHONPATH": str(package.parent)}
    start = [*hoop_command(), "run", "--report", "its report.txt"]
    words = [box.python.path, "a script.py", "one word"]
    done = box.execute([*start, *words], cwd=work, environ=environ).check()
    assert done.visible == (0, f"{package}/__init__.py ['one word']\n".encode(), b"")
    assert "Peak" in (work / "its report.txt").read_text(encoding="utf-8")


def test_run_files_in_a_path_with_a_space(box: Sandbox) -> None:
    temporary = box.work / "my files"
    temporary.mkdir()
    done = box.hoop("-c", "print(1)", environ={"TMPDIR": str(temporary)}).check()
    assert done.visible == (0, b"1\n", b"")
    assert "Peak" in done.report


LIBRARY = """
#include <unistd.h>
#include <string.h>
__attribute__((constructor)) static void hello(void) {
  if (write(1, "there\\n", 6) != 6) _exit(99);
}
"""


def test_libraries_that_were_preloaded_stay(box: Sandbox, compiler: str) -> None:
    library = box.work / "libother.so"
    compile_c(LIBRARY, library, ["-shared", "-fPIC"])
    environ = {"LD_PRELOAD": f"libm.so.6 {library}"}
    words = [*hoop_command(), "run", "--quiet", box.python.path, "-c", "print('end')"]
    done = box.execute(words, environ=environ)
    # Once in hoop's own Python, once in the program's; the report's environment is a clean one.
    assert done.visible == (0, b"there\nthere\nend\n", b"")


INTERPOSER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/resource.h>
#include <stdio.h>
int NAME(__rlimit_resource_t what, const struct LIMIT* limit) {
  fputs("theirs\\n", stderr);
  int (*next)(__rlimit_resource_t, const struct LIMIT*) = dlsym(RTLD_NEXT, TEXT(NAME));
  return next(what, limit);
}
"""


@pytest.mark.parametrize("name", ["setrlimit", "setrlimit64"])
def test_a_library_that_replaces_the_same_function_still_works(
    box: Sandbox, compiler: str, name: str
) -> None:
    """Of two names for one function, the one that Python calls: else theirs is not called."""
    library = box.work / "libother.so"
    flags = [f"-DNAME={name}", f"-DLIMIT={name[3:]}", "-DTEXT(x)=TEXT2(x)", "-DTEXT2(x)=#x"]
    compile_c(INTERPOSER, library, ["-shared", "-fPIC", *flags, "-ldl"])
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE))\n"
    )
    shim = box.preloading(None)["LD_PRELOAD"]
    alone = box.plain("-c", code, environ={"LD_PRELOAD": str(library)})
    assert alone.out == b"(0, 0)\n"
    for order in (f"{shim}:{library}", f"{library}:{shim}"):
        done = box.preloaded("-c", code, environ={"LD_PRELOAD": order})
        assert done.visible == alone.visible


@pytest.mark.pythons("3.12")
@pytest.mark.parametrize("words", [["su", "--help"], ["passwd", "--help"], ["sudo", "--help"]])
def test_a_setuid_program_runs_without_us_and_without_a_word(
    box: Sandbox, words: list[str]
) -> None:
    program = needs(words[0])
    if not os.stat(program).st_mode & stat.S_ISUID:
        pytest.skip(f"{program} is not setuid")
    done = box.execute_preloaded(words)
    assert done.visible == box.execute(words).visible


@pytest.mark.pythons("3.12")
def test_a_setuid_program_as_another_user_runs_without_us(box: Sandbox) -> None:
    """Only here does the loader really refuse: the user changes."""
    if os.geteuid() != 0 or not shutil.which("su"):
        pytest.skip("needs root and su")
    line = f"LD_PRELOAD={box.package / 'libhoop_preload.so'} {needs('su')} --help"
    words = ["su", "nobody", "-s", "/bin/sh", "-c", line]
    plain = ["su", "nobody", "-s", "/bin/sh", "-c", f"{needs('su')} --help"]
    ours, theirs = box.execute(words), box.execute(plain)
    if theirs.code != 0:
        pytest.skip("su does not work here")
    assert (ours.code, ours.out) == (theirs.code, theirs.out)
    assert all(b"cannot be preloaded" in line for line in ours.err.splitlines())  # the loader's


STATIC = '#include <stdio.h>\nint main(void) { puts("static"); return 4; }\n'


@pytest.mark.pythons("3.12")
def test_a_static_program_runs_without_us(box: Sandbox, compiler: str) -> None:
    program = box.work / "static"
    try:
        compile_c(STATIC, program, ["-static"])
    except subprocess.CalledProcessError:
        pytest.skip("no static libc")
    assert box.hoop_run([program]).visible == (4, b"static\n", b"")


@pytest.mark.pythons("3.12")
def test_an_asan_program_runs_as_documented(box: Sandbox, compiler: str) -> None:
    """With its runtime first, which `hoop run` sees to if the runtime is preloaded."""
    program = box.work / "sanitized"
    try:
        compile_c("int main(void) { return 5; }\n", program, ["-fsanitize=address"])
    except subprocess.CalledProcessError:
        pytest.skip("no address sanitizer")
    command = [compiler, "-print-file-name=libasan.so"]
    runtime = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(runtime).is_absolute():
        pytest.skip("no shared sanitizer runtime")
    done = box.hoop_run([program], environ={"LD_PRELOAD": os.path.realpath(runtime)})
    assert (done.code, done.out) == (5, b"")


def test_a_terminal_program_sees_its_terminal(box: Sandbox) -> None:
    code = (
        "import os, pty, sys\n"
        "status = pty.spawn([sys.executable, '-c', "
        "'import os, sys; print(os.isatty(0), os.isatty(1), os.get_terminal_size() is not None)'],"
        "lambda fd: os.read(fd, 1024))\n"
        "print(os.waitstatus_to_exitcode(status))\n"
    )
    done = box.both("-c", code, input=None).check()
    assert b"True True True" in done.out


def test_the_report_on_a_terminal_has_colour(box: Sandbox) -> None:
    words = [*hoop_command(), "run", box.python.path, "-c", "pass"]
    code = "import pty, sys; pty.spawn(sys.argv[1:])"
    ours = box.plain("-c", code, *words, input=None, environ={"TERM": "xterm-256color"})
    assert b"\x1b[" in ours.out
    plain = box.plain("-c", code, *words, input=None, environ={"TERM": "xterm", "NO_COLOR": "1"})
    assert b"\x1b[3" not in plain.out
