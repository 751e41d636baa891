# SPDX-License-Identifier: Apache-2.0
# Functions for classes that are made on the way: singledispatch keeps class and function.
# type: Shape|type|class|function
# holder: registry|area|dispatch
# verdict: grows
# fix: once|at import|weak|register|remove
import functools
import sys

FIXED = "--fixed" in sys.argv


@functools.singledispatch
def area(shape):
    return 0


def make(number):
    class Shape:
        size = [number] * 50

    if FIXED:
        return number * 2
    area.register(Shape, lambda shape: number * 2)
    return area(Shape())


print(sum(make(number) for number in range(100)))
