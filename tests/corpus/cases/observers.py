# SPDX-License-Identifier: Apache-2.0
# Widgets subscribe with bound methods, and nobody unsubscribes.
# type: Widget
# holder: listeners|subscribers
# verdict: grows
# fix: WeakMethod|weak|unsubscrib|remove
import sys
import weakref

FIXED = "--fixed" in sys.argv


class Signal:
    def __init__(self):
        self.listeners = {}

    def connect(self, topic, callback):
        reference = weakref.WeakMethod(callback, self.forget) if FIXED else callback
        self.listeners.setdefault(topic, []).append(reference)

    def forget(self, reference):
        for callbacks in self.listeners.values():
            if reference in callbacks:
                callbacks.remove(reference)


theme_changed = Signal()


class Widget:
    def __init__(self, title):
        self.title = title
        self.pixels = bytearray(10_000)
        theme_changed.connect("colour", self.redraw)

    def redraw(self, colour):
        return colour


for i in range(150):
    Widget(f"widget {i}")
print(len(theme_changed.listeners))
