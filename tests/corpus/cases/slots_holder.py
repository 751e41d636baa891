# SPDX-License-Identifier: Apache-2.0
# A dataclass with slots holds the list.
# type: Trade
# holder: trades
# verdict: grows
# fix: maxlen|deque|bound|drop|limit|clear
import sys
from dataclasses import dataclass, field

FIXED = "--fixed" in sys.argv


@dataclass(slots=True)
class Trade:
    price: float
    amount: int


@dataclass(slots=True)
class Book:
    name: str
    trades: list = field(default_factory=list)


books = [Book("gold"), Book("tin")]
for i in range(5000):
    book = books[0]
    book.trades.append(Trade(i * 1.5, i + 1000))
    if FIXED:
        del book.trades[:-20]
print("done")
