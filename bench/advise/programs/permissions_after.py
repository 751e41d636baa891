# SPDX-License-Identifier: Apache-2.0
"""A tuple for each user, the same few. As advised."""

from bench.advise.measured import end, scaled

KINDS = ["read", "write", "admin"]
SEEN = {}
USERS = [
    SEEN.setdefault(one, one) for one in (tuple(KINDS[: 1 + i % 3]) for i in range(scaled(300_000)))
]
end()
