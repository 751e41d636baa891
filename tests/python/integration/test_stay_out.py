# SPDX-License-Identifier: Apache-2.0
"""Where Hoopsnake could do harm it stays out, the program runs as ever, and the reason is told."""

from __future__ import annotations

import re

import pytest
from whole_process import Sandbox, compile_c

# What the system and the agent settle between them is the same in all versions.
pytestmark = pytest.mark.same_everywhere

PROGRAM = "import sys; print('ran', sys.flags.dev_mode); x = [str(i) for i in range(1000)]; del x"

VARIABLES = [
    {"PYTHONMALLOC": "debug"},
    {"PYTHONMALLOC": "malloc"},
    {"PYTHONMALLOC": "malloc_debug"},
    {"PYTHONMALLOC": "pymalloc"},
    {"PYTHONMALLOC": "pymalloc_debug"},
    {"PYTHONMALLOC": "default"},
    {"PYTHONDEVMODE": "1"},
]
DEV_OPTIONS = [["-X", "dev"], ["-Xdev"], ["-B", "-X", "dev", "-W", "ignore"], ["-BXdev"]]
NOT_DEV = [["-X", "utf8"], ["-W", "dev"], ["-X", "importtime=0"]]


def said(reason: str) -> str:
    return rf"hoop: not in use: [^\n]*{reason}[^\n]*; the program runs as without it\n"


@pytest.mark.parametrize("environ", VARIABLES, ids=lambda e: "-".join(*e.items()))
def test_an_allocator_that_was_asked_for_stays(box: Sandbox, environ: dict[str, str]) -> None:
    done = box.preloaded("-c", PROGRAM, environ=environ).check()
    assert done.visible == box.plain("-c", PROGRAM, environ=environ).visible
    figures = done.figures()
    assert figures["active"] is False
    assert next(iter(environ)) in figures["reason"]


@pytest.mark.parametrize("options", DEV_OPTIONS, ids=" ".join)
def test_dev_mode_on_the_command_line_is_seen_in_time(box: Sandbox, options: list[str]) -> None:
    done = box.both(*options, "-c", PROGRAM).check()
    assert "True" in done.text
    assert "-X dev" in done.figures()["reason"]


@pytest.mark.parametrize(
    "words",
    [*([*options, "-c", PROGRAM] for options in NOT_DEV), ["-c", PROGRAM, "-X", "dev"]],
    ids=lambda words: " ".join(words[:2]),
)
def test_what_only_looks_like_dev_mode_does_not_keep_us_out(box: Sandbox, words: list[str]) -> None:
    done = box.preloaded(*words).check()
    assert "False" in done.text
    assert done.figures()["active"] is True


def test_an_empty_variable_is_no_choice(box: Sandbox) -> None:
    environ = {"PYTHONMALLOC": "", "PYTHONDEVMODE": ""}
    assert box.both("-c", PROGRAM, environ=environ).figures()["active"] is True


@pytest.mark.parametrize("option", ["-E", "-I"])
def test_a_variable_that_python_ignores_is_ignored(box: Sandbox, option: str) -> None:
    done = box.both(option, "-c", PROGRAM, environ={"PYTHONMALLOC": "debug"}).check()
    assert done.figures()["active"] in (True, False)  # both are right; the program must run


def test_the_first_process_says_so_in_one_line_and_its_children_do_not(box: Sandbox) -> None:
    code = (
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'import sys; sys.stderr.write(\"child\\\\n\")'])\n"
        "print('parent')\n"
    )
    done = box.hoop("-c", code, environ={"PYTHONMALLOC": "malloc"}).check()
    assert done.out == b"parent\n"
    assert re.fullmatch(said("PYTHONMALLOC") + "child\n", done.err.decode())
    reasons = [figures["reason"] for figures in done.all_figures()]
    assert len(reasons) == 2
    assert all("PYTHONMALLOC" in reason for reason in reasons)
    assert all("PYTHONMALLOC" in process["reason"] for process in done.summary["processes"])


def test_a_child_that_we_stay_out_of_is_named_in_the_report_only(box: Sandbox) -> None:
    code = (
        "import os, subprocess, sys\n"
        "child = dict(os.environ, PYTHONMALLOC='debug')\n"
        "subprocess.run([sys.executable, '-c', 'import sys; sys.exit(3)'], env=child)\n"
    )
    done = box.hoop("-c", code).check()
    assert done.visible == (0, b"", b"")
    assert "PYTHONMALLOC" in done.report
    assert done.figures()["active"] is True


