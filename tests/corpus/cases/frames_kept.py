# SPDX-License-Identifier: Apache-2.0
# Callers are remembered as frames.
# type: Invoice|frame
# holder: callers
# verdict: grows
# fix: f_lineno|co_filename|del|clear|finally|frame
import sys

FIXED = "--fixed" in sys.argv


class Audit:
    callers = []

    @classmethod
    def note(cls):
        caller = sys._getframe(1)
        cls.callers.append((caller.f_code.co_name, caller.f_lineno) if FIXED else caller)
        if FIXED:
            del cls.callers[:-10]


class Invoice:
    def __init__(self, number):
        self.number = number
        self.text = "x" * 3000


def book(number):
    invoice = Invoice(number)
    Audit.note()
    return invoice.number


for number in range(150):
    book(number)
print("done")
