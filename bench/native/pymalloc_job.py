# SPDX-License-Identifier: Apache-2.0
"""Measures the pair patterns inside one interpreter: pymalloc_job.py EXTENSION_DIRECTORY RUNS."""

from __future__ import annotations

import json
import statistics
import sys
from importlib import import_module

REPEATS = 5


def main() -> None:
    directory, runs = sys.argv[1], int(sys.argv[2])
    sys.path.insert(0, directory)
    patterns = import_module("pymalloc_pair")
    names = ["single_48", "batch_48", "mixed_16_480", "single_600"]
    figures = {}
    for name in names:
        measure = getattr(patterns, name)
        measure(runs)
        figures[name.replace("_", "-")] = statistics.median(measure(runs) for _ in range(REPEATS))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
