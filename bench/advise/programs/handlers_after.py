# SPDX-License-Identifier: Apache-2.0
"""A function for each user. As advised."""

from bench.advise.measured import end, scaled


class Handler:
    __slots__ = ("user",)

    def __init__(self, user):
        self.user = user

    def __call__(self, event):
        return self.user, event


HANDLERS = [Handler(None) for _ in range(scaled(100_000))]
end()
