# SPDX-License-Identifier: Apache-2.0
# A list in the class where each object was meant to have one; filled by way of a subclass.
# type: Row
# holder: (Report|Base|Monthly).*rows|rows.*(Report|Base|Monthly)
# verdict: grows
# fix: __init__|instance
import sys

FIXED = "--fixed" in sys.argv


class Row(tuple):
    __slots__ = ()


class Report:
    rows = []

    def __init__(self):
        if FIXED:
            self.rows = []

    def add(self, *cells):
        self.rows.append(Row(cells))


class Monthly(Report):
    title = "monthly"


for month in range(120):
    report = Monthly()
    for day in range(20):
        report.add(month, day, float(day))
print(report.title)
