# SPDX-License-Identifier: Apache-2.0
"""Who takes part: an allocator is an environment that the very same program is started in."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bench.common.process import Outcome, Spawner
from bench.common.pythons import ROOT, Interpreter

HOW_TO_BUILD = "cmake --preset release && cmake --build --preset release"
# Variables that change how a program allocates; none of them is inherited.
FOREIGN_PREFIXES = ("PYTHON", "LD_", "MALLOC_", "MIMALLOC_", "HOOP_", "TCMALLOC_", "GC_")
FOREIGN_NAMES = ("GLIBC_TUNABLES", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
AGENT = "/_agent.cpython-"


@dataclass(frozen=True)
class Contestant:
    """`mapped`: part of a file name that must be mapped in the process, the proof that it is in."""

    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    mapped: str | None = None
    least_python: tuple[int, int] = (3, 10)


def clean_environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(FOREIGN_PREFIXES) and name not in FOREIGN_NAMES
    }
    return kept | {"PYTHONHASHSEED": "0"}


@cache
def find_library(name: str) -> Path | None:
    """A shared library by its exact file name, where the dynamic linker finds it."""
    command = ["/sbin/ldconfig", "-p"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        if line.split(" ", 1)[0].strip() == name:
            return Path(line.split("=> ", 1)[1])
    return None


RIVAL_LIBRARIES = {
    "mimalloc": ("libmimalloc.so.2", "libmimalloc2.0"),
    "jemalloc": ("libjemalloc.so.2", "libjemalloc2"),
    "tcmalloc": ("libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
}


def rivals(remarks: list[str]) -> dict[str, Path]:
    """The rival libraries that are installed; a line in `remarks` for each that is not."""
    found = {}
    for name, (library, package) in RIVAL_LIBRARIES.items():
        path = find_library(library)
        if path is None:
            remarks.append(f"{name}: {library} not found (Debian package {package})")
        else:
            found[name] = path
    return found


def hoop_directory(given: str | None) -> Path:
    return Path(given).resolve() if given else ROOT / "build" / "release" / "hoopsnake"


def preloaded(name: str, library: Path, objects: str | None) -> Contestant:
    """`objects`: the value of PYTHONMALLOC."""
    environment = {"LD_PRELOAD": str(library)}
    if objects:
        environment["PYTHONMALLOC"] = objects
    return Contestant(name, environment, library.name)


def hoop(directory: Path, remarks: list[str]) -> list[Contestant]:
    shim = directory / "libhoop_preload.so"
    if not shim.exists():
        remarks.append(f"hoop: no {shim}: {HOW_TO_BUILD}")
        return []
    return [Contestant("hoop", {"LD_PRELOAD": str(shim)}, AGENT)]


def hoop_collecting(
    collectors: Mapping[str, str], directory: Path, remarks: list[str]
) -> list[Contestant]:
    """Ours with another collector each; `collectors`: name of the contestant -> collector."""
    return [
        Contestant(name, {**base.environment, "HOOP_COLLECTOR": collector}, base.mapped)
        for base in hoop(directory, remarks)
        for name, collector in collectors.items()
    ]


def python_contestants(directory: Path, remarks: list[str]) -> list[Contestant]:
    """The first is the one that all others are measured against."""
    libraries = rivals(remarks)
    contestants = [Contestant("pymalloc"), *hoop(directory, remarks)]
    for name in ("mimalloc", "jemalloc", "tcmalloc"):
        if name in libraries:
            contestants.append(preloaded(name, libraries[name], "malloc"))
    contestants.append(Contestant("bundled-mimalloc", {"PYTHONMALLOC": "mimalloc"}, None, (3, 13)))
    for name in ("mimalloc", "jemalloc"):
        if name in libraries:
            contestants.append(preloaded(f"{name}-libc-only", libraries[name], None))
    return contestants


# What mimalloc 2.1 calls purging, 2.0 calls decommitting.
PURGE_AT_ONCE = {
    "MIMALLOC_PURGE_DELAY": "0",
    "MIMALLOC_DECOMMIT_DELAY": "0",
    "MIMALLOC_SEGMENT_DECOMMIT_DELAY": "0",
}


def memory_contestants(directory: Path, remarks: list[str]) -> list[Contestant]:
    """The rivals of those who want memory back; bench/memory/job.py calls malloc_trim itself."""
    libraries = rivals(remarks)
    contestants = [Contestant("pymalloc"), *hoop(directory, remarks)]
    if "mimalloc" in libraries:
        base = preloaded("mimalloc", libraries["mimalloc"], "malloc")
        purging = {**base.environment, **PURGE_AT_ONCE}
        contestants += [base, Contestant("mimalloc-purge-0", purging, base.mapped)]
    if "jemalloc" in libraries:
        contestants.append(preloaded("jemalloc", libraries["jemalloc"], "malloc"))
    bundled = {"PYTHONMALLOC": "mimalloc"}
    contestants += [
        Contestant("bundled-mimalloc", bundled, None, (3, 13)),
        Contestant("bundled-mimalloc-purge-0", {**bundled, **PURGE_AT_ONCE}, None, (3, 13)),
        Contestant("malloc", {"PYTHONMALLOC": "malloc"}),
        Contestant("malloc+trim", {"PYTHONMALLOC": "malloc", "HOOP_BENCH_MALLOC_TRIM": "1"}),
    ]
    return contestants


PROBE = Path(__file__).with_name("agent.py")


def objection(contestant: Contestant, outcome: Outcome) -> str | None:
    """Why the contestant cannot take part, from what the probe printed under it."""
    if outcome.status != 0:
        reason = (outcome.stderr.strip().splitlines() or ["no message"])[-1]
        return f"exit status {outcome.status}: {reason}"
    seen = json.loads(outcome.stdout)
    if contestant.mapped and not any(contestant.mapped in file for file in seen["files"]):
        return f"{contestant.mapped} did not get in"
    if contestant.mapped == AGENT and not (seen["hoop"] or {}).get("active"):
        return f"the agent stays out: {(seen['hoop'] or {}).get('reason')}"
    collector, wanted = seen["collector"], contestant.environment.get("HOOP_COLLECTOR")
    if wanted and not collector:
        return "no collector"
    if wanted and collector["name"] != wanted:
        return f"the collector is {collector['name']}: {collector['reason']}"
    return None


def taking_part(
    contestants: list[Contestant], interpreter: Interpreter, spawner: Spawner, remarks: list[str]
) -> list[Contestant]:
    """Those that are really in when this interpreter is started; a remark for each other."""
    accepted = []
    for contestant in contestants:
        if interpreter.minor < contestant.least_python:
            continue
        environment = clean_environment() | dict(contestant.environment)
        outcome = spawner.run([str(interpreter.path), str(PROBE)], environment)
        problem = objection(contestant, outcome)
        if problem is None:
            accepted.append(contestant)
        else:
            remarks.append(f"{contestant.name} on Python {interpreter.version}: {problem}")
    return accepted
