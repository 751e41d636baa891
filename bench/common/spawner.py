# SPDX-License-Identifier: Apache-2.0
"""A tiny process that starts the measured ones; run as `python -I -S spawner.py`.

Why it exists: Linux carries the peak RSS of whoever spawns over exec, so that wait4 shows at least
that peak for a child. This process stays smaller than any program that it starts. It reads requests
from stdin (8 bytes of length, a marshalled dict) and answers on stdout (the same, a tuple).
"""

from __future__ import annotations

import marshal
import os
import time


def read_exactly(count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = os.read(0, count - len(data))
        if not part:
            os._exit(0)
        data += part
    return data


def run(
    argv: list[str], env: dict[str, str], stdout: str, stderr: str
) -> tuple[int, float, float, int]:
    """(exit status, wall seconds, user+system seconds, peak RSS in bytes)"""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, stdout, flags, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, stderr, flags, 0o600),
    ]
    start = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, env, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    return (
        os.waitstatus_to_exitcode(status),
        wall,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * 1024,
    )


def serve() -> None:
    while True:
        request = marshal.loads(read_exactly(int.from_bytes(read_exactly(8), "little")))
        os.sched_setaffinity(0, request["cores"])
        try:
            answer = run(request["argv"], request["env"], request["stdout"], request["stderr"])
        except OSError as error:
            answer = (error.errno or -1, 0.0, 0.0, 0)
        data = marshal.dumps(answer)
        os.write(1, len(data).to_bytes(8, "little") + data)


if __name__ == "__main__":
    serve()
