# SPDX-License-Identifier: Apache-2.0
"""Turns the stream's steps into whole steps, and says in sentences what happened between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from hoopsnake.learn.model import (
    Edge,
    Event,
    EventKind,
    Number,
    Scope,
    State,
    Step,
    Thing,
)
from hoopsnake.learn.stream import RawScope, RawState, RawStep, Reader

# Of these there is one, or they are in the program for good: their counts tell nothing.
_SINGLETONS = {"NoneType", "bool", "ellipsis", "NotImplementedType"}
_FURNITURE = {"type", "module", "function", "builtin_function_or_method", "abc.ABCMeta"}
_ATOMS = {"int", "str", "float", "complex", "bytes", *_SINGLETONS}
_MOST_PARTS = 4  # of a change that are told one by one
_PAUSING = {"generator", "coroutine"}


class Builder:
    """Keeps the state of the program as it was after the last step."""

    def __init__(self, reader: Reader, out: bytes, err: bytes) -> None:
        self._reader = reader
        self._out, self._err = out, err
        self.things: dict[Number, Thing] = {}
        self._raw: dict[Number, RawState] = {}
        self._states: dict[Number, State] = {}
        self._scopes: dict[int, RawScope] = {}
        self._on_stack: list[tuple[int, int]] = []
        self._paused: set[int] = set()
        self._output = self._errors = 0
        self._finalized: set[Number] = set()
        self._dead: set[Number] = set()
        self._told_garbage: set[Number] = set()
        self._pending_resurrection: set[Number] = set()
        self._last_borrowed: set[Number] = set()
        self._no_call_reference = False
        self.limited = False

    def steps(self) -> Iterable[Step]:
        for index, raw in enumerate(self._reader):
            if index == 0:
                version = self._reader.python.split(".")
                self._no_call_reference = (int(version[0]), int(version[1])) >= (3, 14)
            yield self._step(index, raw)

    @property
    def rest(self) -> str:
        """What was printed after the last step."""
        return self._out[self._output :].decode("utf-8", "replace")

    # --- states ---

    def _step(self, index: int, raw: RawStep) -> Step:
        for thing, _ in raw.new:
            size = raw.changed[thing.number].size if thing.number in raw.changed else 0
            self.things[thing.number] = Thing(
                thing.number, thing.type, thing.immortal, size, thing.block, thing.origin
            )
        self.limited = self.limited or raw.limited
        before = self._states
        names_before = {number: self._scopes[number].names for number, _ in self._on_stack}
        titles_before = {number: self._scopes[number] for number, _ in self._on_stack}
        self._scopes.update(raw.scope_changes)
        self._raw.update(raw.changed)
        for number in raw.gone:
            self._raw.pop(number, None)
        if raw.extra == "gone":
            self._raw.clear()
        now = self._states_of(raw, before)
        scopes = tuple(self._scope(number, line) for number, line in raw.scopes)
        events = _Events(self, before, now, raw)
        events.raised()
        events.created()
        events.scopes_left(titles_before)
        events.names(names_before)
        events.contents()
        events.counts()
        events.collections()
        events.garbage()
        events.deaths()
        events.finalized()
        events.weak()
        events.memory()
        output = self._out[self._output : raw.output].decode("utf-8", "replace")
        errors = self._err[self._errors : raw.errors].decode("utf-8", "replace")
        self._output = max(raw.output, self._output)
        self._errors = max(raw.errors, self._errors)
        events.printed(output)
        self._states, self._on_stack = now, raw.scopes
        note = raw.extra.rpartition("\x1f")[2] if raw.kind == "return" else raw.extra
        return Step(
            index, raw.kind, raw.file, raw.line, raw.thread, scopes, tuple(now.values()),
            tuple(events.found), output, errors, raw.title,
            note if raw.kind != "exception" else "",
        )  # fmt: skip

    def _scope(self, number: int, line: int) -> Scope:
        raw = self._scopes[number]
        return Scope(raw.title, raw.kind, raw.names, raw.thread, line, number)

    def _states_of(self, raw: RawStep, before: dict[Number, State]) -> dict[Number, State]:
        """States that did not change are the same objects as before."""
        borrowed = self._borrowed(raw)
        now = {} if raw.extra == "gone" else dict(before)
        for number in raw.gone:
            now.pop(number, None)
        other_count = (borrowed ^ self._last_borrowed) & self._raw.keys()
        self._last_borrowed = borrowed
        for number in [*raw.changed, *(other_count - raw.changed.keys())]:
            now[number] = self._state(number, self._raw[number], number in borrowed)
        return now

    def _state(self, number: Number, raw: RawState, is_borrowed: bool) -> State:
        count = raw.own if raw.own < 0 or is_borrowed else raw.own + 1
        return State(
            number,
            raw.text or self._reader.texts.get(number, ""),
            count,
            raw.own,
            raw.tracked,
            raw.generation if raw.generation >= 0 else None,
            raw.edges,
            raw.size,
            raw.garbage,
            raw.finalized,
        )

    def _borrowed(self, raw: RawStep) -> set[Number]:
        """Objects of which a call has no reference of its own: 3.14 passes locals as they are."""
        if not self._no_call_reference or not raw.scopes:
            return set()
        scope = self._scopes[raw.scopes[-1][0]]
        return set() if scope.kind in ("module", "class") else set(scope.names.values())

    # --- words ---

    def call(self, number: Number) -> str:
        """`#5 (a list)`; `#7 ('four')`."""
        thing = self.things.get(number)
        if thing is None:
            return f"#{number}"
        if thing.type in _ATOMS:
            return f"#{number} ({self._reader.texts.get(number, thing.type)})"
        if thing.type in ("type", "module", "function"):
            return f"#{number} ({self._reader.texts.get(number, thing.type)})"
        return f"#{number} ({_article(thing.type)})"


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


class _Events:
    """Of one step."""

    def __init__(
        self,
        builder: Builder,
        before: dict[Number, State],
        now: dict[Number, State],
        raw: RawStep,
    ) -> None:
        self._builder = builder
        self._before, self._now, self._raw = before, now, raw
        self._dead = {death.number for death in raw.deaths}
        self.found: list[Event] = []

    def _add(
        self, kind: EventKind, text: str, thing: Number | None = None, name: str = "", by: str = ""
    ) -> None:
        self.found.append(Event(kind, text, thing, name, by))

    def _call(self, number: Number) -> str:
        return self._builder.call(number)

    def _thing(self, number: Number) -> Thing:
        return self._builder.things.get(number) or Thing(number, "object")

    def raised(self) -> None:
        if self._raw.kind == "exception":
            self._add("raised", f"{self._raw.extra or 'an exception'} is raised in {self._where()}")

    def _where(self) -> str:
        return "the module" if self._raw.title == "<module>" else f"{self._raw.title}()"

    # --- names ---

    def created(self) -> None:
        for thing, is_born in self._raw.new:
            if thing.origin not in ("taken", "free list") or (not is_born and thing.type in _ATOMS):
                continue
            number = thing.number
            size = self._now[number].size if number in self._now else 0
            if thing.origin == "free list":
                memory = "its memory is from a free list"
            elif size > thing.block:
                memory = f"{size} bytes, {thing.block} of them in its own block"
            else:
                memory = f"{size} bytes, in a block of {thing.block}"
            self._add("created", f"{self._call(number)} is created: {memory}", number)

    def scopes_left(self, scopes: dict[int, RawScope]) -> None:
        on_stack = {number for number, _ in self._raw.scopes}
        for number, scope in scopes.items():
            if number in on_stack:
                continue
            if number in self._builder._paused:
                continue
            names = ", ".join(f"`{name}`" for name in scope.names if name[0] != "(")
            title = "the module" if scope.title == "<module>" else f"{scope.title}()"
            what = f": its names {names} go" if names else ""
            self._add("scope left", f"{title} is left{what}", name=scope.title)
            for name, target in scope.names.items():
                if name[0] != "(":
                    self._lost(name, target)
        if self._raw.kind == "return" and self._raw.scopes:
            top = self._raw.scopes[-1][0]
            if self._raw.extra.endswith("\x1fyield"):
                self._builder._paused.add(top)
            else:
                self._builder._paused.discard(top)

    def names(self, before: dict[int, dict[str, Number]]) -> None:
        for number, _ in self._raw.scopes:
            old = before.get(number, {})
            new = self._builder._scopes[number].names
            if old is new or (number not in before and number in self._builder._paused):
                continue
            for name, target in new.items():
                if name[0] != "(":
                    self._bound(name, old.get(name), target)
            for name in [name for name in old if name not in new and name[0] != "("]:
                self._add("deleted", f"the name `{name}` goes", old[name], name)
                self._lost(name, old[name])

    def _bound(self, name: str, old: Number | None, target: Number) -> None:
        if old == target:
            return
        what = self._call(target)
        if old is None:
            self._add("bound", f"`{name}` refers to {what}", target, name)
        else:
            self._add("rebound", f"`{name}` refers to {what} now, no more to #{old}", target, name)
        if target in self._before and self._thing(target).type not in (_ATOMS | _FURNITURE):
            others = self._holders(target, but=name)
            if others:
                text = f"{what} is shared: {others} and `{name}` are the same object"
                self._add("shared", text, target, name)
        if old is not None:
            self._lost(name, old)

    def _lost(self, name: str, number: Number) -> None:
        """A name of it went: does it live on, and by what?"""
        if number in self._dead or self._thing(number).type in (_ATOMS | _FURNITURE):
            return
        state = self._now.get(number)
        if state is None or state.garbage:
            return
        holders = self._holders(number) or "something that is not shown"
        self._add(
            "kept", f"{self._call(number)} lives on: kept by {holders}", number, name, holders
        )

    def _holders(self, number: Number, but: str = "") -> str:
        found = []
        for scope, _ in reversed(self._raw.scopes):
            names = self._builder._scopes[scope].names
            found += [
                f"`{name}`" if name[0] != "(" else f"what is {name[1:-1]}"
                for name, to in names.items()
                if to == number and name != but
            ]
        for state in self._now.values():
            found += [
                f"#{state.number}{edge.label if edge.label[0] in '[.' else ' ' + edge.label}"
                for edge in state.edges
                if edge.to == number and not edge.weak
            ]
        if len(found) > 3:
            return f"{', '.join(found[:3])} and {len(found) - 3} more"
        return " and ".join(found)

    # --- contents and counts ---

    def contents(self) -> None:
        for number in self._raw.changed:
            old, new = self._before.get(number), self._now.get(number)
            if old is None or new is None or old.edges == new.edges:
                continue
            if self._thing(number).type in _PAUSING or self._thing(number).type == "frame":
                continue
            before = {(edge.label, edge.to) for edge in old.edges if not edge.weak}
            now = {(edge.label, edge.to): edge for edge in new.edges if not edge.weak}
            labels = {label for label, _ in now}
            parts = [
                f"{edge.label} is {self._call(edge.to)}"
                for key, edge in now.items()
                if edge.to and key not in before
            ]
            parts += [
                f"{label} is no more"
                for label, to in sorted(before - now.keys())
                if label not in labels or label[0] == "("
            ]
            if len(parts) > _MOST_PARTS:
                parts = [new.text if new.text == old.text else f"{new.text}, before {old.text}"]
            if parts:
                self._add("changed", f"{self._call(number)}: {', '.join(parts)}", number)

    def counts(self) -> None:
        for number in self._raw.changed:
            old, new = self._before.get(number), self._now.get(number)
            if old is None or new is None or old.own == new.own or new.own < 0:
                continue
            thing = self._thing(number)
            if thing.immortal or thing.type in (_SINGLETONS | _FURNITURE):
                continue
            if thing.origin == "static" or (thing.type in _ATOMS and thing.origin == "older"):
                continue
            kind: EventKind = "up" if new.own > old.own else "down"
            self._add(kind, f"count of {self._call(number)}: {old.own} -> {new.own}", number, by="")

    # --- the end of objects ---

    def collections(self) -> None:
        for generation, _ in self._raw.collections:
            mine = [death for death in self._raw.deaths if death.generation == generation]
            if not mine:
                continue
            objects = f"{len(mine)} object{'s' if len(mine) != 1 else ''} shown here"
            self._add(
                "collected",
                f"a collection of generation {generation} found garbage: {objects}",
                by=f"generation {generation}",
            )

    def garbage(self) -> None:
        told = self._builder._told_garbage
        changed = [number for number in self._raw.changed if number in self._now]
        for number in [n for n in changed if self._now[n].garbage and n not in told]:
            told.add(number)
            self._add(
                "garbage",
                f"{self._call(number)} is garbage: only a cycle refers to it",
                number,
            )
        told.difference_update(n for n in changed if not self._now[n].garbage)

    def deaths(self) -> None:
        for death in self._raw.deaths:
            number = death.number
            self._builder._dead.add(number)
            if death.finalized and number not in self._builder._finalized:
                self._builder._finalized.add(number)
                self._add("finalized", f"the finalizer of {self._call(number)} ran", number)
            by = "count" if death.generation < 0 else f"generation {death.generation}"
            how = ": no reference is left" if by == "count" else f" by the collection of {by}"
            if death.memory == "b":
                memory = f"{death.size} bytes given back"
            elif death.memory == "r":
                memory = "another object is written where it lay"
            else:
                memory = "its memory stays in a free list"
            self._add("freed", f"{self._call(number)} is freed{how}; {memory}", number, by=by)

    def finalized(self) -> None:
        seen = self._builder._finalized
        for number, raw in self._raw.changed.items():
            if not raw.finalized or number in self._dead:
                continue
            if number not in seen:
                seen.add(number)
                self._builder._pending_resurrection.add(number)
                self._add("finalized", f"the finalizer of {self._call(number)} is called", number)
        pending = self._builder._pending_resurrection
        in_finalizer = any(
            self._builder._scopes[scope].title.rpartition(".")[2] == "__del__"
            for scope, _ in self._raw.scopes
        )
        if in_finalizer or self._raw.kind == "end":
            return
        for number in sorted(pending):
            pending.discard(number)
            if number in self._now and self._thing(number).type not in _PAUSING:
                text = f"{self._call(number)} lives on after its finalizer: resurrected"
                holders = self._holders(number)
                self._add("resurrected", text, number, by=holders)

    def weak(self) -> None:
        for number, state in self._raw.changed.items():
            old = self._before.get(number)
            if old is None or number not in self._now:
                continue
            had = [edge for edge in old.edges if edge.weak]
            has = [edge for edge in state.edges if edge.weak]
            if had and not has:
                text = f"{self._call(number)} is cleared: #{had[0].to} is no more"
                self._add("weak cleared", text, number)

    # --- memory and output ---

    def memory(self) -> None:
        for thing, is_born in self._raw.new:
            if is_born and thing.origin == "taken" and thing.block:
                text = f"{thing.block} bytes taken for {self._call(thing.number)}"
                self._add("taken", text, thing.number, by="object")
        sums: dict[tuple[str, Number, str], list[int]] = defaultdict(lambda: [0, 0])
        for flow in self._raw.flows:
            one = sums[flow.sign, flow.owner, flow.role]
            one[0] += flow.count
            one[1] += flow.size
        for (sign, owner, role), (count, size) in sums.items():
            kind: EventKind = "taken" if sign == "+" else "given back"
            verb = "taken" if sign == "+" else "given back"
            if owner:
                what = "the content of " if role == "storage" else ""
                text = f"{size} bytes {verb} for {what}{self._call(owner)}"
                self._add(kind, text, owner, by=role)
            elif role == "passing":
                self._add(
                    kind, f"{count} blocks ({size} bytes) taken and given back at once", by=role
                )
            else:
                self._add(
                    kind, f"{count} blocks ({size} bytes) {verb} by what is not shown", by=role
                )

    def printed(self, output: str) -> None:
        if output:
            self._add("printed", f"prints {output.rstrip()!r}")


def edges_to(states: Iterable[State], number: Number) -> list[tuple[State, Edge]]:
    """Who refers to it among these."""
    return [(state, edge) for state in states for edge in state.edges if edge.to == number]
