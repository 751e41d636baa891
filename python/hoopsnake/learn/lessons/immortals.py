# SPDX-License-Identifier: Apache-2.0
import sys

one = int("256")
two = int("256")
print("256, made twice, is one object:", one is two)
one = int("257")
two = int("257")
print("257, made twice, is one object:", one is two)

word = "".join(["al", "pha"])
text = "alphabet"
other = text[:5]
print("equal texts:", word == other, "- one object:", word is other)
print("interned, they are one:", sys.intern("".join(["al", "pha"])) is sys.intern(other))
print("texts of one letter are one:", word[0] is word[4])
print("empty tuples are one:", tuple([]) is tuple(""))
print("empty lists are not:", list() is list())

before = sys.getrefcount(None)
many = [None] * 1000
more = round(sys.getrefcount(None) - before, -2)
print("a thousand references to None raise its count by", more)

word = "".join(["some", "thing"])
before = sys.getrefcount(word)
many = [word] * 1000
print("those to a text, by", sys.getrefcount(word) - before)
