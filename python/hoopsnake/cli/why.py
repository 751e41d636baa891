# SPDX-License-Identifier: Apache-2.0
"""`hoop why`, `hoop refs`, `hoop cycles`: who holds what."""

from __future__ import annotations

from collections.abc import Sequence

from hoopsnake.cli import snapshots as shared
from hoopsnake.report import units
from hoopsnake.report.text import BLANK, Column, Line, Page, Row, Span, clean, paragraph, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hoopsnake.heap import CycleGroup, HeapObject, Reference, Snapshot, Why


def why(arguments: Sequence[str]) -> int:
    made = shared.parser("why", "Shows what keeps an object, or all objects of a type, alive.")
    made.add_argument("what", help="an address (0x7f...), a type, or a path such as app.CACHE")
    made.add_argument("-n", "--rows", type=shared.number_of, default=10, help="default: 10")
    shared.add_common(made)
    options = made.parse_args(arguments)
    snapshot = shared.open_file(options.file, options)
    found = snapshot.why(options.what, options.rows)
    if options.json:
        shared.show_json(_why_json(found))
        return 0
    page = shared.page()
    lines = shared.heading(snapshot, _why_answer(found), page)
    if found.object:
        lines += _paths(found, page)
    else:
        lines += shared.holders_table(found.holders, options.rows, page)
        lines += [BLANK, *_example(found, page)]
    shared.show(lines)
    return 0


def _why_answer(found: Why) -> str:
    if found.object:
        one = found.object
        retained = units.size(one.retained)
        return f"{found.what} at {one.address:#x}, which retains {retained}: {one.path()}"
    first = found.holders[0]
    share = f"{first.count:,} of {units.plural(found.count, found.what + ' object')}"
    return (
        f"{share} {'is' if first.count == 1 else 'are'} held by {first.path}; "
        f"they retain {units.size(first.retained)}."
    )


def _example(found: Why, page: Page) -> list[Line]:
    one = found.holders[0].example
    return paragraph(f"For example {one.address:#x}: {clean(one.path())}", page, "dim")


def _paths(found: Why, page: Page) -> list[Line]:
    one = found.object
    assert one is not None
    rows: list[Row] = [
        [f"{holder.type} at {holder.address:#x}", Span(clean(path), "strong")]
        for path, holder in found.paths
    ]
    lines: list[Line] = []
    if rows:
        lines += table(
            [Column("referred to by", most=48), Column("path", flexible=True)], rows, page
        )
    held = one.held_by_c
    if held:
        text = f"{units.plural(held, 'reference')} of {one.reference_count} held by C code"
        lines += [(Span(f"  {text}: no object of the heap has them."),)]
    dominator = one.dominator
    if dominator:
        text = f"It would go with {dominator.describe()}: {clean(dominator.path())}"
        lines += [BLANK, *paragraph(text, page, "dim")]
    return lines


def _why_json(found: Why) -> dict[str, object]:
    answer: dict[str, object] = {
        "what": found.what,
        "count": found.count,
        "size": found.size,
        "retained": found.retained,
        "holders": [shared.holder_json(holder) for holder in found.holders],
    }
    if found.object:
        answer["object"] = object_json(found.object)
        answer["paths"] = [
            {"path": path, "referrer": holder.address, "type": holder.type}
            for path, holder in found.paths
        ]
    return answer


def object_json(one: HeapObject) -> dict[str, object]:
    return {
        "address": one.address,
        "type": one.type,
        "description": one.describe(),
        "size": one.size,
        "retained": one.retained,
        "reference_count": one.reference_count,
        "held_by_c": one.held_by_c,
        "root": one.root,
        "path": one.path(),
    }


def refs(arguments: Sequence[str]) -> int:
    made = shared.parser("refs", "Shows what an object refers to, or what refers to it.")
    made.add_argument("what", help="an address, a path, or a type: of that the largest object")
    way = made.add_mutually_exclusive_group()
    way.add_argument("--out", action="store_true", help="what it refers to")
    way.add_argument("--in", dest="into", action="store_true", help="what refers to it (default)")
    made.add_argument("-n", "--rows", type=shared.number_of, default=20, help="default: 20")
    shared.add_common(made)
    options = made.parse_args(arguments)
    snapshot = shared.open_file(options.file, options)
    one = snapshot.objects_by_id([shared.find_object(snapshot, options.what)])[0]
    found = list(one.referents() if options.out else one.referrers(weak=True))
    if options.json:
        shared.show_json(
            {"object": object_json(one), "references": [_reference_json(ref) for ref in found]}
        )
        return 0
    page = shared.page()
    verb = "refers to" if options.out else "is referred to from"
    places = units.plural(len(found), "place")
    answer = f"{one.describe()} at {one.address:#x} {verb} {places}: {one.path()}"
    lines = shared.heading(snapshot, answer, page)
    found.sort(key=lambda reference: -reference.object.retained)
    rows: list[Row] = [_reference_row(reference) for reference in found[: options.rows]]
    columns = [
        Column("by", most=32),
        Column("object", most=40),
        Column("size", right=True),
        Column("retained", right=True),
        Column("path", flexible=True, most=shared.UNCUT),
    ]
    lines += table(columns, rows, shared.wide()) + shared.more(
        len(found) - options.rows, "reference"
    )
    if not options.out and one.held_by_c:
        text = f"  and {units.plural(one.held_by_c, 'reference')} held by C code"
        lines.append((Span(text, "strong"),))
    shared.show(lines)
    return 0


