# SPDX-License-Identifier: Apache-2.0
"""A small web shop, an ASGI application, with two leaks as services have them.

GET /login    opens a session and answers with its token
GET /page     ?token: shows a page of the catalogue and remembers that the session saw it
GET /logout   ?token: closes the session

Sessions of those who go away without a logout are never evicted; and a logout forgets to end the
session's subscription to changes of prices.
"""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

PRODUCTS = 30_000
ON_A_PAGE = 24

Send = Callable[[Mapping[str, object]], Awaitable[None]]
Watcher = Callable[[int, float], None]


class Product:
    def __init__(self, number: int) -> None:
        self.number = number
        self.title = f"product {number} of the catalogue"
        self.tags = [f"tag {number % 97}", f"shelf {number}"]
        self.price = number % 1000 + 0.99


class Session:
    def __init__(self, token: str) -> None:
        self.token = token
        self.visits: list[dict[str, object]] = []
        self.news: list[str] = []


CATALOGUE = [Product(number) for number in range(PRODUCTS)]
SESSIONS: dict[str, Session] = {}
PRICE_WATCHERS: list[Watcher] = []


def watch_prices(session: Session) -> None:
    def price_changed(number: int, price: float) -> None:
        session.news.append(f"product {number} is {price:.2f} now")

    PRICE_WATCHERS.append(price_changed)


def login() -> dict[str, object]:
    session = Session(f"{random.getrandbits(64):016x}")
    SESSIONS[session.token] = session
    watch_prices(session)
    return {"token": session.token}


def page(session: Session) -> dict[str, object]:
    first = random.randrange(PRODUCTS - ON_A_PAGE)
    shown = CATALOGUE[first : first + ON_A_PAGE]
    seen = [{"number": product.number, "price": product.price} for product in shown]
    session.visits.append({"first": first, "seen": seen})
    return {"products": [product.title for product in shown], "news": session.news}


def logout(session: Session) -> dict[str, object]:
    del SESSIONS[session.token]
    return {"visits": len(session.visits)}


def respond(path: str, query: str) -> dict[str, object] | None:
    if path == "/login":
        return login()
    session = SESSIONS.get(parse_qs(query).get("token", [""])[0])
    if session is None:
        return None
    return logout(session) if path == "/logout" else page(session)


async def app(scope: Mapping[str, Any], receive: object, send: Send) -> None:
    answer = respond(scope["path"], scope["query_string"].decode())
    body = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    status = 200 if answer is not None else 404
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
