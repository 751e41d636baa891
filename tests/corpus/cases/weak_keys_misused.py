# SPDX-License-Identifier: Apache-2.0
# A weak dictionary whose value leads back to the key.
# type: Connection|Statistics
# holder: statistics
# verdict: grows
# fix: weak(ly|ref)|value.*weak|on the (object|key)|in the (object|key)|object itself
import sys
import weakref

FIXED = "--fixed" in sys.argv


class Connection:
    def __init__(self, peer):
        self.peer = peer
        self.buffer = bytearray(4000)


class Statistics:
    def __init__(self, connection):
        self.of = weakref.ref(connection) if FIXED else connection
        self.sent = 0


class Server:
    def __init__(self):
        self.statistics = weakref.WeakKeyDictionary()

    def accept(self, peer):
        connection = Connection(peer)
        self.statistics[connection] = Statistics(connection)


server = Server()
for i in range(250):
    server.accept(f"10.0.0.{i}")
print("done")
