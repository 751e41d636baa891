# SPDX-License-Identifier: Apache-2.0
"""Ordinary: render a page with Jinja2; with string.Template where Jinja2 is not installed."""

from __future__ import annotations

import string
from collections.abc import Callable
from importlib import import_module

ROWS = 300
PAGES = 200

JINJA_PAGE = """
<table>{% for row in rows %}
  <tr class="{{ loop.cycle('odd', 'even') }}"><td>{{ row.id }}</td><td>{{ row.name|upper|e }}</td>
  {% for cell in row.cells %}<td>{{ "%.2f"|format(cell) }}</td>{% endfor %}
  {% if row.id is divisibleby(3) %}<td>{{ row.name|replace("a", "b") }}</td>{% endif %}</tr>
{% endfor %}</table>
"""
PLAIN_ROW = string.Template("<tr><td>$id</td><td>$name</td><td>$cells</td></tr>")


def make_rows(page: int) -> list[dict[str, object]]:
    return [
        {"id": page + index, "name": f"a name & {index}", "cells": [index * 0.1, page * 0.2, 0.5]}
        for index in range(ROWS)
    ]


def plain(rows: list[dict[str, object]]) -> str:
    return "\n".join(PLAIN_ROW.substitute(row) for row in rows)


def renderer() -> Callable[[list[dict[str, object]]], str]:
    try:
        jinja2 = import_module("jinja2")
    except ImportError:
        return plain
    template = jinja2.Template(JINJA_PAGE)

    def render(rows: list[dict[str, object]]) -> str:
        return str(template.render(rows=rows))

    return render


def work(scale: float) -> object:
    render = renderer()
    return sum(len(render(make_rows(page))) for page in range(max(1, round(PAGES * scale))))
