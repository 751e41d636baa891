# SPDX-License-Identifier: Apache-2.0
"""Allocation-heavy: json.loads of a document of records, over and over."""

from __future__ import annotations

import json

RECORDS = 4_000
LOADS = 50


def document() -> str:
    return json.dumps(
        [
            {
                "id": index,
                "name": f"customer number {index}",
                "balance": index * 1.25,
                "active": index % 3 == 0,
                "address": {
                    "street": f"{index} High Street",
                    "city": f"city {index % 97}",
                    "zip": index,
                },
                "orders": [
                    {"sku": f"S{order:05}", "count": order % 5} for order in range(index % 7)
                ],
            }
            for index in range(RECORDS)
        ]
    )


def work(scale: float) -> object:
    text = document()
    total = 0
    for _ in range(max(1, round(LOADS * scale))):
        total += sum(len(record["orders"]) + record["id"] for record in json.loads(text))
    return total
