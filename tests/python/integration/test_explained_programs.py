# SPDX-License-Identifier: Apache-2.0
"""`hoop run --explain` and `hoop watch` with whole programs: what is said of them, how they end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from whole_process import ROOT, Done, Sandbox, hoop_command, killed_by, wait_until

pytestmark = pytest.mark.pythons("3.10", "3.14")

CLEAN = """
total = 0
for round in range(200):
    rows = [str(number) * 3 for number in range(2000)]
    total += len(rows)
print(total)
"""
LEAK = """
KEPT = []


def keep(count):
    for number in range(count):
        KEPT.append({"number": number, "text": "x" * 300})


"""


@pytest.fixture
def box(box: Sandbox) -> Sandbox:
    """`hoop` reads snapshots with the package of its own Python, not with that of the program's."""
    del box.environ["PYTHONPATH"]
    return box


def explain(box: Sandbox, code: str, *options: str | os.PathLike[str]) -> Done:
    script = box.script("program.py", code)
    return box.execute([*hoop_command(), "run", "--explain", *options, box.python.path, script])


def said(done: Done) -> str:
    """What was said on stderr, without its line breaks."""
    return " ".join(done.err.decode().split())


def hoop(box: Sandbox, *words: str | os.PathLike[str]) -> Done:
    return box.execute([*hoop_command(), *words])


def names_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- what is said ---------------------------------------------------------------------------------


def documented() -> tuple[str, str]:
    """The program in docs/explain.md, and what is shown there as the answer."""
    text = (ROOT / "docs/explain.md").read_text(encoding="utf-8")
    _, code, _, answer, _ = text.partition("## The verdicts")[0].rsplit("```", 4)
    return code.removeprefix("python\n"), answer.split("\n", 2)[2]


def without_numbers(text: str) -> str:
    return re.sub(r"\d[\d.,]*", "0", re.sub(r" [KM]iB| m?s\b", "", text))


def test_the_documented_example_is_explained_as_documented(box: Sandbox) -> None:
    code, answer = documented()
    done = explain(box, code, "--quiet").check()
    told = [
        without_numbers(line)
        for line in said(done).replace("program.py", "crawl.py").split(" The snapshots: ")
    ]
    expected = without_numbers(" ".join(answer.split()).partition(" The snapshots: ")[0])
    assert told[0].startswith(expected)  # notes of this Python may follow
    assert done.out == b""


def test_a_clean_program_is_not_suspected(box: Sandbox) -> None:
    done = explain(box, CLEAN, "--quiet").check()
    assert done.text == "400000\n"
    assert said(done).startswith("Nothing suspicious")


def test_the_report_comes_first_if_it_is_wanted(box: Sandbox) -> None:
    done = explain(box, LEAK + "keep(20_000)").check()
    text = done.err.decode()
    assert 0 < text.index("Hoopsnake") < text.index("1 suspect, the first: module-level list")
    report = box.work / "report.txt"
    done = explain(box, LEAK + "keep(20_000)", "--report", report).check()
    assert said(done).startswith("1 suspect, the first: module-level list `__main__.KEPT`.")
    assert "suspect" not in report.read_text()


# --- where the snapshots are ----------------------------------------------------------------------


def test_snapshots_go_where_they_are_asked_to(box: Sandbox) -> None:
    folder = box.work / "here"
    folder.mkdir()
    done = explain(box, LEAK + "keep(20_000)", "--quiet", "--snapshots", folder).check()
    names = names_of(folder)
    assert all(
        re.fullmatch(r"\d+-\d+-(growth|imported|time|exit)\.hoop", name) for name in names
    ), names
    assert sum("-exit" in name for name in names) == 1
    assert 3 <= len(names) <= 40
    assert f"The snapshots: {folder}." in said(done)
    assert "snapshots" not in names_of(box.last_run_dir())
    assert json.loads((box.last_run_dir() / "run.json").read_text())["explain"] == str(folder)


def test_snapshots_lie_in_the_run_directory_and_are_not_announced(box: Sandbox) -> None:
    done = explain(box, LEAK + "keep(20_000)", "--quiet").check()
    folder = box.last_run_dir() / "snapshots"
    assert f"`hoop explain -v {folder}` shows the evidence." in said(done)
    assert ".hoop" not in said(done)
    again = hoop(box, "explain", folder).check()
    assert again.text.startswith("1 suspect, the first: module-level list `__main__.KEPT`.")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_snapshots_of_an_earlier_run_are_left_alone(box: Sandbox) -> None:
    folder = box.work / "here"
    folder.mkdir()
    explain(box, LEAK + "keep(20_000)", "--quiet", "--snapshots", folder).check()
    before = names_of(folder)
    done = explain(box, CLEAN, "--quiet", "--snapshots", folder).check()
    assert said(done).startswith("Nothing suspicious")
    assert set(before) < set(names_of(folder))


