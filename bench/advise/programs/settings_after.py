# SPDX-License-Identifier: Apache-2.0
"""Records whose attributes come from keyword arguments. As advised."""

from bench.advise.measured import end, scaled


class Record:
    def __init__(self, **fields):
        self.host = self.port = self.path = self.user = None
        for name, value in fields.items():
            setattr(self, name, value)


RECORDS = [Record(host="", port=1, path="", user=None) for _ in range(scaled(150_000))]
end()
