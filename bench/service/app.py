# SPDX-License-Identifier: Apache-2.0
"""The service that is measured: a catalogue in memory, and sessions that are cycles.

GET /session/USER   opens the user's session, the previous one goes; a record of the catalogue
                    is replaced by a newer one
GET /warmed         the service has seen enough requests: what is done once is done now
GET /collections    full collections since this was last asked for, as JSON
"""

from __future__ import annotations

import gc
import json
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bench.common.full_collections import record_of_collections

# What a record and its place in the catalogue take in stock CPython 3.13.
BYTES_A_RECORD = 3_000
TEXT_BYTES = 2_400
ITEMS_PER_SESSION = 100
MOST_SESSIONS = 1_000
ANONYMOUS_EVERY = 4
SHOWN_RECORDS = 10

Send = Callable[[Mapping[str, object]], Awaitable[None]]


class Record:
    """Four containers, one of which refers back: only the collector can free it."""

    def __init__(self, number: int, related: Record | None) -> None:
        text = f"record {number} ".ljust(TEXT_BYTES, ".")
        self.__dict__ = {
            "number": number,
            "text": text,
            "tags": [f"tag {number % 97}"],
            "versions": [self],
            "related": related,
        }


class Session:
    """Two containers for each item, and each knows its session."""

    __slots__ = ("items", "user")

    def __init__(self, user: int, records: list[Record]) -> None:
        self.user = user
        self.items = [Item(self, record) for record in records]


class Item:
    __slots__ = ("record", "session", "steps")

    def __init__(self, session: Session, record: Record) -> None:
        self.session = session
        self.record = record
        self.steps = [session]


NEVER = 1 << 30  # middle collections before a full one


class Service:
    """`mode`: "off", "freeze" or "young" is what it tells CPython's collector once it is warm."""

    def __init__(self, heap_bytes: float, mode: str) -> None:
        self._mode = mode
        self._choose = random.Random(7)
        self._record = record_of_collections()
        self._sessions: OrderedDict[int, Session] = OrderedDict()
        self._records: list[Record] = []
        self._requests = 0
        related = None
        for number in range(max(1000, round(heap_bytes / BYTES_A_RECORD))):
            related = Record(number, related if number % 3 else None)
            self._records.append(related)

    def open_session(self, user: int) -> dict[str, object]:
        self._requests += 1
        chosen = self._choose_records(ITEMS_PER_SESSION)
        session = Session(user, chosen)
        if self._requests % ANONYMOUS_EVERY:
            self._keep(session)
        self._replace_record()
        shown = [item.record for item in session.items[:SHOWN_RECORDS]]
        # What attributes there are is __dict__'s affair: a type checker cannot know.
        facts = [{"number": vars(r)["number"], "tags": vars(r)["tags"]} for r in shown]
        return {"user": session.user, "records": facts}

    def warmed(self) -> dict[str, object]:
        if self._mode == "freeze":
            gc.collect()
            gc.freeze()
        elif self._mode == "off":
            gc.disable()
        elif self._mode == "young":
            gc.set_threshold(*gc.get_threshold()[:2], NEVER)
        return {}

    def collections(self) -> dict[str, object]:
        return {"collections": self._record.new()}

    def _choose_records(self, count: int) -> list[Record]:
        first = int(self._choose.random() * (len(self._records) - count))
        return self._records[first : first + count]

    def _keep(self, session: Session) -> None:
        self._sessions.pop(session.user, None)
        self._sessions[session.user] = session
        if len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)

    def _replace_record(self) -> None:
        index = int(self._choose.random() * len(self._records))
        self._records[index] = Record(index, None)


def application(service: Service) -> Callable[..., Awaitable[None]]:
    """The ASGI application."""

    async def answer(scope: Mapping[str, Any], receive: object, send: Send) -> None:
        _, name, *words = scope["path"].split("/")
        if name == "session":
            body = service.open_session(int(words[0]))
        elif name == "warmed":
            body = service.warmed()
        else:
            body = service.collections()
        text = json.dumps(body).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(text))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text})

    return answer
