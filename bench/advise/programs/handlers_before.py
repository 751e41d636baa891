# SPDX-License-Identifier: Apache-2.0
"""A function for each user."""

from bench.advise.measured import end, scaled


def handler(user):
    def handle(event):
        return user, event

    return handle


HANDLERS = [handler(None) for _ in range(scaled(100_000))]
end()
