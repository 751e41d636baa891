# SPDX-License-Identifier: Apache-2.0
"""Long texts with a typographic dash in each. As advised."""

from bench.advise.measured import end, scaled

PAGES = [("plain text " * 2_000 + chr(0x2014) + str(i)).encode() for i in range(scaled(400))]
end()
