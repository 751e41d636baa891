# SPDX-License-Identifier: Apache-2.0
class Thing:
    __slots__ = ("value",)


def resident():  # memory of this process that is in RAM, in MiB
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20


first = Thing()
place = id(first)
del first
second = Thing()
print("the place of the first was used again:", id(second) == place)

start = resident()
texts = list(map(str, range(300_000)))
full = resident() - start
print("300,000 texts take more than 15 MiB:", full > 15)

survivors = texts[::500]
del texts
left = resident() - start
print("600 of them live on")
print("right after that,", "most" if left > 0.7 * full else "a part", "of the memory is taken")

try:
    import hoopsnake

    active = hoopsnake.stats().active
except Exception:
    active = False
if active:
    hoopsnake.trim()  # at once, instead of half a second later
left = resident() - start
print("a while later,", "most" if left > 0.7 * full else "a part", "of it")
