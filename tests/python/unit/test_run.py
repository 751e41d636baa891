# SPDX-License-Identifier: Apache-2.0
"""`hoop run` as a process: what it becomes behaves as if we had never been there.

The library that gets preloaded is a stand-in without effect, so that this tests `hoop run` alone.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from hoopsnake._errors import HoopError
from hoopsnake.cli import run
from hoopsnake.cli.environment import SHIM

# Runs `hoop` with this folder searched first for the library to preload.
BOOT = (
    "import sys; import hoopsnake; hoopsnake.__path__.insert(0, sys.argv.pop(1));"
    "from hoopsnake.cli.main import main; sys.exit(main())"
)


class Hoop:
    """`hoop run` in a folder of its own, with a home for its run directories."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.temporary = folder / "tmp"
        self.library = folder / "library"
        for path in (self.work, self.temporary, self.library):
            path.mkdir()
        shutil.copy(_any_library(), self.library / SHIM)
        (self.library / f"_agent{EXTENSION_SUFFIXES[0]}").touch()
        self.environ = {
            "PATH": os.environ["PATH"],
            "TMPDIR": str(self.temporary),
            "LC_ALL": "C.UTF-8",
        }
        if "PYTHONPATH" in os.environ:
            self.environ["PYTHONPATH"] = os.path.abspath(os.environ["PYTHONPATH"])

    def run(self, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return self.hoop(["run", *words], **changes)

    def hoop(self, words: Sequence[str], **changes: str) -> subprocess.CompletedProcess[str]:
        return self.plain([sys.executable, "-c", BOOT, str(self.library), *words], **changes)

    def plain(self, words: Sequence[str], **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self.work,
            env=self.environ | changes,
            input="typed in\n",
            capture_output=True,
            text=True,
            check=False,
        )

    def runs(self) -> list[Path]:
        return sorted(self.temporary.glob("hoopsnake-*/run-*"))


def _any_library() -> str:
    """A library that this very process has loaded: preloading it once more does no harm."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        if "/libm" in line and ".so" in line:
            return line[line.index("/") :]
    pytest.skip("no library to stand in for the real one")


@pytest.fixture
def hoop(tmp_path: Path) -> Hoop:
    return Hoop(tmp_path)


def same_as_plain(hoop: Hoop, words: list[str], python: list[str], **changes: str) -> str:
    """Run both ways, compare all that can be seen from outside, return stdout."""
    ours = hoop.run(*words, **changes)
    plain = hoop.plain(python, **changes)
    assert (ours.returncode, ours.stdout, ours.stderr) == (
        plain.returncode,
        plain.stdout,
        plain.stderr,
    )
    return ours.stdout


LOOK = """
import os, sys
print(sys.argv, sys.path[0], __name__, sys.modules["__main__"].__dict__.get("__file__"))
print(input(), sys.orig_argv, sys.flags, sys.executable, os.getcwd())
sys.stderr.write("to stderr\\n")
sys.exit(int(sys.argv[-1]))
"""


def test_a_script_sees_what_it_would_see_without_us(hoop: Hoop) -> None:
    (hoop.work / "sub").mkdir()
    (hoop.work / "sub" / "look.py").write_text(LOOK)
    words = ["sub/look.py", "--quiet", "--", "-m", "a b", "7"]
    same_as_plain(hoop, words, [sys.executable, *words])


def test_a_module_sees_what_it_would_see_without_us(hoop: Hoop) -> None:
    (hoop.work / "look.py").write_text(LOOK)
    words = ["-m", "look", "--json", "0"]
    same_as_plain(hoop, words, [sys.executable, *words])


def test_code_and_a_folder_and_stdin_run_too(hoop: Hoop) -> None:
    same_as_plain(hoop, ["-c", LOOK, "3"], [sys.executable, "-c", LOOK, "3"])
    (hoop.work / "tool").mkdir()
    (hoop.work / "tool" / "__main__.py").write_text(LOOK)
    same_as_plain(hoop, ["tool", "3"], [sys.executable, "tool", "3"])
    same_as_plain(hoop, ["-"], [sys.executable, "-"])


def test_a_traceback_and_a_missing_script_are_pythons_own(hoop: Hoop) -> None:
    same_as_plain(hoop, ["-c", "1/0"], [sys.executable, "-c", "1/0"])
    same_as_plain(hoop, ["gone.py"], [sys.executable, "gone.py"])


def test_commands_and_scripts_without_a_first_line_run(hoop: Hoop) -> None:
    same_as_plain(hoop, ["sh", "-c", "cat; exit 5"], ["sh", "-c", "cat; exit 5"])
    script = hoop.work / "old"
    script.write_text('echo "$0 $1"\n')
    script.chmod(0o755)
    assert hoop.run("./old", "x").stdout == "./old x\n"


def test_a_signal_ends_it_as_it_would_without_us(hoop: Hoop) -> None:
    assert hoop.run("sh", "-c", "kill -9 $$").returncode == -signal.SIGKILL
    assert hoop.run("sh", "-c", "kill -TERM $$").returncode == -signal.SIGTERM


def test_signal_dispositions_are_those_we_were_given(hoop: Hoop) -> None:
    words = ["grep", "^Sig[PBIC]", "/proc/self/status"]
    assert "SigIgn" in same_as_plain(hoop, words, words)


@pytest.mark.parametrize("locale", [{"LC_ALL": ""}, {"LC_ALL": "", "LANG": "C"}, {"LC_ALL": "C"}])
def test_the_environment_gains_our_four_variables_only(hoop: Hoop, locale: dict[str, str]) -> None:
    ours = hoop.run("env", **locale).stdout.splitlines()
    plain = hoop.plain(["env"], **locale).stdout.splitlines()
    gained = {line.split("=")[0] for line in set(ours) - set(plain)}
    assert gained == {"LD_PRELOAD", "HOOP_RUN_DIR", "HOOP_ROOT_PID", "HOOP_PYTHON"}
    assert set(plain) <= set(ours)


def test_a_collector_is_handed_on_where_one_was_asked_for(hoop: Hoop) -> None:
    def handed_on(*words: str) -> list[str]:
        lines = hoop.run(*words, "env", HOOP_COLLECTOR="stock").stdout.splitlines()
        return sorted(line for line in lines if line.startswith(("HOOP_COLLECTOR", "HOOP_GC")))

    assert handed_on() == ["HOOP_COLLECTOR=stock"]
    assert handed_on("--collector=inplace") == ["HOOP_COLLECTOR=inplace"]
    assert handed_on("--fast-gc-collect", "--collector", "concurrent") == [
        "HOOP_COLLECTOR=concurrent",
        "HOOP_GC_COLLECT=1",
    ]


def test_no_descriptor_is_left_open(hoop: Hoop) -> None:
    words = ["sh", "-c", "ls /proc/$$/fd"]
    same_as_plain(hoop, words, words)


def test_it_is_the_same_process_and_run_json_says_so(hoop: Hoop) -> None:
    code = "import os; print(os.getpid(), os.environ['HOOP_ROOT_PID'], os.environ['HOOP_RUN_DIR'])"
    pid, root_pid, run_dir = hoop.run("--quiet", "--json", "out.json", "-c", code).stdout.split()
    document = json.loads((Path(run_dir) / "run.json").read_text())
    assert pid == root_pid == str(document["root_pid"])
    assert [Path(run_dir)] == hoop.runs()
    assert document == {
        "format": 1,
        "argv": ["-c", code],
        "program": [sys.executable, "-c", code],
        "cwd": str(hoop.work),
        "started": document["started"],
        "root_pid": int(pid),
        "python": sys.executable,
        "report": None,
        "json": str(hoop.work / "out.json"),
        "quiet": True,
        "explain": None,
        "color": "auto",
        "warned": False,
    }


def test_the_library_is_loaded_into_the_program_and_its_children(hoop: Hoop) -> None:
    words = ["sh", "-c", f"grep -c {SHIM} /proc/$$/maps; cat /proc/self/maps"]
    done = hoop.run(*words)
    assert int(done.stdout.splitlines()[0]) > 0
    assert SHIM in done.stdout.partition("\n")[2]
    assert done.stderr == ""


def test_a_library_in_a_path_with_a_space_is_loaded_too(tmp_path: Path) -> None:
    spaced = tmp_path / "my apps"
    spaced.mkdir()
    hoop = Hoop(spaced)
    hoop.environ["TMPDIR"] = str(tmp_path)
    done = hoop.run("sh", "-c", "echo $LD_PRELOAD; cat /proc/self/maps")
    first, _, maps = done.stdout.partition("\n")
    assert first.endswith(f"/lib/{SHIM}")
    assert " " not in first
    assert f"my apps/library/{SHIM}" in maps
    assert done.stderr == ""


def test_run_in_a_run_is_a_run_of_its_own(hoop: Hoop) -> None:
    inner = [
        sys.executable,
        "-c",
        BOOT,
        str(hoop.library),
        "run",
        "sh",
        "-c",
        "echo $LD_PRELOAD $$",
    ]
    preload, pid = hoop.run(*inner).stdout.split()
    assert preload == str(hoop.library / SHIM)
    assert [path.name.rpartition("-")[2] for path in hoop.runs()] == [pid, pid]


def test_the_switch_turns_everything_off(hoop: Hoop) -> None:
    same_as_plain(hoop, ["env"], ["env"], HOOP_DISABLE="1")
    assert not hoop.runs()
    assert "HOOP_RUN_DIR" in hoop.run("env", HOOP_DISABLE="0").stdout


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["nosuch"], 127, "hoop run: 'nosuch': no such command on PATH and no such file here"),
        (["."], 126, "hoop run: '.' is a directory without a __main__.py; name the script in it"),
        (
            ["./badscript"],
            127,
            "hoop run: cannot run './badscript': the interpreter that it names does not exist",
        ),
        (["--fast", "x.py"], 2, "hoop run: there is no option --fast, see `hoop run --help`"),
        (
            ["-X", "dev"],
            2,
            "hoop run: there is no option -X; "
            "options of Python go like this: hoop run python -X ...",
        ),
        (["--report"], 2, "hoop run: --report needs a file name, see `hoop run --help`"),
        (
            ["--json", "no/where.json", "x.py"],
            2,
            "hoop run: --json 'no/where.json': no file can be written there",
        ),
        (["--report=.", "x.py"], 2, "hoop run: --report '.': no file can be written there"),
        (
            ["--collector", "fast", "x.py"],
            2,
            "hoop run: there is no collector 'fast'; there are concurrent, inplace and stock",
        ),
        (
            ["--collector"],
            2,
            "hoop run: --collector needs concurrent, inplace or stock, see `hoop run --help`",
        ),
        (
            ["--fast-gc-collect=no", "x.py"],
            2,
            "hoop run: there is no option --fast-gc-collect=no, see `hoop run --help`",
        ),
    ],
)
def test_what_goes_wrong_before_the_program_is_one_line(
    hoop: Hoop, words: list[str], code: int, line: str
) -> None:
    (hoop.work / "badscript").write_text("#!/nonexistent/python\n")
    (hoop.work / "badscript").chmod(0o755)
    done = hoop.run(*words)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", line + "\n")
    assert not hoop.runs()


def test_too_many_words_are_refused_in_a_line(hoop: Hoop) -> None:
    code = f"import os; os.environ['X'] = 'x' * {1 << 17}; {BOOT}"
    words = [sys.executable, "-c", code, str(hoop.library), "run", "true"]
    done = hoop.plain(words)
    assert (done.returncode, done.stderr.count("\n")) == (126, 1)
    assert "Argument list too long" in done.stderr
    assert not hoop.runs()


def test_nothing_to_run_prints_the_usage(hoop: Hoop) -> None:
    done = hoop.run()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == run.USAGE
    done = hoop.run("--help")
    assert (done.returncode, done.stdout, done.stderr) == (0, run.USAGE, "")


def test_a_missing_library_asks_for_a_reinstall(hoop: Hoop) -> None:
    (hoop.library / SHIM).unlink()
    code = BOOT.replace(".insert(0, sys.argv.pop(1))", "[:] = [sys.argv.pop(1)]").replace(
        "import hoopsnake;", "import hoopsnake, hoopsnake.cli.run;"
    )
    done = hoop.plain([sys.executable, "-c", code, str(hoop.library), "run", "true"])
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "reinstall" in done.stderr


def test_a_python_without_an_agent_is_named_and_runs(hoop: Hoop) -> None:
    (hoop.library / f"_agent{EXTENSION_SUFFIXES[0]}").unlink()
    code = BOOT.replace(".insert(0, sys.argv.pop(1))", "[:] = [sys.argv.pop(1)]").replace(
        "import hoopsnake;", "import hoopsnake, hoopsnake.cli.run;"
    )
    start = [sys.executable, "-c", code, str(hoop.library), "run"]
    done = hoop.plain([*start, "-c", "print('ran')"])
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "ran\n", 1)
    assert "no agent for Python" in done.stderr
    assert hoop.plain([*start, "true"]).stderr == ""


def test_only_twenty_runs_are_kept(hoop: Hoop) -> None:
    base = hoop.temporary / f"hoopsnake-{os.geteuid()}"
    for number in range(25):
        old = base / f"run-20200101-0000{number:02}-{(1 << 30) + number}"
        old.mkdir(parents=True)
        (old / "run.json").write_text("{}")
    hoop.run("true")
    assert len(hoop.runs()) == 20


def test_starting_takes_few_imports() -> None:
    code = "import sys, hoopsnake.cli.main, hoopsnake.cli.run; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    ).stdout.split()
    heavy = {"argparse", "dataclasses", "inspect", "pathlib", "subprocess", "typing", "shutil"}
    assert not heavy & set(loaded)


@pytest.mark.parametrize(
    ("words", "quiet", "rest"),
    [
        (["--quiet", "x.py", "--quiet"], True, ["x.py", "--quiet"]),
        (["-m", "mod", "--report"], False, ["-m", "mod", "--report"]),
        (["-cpass"], False, ["-cpass"]),
        (["--", "-weird-name"], False, ["-weird-name"]),
        (["-"], False, ["-"]),
        (["--quiet"], True, []),
    ],
)
def test_options_end_where_the_program_begins(
    words: list[str], quiet: bool, rest: list[str]
) -> None:
    options = run.parse(words)
    assert (options.quiet, options.words) == (quiet, rest)


def test_files_for_the_report_are_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = run.parse(["--report=a.txt", "--json", "b.json", "x.py"])
    assert (options.report_file, options.json_file) == (f"{tmp_path}/a.txt", f"{tmp_path}/b.json")
    with pytest.raises(HoopError):
        run.parse(["--report", "", "x.py"])
