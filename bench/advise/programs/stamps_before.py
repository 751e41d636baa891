# SPDX-License-Identifier: Apache-2.0
"""Times in nanoseconds as they were read, integers of more than 32 bits."""

import struct

from bench.advise.measured import end, scaled

READ = struct.unpack(f"{scaled(500_000)}q", struct.pack("q", 1 << 45) * scaled(500_000))
STAMPS = list(READ)
del READ
end()
