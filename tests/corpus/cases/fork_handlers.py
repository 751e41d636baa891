# SPDX-License-Identifier: Apache-2.0
# Functions to call after a fork cannot be taken back: those of each generator stay.
# type: Dice
# holder: at.?fork|fork
# verdict: grows
# fix: weak|once|module.level
import os
import random
import sys
import weakref

FIXED = "--fixed" in sys.argv
all_dice = weakref.WeakSet()


class Dice:
    def __init__(self):
        self.random = random.Random(7)
        self.rolls = bytearray(2000)
        if FIXED:
            all_dice.add(self)
        else:
            os.register_at_fork(after_in_child=self.shuffle)

    def shuffle(self):
        self.random.seed()


def shuffle_all():
    for dice in all_dice:
        dice.shuffle()


os.register_at_fork(after_in_child=shuffle_all)
for _ in range(60):
    Dice()
print("done")
