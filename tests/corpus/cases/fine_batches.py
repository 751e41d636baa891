# SPDX-License-Identifier: Apache-2.0
# A list grows to a thousand rows, is written and emptied.
# verdict: none
import io


class Row:
    def __init__(self, number):
        self.number = number
        self.text = f"row {number}"


class Writer:
    def __init__(self, file):
        self.file = file
        self.rows = []

    def add(self, row):
        self.rows.append(row)
        if len(self.rows) == 1000:
            self.flush()

    def flush(self):
        self.file.seek(0)
        self.file.writelines(row.text for row in self.rows)
        self.rows.clear()


writer = Writer(io.StringIO())
for i in range(20_000):
    writer.add(Row(i))
writer.flush()
print("done")
