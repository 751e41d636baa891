# SPDX-License-Identifier: Apache-2.0
# Finished futures by number, in a dict of an object; each keeps its result.
# type: Future|Image
# holder: submitted
# verdict: grows
# fix: as_completed|drop|remov|pop|bound|del
import sys
from concurrent.futures import ThreadPoolExecutor

FIXED = "--fixed" in sys.argv


class Image:
    def __init__(self, number):
        self.number = number
        self.pixels = bytearray(30_000)


class Renderer:
    def __init__(self, pool):
        self.pool = pool
        self.submitted = {}

    def render(self, number):
        self.submitted[number] = self.pool.submit(Image, number)

    def wait(self, number):
        if FIXED:
            return self.submitted.pop(number).result()
        return self.submitted[number].result()


with ThreadPoolExecutor(2) as pool:
    renderer = Renderer(pool)
    for number in range(200):
        renderer.render(number)
        renderer.wait(number)
print("done")
