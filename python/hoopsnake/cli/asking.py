# SPDX-License-Identifier: Apache-2.0
"""Asks a process of a run for a snapshot: docs/format/run-directory.md describes the socket."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import struct
from collections.abc import Mapping

from hoopsnake._errors import HoopError
from hoopsnake.cli import rundirs

_MAGIC = b"HOOPSNP1"
_WITH_VALUES = 1


def connect(pid: int, environ: Mapping[str, str]) -> socket.socket | None:
    """A connection to a process of a run of ours. Sockets that nobody listens at are removed."""
    for base in rundirs.existing_bases(environ):
        for run in rundirs.list_runs(base):
            connection = _connect(run, f"{pid}.sock")
            if connection is not None:
                return connection
    return None


def ask(connection: socket.socket, file: int, *, with_values: bool) -> dict[str, object]:
    """Have the process write into `file`; returns what it says of it."""
    request = struct.pack("<8sII", _MAGIC, _WITH_VALUES if with_values else 0, 0)
    socket.send_fds(connection, [request], [file])
    answer = _answer(connection)
    if "error" in answer:
        raise HoopError(str(answer["error"]))
    return answer


def _answer(connection: socket.socket) -> dict[str, object]:
    text = b""
    while not text.endswith(b"\n"):
        part = connection.recv(4096)
        if not part:
            raise HoopError("the process ended before its snapshot was written")
        text += part
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise HoopError("the process gave an answer that is not understood")
    return answer


def _connect(folder: str, name: str) -> socket.socket | None:
    """A socket's name is short, the path may not be: it is reached through its directory."""
    if not os.path.exists(os.path.join(folder, name)):
        return None
    directory = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(f"/proc/self/fd/{directory}/{name}")
        return connection
    except OSError as error:
        connection.close()
        if error.errno == errno.ECONNREFUSED:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=directory)
        return None
    finally:
        os.close(directory)
