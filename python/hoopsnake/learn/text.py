# SPDX-License-Identifier: Apache-2.0
"""A life as plain lines: each line of the program that ran, then what it did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hoopsnake.learn.model import Event, Life, State, Step
from hoopsnake.report.text import BLANK, Line, Page, Span, Style, clean, paragraph, shorten

_KIND_CELLS = 13
_MOST_AT_EXIT = 5
# Of the heap's own doings only what belongs to an object that is shown is told unasked.
_QUIET = {"object", "other", "passing"}
_STYLES: dict[str, Style] = {
    "freed": "bad",
    "collected": "bad",
    "garbage": "peak",
    "finalized": "peak",
    "resurrected": "peak",
    "weak cleared": "peak",
    "raised": "bad",
    "printed": "dim",
    "created": "bar",
}


def lines_of(life: Life, page: Page, *, verbose: bool = False) -> list[Line]:
    """The whole run. `verbose`: blocks of the heap and counts of everything too."""
    found = paragraph(_heading(life), page, "strong")
    for step in life.steps:
        found += step_lines(life, step, page, verbose=verbose)
    if life.stopped:
        found += [BLANK, *paragraph(life.stopped, page, "bad")]
    if life.rest:
        found += [BLANK, (Span("It printed after that:", "strong"),)]
        found += [(Span(clean(line)),) for line in life.rest.splitlines()]
    return found


def _heading(life: Life) -> str:
    name = "-c" if life.program.name == "-c" else life.program.name
    return f"{name}: {len(life.steps):,} steps of CPython {life.program.python}"


def step_lines(life: Life, step: Step, page: Page, *, verbose: bool = False) -> list[Line]:
    """A step's head, and its events below."""
    events = list(told(step, verbose=verbose))
    if step.kind == "end" and not events:
        return []
    lines = [BLANK, (Span(shorten(clean(head_of(life, step)), page.width, page), "title"),)]
    if step.note == "gone":
        return lines + _at_exit(events, page)
    for event in events:
        lines += _event_lines(event, page)
    return lines


def head_of(life: Life, step: Step) -> str:
    """`13  x = [1, 2, 3]`; of a call `6  pair() begins`."""
    if step.kind == "end":
        if step.note == "gone":
            return "Python ends"
        return "the end" if step.note == "end" else f"the end, by {step.note}"
    indent = "  " * max(len(step.scopes) - 1, 0)
    source = source_of(life, step)
    thread = f" [{step.thread}]" if step.thread not in ("", "MainThread") else ""
    if step.kind == "call":
        verb = "goes on" if step.note == "resumed" else "is called"
        return f"{step.line:>4}  {indent}{step.title}() {verb}{thread}"
    suffix = ""
    if step.kind == "return":
        suffix = f"    <- {step.title}() {'yields' if step.note == 'yield' else 'returns'}"
    return f"{step.line:>4}  {indent}{source}{suffix}{thread}"


def source_of(life: Life, step: Step) -> str:
    lines = life.program.sources.get(step.file, [])
    return lines[step.line - 1].strip() if 0 < step.line <= len(lines) else ""


def told(step: Step, *, verbose: bool = False) -> Iterable[Event]:
    """The events that are worth a line."""
    for event in step.events:
        if verbose or event.kind not in ("taken", "given back") or event.by not in _QUIET:
            yield event


def style_of(event: Event) -> Style:
    return _STYLES.get(event.kind, "")


def _event_lines(event: Event, page: Page) -> list[Line]:
    indent = 6 + _KIND_CELLS
    body = paragraph(clean(event.text), page._replace(width=page.width), "", indent)
    first = body[0][0].text[indent:] if body else ""
    kind = Span(f"{'':6}{event.kind:<{_KIND_CELLS}}", style_of(event))
    return [(kind, Span(first)), *body[1:]]


def _at_exit(events: Sequence[Event], page: Page) -> list[Line]:
    freed = [event for event in events if event.kind == "freed"]
    others = [event for event in events if event.kind not in ("freed", "scope left", "given back")]
    lines = []
    for event in [*others[:_MOST_AT_EXIT], *freed[:_MOST_AT_EXIT]]:
        lines += _event_lines(event, page)
    more = (
        len(freed) + len(others) - min(len(freed), _MOST_AT_EXIT) - min(len(others), _MOST_AT_EXIT)
    )
    if more > 0:
        lines.append((Span(f"{'':6}and {more} more like these", "dim"),))
    return lines


def count_of(state: State) -> str:
    """`2 references (getrefcount 3)`, `immortal`."""
    if state.own < 0:
        return "immortal"
    return f"{state.own} reference{'s' if state.own != 1 else ''} (getrefcount {state.count})"


def generation_of(state: State) -> str:
    if not state.tracked:
        return "not tracked"
    return "tracked" if state.generation is None else f"generation {state.generation}"
