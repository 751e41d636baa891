# SPDX-License-Identifier: Apache-2.0
"""Visitors of the shop: load.py PORT REQUESTS_A_SECOND SECONDS FILE

Requests fall due at a constant rate, and a latency counts from when the request was due: a service
that stands still delays all that fell due meanwhile, and is seen to. Writes a line for each answer
into FILE: when it was due (seconds, time.monotonic) and its latency (seconds).
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import sys
import time
from collections.abc import Iterator
from typing import TextIO

VISITORS = 16  # at a time
PAGES = 4  # that each looks at
LOGOUT_EVERY = 3  # one visitor in so many says goodbye
clock = time.monotonic


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def get(self, path: str) -> dict[str, object]:
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise SystemExit(f"load: {path}: {head.decode()}")
        answer: dict[str, object] = json.loads(body)
        return answer


def due_times(rate: float, seconds: float) -> Iterator[float]:
    start = clock()
    return (start + number / rate for number in range(round(rate * seconds)))


async def visit(number: int, connection: Connection, due: Iterator[float], log: TextIO) -> bool:
    """One visitor; False: the time is over."""
    token = ""
    paths = ["/login", *["/page"] * PAGES]
    if number % LOGOUT_EVERY == 0:
        paths.append("/logout")
    for path in paths:
        at = next(due, None)
        if at is None:
            return False
        await asyncio.sleep(at - clock())
        answer = await connection.get(f"{path}?token={token}")
        log.write(f"{at:.6f} {clock() - at:.6f}\n")
        token = str(answer.get("token", token))
    return True


async def visitors(port: int, numbers: Iterator[int], due: Iterator[float], log: TextIO) -> None:
    """One after the other, over one connection."""
    connection = Connection(*await asyncio.open_connection("127.0.0.1", port))
    while await visit(next(numbers), connection, due, log):
        pass


async def run(port: int, rate: float, seconds: float, log: TextIO) -> None:
    due, numbers = due_times(rate, seconds), itertools.count()
    await asyncio.gather(*(visitors(port, numbers, due, log) for _ in range(VISITORS)))


def main() -> None:
    port, rate, seconds, path = sys.argv[1:]
    gc.disable()
    with open(path, "w", encoding="ascii", buffering=1) as log:
        asyncio.run(run(int(port), float(rate), float(seconds), log))


if __name__ == "__main__":
    main()
