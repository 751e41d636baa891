# SPDX-License-Identifier: Apache-2.0
"""An ASGI application under uvicorn."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import held
import uvicorn

COUNT = itertools.count()
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def app(scope: dict[str, Any], receive: object, send: Send) -> None:
    next(COUNT)
    rows = [{"number": number, "text": str(number)} for number in range(200)]
    body = f"{scope['path']} {len(rows)}".encode()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    # Named TCP: only then asyncio sends small answers at once.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, lifespan="off", log_level="critical", access_log=False)
    server = uvicorn.Server(config)

    def end() -> None:
        held.wait()
        server.should_exit = True

    threading.Thread(target=end).start()
    held.ready(listening.getsockname()[1])
    server.run(sockets=[listening])
    held.say(next(COUNT))


main()
