# SPDX-License-Identifier: Apache-2.0
import sys

one = int("256")
two = int("256")
print("256, made twice, is one object:", one is two)
one = int("257")
two = int("257")
print("257, made twice, is one object:", one is two)

word = "".join(["al", "pha"])
print("equal texts:", word == "alpha", "- one object:", word is "alphabet"[:5])
print("interned, they are one:", sys.intern(word) is sys.intern("alphabet"[:5]))
print("texts of one letter are one:", "alpha"[0] is "beta"[3])
print("empty tuples are one:", tuple([]) is tuple(""))
print("empty lists are not:", list() is list())

before = sys.getrefcount(None)
many = [None] * 1000
more = sys.getrefcount(None) - before
print("a thousand references to None raise its count by", more)

text = "".join(["some", "thing"])
before = sys.getrefcount(text)
many = [text] * 1000
print("those to a text, by", sys.getrefcount(text) - before)
