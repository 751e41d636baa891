# SPDX-License-Identifier: Apache-2.0
"""Inside a measured process: which allocator is in; as a script it prints what it sees, as JSON."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).resolve().parents[2] / "python"


def mapped_files() -> set[str]:
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return {line[line.index("/") : -1] for line in maps if "/" in line}


def load_agent() -> ModuleType | None:
    """The agent that was preloaded into this process; importing it by name could find another."""
    from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
    from importlib.util import module_from_spec, spec_from_file_location

    name = "/_agent" + EXTENSION_SUFFIXES[0]
    path = next((path for path in mapped_files() if path.endswith(name)), None)
    if path is None:
        return None
    loader = ExtensionFileLoader("hoopsnake._agent", path)
    spec = spec_from_file_location("hoopsnake._agent", path, loader=loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def load_package() -> ModuleType | None:
    """The package of this source tree, on top of the agent that was preloaded."""
    agent = load_agent()
    if agent is None:
        return None
    sys.modules["hoopsnake._agent"] = agent
    sys.path.insert(0, str(PACKAGE))
    package = import_module("hoopsnake")
    vars(package)["_agent"] = agent
    return package


def load_collector() -> ModuleType | None:
    """The package, if the agent that was preloaded has a collector."""
    package = load_package()
    return package if hasattr(package, "collections") else None


def collector_figures() -> dict[str, object] | None:
    hoopsnake = load_collector()
    if hoopsnake is None:
        return None
    figures = hoopsnake.stats()
    return {"name": figures.collector, "reason": figures.collector_reason}


def main() -> None:
    files = sorted(mapped_files())
    agent = load_agent()
    seen = {
        "files": files,
        "hoop": agent.status() if agent else None,
        "collector": collector_figures(),
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
