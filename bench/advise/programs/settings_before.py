# SPDX-License-Identifier: Apache-2.0
"""Records whose attributes come from keyword arguments."""

from bench.advise.measured import end, scaled


class Record:
    def __init__(self, **fields):
        self.__dict__.update(fields)


RECORDS = [Record(host="", port=1, path="", user=None) for _ in range(scaled(150_000))]
end()
