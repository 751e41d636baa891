# SPDX-License-Identifier: Apache-2.0
# A log file for each day is opened and kept.
# type: TextIOWrapper|file
# holder: logs
# verdict: grows
# fix: with|clos
import os
import sys

FIXED = "--fixed" in sys.argv
logs = {}


def log(day, text):
    if FIXED:
        with open(os.devnull, "a") as file:
            file.write(text)
    else:
        logs[day] = open(os.devnull, "a")
        logs[day].write(text)


for day in range(120):
    log(day, "line\n")
print("done")
