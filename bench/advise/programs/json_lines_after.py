# SPDX-License-Identifier: Apache-2.0
"""Lines of JSON, parsed one by one: each has keys of its own. As advised."""

import json
from dataclasses import dataclass

from bench.advise.measured import end, scaled

LINE = '{"time": null, "level": null, "message": null, "host": null, "pid": 1, "thread": 2}'


@dataclass(slots=True)
class Event:
    time: object
    level: object
    message: object
    host: object
    pid: int
    thread: int


EVENTS = [Event(**json.loads(LINE)) for _ in range(scaled(80_000))]
end()
