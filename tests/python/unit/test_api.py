# SPDX-License-Identifier: Apache-2.0
"""`hoopsnake.stats()` and its like, over an agent that is a stand-in."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest
import run_files
from run_files import MS, S

import hoopsnake


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the stand-in does next; `calls` is what it was asked for."""
    state = SimpleNamespace(refusal="", calls=[], pauses=[])
    module = ModuleType("hoopsnake._agent")

    def install(collector: str) -> bool:
        state.calls.append(f"install {collector}")
        if state.refusal:
            raise RuntimeError(state.refusal)
        return True

    collector = {"mode": "concurrent", "reason": None, "collections": 2, "pauses": state.pauses}
    figures = run_files.heap(in_use=5, live_blocks=1, trim_ns=1_500_000, fragmentation=0.5)
    contents = {
        "install": install,
        "status": lambda: {"active": True, "reason": None},
        "stats": lambda: figures,
        "trim": lambda: 4096,
        "epoch": lambda: state.calls.append("epoch"),
        "collect": lambda: 17,
        "collector": lambda: collector,
        "collections": lambda: [run_files.collection(), run_files.collection(at_ns=2 * S)],
    }
    vars(module).update(contents)
    monkeypatch.setitem(sys.modules, "hoopsnake._agent", module)
    monkeypatch.setattr(hoopsnake, "_agent", module, raising=False)
    monkeypatch.delenv("HOOP_DISABLE", raising=False)
    return state


@pytest.mark.usefixtures("agent")
def test_stats_are_the_agents_figures() -> None:
    stats = hoopsnake.stats()
    assert isinstance(stats, hoopsnake.Stats)
    assert (stats.active, stats.in_use, stats.live_blocks) == (True, 5, 1)
    assert (stats.trim_seconds, stats.fragmentation) == (0.0015, 0.5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        stats.in_use = 6  # type: ignore[misc]


@pytest.mark.usefixtures("agent")
def test_stats_say_who_collects() -> None:
    stats = hoopsnake.stats()
    assert (stats.collector, stats.collector_reason) == ("concurrent", None)
    assert (stats.full_collections, stats.pauses) == (2, ())


def test_stops_are_shown_from_the_shortest_to_the_longest(agent: SimpleNamespace) -> None:
    bounds = [62_500 * 2**power for power in range(19)] + [0]
    agent.pauses += [(bound, 0, 0, 0) for bound in bounds]
    agent.pauses[2] = (256_000, 7, 0, 1)
    assert hoopsnake.stats().pauses == (hoopsnake.PauseCount(0.000256, 7, 0, 1),)
    agent.pauses[19] = (0, 0, 3, 0)
    first, *empty, last = hoopsnake.stats().pauses
    assert (first.up_to_seconds, len(empty)) == (0.000256, 16)
    assert last == hoopsnake.PauseCount(math.inf, 0, 3, 0)


@pytest.mark.usefixtures("agent")
def test_collections_are_the_agents_records_in_seconds() -> None:
    first, second = hoopsnake.collections()
    assert first == hoopsnake.Collection(
        at=1.5,
        trigger="threshold",
        mode="concurrent",
        outcome="done",
        reason=None,
        pause_seconds=0.0021,
        search_seconds=0.074,
        judge_seconds=0.0094,
        longest_judge_seconds=0.0013,
        batches=11,
        objects=810_220,
        candidates=52_310,
        components=4_021,
        largest_component=310,
        freed=52_100,
        dropped_died=170,
        dropped_untracked=34,
        survived=6,
    )
    assert second.at == 2.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.freed = 6  # type: ignore[misc]


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize(("pause", "judge", "longest"), [(3, 2, 0.003), (1, 2, 0.002)])
def test_the_longest_stop_is_the_first_one_or_a_judgement(
    pause: int, judge: int, longest: float
) -> None:
    record = run_files.collection(pause_ns=pause * MS, longest_judge_ns=judge * MS)
    vars(sys.modules["hoopsnake._agent"])["collections"] = lambda: [record]
    assert hoopsnake.collections()[0].longest_stop_seconds == longest


def test_trim_collect_and_epoch_reach_the_agent(agent: SimpleNamespace) -> None:
    assert hoopsnake.trim() == 4096
    assert hoopsnake.collect() == 17
    hoopsnake.epoch()
    assert agent.calls == ["epoch"]


def test_install_tells_why_not(agent: SimpleNamespace) -> None:
    assert hoopsnake.install() is True
    agent.refusal = "tracemalloc is tracing"
    with pytest.raises(hoopsnake.HoopError, match="stays out of this process: tracemalloc is"):
        hoopsnake.install()


def test_install_asks_for_a_collector_that_there_is(agent: SimpleNamespace) -> None:
    hoopsnake.install()
    hoopsnake.install("inplace")
    hoopsnake.install(collector="stock")
    with pytest.raises(hoopsnake.HoopError, match="there is no collector 'fast'; there are"):
        hoopsnake.install("fast")
    assert agent.calls == ["install concurrent", "install inplace", "install stock"]


def test_install_does_nothing_when_switched_off(
    agent: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOP_DISABLE", "1")
    assert hoopsnake.install() is False
    assert agent.calls == []


def test_without_an_agent_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "hoopsnake._agent", raising=False)
    monkeypatch.delattr(hoopsnake, "_agent", raising=False)
    monkeypatch.setattr(hoopsnake, "__path__", [])
    with pytest.raises(hoopsnake.HoopError, match="no usable Hoopsnake agent for cpython 3"):
        hoopsnake.stats()


def test_unknown_names_are_attribute_errors() -> None:
    assert not hasattr(hoopsnake, "statistics")


def test_importing_loads_next_to_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); import hoopsnake;"
        "print(*sorted(set(sys.modules) - before))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["hoopsnake", "hoopsnake._errors"]
