# SPDX-License-Identifier: Apache-2.0
"""A table of dicts."""

from bench.advise.measured import end, scaled

ROWS = [{"id": None, "name": None, "city": None, "age": None} for _ in range(scaled(150_000))]
end()
