# SPDX-License-Identifier: Apache-2.0
"""Floats in a list."""

from bench.advise.measured import end, scaled

SAMPLES = [float(i) for i in range(scaled(600_000))]
end()
