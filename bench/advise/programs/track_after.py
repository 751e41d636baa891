# SPDX-License-Identifier: Apache-2.0
"""A tuple of three floats for each position. As advised."""

from array import array

from bench.advise.measured import end, scaled

TRACK = [(float(i), float(i + 1), float(i + 2)) for i in range(scaled(100_000))]
TRACK = [array("d", column) for column in zip(*TRACK, strict=True)]
end()
