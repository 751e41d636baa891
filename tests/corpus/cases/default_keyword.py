# SPDX-License-Identifier: Apache-2.0
# A keyword-only default of a method is shared by all objects and all calls.
# type: Reply
# holder: history.*fetch|fetch.*history
# verdict: grows
# fix: None
import sys

FIXED = "--fixed" in sys.argv


class Reply:
    __slots__ = ("body", "status")

    def __init__(self, status, body):
        self.status = status
        self.body = body


class Crawler:
    def fetch(self, address, *, history={}):
        history[address] = Reply(200, f"<p>{address}</p>" * 5)
        return history[address]

    def fetch_fixed(self, address, *, history=None):
        history = {} if history is None else history
        history[address] = Reply(200, f"<p>{address}</p>" * 5)
        return history[address]


for number in range(3000):
    crawler = Crawler()
    reply = (crawler.fetch_fixed if FIXED else crawler.fetch)(f"host-{number}")
print(reply.status)
