# SPDX-License-Identifier: Apache-2.0
"""What was asked and how it was answered, kept in the user's state directory, for them alone."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field

from hoopsnake._errors import HoopError
from hoopsnake._output import whole_file
from hoopsnake.quiz.model import Question

FORMAT = 1


@dataclass(slots=True)
class Record:
    """Of one question; of generated ones together, by kind and grade. `last`: Unix time."""

    lesson: str
    kind: str
    grade: int
    asked: int = 0
    right: int = 0
    last: float = 0.0
    last_right: bool = False


@dataclass(slots=True)
class Progress:
    records: dict[str, Record] = field(default_factory=dict)

    def note(self, question: Question, *, right: bool, now: float | None = None) -> None:
        record = self.records.setdefault(
            key(question), Record(question.lesson, question.kind, question.grade)
        )
        record.asked += 1
        record.right += right
        record.last = time.time() if now is None else now
        record.last_right = right

    def choose(
        self, questions: Iterable[Question], count: int, chance: random.Random
    ) -> list[Question]:
        """New ones first, then those answered wrong, then those of long ago; easy before hard."""

        def urgency(question: Question) -> tuple[float, ...]:
            record = self.records.get(key(question))
            if record is None:
                return (0, 0, chance.random())
            return (1 + record.last_right, record.last, chance.random())

        chosen = sorted(questions, key=urgency)[:count]
        return sorted(chosen, key=lambda question: (question.grade, chance.random()))


def key(question: Question) -> str:
    return question.name.rpartition(":")[0] if question.generated else question.name


def place(environ: Mapping[str, str]) -> str:
    """$XDG_STATE_HOME/hoopsnake/quiz.json, or ~/.local/state/hoopsnake/quiz.json."""
    base = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(base, "hoopsnake", "quiz.json")


def load(path: str, tell: Callable[[str], None]) -> Progress:
    """What is there. A damaged file is set aside, and `tell` gets a sentence."""
    try:
        with open(path, encoding="utf-8") as file:
            return _read(json.load(file))
    except FileNotFoundError:
        return Progress()
    except OSError as error:
        tell(f"cannot read your progress in {path} ({error.strerror}): starting anew")
        return Progress()
    except (ValueError, TypeError, KeyError, AttributeError):
        aside = f"{path}.damaged"
        try:
            os.replace(path, aside)
        except OSError:
            aside = path
        tell(f"your progress could not be read: starting anew, and the file is kept as {aside}")
        return Progress()


def _read(document: dict[str, object]) -> Progress:
    if document["format"] != FORMAT:
        raise ValueError
    found = document["records"]
    if not isinstance(found, dict):
        raise ValueError
    records = {str(name): Record(**one) for name, one in found.items()}
    for record in records.values():
        if not isinstance(record.asked, int) or not isinstance(record.right, int):
            raise ValueError
        record.last = float(record.last)
    return Progress(records)


def save(progress: Progress, path: str, tell: Callable[[str], None]) -> None:
    """Whole or not at all; where it cannot be written, `tell` gets a sentence."""
    document = {
        "format": FORMAT,
        "records": {name: asdict(one) for name, one in progress.records.items()},
    }
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with whole_file(path) as part, open(part, "w", encoding="utf-8", closefd=False) as file:
            json.dump(document, file, indent=1)
    except (OSError, HoopError) as error:
        tell(f"your progress is not kept: {error}")
