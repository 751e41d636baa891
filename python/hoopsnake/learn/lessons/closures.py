# SPDX-License-Identifier: Apache-2.0
import weakref


class Data:
    def __init__(self, size):
        self.size = size


def make():
    data = Data(1000)
    look = weakref.ref(data)

    def size():
        return data.size  # the name outlives the call of `make`

    return size, look


size, look = make()
print("make is over; alive:", look() is not None)
print("held by a cell:", size.__closure__[0].cell_contents is look())
print("size:", size())
del size
print("the function is gone; alive:", look() is not None)


def handler_for(data):
    number = data.size  # what is needed, and not where it came from
    return lambda: number


data = Data(7)
look = weakref.ref(data)
handler = handler_for(data)
del data
print("only the number is held:", handler(), "- alive:", look() is not None)

late = [lambda: n for n in range(3)]
early = [lambda n=n: n for n in range(3)]
print("late:", [call() for call in late])
print("early:", [call() for call in early])
