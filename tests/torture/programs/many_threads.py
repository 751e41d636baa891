# SPDX-License-Identifier: Apache-2.0
"""Two hundred threads, of which each adds to a sum that has to come out."""

from __future__ import annotations

import sys
import threading

import held

THREADS = 200


class Sum:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value = self.steps = 0
        self.is_over = threading.Event()

    def add(self, number: int) -> None:
        own = 0
        while not self.is_over.wait(0.01):
            rows = [str(step) for step in range(20)]
            own += len(rows)
            with self.lock:
                self.value += len(rows)
        with self.lock:
            self.steps += own


def main() -> None:
    sys.setswitchinterval(1e-4)
    both = Sum()
    threads = [threading.Thread(target=both.add, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    held.ready()
    held.wait()
    both.is_over.set()
    for thread in threads:
        thread.join()
    held.say(both.steps, both.steps - both.value)


main()
