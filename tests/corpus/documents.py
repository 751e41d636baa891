# SPDX-License-Identifier: Apache-2.0
"""Tables of a document that programs write: between `<!-- NAME -->` and `<!-- end of NAME -->`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def replace_table(document: Path, name: str, lines: Iterable[str]) -> None:
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    text = document.read_text()
    before, found, rest = text.partition(begin)
    _, also_found, after = rest.partition(end)
    if not (found and also_found):
        raise ValueError(f"{document}: no {begin.strip()}, or no {end.strip()}")
    table = "".join(f"{line}\n" for line in lines)
    document.write_text(f"{before}{begin}{table}{end}{after}")
