# SPDX-License-Identifier: Apache-2.0
"""`hoop sql` and `hoop export`: a snapshot for other tools."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from hoopsnake._errors import HoopError
from hoopsnake.cli import snapshots as shared
from hoopsnake.report import units
from hoopsnake.report.text import Column, Row, clean, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hoopsnake.heap import Snapshot

_ENDINGS = {"devtools": ".heapsnapshot", "parquet": ".parquet", "dot": ".dot", "json": ".json"}


def sql(arguments: Sequence[str]) -> int:
    made = shared.parser(
        "sql",
        "Asks a snapshot in SQL (DuckDB). Tables: objects, refs, types, roots, memory; docs/sql.md "
        "has their columns.",
    )
    made.add_argument("query", help="for example: SELECT type, count(*) FROM objects GROUP BY type")
    shared.add_common(made)
    options = made.parse_args(arguments)
    snapshot = shared.open_file(options.file, options)
    names, rows = query(snapshot, options.query)
    if options.json:
        shared.show_json([dict(zip(names, map(_plain, row), strict=True)) for row in rows])
        return 0
    columns = [
        Column(name, right=all(isinstance(row[index], (int, float)) for row in rows), most=80)
        for index, name in enumerate(names)
    ]
    shown: list[Row] = [[_cell(value) for value in row] for row in rows]
    shared.show(table(columns, shown, shared.page(), indent=0))
    return 0


def query(snapshot: Snapshot, text: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    from hoopsnake.heap import tables

    duckdb: Any = tables.needed("duckdb")
    connection = duckdb.connect()
    try:
        # Only the tables that it names: the others are not made.
        for name in tables.NAMES:
            if name in text:
                connection.register(name, tables.arrow_table(snapshot, name))
        result = connection.execute(text)
        return [column[0] for column in result.description], result.fetchall()
    except duckdb.Error as error:
        first = str(error).strip().splitlines()[0]
        raise HoopError(f"DuckDB says: {clean(first)}") from None
    finally:
        connection.close()


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, (int, float, str, bool)) else str(value)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return clean(str(value))


def export(arguments: Sequence[str]) -> int:
    made = shared.parser("export", "Writes a snapshot in another format.")
    made.add_argument(
        "--to",
        required=True,
        choices=tuple(_ENDINGS),
        help="devtools: Chrome DevTools; parquet: a folder of tables; dot: what retains most, "
        "for Graphviz; json: all objects and references",
    )
    made.add_argument("-o", "--output", help="default: beside FILE, with another ending")
    made.add_argument("-n", "--rows", type=shared.number_of, default=100, help="objects of a dot")
    shared.add_common(made)
    options = made.parse_args(arguments)
    snapshot = shared.open_file(options.file, options)
    output = options.output or os.path.splitext(options.file)[0] + _ENDINGS[options.to]
    if os.path.exists(output) and os.path.samefile(output, options.file):
        raise HoopError(f"{output} is the snapshot itself; name another file with -o")
    written = write(snapshot, options.to, output, options.rows)
    if options.json:
        shared.show_json({"file": output, "bytes": written})
    else:
        print(f"{output}: {units.size(written)}", file=sys.stderr)
    return 0


def write(snapshot: Snapshot, to: str, output: str, most: int) -> int:
    from hoopsnake.heap import exports

    try:
        if to == "devtools":
            return snapshot.to_devtools(output)
        if to == "parquet":
            return exports.write_parquet(snapshot, output)
        if to == "dot":
            return exports.write_dot(snapshot, output, most)
        return exports.write_json(snapshot, output)
    except OSError as error:
        raise HoopError(f"cannot write {output} ({error.strerror or error})") from None
