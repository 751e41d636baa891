# SPDX-License-Identifier: Apache-2.0
"""A heap snapshot in DevTools: loaded by the code that Chromium's Memory panel loads it with.

A Chromium without a window serves its own DevTools; a page of it imports the panel's worker. It is
driven over a pipe, so that nothing but Chromium is needed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WORKER = "/devtools/entrypoints/heap_snapshot_worker/heap_snapshot_worker.js"
PIECE = 1 << 20  # characters of the file that are handed over at a time
START_SECONDS = 30
OPTIONS = (
    "--headless",
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--remote-debugging-pipe",
    "--remote-debugging-port=0",
)

# `snapshot` and what the panel calls: retained sizes come from its second worker, here a channel.
LOAD = """
(async () => {
  const worker = await import(location.href);
  const loader = new worker.HeapSnapshotLoader.HeapSnapshotLoader(
      {sendEvent() {}, updateProgress() {}, updateStatus() {}});
  for (const piece of globalThis.pieces) loader.write(piece);
  loader.close();
  const channel = new MessageChannel();
  new worker.HeapSnapshot.SecondaryInitManager(channel.port2);
  globalThis.snapshot = await loader.buildSnapshot(channel.port1);
  const everything = (list) => list.serializeItemsRange(0, 1e9).items;
  globalThis.aggregates = () => Object.values(snapshot.aggregatesWithFilter({})).map(
      ({name, count, self, maxRet}) => ({name, count, self, retained: maxRet}));
  globalThis.nodes = () => {
    const node = snapshot.createNode(0), found = [];
    for (let i = 0; i < snapshot.nodeCount; ++i) {
      node.nodeIndex = i * snapshot.nodeFieldCount;
      found.push([node.name(), node.selfSize(), node.retainedSize(), node.type()]);
    }
    return found;
  };
  globalThis.members = (name) => Object.entries(snapshot.aggregatesWithFilter({}))
      .filter(([, {name: found}]) => found === name)
      .flatMap(([key]) => everything(snapshot.createNodesProviderForClass(key, {})));
  globalThis.retainers = (nodeIndex) =>
      everything(snapshot.createRetainingEdgesProvider(nodeIndex));
  return snapshot.nodeCount;
})()
"""


def find_chromium() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class DevToolsError(Exception):
    """What Chromium said instead of an answer."""


class Chromium:
    """Speaks the DevTools protocol: JSON, each message ended by a zero."""

    def __init__(self, to: int, back: int) -> None:
        self._to, self._back = to, back
        self._unread = b""
        self._number = 0
        self._session: str | None = None

    def open(self, address: str) -> None:
        target = self.call("Target.createTarget", url=address)["targetId"]
        answer = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = answer["sessionId"]
        loaded = f"location.href === {address!r} && document.readyState === 'complete'"
        end = time.monotonic() + START_SECONDS
        while not self.evaluate(loaded):
            if time.monotonic() > end:
                raise DevToolsError(f"{address} does not open")
            time.sleep(0.05)

    def evaluate(self, script: str) -> Any:
        answer = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise DevToolsError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def call(self, method: str, **parameters: object) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._write(json.dumps(message).encode() + b"\0")
        while (answer := json.loads(self._read())).get("id") != self._number:
            pass
        if "error" in answer:
            raise DevToolsError(f"{method}: {answer['error']}")
        return answer["result"]

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._to, data) :]

    def _read(self) -> bytes:
        pieces = [self._unread]
        while b"\0" not in pieces[-1]:
            pieces.append(os.read(self._back, PIECE))
            if not pieces[-1]:
                raise DevToolsError("Chromium ended")
        message, _, self._unread = b"".join(pieces).partition(b"\0")
        return message


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator[tuple[Chromium, str]]:
    """With the address of the DevTools that it serves. `folder`: where it keeps its files."""
    path = find_chromium()
    assert path is not None
    its_input, to = os.pipe()
    back, its_output = os.pipe()
    # It reads from 3 and writes to 4, which may be what the pipes have here.
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (its_input, its_output)]
    process = subprocess.Popen(
        [path, *OPTIONS, f"--user-data-dir={folder}"],
        close_fds=False,
        preexec_fn=lambda: [os.dup2(end, number) for number, end in enumerate(ends, 3)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    for end in (its_input, its_output, *ends):
        os.close(end)
    try:
        yield Chromium(to, back), address_of(process, folder)
    finally:
        os.close(to)
        os.close(back)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)  # it ends with its pipe
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def address_of(process: subprocess.Popen[bytes], folder: Path) -> str:
    file, end = folder / "DevToolsActivePort", time.monotonic() + START_SECONDS
    while not (file.exists() and "\n" in file.read_text()):
        if process.poll() is not None or time.monotonic() > end:
            raise DevToolsError("Chromium did not start")
        time.sleep(0.05)
    return f"http://127.0.0.1:{file.read_text().split()[0]}"


@contextlib.contextmanager
def loaded(snapshot: Path, folder: Path) -> Iterator[Chromium]:
    """A page in which `snapshot` is open: aggregates(), nodes(), members(), retainers()."""
    with chromium(folder) as (browser, address):
        browser.open(address + WORKER)
        browser.evaluate("globalThis.pieces = []")
        text = snapshot.read_text(encoding="utf-8")
        for begin in range(0, len(text), PIECE):
            browser.evaluate(f"pieces.push({json.dumps(text[begin : begin + PIECE])}), 0")
        browser.evaluate(LOAD)
        yield browser
