# SPDX-License-Identifier: Apache-2.0
a = [1, 2]
b = [1, 2]
c = a
print("a == b:", a == b, "- a is b:", a is b)
print("a == c:", a == c, "- a is c:", a is c)

grid = [[0] * 3] * 2  # one row, twice
grid[0][0] = 9
print("one row twice:", grid)

rows = [[0] * 3 for _ in range(2)]  # a new row each time
rows[0][0] = 9
print("two rows:", rows)


def add(item, basket):
    basket.append(item)  # changes the caller's list
    basket = []  # moves only the name in here
    basket.append("lost")


fruit = []
add("apple", fruit)
print("fruit:", fruit)

pair = (a, b)
a.append(3)
print("pair:", pair)  # a tuple cannot change; what it refers to can

same = a
same = [*same, 4]  # a new list, for this name alone
print("a:", a, "- same:", same)
