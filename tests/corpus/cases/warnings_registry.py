# SPDX-License-Identifier: Apache-2.0
# A warning with a changing text: the module remembers each text that it has shown.
# type: tuple|str
# holder: __warningregistry__|warning
# verdict: grows
# fix: message|filter|variable|text|ignore
import io
import sys
import warnings

FIXED = "--fixed" in sys.argv
warnings.simplefilter("default")
sys.stderr = io.StringIO()


def old_call(number):
    text = "old call" if FIXED else f"old call with {number}"
    warnings.warn(text, DeprecationWarning, stacklevel=1)
    sys.stderr.seek(0)
    sys.stderr.truncate()


for number in range(900):
    old_call(number)
print("done")
