# SPDX-License-Identifier: Apache-2.0
"""asyncio: a site of pages that lead to pages, and a crawler that has to find all of them."""

from __future__ import annotations

import asyncio
import re

import held

PAGES, AT_A_TIME = 300, 20


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = await reader.readuntil(b"\r\n\r\n")
    number = int(request.split()[1][1:])
    links = [(number * 2 + step) % PAGES for step in (1, 2)]
    body = "".join(f'<a href="/{link}">' for link in links).encode() + b" " * 5000
    writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    await writer.drain()
    writer.close()


async def fetch(port: int, number: int) -> list[int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /%d HTTP/1.0\r\n\r\n" % number)
    text = (await reader.read()).decode()
    writer.close()
    return [int(link) for link in re.findall(r'href="/(\d+)"', text)]


async def crawl(port: int) -> int:
    """How many pages there are."""
    seen, waiting = {0}, [0]
    while waiting:
        batch, waiting = waiting[:AT_A_TIME], waiting[AT_A_TIME:]
        for links in await asyncio.gather(*(fetch(port, number) for number in batch)):
            new = set(links) - seen
            seen |= new
            waiting += new
    return len(seen)


async def main() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port, did, failed = server.sockets[0].getsockname()[1], 0, 0
    held.ready()
    while not held.is_over():
        failed += await crawl(port) != PAGES
        did += 1
    server.close()
    held.say(did, failed)


asyncio.run(main())
