# SPDX-License-Identifier: Apache-2.0
# Request and response refer to each other.
# type: Request|Response
# holder: request|response
# verdict: delayed
# fix: weak|break
import gc
import sys
import weakref
from dataclasses import dataclass, field
from typing import Any

FIXED = "--fixed" in sys.argv
gc.disable()


@dataclass(eq=False)
class Request:
    path: str
    response: Any = None


@dataclass(eq=False)
class Response:
    request: Any
    body: bytearray = field(default_factory=lambda: bytearray(5000))


def serve(path):
    request = Request(path)
    request.response = Response(weakref.ref(request) if FIXED else request)
    return len(request.response.body)


print(sum(serve(f"/{i}") for i in range(500)))
