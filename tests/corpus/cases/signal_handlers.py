# SPDX-License-Identifier: Apache-2.0
# Each handler of a signal keeps the one before it, to pass the signal on.
# type: Reloader
# holder: signal|SIGUSR1
# verdict: grows
# fix: once|restore|signal\.signal|previous|remove|weak
import signal
import sys

FIXED = "--fixed" in sys.argv


class Reloader:
    def __init__(self, path):
        self.path = path
        self.settings = {f"{path}.{i}": i for i in range(30)}
        self.previous = signal.getsignal(signal.SIGUSR1)
        if not FIXED:
            signal.signal(signal.SIGUSR1, self.reload)

    def reload(self, number, frame):
        if callable(self.previous):
            self.previous(number, frame)


for i in range(150):
    Reloader(f"/etc/app/{i}")
print("done")
