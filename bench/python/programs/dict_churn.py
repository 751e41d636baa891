# SPDX-License-Identifier: Apache-2.0
"""Allocation-heavy: a window of small dicts of several shapes, replaced and changed all along."""

from __future__ import annotations

WINDOW = 20_000
STEPS = 800_000


def make(step: int) -> dict[str, object]:
    shape = step % 3
    if shape == 0:
        return {"id": step, "price": step * 0.25, "tags": [step, step + 1]}
    if shape == 1:
        return {
            "id": step,
            "name": f"item {step}",
            "size": (step, step),
            "left": None,
            "right": None,
        }
    return {f"field{index}": step + index for index in range(10)}


def work(scale: float) -> object:
    window: list[dict[str, object]] = [{} for _ in range(WINDOW)]
    total = 0
    for step in range(max(WINDOW, round(STEPS * scale))):
        place = step * 7919 % WINDOW
        old = window[place]
        total += len(old)
        if step % 4 == 0:
            old["seen"] = step * 1.5
            old.pop("id", None)
        else:
            window[place] = make(step)
    return total, sum(map(len, window))
