# SPDX-License-Identifier: Apache-2.0
# Equal arguments give the same object: the class keeps one for every argument ever seen.
# type: Currency
# holder: (Currency.*)?_known
# verdict: grows
# fix: weak|bound|limit|maxsize
import sys
import weakref

FIXED = "--fixed" in sys.argv


class Currency:
    _known = weakref.WeakValueDictionary() if FIXED else {}

    def __new__(cls, code):
        found = cls._known.get(code)
        if found is None:
            found = super().__new__(cls)
            found.code = code
            found.rates = [float(i) for i in range(20)]
            cls._known[code] = found
        return found


for i in range(900):
    Currency(f"CUR{i}")
print("done")
