# SPDX-License-Identifier: Apache-2.0
"""`hoopsnake.stats()` and its like, over an agent that is a stand-in."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest
import run_files

import hoopsnake


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the stand-in does next; `calls` is what it was asked for."""
    state = SimpleNamespace(refusal="", calls=[])
    module = ModuleType("hoopsnake._agent")

    def install() -> bool:
        state.calls.append("install")
        if state.refusal:
            raise RuntimeError(state.refusal)
        return True

    figures = run_files.heap(in_use=5, live_blocks=1, trim_ns=1_500_000, fragmentation=0.5)
    contents = {
        "install": install,
        "status": lambda: {"active": True, "reason": None},
        "stats": lambda: figures,
        "trim": lambda: 4096,
        "epoch": lambda: state.calls.append("epoch"),
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


def test_trim_and_epoch_reach_the_agent(agent: SimpleNamespace) -> None:
    assert hoopsnake.trim() == 4096
    hoopsnake.epoch()
    assert agent.calls == ["epoch"]


def test_install_tells_why_not(agent: SimpleNamespace) -> None:
    assert hoopsnake.install() is True
    agent.refusal = "tracemalloc is tracing"
    with pytest.raises(hoopsnake.HoopError, match="stays out of this process: tracemalloc is"):
        hoopsnake.install()


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
