# SPDX-License-Identifier: Apache-2.0
"""Sets of two members."""

from bench.advise.measured import end, scaled

EDGES = [{1, 2} for _ in range(scaled(80_000))]
end()
