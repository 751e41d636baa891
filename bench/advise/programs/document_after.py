# SPDX-License-Identifier: Apache-2.0
"""A text that is kept beside what was parsed from it. As advised."""

import json

from bench.advise.measured import end, scaled


def load():
    text = "[" + ", ".join(str(number) for number in range(scaled(600_000))) + "]"
    data = json.loads(text)
    del text
    end()
    return data


load()
