# SPDX-License-Identifier: Apache-2.0
"""Ordinary: take a log apart with regular expressions, group it, and rewrite it."""

from __future__ import annotations

import re
from collections import defaultdict

LINES = 9_000
ROUNDS = 16

LINE = re.compile(
    r'(?P<host>\S+) - (?P<user>\S+) \[(?P<time>[^\]]+)\] "(?P<verb>\w+) (?P<path>\S+)" '
    r"(?P<status>\d{3}) (?P<size>\d+)"
)
SECRET = re.compile(r"token=\w+")
WORD = re.compile(r"[A-Za-z]+|\d+")


def log() -> str:
    return "\n".join(
        f"10.0.{index % 7}.{index % 251} - user{index % 40} [01/Jan/2024:10:{index % 60:02}] "
        f'"GET /item/{index % 300}?token=abc{index}" {200 if index % 9 else 404} {index * 7 % 9000}'
        for index in range(LINES)
    )


def work(scale: float) -> object:
    text = log()
    result = 0
    for _ in range(max(1, round(ROUNDS * scale))):
        by_path: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
        for match in LINE.finditer(text):
            by_path[match["path"].partition("?")[0]].append(match.groupdict())
        result += sum(int(row["size"]) for rows in by_path.values() for row in rows)
        result += len(SECRET.sub("token=*", text)) + len(WORD.findall(text))
    return result
