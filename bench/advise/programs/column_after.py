# SPDX-License-Identifier: Apache-2.0
"""Words in an array of objects. As advised."""

import numpy

from bench.advise.measured import end, scaled

WORDS = [f"category {number % 50}" for number in range(scaled(200_000))]
VALUES, CODES = numpy.unique(WORDS, return_inverse=True)
VALUES, CODES = VALUES.astype(object), CODES.astype(numpy.int8)
del WORDS
end()
