# SPDX-License-Identifier: Apache-2.0
# A board keeps every position of every game.
# type: list|int|Cell
# holder: positions
# verdict: grows
# fix: maxlen|deque|bound|drop|limit|clear
import sys

FIXED = "--fixed" in sys.argv


class Board:
    def __init__(self):
        self.positions = []

    def play(self, move):
        rows = [[(move * r + c) % 1000 + 1000 for c in range(8)] for r in range(8)]
        self.positions.append(rows)
        if FIXED:
            del self.positions[:-10]


board = Board()
for move in range(1500):
    board.play(move)
print("done")
