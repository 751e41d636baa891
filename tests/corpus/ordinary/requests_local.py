# SPDX-License-Identifier: Apache-2.0
"""requests fetches pages of a server in the same process."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        body = json.dumps({"path": self.path, "data": list(range(200))}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
total = 0
with requests.Session() as session:
    for number in range(200):
        answer = session.get(f"{address}/{number}", timeout=10)
        total += len(answer.json()["data"])
server.shutdown()
server.server_close()
print(total)
