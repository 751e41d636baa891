# SPDX-License-Identifier: Apache-2.0
# The collector was switched off for a critical part, and never on again.
# type: Scene|Sprite
# holder: gc\.disable|collector|scene|sprites|switched off|disabled
# verdict: delayed
# fix: gc\.enable|enable|gc\.collect|weak|freeze
import gc
import sys

FIXED = "--fixed" in sys.argv


class Sprite:
    def __init__(self, scene):
        self.scene = scene
        self.image = bytearray(1000)


class Scene:
    def __init__(self):
        self.sprites = [Sprite(self) for _ in range(5)]


def load_fast():
    gc.disable()
    return Scene()


for _ in range(400):
    load_fast()
    if FIXED:
        gc.enable()
        gc.collect(0)
print("done")
