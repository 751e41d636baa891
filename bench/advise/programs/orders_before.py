# SPDX-License-Identifier: Apache-2.0
"""Orders, a dataclass of seven fields."""

from dataclasses import dataclass

from bench.advise.measured import end, scaled


@dataclass
class Order:
    number: int
    customer: str
    lines: int
    net: int
    gross: int
    paid: bool
    note: str


ORDERS = [Order(1, "", 2, 3, 4, True, "") for _ in range(scaled(200_000))]
end()
