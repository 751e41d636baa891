# SPDX-License-Identifier: Apache-2.0
"""What rises to a peak and falls: each scenario can build, drop, and list the objects that live."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Protocol


class Scenario(Protocol):
    """`drop` leaves the survivors; `live` yields every object of the scenario's that lives now."""

    def build(self) -> None: ...
    def drop(self) -> None: ...
    def live(self) -> Iterator[object]: ...


# name -> (module, class, title)
SCENARIOS = {
    "random": ("survivors", "Random", "0.1 % survive at random"),
    "random-many": ("survivors", "RandomMany", "1 % survive at random"),
    "clustered": ("survivors", "Clustered", "1 % survive in ten clusters"),
    "periodic": ("survivors", "Periodic", "every 100th block survives"),
    "server": ("server", "Server", "a server after a burst"),
    "parse-then-drop": ("parse_then_drop", "ParseThenDrop", "JSON parsed, a summary kept"),
}


def make(name: str, scale: float) -> Scenario:
    module, kind, _ = SCENARIOS[name]
    scenario: Scenario = getattr(import_module(f"{__name__}.{module}"), kind)(scale)
    return scenario