def test_without_address_space_the_program_runs_without_us(box: Sandbox) -> None:
    """The reservation is refused: 60 MB of address space are not enough for a heap of 64."""
    import resource

    limit = 60 << 20
    done = box.preloaded(
        "-S",
        "-c",
        "print('ran')",
        before_exec=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    ).check()
    assert done.visible == (0, b"ran\n", b"")
    assert "address space" in done.figures()["reason"]


def test_the_switch_leaves_nothing_of_us(box: Sandbox) -> None:
    code = (
        "import os\n"
        "print([n for n in os.environ if n == 'LD_PRELOAD' or n[:5] == 'HOOP_'])\n"
        "print(any(name in open('/proc/self/maps').read() for name in ('_preload', '_agent')))\n"
    )
    done = box.hoop("-c", code, environ={"HOOP_DISABLE": "1"}).check()
    assert done.err == b""
    assert done.report == ""
    assert "False" in done.text
    assert not list(box.temporary.glob("hoopsnake-*"))


def test_the_switch_works_inside_a_run_too(box: Sandbox) -> None:
    done = box.both("-c", PROGRAM, environ={"HOOP_DISABLE": "1"}).check()
    assert done.all_figures() == []
    code = (
        "import os, subprocess, sys; os.environ['HOOP_DISABLE'] = '1'\n"
        "subprocess.run([sys.executable, '-c', 'pass'], check=True)"
    )
    assert len(box.preloaded("-c", code).check().all_figures()) == 1


def test_a_zero_is_not_the_switch(box: Sandbox) -> None:
    done = box.preloaded("-c", PROGRAM, environ={"HOOP_DISABLE": "0"}).check()
    assert done.figures()["active"] is True


FAKE_VERSION = """
#include <stdio.h>
const char* Py_GetVersion(void) { return "%s"; }
int main(void) { printf("ran %%s\\n", Py_GetVersion()); return 3; }
"""


@pytest.mark.pythons("3.13")
@pytest.mark.parametrize(
    "version",
    [
        "3.13.0 experimental free-threading build (main, Oct  7 2024) [GCC 12.2.0]",
        "3.14.0 free-threading build (main) [GCC 12.2.0]",
        "3.9.18 (main)",
        "3.99.0 (main)",
        "2.7.18 (default)",
        "4.0.0",
        "",
        "gibberish",
    ],
)
def test_an_interpreter_that_we_do_not_know_is_left_alone(
    box: Sandbox, compiler: str, version: str
) -> None:
    program = box.work / "python"
    compile_c(FAKE_VERSION % version, program, ["-rdynamic"])
    done = box.execute_preloaded([program])
    assert done.visible == (3, f"ran {version}\n".encode(), b"")
    assert done.all_figures() == []


DEBUG_BUILD = """
long _Py_RefTotal;  /* exported by Pythons that count references */
"""


def test_a_build_that_counts_references_keeps_its_allocators(box: Sandbox, compiler: str) -> None:
    library = box.work / "libdebug.so"
    compile_c(DEBUG_BUILD, library, ["-shared", "-fPIC"])
    preload = f"{box.preloading(None)['LD_PRELOAD']}:{library}"
    done = box.preloaded("-c", PROGRAM, environ={"LD_PRELOAD": preload}).check()
    assert "debug build" in done.figures()["reason"]
    assert done.err == b""


def test_a_damaged_agent_costs_nothing_but_us(box: Sandbox) -> None:
    package = box.work / "package" / "hoopsnake"
    package.mkdir(parents=True)
    shim = package / "libhoop_preload.so"
    shim.write_bytes((box.package / shim.name).read_bytes())
    for agent in box.package.glob("_agent*.so"):
        (package / agent.name).write_bytes(b"not a library")
    environ = {"LD_PRELOAD": str(shim), "HOOP_AGENTS": ""}
    done = box.preloaded("-c", PROGRAM, environ=environ).check()
    assert done.visible == box.plain("-c", PROGRAM).visible
    assert done.all_figures() == []