# --- how programs end -----------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["raise SystemExit(7)", "import os; os._exit(7)"])
def test_the_exit_status_stays(ending: str, box: Sandbox) -> None:
    done = explain(box, LEAK + f"keep(20_000)\nprint('done', flush=True)\n{ending}", "--quiet")
    assert (done.code, done.text) == (7, "done\n")
    assert said(done).startswith("1 suspect, the first: module-level list `__main__.KEPT`.")


def test_an_exception_is_shown_before(box: Sandbox) -> None:
    done = explain(box, LEAK + "keep(20_000)\n1 / 0", "--quiet")
    assert done.code == 1
    assert said(done).index("ZeroDivisionError") < said(done).index("suspect")


def test_a_killed_program_says_nothing_but_its_snapshots_are_there(box: Sandbox) -> None:
    code = LEAK + "import os\nkeep(20_000)\nos.kill(os.getpid(), 9)"
    done = explain(box, code, "--quiet")
    assert (done.code, done.err) == (killed_by(signal.SIGKILL), b"")
    found = hoop(box, "explain", box.last_run_dir() / "snapshots").check()
    assert found.text.startswith("1 suspect, the first: module-level list `__main__.KEPT`.")


def test_a_killed_program_is_explained_when_asked(box: Sandbox) -> None:
    code = LEAK + "import os\nkeep(60_000)\nos.kill(os.getpid(), 9)"
    assert explain(box, code).code == killed_by(signal.SIGKILL)
    report = hoop(box, "report").check()
    assert f"What held its memory: hoop explain {box.last_run_dir()}/snapshots" in report.text
    found = hoop(box, "explain").check()
    assert "are kept by module-level list `__main__.KEPT`" in " ".join(found.text.split())
    assert b"the newest run with snapshots" in found.err


def test_a_loop_that_ends_is_looked_at(box: Sandbox) -> None:
    """What only the context of its task keeps goes when the loop is closed."""
    code = """
import asyncio, contextvars
async def main():
    for number in range(60):
        contextvars.ContextVar("made").set([number] * 20)
asyncio.run(main())
"""
    done = explain(box, code, "--quiet", "--snapshots", box.work).check()
    assert any(name.endswith("-loop.hoop") for name in names_of(box.work))
    assert "kept by the `contextvars` context in" in said(done)
    assert "Make each `ContextVar` once" in said(done)
    assert "It had gone by the end of the run." in said(done)


def test_a_table_by_thread_is_compared_with_the_threads(box: Sandbox) -> None:
    code = """
import threading
TABLE = {}
together = threading.Barrier(20)
def work():
    TABLE[threading.get_ident()] = ["x" * 100]
    together.wait()
threads = [threading.Thread(target=work) for _ in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    done = explain(box, code, "--quiet").check()
    assert "20 `list`" in said(done)
    assert "kept by module-level dict `__main__.TABLE`" in said(done)
    assert "Entries of threads that have ended stay" in said(done)


def test_what_the_program_let_go_of_is_no_suspect_but_its_height(box: Sandbox) -> None:
    code = LEAK + "keep(30_000)\ndel KEPT\nprint(len([str(n) for n in range(10_000)]))"
    done = explain(box, code, "--quiet").check()
    assert said(done).startswith("Nothing suspicious")
    assert "at the height of the run) were kept by module-level list `__main__.KEPT`" in said(done)


def test_what_is_open_in_a_snapshot_is_counted(box: Sandbox) -> None:
    code = """
import socket
class App:
    def __init__(self): self.logs, self.closed = [], []
app = App()
app.logs = [open("/dev/null", "w") for _ in range(80)]
app.closed = [open("/dev/null", "w") for _ in range(100)]
for file in app.closed: file.close()
sockets = [socket.socket() for _ in range(70)]
for one in sockets[:10]: one.close()
"""
    done = explain(box, code, "--quiet").check()
    assert "files are open, 80 of them held by `__main__.app.logs[*]`." in said(done)
    assert "60 sockets are open, all held by `__main__.sockets[*]`." in said(done)
    assert "app.closed" not in said(done)


def test_the_largest_of_several_processes_is_explained(box: Sandbox) -> None:
    code = """
import os

child = os.fork()
keep(10_000 if child else 40_000)
if child:
    os.waitpid(child, 0)
    print(child)
