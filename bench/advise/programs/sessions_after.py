# SPDX-License-Identifier: Apache-2.0
"""Sessions that a registry refers to weakly. As advised."""

import weakref

from bench.advise.measured import end, scaled


class Session:
    __slots__ = ("user", "started", "__weakref__")

    def __init__(self, user):
        self.user = user
        self.started = None


SESSIONS = [Session(None) for _ in range(scaled(200_000))]
LATEST = [weakref.ref(one) for one in SESSIONS[::10]]
end()
