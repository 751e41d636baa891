# SPDX-License-Identifier: Apache-2.0
# Trees whose children know their parent: gone only when the collector comes.
# type: Branch
# holder: parent|children
# verdict: delayed
# fix: weak|break
import gc
import sys
import weakref

FIXED = "--fixed" in sys.argv
gc.disable()


class Branch:
    def __init__(self, name, parent=None):
        self.name = name
        self.children = []
        self.parent = None
        if parent is not None:
            parent.children.append(self)
            self.parent = weakref.ref(parent) if FIXED else parent


def parse(text):
    root = Branch(text)
    for i in range(4):
        Branch(f"leaf {i}", Branch(f"twig {i}", root))
    return len(root.children)


for i in range(300):
    parse(f"document {i}")
print("done")
