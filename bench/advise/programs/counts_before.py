# SPDX-License-Identifier: Apache-2.0
"""Counters below 100 as 64 bits."""

import numpy

from bench.advise.measured import end, scaled

COUNTS = numpy.arange(scaled(2_000_000)) % 100
end()
