# SPDX-License-Identifier: Apache-2.0
"""Ordinary: tokenize the sources of standard library modules and count words by kind."""

from __future__ import annotations

import io
import tokenize
from collections import Counter
from pathlib import Path

MODULES = ("argparse", "typing", "inspect", "tarfile", "difflib")
ROUNDS = 4.0


def work(scale: float) -> object:
    directory = Path(tokenize.__file__).parent
    sources = [(directory / f"{name}.py").read_text(encoding="utf-8") for name in MODULES]
    chosen = (sources * 10)[: max(1, round(ROUNDS * scale * len(sources)))]
    words: Counter[tuple[int, str]] = Counter()
    for source in chosen:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
        words.update((token.type, token.string) for token in tokens)
    return sum(words.values()), len(words)
