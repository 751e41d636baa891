# SPDX-License-Identifier: Apache-2.0
"""`hoop top` and `hoop tree`: what there is, by name, and what would go with what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hoopsnake.cli import snapshots as shared
from hoopsnake.report import units
from hoopsnake.report.text import Bar, Column, Line, Row, Span, clean, shorten, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hoopsnake.heap import HeapObject, Snapshot

_DEPTH = 4


def top(arguments: Sequence[str]) -> int:
    made = shared.parser(
        "top",
        "Shows what is in a snapshot of a heap: number, size, and what would be freed with it.",
    )
    made.add_argument("--by", choices=("type", "module", "root"), default="type")
    made.add_argument("-n", "--rows", type=shared.number_of, default=20, help="default: 20")
    shared.add_common(made)
    options = made.parse_args(arguments)
    snapshot = shared.open_file(options.file, options)
    rows = snapshot.top(options.by)
    if options.json:
        shared.show_json([shared.total_json(row) for row in rows])
        return 0
    page = shared.page()
    first = rows[0] if rows else None
    answer = (
        f"{first.name} retains most: {units.size(first.retained)}, "
        f"{units.percent(first.retained, snapshot.size)} of all."
        if first
        else "There is nothing in this snapshot."
    )
    lines = shared.heading(snapshot, answer, page)
    shown: list[Row] = [
        [
            Span(clean(row.name), "strong"),
            f"{row.count:,}",
            *shared.sizes(row.size, row.retained),
            Bar(row.retained / max(snapshot.size, 1)),
        ]
        for row in rows[: options.rows]
    ]
    lines += table([Column(options.by, flexible=True), *shared.NUMBERS], shown, page)
    lines += shared.more(len(rows) - options.rows, options.by)
    shared.show(lines)
    return 0


def tree(arguments: Sequence[str]) -> int:
    made = shared.parser(
        "tree",
        "Shows the dominator tree: each object over those that only it keeps alive. Objects of one "
        "type side by side are folded together.",
    )
    made.add_argument(
        "--min",
        type=shared.size_of,
        default=None,
        help="leave out what retains less, as in 64K or 10M (default: 1%% of the heap)",
    )
    made.add_argument("--depth", type=shared.number_of, default=_DEPTH, help=f"default: {_DEPTH}")
    made.add_argument("--at", help="begin at this object: an address or a path")
    made.add_argument("-n", "--rows", type=shared.number_of, default=15, help="children of one")
    shared.add_common(made)
    options = made.parse_args(arguments)
    snapshot = shared.open_file(options.file, options)
    least = options.min if options.min is not None else snapshot.size // 100
    start = None
    if options.at:
        start = snapshot.objects_by_id([shared.find_object(snapshot, options.at)])[0]
    nodes = _children(snapshot, start, least, options.rows, options.depth)
    if options.json:
        shared.show_json([_node_json(node) for node in nodes])
        return 0
    page = shared.page()
    lines = shared.heading(snapshot, _tree_answer(snapshot, start, nodes), page)
    for node in nodes:
        lines += _node_lines(node, 0, page.width)
    shared.show(lines)
    return 0


class Node:
    """An object of the tree, or several of one type that are folded."""

    def __init__(self, objects: list[HeapObject], below: list[Node]) -> None:
        self.objects = objects
        self.below = below
        self.size = sum(one.size for one in objects)
        self.retained = sum(one.retained for one in objects)

    @property
    def name(self) -> str:
        if len(self.objects) > 1:
            return f"{len(self.objects):,} x {self.objects[0].type}"
        return self.objects[0].describe()

    @property
    def path(self) -> str:
        return self.objects[0].path()


def _children(
    snapshot: Snapshot, parent: HeapObject | None, least: int, most: int, depth: int
) -> list[Node]:
    if depth == 0:
        return []
    found = parent.dominated(10_000) if parent else snapshot.tree(10_000)
    single = [one for one in found if one.retained >= least]
    small: dict[str, list[HeapObject]] = {}
    for one in found[len(single) :]:
        small.setdefault(one.type, []).append(one)
    nodes = [Node([one], _children(snapshot, one, least, most, depth - 1)) for one in single[:most]]
    folded = [Node(objects, []) for objects in small.values()]
    nodes += [node for node in folded if node.retained >= least]
    nodes.sort(key=lambda node: -node.retained)
    return nodes[:most]


def _tree_answer(snapshot: Snapshot, start: HeapObject | None, nodes: list[Node]) -> str:
    if not nodes:
        return "Nothing here retains that much; --min asks for less."
    node = nodes[0]
    where = f"Under {start.path()}, " if start else ""
    share = units.percent(node.retained, start.retained if start else snapshot.size)
    return f"{where}{node.path} retains most: {units.size(node.retained)}, {share}."


def _node_lines(node: Node, depth: int, width: int) -> Iterator[Line]:
    retained = f"{units.size(node.retained):>10}"
    size = f"{units.size(node.size):>10}"
    indent = "  " * depth
    name = clean(node.name)
    path = "" if len(node.objects) > 1 else clean(node.path)
    room = max(width - 24 - len(indent) - len(name) - 2, 0)
    spans = [Span(f"{retained}  ", "strong"), Span(f"{size}  ", "dim"), Span(indent + name)]
    if path and path != name and room > 8:
        spans.append(Span("  " + shorten(path, room, shared.page()), "dim"))
    yield tuple(spans)
    for below in node.below:
        yield from _node_lines(below, depth + 1, width)


def _node_json(node: Node) -> dict[str, object]:
    return {
        "name": node.name,
        "type": node.objects[0].type,
        "path": node.path,
        "addresses": [one.address for one in node.objects[:100]],
        "count": len(node.objects),
        "size": node.size,
        "retained": node.retained,
        "below": [_node_json(below) for below in node.below],
    }
