# SPDX-License-Identifier: Apache-2.0
"""Builds the C++ programs of a bench, in build/release."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.common.contestants import HOW_TO_BUILD
from bench.common.pythons import ROOT
from bench.common.rounds import say

BUILD = ROOT / "build" / "release"


def build_programs(bench: str, programs: Sequence[str]) -> tuple[Path, list[str]]:
    """Where they are, and those of them that this machine has the libraries for."""
    say(f"{bench}: building (release)")
    _build_step(bench, "--preset", "release")
    targets = (BUILD / "build.ninja").read_text(encoding="utf-8")
    possible = [program for program in programs if f"build {program}:" in targets]
    if possible:
        _build_step(bench, "--build", "--preset", "release", "--target", *possible)
    return BUILD / "bench", possible


def _build_step(bench: str, *arguments: str) -> None:
    done = subprocess.run(["cmake", *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        say(done.stdout[-2000:] + done.stderr[-2000:])
        raise SystemExit(f"{bench}: the build failed; by hand: {HOW_TO_BUILD}")
