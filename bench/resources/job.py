# SPDX-License-Identifier: Apache-2.0
"""job.py WORK TIMES: does it, and prints the processor's seconds that it took, system included."""

from __future__ import annotations

import gc
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path


def small_files(times: int, folder: Path) -> None:
    """Settings, templates, pages: a file of 2 KB is written, read back, and parsed."""
    text = json.dumps([{"name": str(number), "value": number} for number in range(60)])
    for number in range(times):
        path = folder / f"{number % 50}.json"
        with open(path, "w") as file:
            file.write(text)
        with open(path) as file:
            json.load(file)


def lines(times: int, folder: Path) -> None:
    """A log is read line by line."""
    path = folder / "log"
    path.write_text("2026-01-01 12:00:00 INFO something happened in the service\n" * 20_000)
    for _ in range(times):
        with open(path) as file:
            sum(line.endswith("service\n") for line in file)


def requests(times: int, folder: Path) -> None:
    """A connection, a request of a hundred bytes and its answer."""
    for _ in range(times):
        client, server = socket.socketpair()
        with client, server:
            client.sendall(b"x" * 100)
            json.dumps({"asked": server.recv(1000).decode()})
            server.sendall(b"y" * 400)
            client.recv(1000)


def database(times: int, folder: Path) -> None:
    for number in range(times):
        with closing(sqlite3.connect(folder / "db")) as connection, connection:
            connection.execute("create table if not exists t (a)")
            connection.execute("select * from t where a = ?", [number]).fetchall()


def processes(times: int, folder: Path) -> None:
    for _ in range(times):
        subprocess.run(["true"], check=True)


def directories(times: int, folder: Path) -> None:
    for _ in range(times):
        with tempfile.TemporaryDirectory(dir=folder):
            pass


def nothing_but_opening(times: int, folder: Path) -> None:
    """No program does that: the most that it can cost."""
    for _ in range(times):
        open("/dev/null").close()


WORK: dict[str, tuple[Callable[[int, Path], None], int]] = {
    "small files": (small_files, 4_000),
    "lines": (lines, 60),
    "requests": (requests, 12_000),
    "database": (database, 3_000),
    "processes": (processes, 250),
    "directories": (directories, 8_000),
    "nothing but opening": (nothing_but_opening, 60_000),
}


def main() -> None:
    work, times = WORK[sys.argv[1]]
    with tempfile.TemporaryDirectory() as folder:
        gc.collect()
        start = time.process_time()
        before = os.times()
        work(max(int(times * float(sys.argv[2])), 1), Path(folder))
        after = os.times()
        children = sum(after[2:4]) - sum(before[2:4])
        print(time.process_time() - start + children)


if __name__ == "__main__":
    main()
