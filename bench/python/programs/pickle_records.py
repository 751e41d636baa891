# SPDX-License-Identifier: Apache-2.0
"""Ordinary: pickle and unpickle lists of records, as a queue or a cache between processes does."""

from __future__ import annotations

import datetime
import pickle

RECORDS = 3_000
ROUNDS = 46


class Record:
    def __init__(self, index: int) -> None:
        self.index = index
        self.when = datetime.datetime(2024, 1, 1) + datetime.timedelta(minutes=index)
        self.values = [index * 0.5, index * 2, f"value {index}"]
        self.attributes = {"colour": f"c{index % 11}", "weight": index * 1.5}

    def size(self) -> int:
        return len(self.values) + len(self.attributes)


def work(scale: float) -> object:
    records = [Record(index) for index in range(RECORDS)]
    data = b""
    for _ in range(max(1, round(ROUNDS * scale))):
        data = pickle.dumps(records, protocol=4)
        records = pickle.loads(data)
    return len(data), sum(record.size() for record in records)
