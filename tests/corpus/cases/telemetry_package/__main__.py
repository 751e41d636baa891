# SPDX-License-Identifier: Apache-2.0
# A decorator of another module keeps every result in its closure, for statistics.
# type: Answer
# holder: results|timed
# verdict: grows
# fix: maxlen|deque|bound|drop|limit|clear|captur
import sys

from decorators import timed, timed_fixed

FIXED = "--fixed" in sys.argv


class Answer:
    def __init__(self, number):
        self.number = number
        self.parts = {f"part {i}": number for i in range(10)}


@(timed_fixed if FIXED else timed)
def answer(number):
    return Answer(number)


print(sum(answer(number).number for number in range(700)))
