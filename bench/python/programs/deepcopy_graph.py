# SPDX-License-Identifier: Apache-2.0
"""Ordinary: deep copies of a configuration of dicts, lists, tuples and instances."""

from __future__ import annotations

import copy

COPIES = 320
SERVICES = 60


class Service:
    def __init__(self, name: str, ports: list[int]) -> None:
        self.name = name
        self.ports = ports
        self.limits = {"memory": len(name) * 1024, "cpu": len(ports) * 0.5}
        self.depends: list[Service] = []


def make() -> dict[str, object]:
    services = [Service(f"service-{index}", [8000 + index, 9000]) for index in range(SERVICES)]
    for index, service in enumerate(services[1:]):
        service.depends.append(services[index // 2])
    routes = {f"/path/{index}": (index, [f"tag{index % 5}"] * 3) for index in range(SERVICES * 4)}
    return {"services": services, "routes": routes, "matrix": [[0.5] * 12 for _ in range(SERVICES)]}


def work(scale: float) -> object:
    original = make()
    kept = []
    for _ in range(max(1, round(COPIES * scale))):
        kept.append(copy.deepcopy(original))
        del kept[:-8]
    return len(kept[-1]), sorted(kept[-1])
