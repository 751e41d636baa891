# SPDX-License-Identifier: Apache-2.0
import os
import tempfile
import warnings


def tell(message, category, *_):
    print("  ", category.__name__)


warnings.showwarning = tell
warnings.simplefilter("always")
path = os.path.join(tempfile.mkdtemp(), "notes.txt")


def is_open(number):
    return os.path.exists(f"/proc/self/fd/{number}")


with open(path, "w") as file:
    file.write("hello")
print("after with: closed:", file.closed)

file = open(path)
number = file.fileno()
print("open:", is_open(number))
file = None  # the last reference: CPython closes it, and complains
print("open:", is_open(number))

file = open(path)
number = file.fileno()
kept = [file]
del file
print("kept in a list; open:", is_open(number))
kept.pop().close()
print("closed by hand; open:", is_open(number))

file = open(path, "w")
file.write("more")
print("written, not closed; in the file:", repr(open(path).read()))
file.close()
print("closed; in the file:", repr(open(path).read()))


class Connection:
    def __enter__(self):
        print("   connected")
        return self

    def __exit__(self, *problem):
        print("   disconnected, also after", problem[0].__name__)


try:
    with Connection():
        raise KeyError("x")
except KeyError:
    print("the error went on")
os.remove(path)