def _reference_row(reference: Reference) -> Row:
    other = reference.object
    return [
        clean(
            f"{reference.step} ({reference.kind})" if reference.kind == "weak" else reference.step
        ),
        clean(other.describe()),
        *shared.sizes(other.size, other.retained),
        Span(clean(other.path()), "dim"),
    ]


def _reference_json(reference: Reference) -> dict[str, object]:
    return {
        "kind": reference.kind,
        "step": reference.step,
        "counted": reference.counted,
        "object": reference.object.address,
        "type": reference.object.type,
        "size": reference.object.size,
        "retained": reference.object.retained,
    }


def cycles(arguments: Sequence[str]) -> int:
    made = shared.parser(
        "cycles",
        "Shows objects that refer to each other, by kind of cycle, and what closes it.",
    )
    made.add_argument(
        "--all", action="store_true", help="modules and classes as well, which any program has"
    )
    made.add_argument("-n", "--rows", type=shared.number_of, default=15, help="default: 15")
    shared.add_common(made)
    options = made.parse_args(arguments)
    snapshot = shared.open_file(options.file, options)
    groups = snapshot.cycles(all=options.all)
    if options.json:
        shared.show_json([_cycle_json(group, snapshot) for group in groups])
        return 0
    page = shared.page()
    lines = shared.heading(snapshot, _cycles_answer(groups), page)
    for group in groups[: options.rows]:
        lines += _cycle_lines(group, snapshot, page)
    lines += shared.more(len(groups) - options.rows, "kind")
    shared.show(lines)
    return 0


def _cycles_answer(groups: list[CycleGroup]) -> str:
    if not groups:
        return "No objects refer to each other in a cycle."
    count = sum(group.count for group in groups)
    garbage = count - sum(group.held for group in groups)
    total = units.size(sum(group.size for group in groups))
    dead = "none is garbage" if not garbage else f"{garbage:,} of them garbage, not collected yet"
    return f"{units.plural(count, 'group')} of objects in cycles take {total}; {dead}."


def _cycle_lines(group: CycleGroup, snapshot: Snapshot, page: Page) -> list[Line]:
    held = "held" if group.held == group.count else f"{group.held:,} of them held"
    if not group.held:
        held = "garbage"
    facts = (
        f"{units.plural(group.count, 'cycle group')}, {units.plural(group.objects, 'object')}, "
        f"{units.size(group.size)}, retains {units.size(group.retained)}; {held}"
    )
    types = ", ".join(f"{count:,} {name}" for name, count in group.types[:4])
    example = group.example[-1].path() if group.example else ""
    return [
        *paragraph(clean(group.cycle), page, "strong", indent=2),
        *paragraph(facts, page, indent=4),
        *paragraph(
            clean(f"closed by {group.closing}; the largest: {types}"), page, "dim", indent=4
        ),
        *paragraph(clean(_cycle_advice(group, snapshot)), page, "dim", indent=4),
        *paragraph(clean(f"for example {example}"), page, "dim", indent=4),
        BLANK,
    ]


def _cycle_advice(group: CycleGroup, snapshot: Snapshot) -> str:
    """Who made it, what to make weak, and what it costs."""
    from hoopsnake.explain.delayed import closing_edge, creator

    edge = closing_edge(group)
    maker = creator(snapshot, group, edge)
    where = f", {maker.place}" if maker.place else ""
    if maker.kind == "cycle through a frame":
        change = f"closed by the local `{edge}` of {maker.name}{where}: `del` it there"
    else:
        change = f"made by {maker.name}{where}: weak, counting alone would free it"
    return f"{change}; each full collection looks at {units.plural(group.objects, 'object')} of it"


def _cycle_json(group: CycleGroup, snapshot: Snapshot) -> dict[str, object]:
    return {
        "cycle": group.cycle,
        "closing": group.closing,
        "advice": _cycle_advice(group, snapshot),
        "count": group.count,
        "held": group.held,
        "objects": group.objects,
        "size": group.size,
        "retained": group.retained,
        "largest": group.largest,
        "types": [{"type": name, "count": count} for name, count in group.types],
        "example": [one.address for one in group.example],
    }
