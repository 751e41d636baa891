# SPDX-License-Identifier: Apache-2.0
# A few bytes of each packet are kept, as views: the packets stay.
# type: bytearray|memoryview
# holder: headers
# verdict: grows|large|bounded
# fix: bytes\(|release|copy
import sys

FIXED = "--fixed" in sys.argv


class Capture:
    def __init__(self):
        self.headers = {}

    def see(self, number, packet):
        header = memoryview(packet)[:20]
        self.headers[number] = bytes(header) if FIXED else header


capture = Capture()
for number in range(40):
    capture.see(number, bytearray(500_000))
print(len(capture.headers))
