# SPDX-License-Identifier: Apache-2.0
# Callbacks name a whole table of which they need one number: 10 times 5 MB.
# type: bytearray|list|Table
# holder: table.*(route_for|show)|(route_for|show).*table
# verdict: grows|large|bounded
# fix: captur|only|need|del
import sys

FIXED = "--fixed" in sys.argv


class Table:
    def __init__(self, rows):
        self.cells = bytearray(rows * 100)


class Router:
    def __init__(self):
        self.routes = {}


router = Router()


def route_for(name, rows):
    table = Table(rows)
    size = len(table.cells)
    if FIXED:

        def show():
            return name, size
    else:

        def show():
            return name, len(table.cells)

    router.routes[name] = show


for i in range(10):
    route_for(f"/tables/{i}", 50_000)
print(sum(show()[1] for show in router.routes.values()))
