# SPDX-License-Identifier: Apache-2.0
# A set of everything already handled: only strings, and only thirty at that.
# type: str
# holder: handled
# verdict: grows|bounded
# fix: bound|drop|limit|TTL|discard|remove|maxsize|clear
import sys
import time

FIXED = "--fixed" in sys.argv


class Consumer:
    handled = set()

    def handle(self, key):
        self.handled.add(key)
        time.sleep(0.02)
        if FIXED:
            self.handled.discard(key)


consumer = Consumer()
for i in range(30):
    consumer.handle(f"message-{i}-" + "x" * 500)
print("done")
