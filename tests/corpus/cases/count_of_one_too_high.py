# SPDX-License-Identifier: Apache-2.0
# One object with a thousand references that nobody has.
# type: Theme
# holder: no (Python )?(object|holder|owner)|nobody|nothing|from C|C code|extension|reference
# verdict: held-from-c
# fix: DECREF|upgrade|extension|release|report
import ctypes
import sys

FIXED = "--fixed" in sys.argv
take = ctypes.pythonapi.Py_IncRef
give = ctypes.pythonapi.Py_DecRef


class Theme:
    colours = ("red", "green")


theme = Theme()
for _ in range(1000):
    take(ctypes.py_object(theme))
    if FIXED:
        give(ctypes.py_object(theme))
print("done")
