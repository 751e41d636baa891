# SPDX-License-Identifier: Apache-2.0
# A finalizer for each use, on an object that lives as long as the program.
# type: finalize|_Info|Lease
# holder: finaliz
# verdict: grows
# fix: detach|once|call
import sys
import weakref

FIXED = "--fixed" in sys.argv


class Pool:
    pass


class Lease:
    def __init__(self, number):
        self.number = number
        self.log = [number] * 20

    def give_back(self):
        return self.number


pool = Pool()


def use(number):
    lease = Lease(number)
    finalizer = weakref.finalize(pool, lease.give_back)
    if FIXED:
        finalizer.detach()


for number in range(400):
    use(number)
print("done")
