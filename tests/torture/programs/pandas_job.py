# SPDX-License-Identifier: Apache-2.0
"""Tables are made, grouped, merged and sorted, with the same sums each time."""

from __future__ import annotations

import held
import numpy as np
import pandas as pd

ROWS = 50_000


def work() -> float:
    random = np.random.default_rng(7)
    orders = pd.DataFrame(
        {
            "customer": random.integers(0, 500, ROWS),
            "city": random.choice(["Oslo", "Lima", "Pune"], ROWS),
            "amount": random.normal(40, 9, ROWS).round(2),
            "note": [f"note {number % 997}" for number in range(ROWS)],
        }
    )
    people = pd.DataFrame({"customer": range(500), "name": [f"name {n}" for n in range(500)]})
    merged = orders.merge(people, on="customer").sort_values(["customer", "amount"])
    by_city = merged.groupby("city")["amount"].sum()
    return float(by_city.sum()) + float(merged["name"].str.len().sum())


def main() -> None:
    first, did, failed = work(), 0, 0
    held.ready()
    while not held.is_over():
        failed += work() != first
        did += 1
    held.say(did, failed)


main()
