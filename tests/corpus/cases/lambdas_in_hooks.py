# SPDX-License-Identifier: Apache-2.0
# Lambdas that capture self, in a dict of lists on a class.
# type: Editor
# holder: hooks
# verdict: grows
# fix: weak|unsubscrib|remove|disconnect
import collections
import sys
import weakref

FIXED = "--fixed" in sys.argv


class Hooks:
    hooks = collections.defaultdict(list)


class Editor:
    def __init__(self, name):
        self.name = name
        self.buffer = "text " * 400
        if FIXED:
            me = weakref.ref(self)
            hook = lambda: me() and me().save()
            Hooks.hooks["save"].append(hook)
            weakref.finalize(self, Hooks.hooks["save"].remove, hook)
        else:
            Hooks.hooks["save"].append(lambda: self.save())

    def save(self):
        return len(self.buffer)


for i in range(120):
    Editor(f"editor {i}")
print("done")
