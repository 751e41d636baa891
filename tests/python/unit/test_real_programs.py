# SPDX-License-Identifier: Apache-2.0
"""tools/real_programs: what it compares, and what it takes for the same."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TOOL = Path(__file__).resolve().parents[3] / "tools" / "real_programs"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("real_programs", str(TOOL))
    spec = importlib.util.spec_from_loader("real_programs", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)
        patch.setitem(sys.modules, "real_programs", module)  # dataclasses look there
        loader.exec_module(module)
    return module


def process(active: bool = True, reason: str | None = None) -> dict[str, Any]:
    return {"active": active, "reason": reason, "argv": ["python3", "app.py"]}


def figures(*others: dict[str, Any], root: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"root": root or process(), "processes": list(others), "problems": []}


@pytest.fixture
def stage(tool: ModuleType, tmp_path: Path) -> Any:
    """A place where `python` is the one that runs the tests."""
    binaries = tmp_path / "venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").symlink_to(sys.executable)
    return tool.Place(sys.executable, "hoop", tmp_path)


def run(tool: ModuleType, stage: Any, code: str, **fields: Any) -> Any:
    case = tool.Case("a", "a", "a.py", files={"a.py": code}, **fields)
    return tool.run(case, stage, [], stage.folder / "log")


def runs(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ran 3 tests in 0.123s", "Ran 3 tests in 12.5s"),
        ("=== 9 passed in 65.21s (0:01:05) ===", "===== 9 passed in 9.00s ====="),
        ("<Thing object at 0x7f12a3b4c5d6>", "<Thing object at 0x7e0000000010>"),
    ],
)
def test_takes_times_and_addresses_for_the_same(tool: ModuleType, one: str, other: str) -> None:
    assert tool.normalised(one) == tool.normalised(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ran 3 tests", "Ran 4 tests"), ("sum 1.5", "sum 1.6"), ("0xff", "0xfe"), ("5 s", "6 s")],
)
def test_takes_nothing_else_for_the_same(tool: ModuleType, one: str, other: str) -> None:
    assert tool.normalised(one) != tool.normalised(other)


def test_a_servers_log_has_no_order(tool: ModuleType) -> None:
    log = "[10] [INFO] ready\n[11] [INFO] ready\n[9] [INFO] stop\n"
    assert tool.without_order(log) == tool.without_order(
        "[7] [INFO] stop\n[31] [INFO] ready\n[4] [INFO] ready\n"
    )
    assert tool.without_order(log) != tool.without_order(log + "[9] [ERROR] what\n")


def test_names_what_differs(tool: ModuleType) -> None:
    plain = tool.Run({"status": "0", "stdout": "a\nb\nc\n"}, 1.0, 1)
    hoop = tool.Run({"status": "-11", "stdout": "a\nB\nc\n"}, 2.0, 2)
    assert tool.differences(plain, plain) == []
    found = tool.differences(plain, hoop)
    assert found[:2] == ["status: -0", "status: +-11"]
    assert {"stdout: -b", "stdout: +B"} < set(found)


def test_asks_for_every_process(tool: ModuleType) -> None:
    assert tool.absences(figures(process()), 2) == (2, [])
    active, found = tool.absences(figures(process(False, "no agent")), 2)
    assert active == 1
    assert found == [
        "stayed out of python3 app.py: no agent",
        "active in 1 processes, expected 2 at least",
    ]
    assert tool.absences(None, 1) == (0, ["there are no figures"])


def test_complains_when_the_program_was_not_seen(tool: ModuleType) -> None:
    nothing = {"root": None, "processes": [process()], "problems": []}
    assert tool.absences(nothing, 1) == (1, ["the program itself was not seen"])


def test_keeps_outputs_status_and_files(tool: ModuleType, stage: Any) -> None:
    code = (
        "import pathlib, sys; pathlib.Path('new').mkdir(); pathlib.Path('new/x').write_text('y')\n"
        "print('out'); print('err 0.5s', file=sys.stderr); sys.exit(3)"
    )
    texts = run(tool, stage, code, results="new").texts
    assert (texts["status"], texts["stdout"], texts["stderr"]) == ("3", "out\n", "err TIME\n")
    assert texts["files"].endswith(" x\n")


def test_says_when_a_signal_ended_it(tool: ModuleType, stage: Any) -> None:
    assert run(tool, stage, "import os; os.kill(os.getpid(), 9)").texts["status"] == "-9"


def test_leaves_no_process_behind(
    tool: ModuleType, stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "LINGER", 0.1)
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)'])\n"
        "print(child.pid)"
    )
    texts = run(tool, stage, code).texts
    assert texts["status"] == "0, left processes behind"
    deadline = time.monotonic() + 10
    while runs(int(texts["stdout"])):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_gives_up_on_what_does_not_end(
    tool: ModuleType, stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "TIMEOUT", 0.2)
    texts = run(tool, stage, "import time; time.sleep(99)").texts
    assert texts["status"].startswith("had not ended after")


def test_asks_a_server_and_stops_it(
    tool: ModuleType, stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "REQUESTS", 12)
    code = (
        "import http.server, signal, sys\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200)\n"
        "        self.end_headers()\n"
        "        self.wfile.write(self.path.encode())\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()\n"
    )
    case = tool.Case("a", "a", "a.py {port}", files={"a.py": code}, is_server=True)
    texts = tool.run(case, stage, [], stage.folder / "log").texts
    assert texts["status"] == "5"
    answers = texts["answers"].splitlines()
    assert len(answers) == 12
    assert answers[1].startswith("/data/1 200 ")
    assert len({line.split()[2] for line in answers}) == 12


def test_lists_its_cases(tool: ModuleType) -> None:
    done = subprocess.run(
        [sys.executable, TOOL, "--list"], capture_output=True, text=True, check=True
    )
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == [case.name for case in tool.CASES]
    assert len(set(names)) == len(names)


def test_refuses_a_case_that_there_is_not() -> None:
    done = subprocess.run([sys.executable, TOOL, "nothing"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "there is no case nothing" in done.stderr
