# SPDX-License-Identifier: Apache-2.0
"""Which interpreters are measured, and their virtual environments (made by bench/setup)."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_VERSIONS = ("3.11", "3.13", "3.14")


@dataclass(frozen=True)
class Interpreter:
    """`version` is the minor version, such as "3.13"."""

    version: str
    path: Path

    @property
    def minor(self) -> tuple[int, int]:
        major, minor = self.version.split(".")
        return int(major), int(minor)


def find_interpreters() -> dict[str, Path]:
    """Minor version -> interpreter, as tools/find_pythons sees them."""
    output = subprocess.run(
        [str(ROOT / "tools" / "find_pythons")],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ).stdout
    found = {}
    for line in output.splitlines():
        path, _, version = line.partition("\t")
        found[".".join(version.split(".")[:2])] = Path(path)
    return found


def venv_directory(name: str) -> Path:
    base = os.environ.get("HOOP_BENCH_VENVS")
    return (Path(base) if base else ROOT / "build" / "bench-venvs") / name


def venv_python(name: str) -> Path | None:
    python = venv_directory(name) / "bin" / "python"
    return python if python.exists() else None


def choose_interpreters(versions: list[str]) -> tuple[list[Interpreter], list[str]]:
    """Those to measure, in their virtual environments; and a remark where one is missing."""
    found = find_interpreters()
    chosen = []
    remarks = []
    for version in versions:
        path = venv_python(version)
        if path is None:
            path = found.get(version)
            if path is None:
                remarks.append(f"Python {version}: not found (HOOP_PYTHONS can name it)")
                continue
            remarks.append(f"Python {version}: programs from PyPI are left out: run bench/setup")
        chosen.append(Interpreter(version, path))
    return chosen, remarks
