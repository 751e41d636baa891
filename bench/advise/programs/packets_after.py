# SPDX-License-Identifier: Apache-2.0
"""The heads of packets, as views. As advised."""

from bench.advise.measured import end, scaled

HEADS = [bytes(memoryview(bytearray(100_000))[:16]) for _ in range(scaled(200))]
end()
