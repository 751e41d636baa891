# SPDX-License-Identifier: Apache-2.0
# A buffer to which every download is added: 50 MB at the end.
# type: bytearray
# holder: received
# verdict: grows|large
# fix: bound|drop|limit|clear|write|del
import sys
import time

FIXED = "--fixed" in sys.argv


class Downloader:
    def __init__(self):
        self.received = bytearray()

    def get(self):
        self.received += b"0123456789" * 50_000
        if FIXED:
            self.received.clear()


downloader = Downloader()
for _ in range(100):
    downloader.get()
    time.sleep(0.003)
print("done")
