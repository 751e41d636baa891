# SPDX-License-Identifier: Apache-2.0
"""Sets of two members. As advised."""

from bench.advise.measured import end, scaled

EDGES = [tuple({1, 2}) for _ in range(scaled(80_000))]
end()
