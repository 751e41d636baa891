# SPDX-License-Identifier: Apache-2.0
"""Words of a file, equal ones by the thousand."""

from bench.advise.measured import end, scaled

TEXT = "Amsterdam,Barcelona,Copenhagen,Dubrovnik\n" * scaled(80_000)
CITIES = [city for line in TEXT.splitlines() for city in line.split(",")]
del TEXT
end()
