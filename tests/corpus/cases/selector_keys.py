# SPDX-License-Identifier: Apache-2.0
# Sockets are registered with a selector, and never unregistered.
# type: SelectorKey|socket|Peer
# holder: selector|_fd_to_key
# verdict: grows
# fix: unregister|clos|remov|bound|drop|delet
import selectors
import socket
import sys

FIXED = "--fixed" in sys.argv
selector = selectors.DefaultSelector()


class Peer:
    def __init__(self, number):
        self.number = number
        self.inbox = [b"x" * 100 for _ in range(10)]


def accept(number):
    ours, theirs = socket.socketpair()
    selector.register(ours, selectors.EVENT_READ, (Peer(number), theirs))
    if FIXED:
        selector.unregister(ours)
        ours.close()
        theirs.close()


for number in range(120):
    accept(number)
print("done")
