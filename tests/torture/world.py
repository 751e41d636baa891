# SPDX-License-Identifier: Apache-2.0
"""A graph of real objects, and beside it the same graph as numbers: the model.

The model never holds an object. It knows which nodes are reachable; those must be whole, and none
of their finalizers may have run. The others may be there or not, until a checkpoint: then all of
them must be gone, finalized once.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Iterable
from typing import Any

from journal import (
    JOURNAL,
    Box,
    BusyBox,
    DisagreementError,
    FinalizedBox,
    Phoenix,
    WeakWatch,
)
from shapes import SHAPES, Holder, Shape


class GcClock:
    """Whether a collection runs now, and how many began: by an entry of gc.callbacks."""

    def __init__(self) -> None:
        self.began = 0
        self.running = 0

    def __call__(self, phase: str, _: object) -> None:
        if phase == "start":
            self.began += 1
            self.running += 1
        else:
            self.running -= 1


CLOCK = GcClock()


class World:
    """One mutator's graph. Only one thread works on it; finalizers may run in any."""

    most_roots = 150

    def __init__(self, seed: str, fragile_kinds: bool = True) -> None:
        self.random = random.Random(seed)
        self.name = seed
        self.shapes = [shape for shape in SHAPES if fragile_kinds or not shape.is_fragile]
        self.weights = [shape.weight for shape in self.shapes]
        self.roots: dict[int, Holder] = {}
        self.weak = WeakWatch()
        self.limbo: list[Any] = []  # brought back by finalizers, until the next checkpoint
        # The model.
        self.edges: dict[int, list[int]] = {}
        self.shape_of: dict[int, Shape] = {}
        self.calls_finalizer: set[int] = set()
        self.held_by_itself: list[int] = []  # its box refers to its holder: weak references lead in
        self.excused: set[int] = set()  # finalized before they were brought back: nothing is known
        self.steps = 0
        phoenix = type("Phoenix", (Phoenix,), {"__slots__": (), "risen": []})
        self.risen: list[Box] = phoenix.risen  # type: ignore[attr-defined]
        self.box_kinds: list[type[Box]] = [Box, FinalizedBox, FinalizedBox, BusyBox, phoenix]
        self.operations = [
            (self.make_root, 30),
            (self.link, 30),
            (self.unlink, 15),
            (self.drop_root, 14),
            (self.root_from_walk, 6),
            (self.follow_weak_reference, 20),
            (self.make_ring, 12),
            (self.make_tangle, 2),
            (self.churn, 20),
            (self.verify_some, 8),
            (self.drop_half, 0.5),
            (self.pad, 4),
        ]

    # --- steps -----------------------------------------------------------------------------------

    def step(self) -> None:
        functions, weights = zip(*self.operations, strict=True)
        self.random.choices(functions, weights)[0]()
        self.steps += 1
        self.drain()
        if self.steps % 100 == 0:
            self.check_living_quickly()
        while len(self.roots) > self.most_roots:
            self.drop_root()

    def make_node(self, root: bool = True) -> tuple[int, Holder]:
        pick = self.random
        shape = pick.choices(self.shapes, self.weights)[0]
        serial = JOURNAL.next_serial()
        kind = pick.choice(self.box_kinds)
        # Known before it can die.
        self.edges[serial] = []
        self.shape_of[serial] = shape
        if kind.has_finalizer:
            self.calls_finalizer.add(serial)
        box = kind(serial)
        holder = shape.make(box)
        if not shape.is_leaf and pick.random() < 0.6:
            box.holder = holder
        if box.holder is not None or pick.random() < 0.3:
            self.weak.add(box, serial, pick.randrange(8))
        if box.holder is not None:
            self.held_by_itself.append(serial)
        if root:
            self.roots[serial] = holder
        return serial, holder

    def make_root(self) -> None:
        self.make_node()

    def connect(self, serial: int, holder: Holder, to_serial: int, to: Holder) -> None:
        shape = self.shape_of[serial]
        if not shape.is_leaf:
            shape.add(holder, to)
            self.edges[serial].append(to_serial)

    def link(self) -> None:
        one, other = self.walk(), self.walk()
        if one and other:
            self.connect(*one, *other)

    def unlink(self) -> None:
        found = self.walk()
        if not found:
            return
        serial, holder = found
        if count := len(self.edges[serial]):
            index = self.random.randrange(count)
            del self.edges[serial][index]
            self.shape_of[serial].drop(holder, index)

    def drop_root(self) -> None:
        if self.roots:
            del self.roots[self.random.choice(list(self.roots))]

    def root_from_walk(self) -> None:
        if found := self.walk():
            self.roots[found[0]] = found[1]

    def make_ring(self) -> None:
        """Garbage at once, or when its root is dropped."""
        nodes = [self.make_node(root=False) for _ in range(self.random.randint(1, 6))]
        for one, other in zip(nodes, nodes[1:] + nodes[:1], strict=True):
            self.connect(*one, *other)
        if self.random.random() < 0.4:
            self.roots[nodes[0][0]] = nodes[0][1]

    def make_tangle(self) -> None:
        """One component of many nodes."""
        nodes = [self.make_node(root=False) for _ in range(self.random.randint(20, 120))]
        for one in nodes:
            for _ in range(2):
                self.connect(*one, *self.random.choice(nodes))
        if self.random.random() < 0.7:
            self.roots[nodes[0][0]] = nodes[0][1]

    def churn(self) -> None:
        """Addresses are used again, by other types."""
        size = self.random.randint(1, 12)
        made: list[Any] = []
        for i in range(self.random.randint(1, 60)):
            made.append([[i] * size, (i,) * size, {i: size}, {i}, lambda i=i: i, Box.__init__])
        self.random.shuffle(made)
        while made:
            made.pop()

    def pad(self) -> None:
        """A list grows and shrinks: its table moves."""
        found = self.walk()
        if found and type(found[1]) is list and self.shape_of[found[0]].name == "list":
            holder = found[1]
            count = len(holder)
            holder.extend([None] * self.random.choice([1, 10, 100, 5000]))
            del holder[count:]

    def drop_half(self) -> None:
        for serial in self.random.sample(list(self.roots), len(self.roots) // 2):
            del self.roots[serial]

    def verify_some(self) -> None:
        for _ in range(10):
            self.walk()

    # --- reading ---------------------------------------------------------------------------------

    def walk(self) -> tuple[int, Holder] | None:
        """Some node, a few references away from a root."""
        if not self.roots:
            return None
        serial = self.random.choice(list(self.roots))
        holder = self.roots[serial]
        for _ in range(self.random.randint(0, 4)):
            targets = self.verified_targets(serial, holder)
            if not targets:
                break
            index = self.random.randrange(len(targets))
            serial, holder = self.edges[serial][index], targets[index]
        self.verified_targets(serial, holder)
        return serial, holder

    def verified_targets(self, serial: int, holder: Holder) -> list[Holder]:
        shape = self.shape_of[serial]
        box = shape.open(holder)
        if not isinstance(box, Box) or box.token.serial != serial:
            self.fail(serial, f"holds {type(box).__name__}, not its box")
        if box.holder is not None and box.holder is not holder:
            self.fail(serial, "its box holds another node")
        targets = [] if shape.is_leaf else shape.targets(holder)
        if len(targets) != len(self.edges[serial]):
            self.fail(serial, f"refers to {len(targets)} nodes, not {len(self.edges[serial])}")
        return targets

    def follow_weak_reference(self) -> None:
        """Often of a node that a search has found to be garbage by now: it is alive again."""
        serial = self.pick_weak()
        if serial is None:
            return
        began = CLOCK.began
        box = self.weak.refs[serial]()
        known_reachable = serial in self.reachable()
        if box is None:
            if known_reachable:
                self.fail(serial, "a weak reference to it is dead")
            return
        if not known_reachable and (CLOCK.running or CLOCK.began != began):
            # Between a finalizer and the end, maybe.
            self.excuse(serial)
            self.limbo.append(box)
            return
        self.verified_targets(serial, box.holder)
        self.roots[serial] = box.holder

    def pick_weak(self) -> int | None:
        # The younger, the more often garbage that was not found yet.
        while self.held_by_itself:
            back = min(int(self.random.expovariate(0.02)) + 1, len(self.held_by_itself))
            serial = self.held_by_itself[-back]
            if serial in self.shape_of and serial not in self.excused:
                return serial
            del self.held_by_itself[-back]
        return None

    # --- the model -------------------------------------------------------------------------------

    def closure_of(self, serials: Iterable[int]) -> set[int]:
        found = set(serials)
        waiting = list(found)
        while waiting:
            for target in self.edges[waiting.pop()]:
                if target not in found:
                    found.add(target)
                    waiting.append(target)
        return found

    def reachable(self) -> set[int]:
        return self.closure_of(self.roots)

    def excuse(self, serial: int) -> None:
        self.excused |= self.closure_of([serial])

    def drain(self) -> None:
        """Takes in what finalizers brought back."""
        while self.risen:
            box = self.risen.pop()
            self.excuse(box.token.serial)
            self.limbo.append(box)

    def drop_all(self) -> None:
        self.roots.clear()

    # --- checks ----------------------------------------------------------------------------------

    def fail(self, serial: int, text: str) -> None:
        shape = self.shape_of.get(serial)
        raise DisagreementError(
            f"world {self.name}, step {self.steps}, node {serial} "
            f"({shape.name if shape else 'forgotten'}): {text}; __del__ called "
            f"{JOURNAL.called[serial]}, gone {JOURNAL.gone[serial]}, "
            f"{'reachable' if serial in self.reachable() else 'unreachable'}"
            f"{', excused' if serial in self.excused else ''}"
        )

    def check_living_quickly(self) -> None:
        for serial in self.reachable():
            if JOURNAL.called[serial] or JOURNAL.gone[serial]:
                self.fail(serial, "finalized while reachable")
        for serial in self.shape_of:
            if JOURNAL.called[serial] > 1 or JOURNAL.gone[serial] > 1:
                self.fail(serial, "finalized twice")

    def is_settled(self) -> bool:
        """Whether all that must go is gone."""
        reachable = self.reachable()
        return all(JOURNAL.gone[serial] for serial in self.shape_of if serial not in reachable)

    def check(self) -> None:
        """REQUIRES: the program is at rest, everything was collected."""
        self.check_living_quickly()
        reachable = self.reachable()
        self.check_living_thoroughly(reachable)
        dead = [serial for serial in self.shape_of if serial not in reachable]
        for serial in dead:
            self.check_dead(serial)
        if fault := self.weak.check_sizes(reachable):
            raise DisagreementError(f"world {self.name}: {fault}")
        for serial in dead:
            del self.shape_of[serial], self.edges[serial]
            self.weak.forget(serial)
        self.excused.clear()
        self.calls_finalizer &= reachable
        self.held_by_itself = [serial for serial in self.held_by_itself if serial in reachable]

    def check_living_thoroughly(self, reachable: set[int]) -> None:
        seen: set[int] = set()
        waiting = list(self.roots.items())
        tracked = set(map(id, gc.get_objects()))
        while waiting:
            serial, holder = waiting.pop()
            if serial in seen:
                continue
            seen.add(serial)
            targets = self.verified_targets(serial, holder)
            box = self.shape_of[serial].open(holder)
            if id(box) not in tracked:
                self.fail(serial, "its box is in none of the collector's lists")
            if gc.is_tracked(holder) and id(holder) not in tracked:
                self.fail(serial, "it is in none of the collector's lists")
            if fault := self.weak.faults_of_living(serial, box):
                self.fail(serial, fault)
            waiting.extend(zip(self.edges[serial], targets, strict=True))
        if seen != reachable:
            raise DisagreementError(f"world {self.name}: nodes are missing")

    def check_dead(self, serial: int) -> None:
        if not JOURNAL.made[serial]:
            return
        if JOURNAL.gone[serial] != 1:
            self.fail(serial, "is still there")
        if JOURNAL.called[serial] != (serial in self.calls_finalizer):
            self.fail(serial, "finalizer")
        if fault := self.weak.faults_of_dead(serial):
            self.fail(serial, fault)
