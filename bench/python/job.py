# SPDX-License-Identifier: Apache-2.0
"""Runs one program and prints a checksum of its result: job.py NAME [--scale S].

NAME is a file of bench/python/programs, or pyperformance:NAME[:ARGUMENT...] for one of
pyperformance's own benchmarks, whose functions are then called a fixed number of times.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent


def run(name: str, scale: float) -> object:
    if name.startswith("pyperformance:"):
        sys.path.insert(0, str(HERE))
        benchmark, *arguments = name.split(":")[1:]
        return import_module("fixed_pyperf").run(benchmark, arguments, scale)
    sys.path.insert(0, str(HERE / "programs"))
    return import_module(name).work(scale)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--scale", type=float, default=1.0, help="1 takes about a second")
    options = parser.parse_args()
    result = run(options.name, options.scale)
    print("checksum", hashlib.sha256(repr(result).encode()).hexdigest()[:16])


if __name__ == "__main__":
    main()
