# SPDX-License-Identifier: Apache-2.0
"""Ordinary: parse a feed with ElementTree, change it, query it, and write it out."""

from __future__ import annotations

import xml.etree.ElementTree as ET

ENTRIES = 1_500
ROUNDS = 28


def feed() -> str:
    entries = "".join(
        f'<entry id="e{index}"><title>Entry {index}</title><author><name>Author {index % 50}</name>'
        f'</author><link href="https://example.org/{index}" rel="self"/><summary>Text {index} of'
        f" the feed, with some words.</summary><score>{index * 0.5}</score></entry>"
        for index in range(ENTRIES)
    )
    return f'<feed version="1">{entries}</feed>'


def work(scale: float) -> object:
    text = feed()
    total = 0.0
    length = 0
    for turn in range(max(1, round(ROUNDS * scale))):
        root = ET.fromstring(text)
        for entry in root.iter("entry"):
            score = entry.find("score")
            assert score is not None
            total += float(score.text or 0)
            entry.set("turn", str(turn))
            ET.SubElement(entry, "seen").text = str(turn)
        length += len(root.findall("./entry/author/name")) + len(ET.tostring(root))
    return total, length
