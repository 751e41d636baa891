# SPDX-License-Identifier: Apache-2.0
"""A crawler with a few workers walks a site that the same process serves."""

import asyncio
import re

PAGES = 400


async def answer(reader, writer):
    line = await reader.readline()
    number = int(line.split(b"/")[1].split()[0])
    links = {number * 2 + 1, number * 2 + 2, (number * 7) % PAGES}
    text = "".join(f"<a href=/{link}>x</a>" for link in links if link < PAGES) + "text " * 300
    writer.write(text.encode())
    await writer.drain()
    writer.close()


async def fetch(port, number):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /{number}\n".encode())
    text = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return text


async def work(port, todo, seen):
    while True:
        number = await todo.get()
        for link in map(int, re.findall(r"href=/(\d+)", await fetch(port, number))):
            if link not in seen:
                seen.add(link)
                todo.put_nowait(link)
        todo.task_done()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    todo, seen = asyncio.Queue(), {0}
    todo.put_nowait(0)
    workers = [asyncio.create_task(work(port, todo, seen)) for _ in range(8)]
    await todo.join()
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    server.close()
    print(len(seen))


asyncio.run(main())
