# SPDX-License-Identifier: Apache-2.0
"""Floats in a list. As advised."""

from array import array

from bench.advise.measured import end, scaled

SAMPLES = array("d", [float(i) for i in range(scaled(600_000))])
end()
