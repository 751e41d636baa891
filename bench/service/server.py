# SPDX-License-Identifier: Apache-2.0
"""Builds the heap, prints the port and serves: server.py GIGABYTES MODE; see app.py for MODE."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import uvicorn

from bench.service.app import Service, application


def main() -> None:
    gigabytes, mode = sys.argv[1:]
    service = Service(float(gigabytes) * 1e9, mode)
    # The protocol is named: otherwise asyncio leaves Nagle's algorithm on, and answers wait 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(512)
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(
        application(service),
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=3600,  # a connection that finds nothing to do for a while is no error
    )
    uvicorn.Server(config).run(sockets=[listening])
    os._exit(0)  # taking the heap apart is not measured


if __name__ == "__main__":
    main()
