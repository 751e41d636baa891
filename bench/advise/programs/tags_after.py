# SPDX-License-Identifier: Apache-2.0
"""An empty list in each object. As advised."""

from bench.advise.measured import end, scaled


class Page:
    __slots__ = ("tags", "title")

    def __init__(self):
        self.title = None
        self.tags = None


PAGES = [Page() for _ in range(scaled(200_000))]
end()
