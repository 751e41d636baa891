# SPDX-License-Identifier: Apache-2.0
# Peaks that go away by themselves.
# verdict: none
def total(n):
    return sum([i * i for i in range(n)])


def report(n):
    text = ""
    for i in range(n):
        text = text + f"line {i}\n"
    return len(text)


for n in range(20):
    total(50_000 + n)
    report(500)
print("done")
