# SPDX-License-Identifier: Apache-2.0
# Every poller starts a thread on a method of its own, and none is stopped.
# type: Poller|bytearray
# holder: thread|poll
# verdict: grows|large|bounded
# fix: weak|stop|clos|event|end|set|cancel
import sys
import threading

FIXED = "--fixed" in sys.argv


class Poller:
    def __init__(self, address):
        self.address = address
        self.cache = bytearray(300_000)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.poll, daemon=True)
        self.thread.start()

    def poll(self):
        while not self.stopped.wait(0.5):
            pass

    def close(self):
        self.stopped.set()
        self.thread.join()


for i in range(12):
    poller = Poller(f"node {i}")
    if FIXED:
        poller.close()
del poller
print("done")
