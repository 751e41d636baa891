# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the whole-process tests: `box`, once for every CPython that there is."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import whole_process
from whole_process import MINORS, Sandbox


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "same_everywhere: on the oldest and the newest version of CPython only, in CI"
    )
    # A shell's background job ignores this signal, and so would every program tested here.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `minor` (by way of `box`) runs on every version, or on those it names."""
    if "minor" in metafunc.fixturenames:
        test = metafunc.definition
        marker = test.get_closest_marker("pythons")
        minors = marker.args if marker else MINORS
        if os.environ.get("CI") and test.get_closest_marker("same_everywhere"):
            minors = (minors[0], minors[-1]) if len(minors) > 2 else minors
        metafunc.parametrize("minor", minors, scope="session")


@pytest.fixture(scope="session")
def package_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The package for a version of CPython, made once."""
    made: dict[str, Path] = {}

    def get(minor: str) -> Path:
        if reason := whole_process.why_absent(minor):
            pytest.skip(reason)
        if minor not in made:
            folder = tmp_path_factory.mktemp(f"python{minor}")
            made[minor] = whole_process.make_package(folder, minor)
        return made[minor]

    return get


@pytest.fixture
def box(minor: str, package_of: Callable[[str], Path], tmp_path: Path) -> Iterator[Sandbox]:
    package = package_of(minor)
    # What is still written there as a test ends is nobody's loss.
    with tempfile.TemporaryDirectory(prefix="box", ignore_cleanup_errors=True) as temporary:
        yield Sandbox(whole_process.interpreters()[minor], package, tmp_path, Path(temporary))


@pytest.fixture
def compiler() -> str:
    found = whole_process.c_compiler()
    if not found:
        pytest.skip("no C compiler")
    return found
