# SPDX-License-Identifier: Apache-2.0
"""Bound methods of objects that live anyhow."""

from bench.advise.measured import end, scaled


class View:
    __slots__ = ()

    def update(self):
        pass


VIEWS = [View() for _ in range(scaled(200_000))]
OBSERVERS = [view.update for view in VIEWS]
end()
