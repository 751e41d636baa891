# SPDX-License-Identifier: Apache-2.0
"""`hoop audit`: counts that are higher than the references that were found."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from hoopsnake._errors import HoopError
from hoopsnake.cli import snapshots as shared
from hoopsnake.report import units
from hoopsnake.report.text import Column, Line, Page, Row, Span, clean, paragraph, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hoopsnake.explain.audit import Excess


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    from hoopsnake.explain.audit import audit

    snapshot = shared.open_file(options.later or options.file, options)
    before = shared.open_file(options.file, options) if options.later else None
    if before and before.pid != snapshot.pid:
        raise HoopError(
            f"these are snapshots of two processes ({before.pid}, {snapshot.pid}); "
            "give those of one"
        )
    found = audit(snapshot, before)
    if options.json:
        shared.show_json([_json(one) for one in found])
        return 0
    on = shared.page()
    shown = [one for one in found if options.all or not one.is_usual]
    if before:
        shown = [one for one in shown if one.more_references or one.more_objects]
    lines = shared.heading(snapshot, _answer(shown, grew=before is not None), on)
    lines += _table(shown[: options.rows], grew=before is not None)
    lines += shared.more(len(shown) - options.rows, "type")
    lines += _set_aside(found, options, on)
    shared.show(lines)
    return 0


def _parser() -> argparse.ArgumentParser:
    made = shared.parser(
        "audit",
        "Shows, by type, references in objects' counts that no object of the heap has: those of "
        "C code, and those that C code forgot to release. With two snapshots: what grew.",
    )
    made.add_argument("later", nargs="?", help="a later snapshot of the same process")
    made.add_argument("--all", action="store_true", help="also what C code holds in any program")
    made.add_argument("-n", "--rows", type=shared.number_of, default=20, help="default: 20")
    shared.add_common(made)
    return made


def _answer(found: Sequence[Excess], *, grew: bool) -> str:
    if grew and (not found or found[0].more_references <= 0):
        return "No count rose for which no reference was found."
    if not found:
        return "All counts are explained by references that were found."
    first = found[0]
    number = first.more_references if grew else first.references
    verbs = ("is", "was") if number == 1 else ("are", "were")
    return (
        f"{units.plural(number, 'more reference' if grew else 'reference')} to "
        f"{units.plural(first.objects, first.type + ' object')} "
        f"{verbs[0]} held by C code, or {verbs[1]} never released."
    )


def _table(found: Sequence[Excess], *, grew: bool) -> list[Line]:
    columns = [
        Column("type", most=48),
        Column("objects", right=True),
        Column("references", right=True),
        *([Column("more", right=True)] if grew else []),
        Column("retained", right=True),
        Column("for example", flexible=True, most=shared.UNCUT),
    ]
    rows: list[Row] = [
        [
            Span(clean(one.type), "strong"),
            f"{one.objects:,}",
            f"{one.references:,}",
            *([f"{one.more_references:+,}"] if grew else []),
            units.size(one.retained),
            Span(clean(f"{one.example.address:#x} {one.example.path()}"), "dim"),
        ]
        for one in found
    ]
    return table(columns, rows, shared.wide()) if rows else []


def _set_aside(found: Sequence[Excess], options: argparse.Namespace, on: Page) -> list[Line]:
    usual = [one for one in found if one.is_usual]
    if options.all or not usual:
        return []
    text = (
        f"Set aside: {units.plural(sum(one.references for one in usual), 'reference')} to "
        f"{units.plural(sum(one.objects for one in usual), 'object')} of "
        f"{units.plural(len(usual), 'type')} that C code holds in any program (classes, modules, "
        "functions of C, code); --all shows them."
    )
    return paragraph(text, on, "dim")


def _json(one: Excess) -> dict[str, object]:
    return {
        "type": one.type,
        "objects": one.objects,
        "references": one.references,
        "retained": one.retained,
        "more_objects": one.more_objects,
        "more_references": one.more_references,
        "is_usual": one.is_usual,
        "example": one.example.address,
        "example_path": one.example.path(),
    }