"""
    done = explain(box, LEAK + code, "--quiet").check()
    child = done.text.strip()
    assert f"Process {child}, " in said(done)
    assert f"This is about process {child}, the largest; --pid shows others ({done.pid})." in said(
        done
    )
    folder = box.last_run_dir() / "snapshots"
    assert f"Process {done.pid}, " in hoop(box, "explain", "--pid", str(done.pid), folder).text


def test_what_is_no_python_or_is_switched_off_is_not_explained(box: Sandbox) -> None:
    words = [*hoop_command(), "run", "--explain", "--quiet", "sh", "-c", "echo done; exit 3"]
    done = box.execute(words)
    assert (done.code, done.text, b"Traceback" in done.err) == (3, "done\n", False)
    script = box.script("program.py", LEAK + "keep(20_000)")
    words = [*hoop_command(), "run", "--explain", "--quiet", box.python.path, script]
    done = box.execute(words, environ={"HOOP_DISABLE": "1"}).check()
    assert done.err == b""
    done = box.execute(words, environ={"PYTHONMALLOC": "malloc"}).check()
    assert "hoop: there is no explanation, since no snapshot was taken" in done.err.decode()
    assert "too short" not in done.err.decode()


def test_a_program_without_stderr_ends_as_ever(box: Sandbox) -> None:
    script = box.script("program.py", LEAK + "keep(20_000)\nprint('done')")
    words = [*hoop_command(), "run", "--explain", "--quiet", box.python.path, script]
    done = box.execute(words, before_exec=lambda: os.close(2)).check()
    assert done.text == "done\n"


# --- hoop watch -----------------------------------------------------------------------------------


GROWING = """
import sys
import time


class Session:
    def __init__(self):
        self.data = bytearray(3000)


SESSIONS = {}
print("ready", flush=True)
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    SESSIONS[len(SESSIONS)] = Session()
    time.sleep(0.0005)
"""


def start(box: Sandbox, seconds: float) -> subprocess.Popen[bytes]:
    """A program under `hoop run`, which can be asked: no right to trace is needed."""
    script = box.script("growing.py", GROWING)
    words = [*hoop_command(), "run", "--quiet", box.python.path, script, str(seconds)]
    process = box.start(words)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def watching(process: subprocess.Popen[bytes], *options: str) -> Sequence[str]:
    return [*hoop_command(), "watch", str(process.pid), *options]


def test_watch_ends_when_it_is_sure(box: Sandbox) -> None:
    process = start(box, 60)
    try:
        began = time.monotonic()
        done = box.execute(watching(process, "--every", "0.3s")).check()
        assert time.monotonic() - began < 20
        assert done.text.startswith("1 suspect, the first: module-level dict `__main__.SESSIONS`.")
        assert "1 snapshot; growth shows from the second on" in said(done)
        assert process.poll() is None
        folder = box.work / f"{process.pid}-watch"
        assert len(names_of(folder)) >= 4
        again = box.execute(watching(process, "--every", "0.3s", "--json")).check()
        assert json.loads(again.out)["suspects"][0]["verdict"] == "grows"
        assert len(names_of(box.work / f"{process.pid}-watch-2")) >= 4
    finally:
        end(process)


def test_watch_takes_no_more_than_it_is_told(box: Sandbox) -> None:
    process = start(box, 60)
    folder = box.work / "kept"
    try:
        box.execute(
            watching(process, "--every", "0.1s", "--most", "2", "--snapshots", str(folder))
        ).check()
    finally:
        end(process)
    assert names_of(folder) == [f"{process.pid}-{number}-watch.hoop" for number in (1, 2)]


@pytest.mark.parametrize("waited_for", [True, False])
def test_watch_says_what_it_knows_when_the_process_ends(waited_for: bool, box: Sandbox) -> None:
    process = start(box, 5)
    watcher = box.start(watching(process, "--every", "2s", "--most", "9"))
    if waited_for:
        process.communicate()
    out, err = watcher.communicate(timeout=60)
    process.communicate()
    assert watcher.returncode == 0, err
    assert f"process {process.pid} has ended" in err.decode()
    assert b"Process %d, " % process.pid in out


def test_watch_says_what_it_knows_when_it_is_interrupted(box: Sandbox) -> None:
    process = start(box, 60)
    try:
        watcher = box.start(watching(process, "--every", "100s"))
        assert watcher.stderr is not None
        watcher.stderr.readline()
        wait_until(lambda: (box.work / f"{process.pid}-watch").exists())
        watcher.send_signal(signal.SIGINT)
        out, err = watcher.communicate(timeout=60)
        assert (watcher.returncode, b"Traceback" in err) == (0, False)
        assert b"one snapshot: growth can not be seen in it" in b" ".join(out.split())
        assert process.poll() is None
    finally:
        end(process)
