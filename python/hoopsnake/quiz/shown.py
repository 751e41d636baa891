# SPDX-License-Identifier: Apache-2.0
"""The run of a question, line by line, with what became of its objects."""

from __future__ import annotations

from hoopsnake.quiz.model import Asked


def rows(asked: Asked) -> list[str]:
    """The program's lines with their events beside them; empty where nothing was recorded."""
    return []
