# SPDX-License-Identifier: Apache-2.0
"""Ordinary: parse the sources of standard library modules, walk the trees, compile and unparse."""

from __future__ import annotations

import ast
from pathlib import Path

MODULES = (
    "argparse",
    "dataclasses",
    "typing",
    "inspect",
    "tarfile",
    "decimal",
    "_pydecimal",
    "difflib",
)
ROUNDS = 1.4


def work(scale: float) -> object:
    directory = Path(ast.__file__).parent
    sources = [(directory / f"{name}.py").read_text(encoding="utf-8") for name in MODULES]
    chosen = (sources * 10)[: max(1, round(ROUNDS * scale * len(sources)))]
    names = constants = length = 0
    for source in chosen:
        tree = ast.parse(source)
        for node in ast.walk(tree):
            names += isinstance(node, ast.Name)
            constants += isinstance(node, ast.Constant)
        compile(tree, "<bench>", "exec")
        length += len(ast.unparse(tree))
    return names, constants, length
