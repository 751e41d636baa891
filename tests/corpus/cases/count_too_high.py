# SPDX-License-Identifier: Apache-2.0
# References taken in C and never given back: a new document each time.
# type: Paper
# holder: no (Python )?(object|holder|owner)|nobody|nothing|from C|C code|extension|reference
# verdict: held-from-c
# fix: DECREF|upgrade|extension|release|report
import ctypes
import sys

FIXED = "--fixed" in sys.argv
take = ctypes.pythonapi.Py_IncRef
give = ctypes.pythonapi.Py_DecRef


class Paper:
    def __init__(self, number):
        self.text = f"paper {number} " * 50


def render(paper):
    take(ctypes.py_object(paper))
    if FIXED:
        give(ctypes.py_object(paper))


for number in range(300):
    render(Paper(number))
print("done")
