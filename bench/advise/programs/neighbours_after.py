# SPDX-License-Identifier: Apache-2.0
"""Sets that were filled one by one. As advised."""

from bench.advise.measured import end, scaled

SETS = []
for _ in range(scaled(20_000)):
    one = set()
    for member in range(6):
        one.add(member)
    SETS.append(set(one))
end()
