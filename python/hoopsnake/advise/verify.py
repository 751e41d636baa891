# SPDX-License-Identifier: Apache-2.0
"""Builds a sample as it is and as advised, in a child, and measures what both take."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from hoopsnake._errors import HoopError
from hoopsnake.advise.model import Advice, Trial
from hoopsnake.report import units

_SECONDS = 120
# Runs in a Python that may not have us: it measures with Hoopsnake's heap where that serves it,
# else with tracemalloc, whose sizes are then rounded as pymalloc does.
_CHILD = """
import gc, json, sys

def counter():
    try:
        import hoopsnake
        if hoopsnake.stats().active:
            hoopsnake.stats()
            return "hoop", lambda: hoopsnake.stats().in_use
    except Exception:
        pass
    import tracemalloc
    def total():
        sizes = tracemalloc.take_snapshot().traces._traces
        return sum(-(-s[1] // 16) * 16 if s[1] <= 512 else max(-(-(s[1] + 8) // 16) * 16, 32)
                   for s in sizes)
    tracemalloc.start()
    return "tracemalloc", total

def measure(code, count, total):
    # Twice: the first fills what is made once for all, and numpy's own blocks are traced.
    space = {"__name__": "trial"}
    exec(compile(code, "<trial>", "exec"), space)
    kept = space["make"](min(count, 50))
    del kept
    gc.collect()
    before = total()
    kept = space["make"](count)
    gc.collect()
    return total() - before

trial = json.loads(sys.stdin.read())
how, total = counter()
if trial["needs"]:
    __import__(trial["needs"])
    if how == "hoop":
        import tracemalloc
        inner = total
        tracemalloc.start()
        domain = tracemalloc.DomainFilter(inclusive=True, domain=389047)
        def total():
            traced = tracemalloc.take_snapshot().filter_traces([domain])
            return inner() + sum(s.size for s in traced.statistics("filename"))
gc.disable()
try:
    print(json.dumps({"how": how, "before": measure(trial["before"], trial["count"], total),
                      "after": measure(trial["after"], trial["count"], total)}))
except Exception as error:
    print(json.dumps({"error": "%s: %s" % (type(error).__name__, error)}))
"""


@dataclass(frozen=True, slots=True)
class Check:
    """A prediction, and what was measured. Bytes for all of `count`."""

    predicted: int
    measured: int
    count: int
    how: str
    error: str = ""

    @property
    def sentence(self) -> str:
        if self.error:
            return f"not verified: {self.error}"
        off = units.percent(abs(self.predicted - self.measured), max(abs(self.measured), 1))
        return (
            f"verified with {self.count:,} of them: predicted {units.size(self.predicted)}, "
            f"measured {units.size(self.measured)} ({off} off)"
        )


def python_for(version: str) -> list[str]:
    """The command of a Python of this minor version: this one, or one on PATH."""
    minor = ".".join(version.split(".")[:2])
    if minor == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return [sys.executable]
    found = shutil.which(f"python{minor}")
    if found is None:
        raise HoopError(
            f"--verify needs a Python {minor}, as the snapshot is of one: put python{minor} on PATH"
        )
    return [found]


def verify(one: Advice, python: Sequence[str], *, on_hoop: bool) -> Check | None:
    """Measure one advice; None: there is no sample for it."""
    if one.trial is None:
        return None
    answer = run(one.trial, python, on_hoop=on_hoop)
    if "error" in answer:
        return Check(0, 0, one.trial.count, "", str(answer["error"]))
    measured = int(str(answer["before"])) - int(str(answer["after"]))
    predicted = round(one.unit_saving * one.trial.count)
    return Check(predicted, measured, one.trial.count, str(answer["how"]))


def run(trial: Trial, python: Sequence[str], *, on_hoop: bool) -> dict[str, object]:
    """What the child says: "before" and "after" in bytes, or "error"."""
    text = json.dumps(
        {
            "before": trial.before,
            "after": trial.after,
            "count": trial.count,
            "needs": trial.needs,
        }
    )
    environ = dict(os.environ)
    command = [*python, "-c", _CHILD]
    if on_hoop:
        command = [sys.executable, "-m", "hoopsnake", "run", "--quiet", *command]
        here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        known = environ.get("PYTHONPATH")
        environ["PYTHONPATH"] = here + (os.pathsep + known if known else "")
    try:
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env=environ,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"error": f"the child could not be run ({error})"}
    try:
        answer = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return {"error": f"the child failed: {last}"}
    return dict(answer)
