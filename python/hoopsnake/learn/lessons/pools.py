# SPDX-License-Identifier: Apache-2.0
class Thing:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


def resident():  # memory of this process that is in RAM, in MiB
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20


first = Thing(1)
place = id(first)
del first
second = Thing(2)
print("the place of the first was used again:", id(second) == place)

start = resident()
things = [Thing(str(number)) for number in range(200_000)]
full = resident() - start
print("200,000 things take more than 15 MiB:", full > 15)

survivors = things[::500]
del things
left = resident() - start
print("400 of them live on")
share = "more" if left > full / 2 else "less"
print(f"right after that, {share} than half of the memory is still taken")

try:
    import hoopsnake

    active = hoopsnake.stats().active
except Exception:
    active = False
if active:
    hoopsnake.trim()  # at once, instead of half a second later
left = resident() - start
share = "more" if left > full / 2 else "less"
print(f"a while later it is {share} than half")
