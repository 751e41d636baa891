# SPDX-License-Identifier: Apache-2.0
"""A thread for each connection; requests make objects and drop them."""

from __future__ import annotations

import http.server
import itertools
import threading

import held

COUNT = itertools.count()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        next(COUNT)
        rows = [{"number": number, "text": str(number)} for number in range(200)]
        body = f"{self.path} {len(rows)}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 100


def main() -> None:
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    held.ready(server.server_address[1])
    held.wait()
    server.shutdown()
    held.say(next(COUNT))


main()
