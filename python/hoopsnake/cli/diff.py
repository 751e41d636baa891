# SPDX-License-Identifier: Apache-2.0
"""`hoop diff`: what appeared between snapshots of one process, and stayed."""

from __future__ import annotations

from collections.abc import Sequence

from hoopsnake.cli import snapshots as shared
from hoopsnake.report import units
from hoopsnake.report.text import BLANK, Column, Row, Span, clean, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hoopsnake.heap import Change


def main(arguments: Sequence[str]) -> int:
    made = shared.parser(
        "diff",
        "Shows what is in a later snapshot of the same process and was not in the first; with a "
        "third, what of that is still there. An object is the same if its address and type are.",
    )
    made.add_argument("later", help="a later snapshot file")
    made.add_argument("last", nargs="?", help="a third one: what appeared before it and stayed")
    made.add_argument("-n", "--rows", type=shared.number_of, default=15, help="default: 15")
    shared.add_common(made)
    options = made.parse_args(arguments)
    first = shared.open_file(options.file, options)
    later = shared.open_file(options.later, options)
    last = shared.open_file(options.last, options) if options.last else None
    change = first.diff(later, last)
    end = last or later
    if options.json:
        shared.show_json(
            {
                "count": change.count,
                "size": change.size,
                "grown": end.size - first.size,
                "types": [
                    {"type": one.name, "count": one.count, "size": one.size} for one in change.types
                ],
                "holders": [shared.holder_json(holder) for holder in change.holders],
            }
        )
        return 0
    page = shared.page()
    answer = _answer(change, end.size - first.size)
    if first.pid != end.pid:
        answer += f" These are two processes, {first.pid} and {end.pid}: addresses tell nothing."
    lines = shared.heading(end, answer, page)
    if not change.count:
        shared.show(lines[:-1])
        return 0
    lines += shared.holders_table(change.holders, options.rows, page)
    rows: list[Row] = [
        [Span(clean(one.name), "strong"), f"{one.count:,}", units.size(one.size)]
        for one in change.types[: options.rows]
    ]
    columns = [Column("type", flexible=True), *shared.NUMBERS[:2]]
    lines += [BLANK, *table(columns, rows, page)]
    lines += shared.more(len(change.types) - options.rows, "type")
    shared.show(lines)
    return 0


def _answer(change: Change, grown: int) -> str:
    if not change.count:
        return "Nothing appeared and stayed."
    first = change.holders[0]
    way = "grew" if grown >= 0 else "shrank"
    return (
        f"{units.plural(change.count, 'object')} of {units.size(change.size)} appeared and stayed, "
        f"the most in {first.path}: {units.size(first.retained)}. "
        f"The heap {way} by {units.size(abs(grown))}."
    )
