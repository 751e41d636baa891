# SPDX-License-Identifier: Apache-2.0
"""Sends requests and times them all: load.py PORT rate REQUESTS_A_SECOND SECONDS CORE
                                    or load.py PORT closed CONNECTIONS SECONDS CORE

"rate" is an open loop: requests fall due at a constant rate, whatever the service does, and a
latency counts from when the request was due. A service that stands still for a second delays all
that fell due in it, and is seen to: a client that waits for an answer before it asks again would
leave those out. "closed" is such a client: it shows how many requests a second there can be.
Prints {"seconds": of all, "latencies": [seconds, ...]} as JSON.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import random
import select
import socket
import sys
import time
from collections import deque

CONNECTIONS = 64
USERS = 5_000
LONGEST_WAIT = 120.0  # seconds without any answer: the service is gone
clock = time.perf_counter


class Connection:
    """One request at a time; `due` is when it should have been sent."""

    __slots__ = ("_received", "_socket", "due")

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self.due = 0.0

    def fileno(self) -> int:
        return self._socket.fileno()

    def ask(self, path: str, due: float) -> None:
        self.due = due
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def receive(self) -> bytes | None:
        """The body, once it is there."""
        part = self._socket.recv(1 << 16)
        if not part:
            raise SystemExit("load: the service closed a connection")
        self._received += part
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < content_length(head):
            return None
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"load: {head.decode()}")
        self._received = b""
        return body


def content_length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))


class Load:
    def __init__(self, port: int, connections: int) -> None:
        self._choose = random.Random(11)
        self._idle = [Connection(port) for _ in range(connections)]
        self._busy: set[Connection] = set()
        self._answered = clock()
        self.latencies: list[float] = []

    def at_rate(self, rate: float, seconds: float) -> None:
        count = round(rate * seconds)
        start, sent = clock() + 0.01, 0
        due: deque[float] = deque()
        while len(self.latencies) < count:
            now = clock()
            while sent < count and start + sent / rate <= now:
                due.append(start + sent / rate)
                sent += 1
            while due and self._idle:
                self._ask(due.popleft())
            self._receive(start + sent / rate - clock() if sent < count else 1.0)

    def closed(self, seconds: float) -> None:
        end = clock() + seconds
        while clock() < end:
            while self._idle:
                self._ask(clock())
            self._receive(1.0)

    def _ask(self, due: float) -> None:
        connection = self._idle.pop()
        self._busy.add(connection)
        connection.ask(f"/session/{self._choose.randrange(USERS)}", due)

    def _receive(self, timeout: float) -> None:
        for connection in select.select(self._busy, [], [], max(0.0, timeout))[0]:
            if connection.receive() is not None:
                self._answered = clock()
                self.latencies.append(self._answered - connection.due)
                self._busy.remove(connection)
                self._idle.append(connection)
        if self._busy and clock() - self._answered > LONGEST_WAIT:
            raise SystemExit("load: no answer")


def main() -> None:
    port, kind, amount, seconds, core = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    with contextlib.suppress(PermissionError):
        os.nice(-10)  # others run on this core too, and this one holds the watch
    gc.disable()
    start = clock()
    if kind == "rate":
        load = Load(int(port), CONNECTIONS)
        load.at_rate(float(amount), float(seconds))
    else:
        load = Load(int(port), int(amount))
        load.closed(float(seconds))
    print(json.dumps({"seconds": clock() - start, "latencies": load.latencies}))


if __name__ == "__main__":
    main()
