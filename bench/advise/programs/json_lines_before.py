# SPDX-License-Identifier: Apache-2.0
"""Lines of JSON, parsed one by one: each has keys of its own."""

import json

from bench.advise.measured import end, scaled

LINE = '{"time": null, "level": null, "message": null, "host": null, "pid": 1, "thread": 2}'
EVENTS = [json.loads(LINE) for _ in range(scaled(80_000))]
end()
