# SPDX-License-Identifier: Apache-2.0
"""A dict of jobs that was nearly worked off."""

from bench.advise.measured import end, scaled

JOBS = {number: None for number in range(scaled(600_000))}
for number in range(scaled(600_000) - 5):
    del JOBS[number]
end()
