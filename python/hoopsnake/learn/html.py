# SPDX-License-Identifier: Apache-2.0
"""A life as one page: the picture of names and objects, step by step. Nothing is loaded from
elsewhere; the page's code is page.html beside this file."""

from __future__ import annotations

import html
import json
import os
from importlib import resources

from hoopsnake.learn.model import Life


def as_html(life: Life, lesson: str = "") -> str:
    """The whole page. `lesson`: what is to be known about the program, beside it."""
    page = (resources.files("hoopsnake.learn") / "page.html").read_text(encoding="utf-8")
    data = json.dumps(life.to_json(), separators=(",", ":"))
    # Within a script element nothing may look like its end, or like a comment.
    data = data.replace("<", "\\u003c")
    name = "-c" if life.program.name == "-c" else os.path.basename(life.program.name)
    page = page.replace("@TITLE@", html.escape(name)).replace("@LESSON@", html.escape(lesson))
    return page.replace("@DATA@", data)
