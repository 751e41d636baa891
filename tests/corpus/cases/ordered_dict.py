# SPDX-License-Identifier: Apache-2.0
# An LRU cache by hand whose eviction looks at the wrong dict.
# type: Tile
# holder: tiles
# verdict: grows
# fix: bound|maxsize|limit|lru_cache|TTL|evict|popitem|weak
import sys
from collections import OrderedDict

FIXED = "--fixed" in sys.argv


class Tile:
    def __init__(self, x, y):
        self.place = x, y
        self.pixels = bytearray(1500)


class Map:
    def __init__(self):
        self.tiles = OrderedDict()
        self.dirty = OrderedDict()

    def tile(self, x, y):
        if (x, y) not in self.tiles:
            self.tiles[x, y] = Tile(x, y)
        self.tiles.move_to_end((x, y))
        while len(self.tiles if FIXED else self.dirty) > 64:
            self.tiles.popitem(last=False)
        return self.tiles[x, y]


world = Map()
for x in range(30):
    for y in range(30):
        world.tile(x, y)
print("done")
