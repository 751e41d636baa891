# SPDX-License-Identifier: Apache-2.0
"""Words in an array of objects."""

import numpy

from bench.advise.measured import end, scaled

WORDS = [f"category {number % 50}" for number in range(scaled(200_000))]
COLUMN = numpy.array(WORDS, dtype=object)
del WORDS
end()
