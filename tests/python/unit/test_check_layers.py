# SPDX-License-Identifier: Apache-2.0
"""tools/check_layers on small made-up trees."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[3] / "tools" / "check_layers"


def check(root: Path, files: dict[str, str]) -> tuple[int, list[str]]:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, str(TOOL), str(root)], capture_output=True, text=True, check=False
    )
    assert run.stderr == ""
    return run.returncode, run.stdout.splitlines()


def breach(root: Path, name: str, text: str) -> str:
    status, lines = check(root, {name: text})
    assert status == 1
    assert len(lines) == 1
    return lines[0]


def test_accepts_includes_of_the_layers_below(tmp_path: Path) -> None:
    status, lines = check(
        tmp_path,
        {
            "src/os/pages.h": '#include <cstddef>\n#include "base/units.h"\n',
            "src/heap/heap.cpp": '#include "heap/heap.h"\n#include "os/pages.h"\n',
            "src/preload/shim.cpp": '#include "os/pages.h"\n',
            "src/cpython/compat/gc.cpp": '#include <Python.h>\n#include "cpython/agent.h"\n',
            "include/hoop/hoop.h": '#include "anything"\n',
        },
    )
    assert (status, lines) == (0, ["layers: in order"])


@pytest.mark.parametrize(
    ("name", "include", "fault"),
    [
        ("src/base/a.h", '"os/pages.h"', "base may not include os"),
        ("src/heap/a.h", '"preload/shim.h"', "heap may not include preload"),
        ("src/preload/a.cpp", '"heap/heap.h"', "preload may not include heap"),
        ("src/cpython/a.cpp", '"analysis/graph.h"', "cpython may not include analysis"),
        ("src/cpython/compat/a.cpp", '"counted/ref.h"', "cpython may not include counted"),
        ("src/bindings/a.cpp", '"cpython/agent.h"', "bindings may not include cpython"),
        ("src/heap/a.cpp", "<Python.h>", "heap may not include Python.h"),
        ("src/cpython/a.cpp", '"internal/pycore_gc.h"', "is internal to CPython"),
        ("src/heap/a.cpp", '"heap.h"', "does not begin with a layer"),
    ],
)
def test_names_an_include_out_of_order(tmp_path: Path, name: str, include: str, fault: str) -> None:
    line = breach(tmp_path, name, f"// Purpose.\n#include {include}\n")
    assert line.startswith(f"{name}:2: ")
    assert fault in line


def test_does_not_read_comments(tmp_path: Path) -> None:
    text = '/*\n#include "cpython/agent.h"\n*/\n// #include <Python.h>\n'
    assert check(tmp_path, {"src/base/a.h": text})[0] == 0


def test_wants_every_file_in_a_layer(tmp_path: Path) -> None:
    assert breach(tmp_path, "src/util/a.h", "") == "src/util/a.h:1: not in a layer"


@pytest.mark.parametrize(
    "call",
    [
        "  reset_for_testing();",
        "  heap.reset_for_testing();",
        "  if (heap->size_for_testing() > 1) return;",
        "  return os::count_for_testing();",
        "  int n = count_for_testing();",
    ],
)
def test_bans_calls_of_functions_for_testing(tmp_path: Path, call: str) -> None:
    line = breach(tmp_path, "src/os/a.cpp", f"void f() {{\n{call}\n}}\n")
    assert line.startswith("src/os/a.cpp:2: ")
    assert line.endswith("is for tests only")


@pytest.mark.parametrize(
    "declaration",
    [
        "void reset_for_testing();",
        "  [[nodiscard]] size_t size_for_testing() const noexcept;",
        "size_t Heap::size_for_testing() const noexcept {",
        "const Slab& first_for_testing();",
        "Slab* first_for_testing();",
        "std::vector<int> sizes_for_testing();",
    ],
)
def test_lets_functions_for_testing_be_declared(tmp_path: Path, declaration: str) -> None:
    assert check(tmp_path, {"src/os/a.h": declaration + "\n"})[0] == 0


def test_the_project_itself_is_in_order() -> None:
    run = subprocess.run([sys.executable, str(TOOL)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
