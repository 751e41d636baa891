# SPDX-License-Identifier: Apache-2.0
"""A server's day: sessions that stay, a cache that turns over, a burst of requests, then quiet."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

BURST = 24_000
WARM_REQUESTS = 6_000
CACHE_ENTRIES = 2_000
SESSION_EVERY = 60


class Session:
    __slots__ = ("history", "token", "user")

    def __init__(self, number: int) -> None:
        self.user = f"user-{number:08}"
        self.token = f"token-{number:032}"
        self.history = [f"opened by request {number}"]


class Request:
    """Holds what was parsed for it and what is rendered for it until it is answered."""

    __slots__ = ("answer", "body", "parts", "session")

    def __init__(self, number: int, session: Session | None) -> None:
        self.session = session
        text = json.dumps({"id": number, "items": [number + index for index in range(12)]})
        self.body = json.loads(text)
        self.parts = [f"line {index} of answer {number}" for index in range(20)]
        self.answer = "\n".join(self.parts).encode()


class Server:
    def __init__(self, scale: float) -> None:
        self._burst = max(200, round(BURST * scale))
        self._warm = max(100, round(WARM_REQUESTS * scale))
        self._random = random.Random(5)
        self._sessions: list[Session] = []
        self._cache: dict[int, str] = {}
        self._in_flight: list[Request] = []

    def build(self) -> None:
        for number in range(self._warm):
            self._request(number)
        for number in range(self._warm, self._warm + self._burst):
            self._in_flight.append(self._request(number))

    def drop(self) -> None:
        self._in_flight.clear()

    def _request(self, number: int) -> Request:
        session = Session(number) if number % SESSION_EVERY == 0 else None
        if session is not None:
            self._sessions.append(session)
        elif self._sessions and number % 7 == 0:
            self._random.choice(self._sessions).history.append(f"seen by request {number}")
        key = self._random.randrange(CACHE_ENTRIES * 4)
        if key not in self._cache:
            self._cache[key] = f"cached page {key} " * 8
            if len(self._cache) > CACHE_ENTRIES:
                del self._cache[next(iter(self._cache))]
        return Request(number, session)

    def live(self) -> Iterator[object]:
        for session in self._sessions:
            yield from (session, session.user, session.token, session.history)
            yield from session.history
        yield self._sessions
        yield self._cache
        yield from self._cache
        yield from self._cache.values()
        for request in self._in_flight:
            yield from (request, request.body, request.parts, request.answer)
            yield from request.parts
            yield from request.body
            yield from request.body.values()
            yield from request.body["items"]
