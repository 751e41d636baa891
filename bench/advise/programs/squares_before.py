# SPDX-License-Identifier: Apache-2.0
"""A list that is gone through once."""

from bench.advise.measured import end, scaled


def job():
    rows = [str(number) for number in range(scaled(200_000))]
    for number, row in enumerate(row for row in rows):
        if number == scaled(200_000) // 2:
            end()
        assert row


job()
