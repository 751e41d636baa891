# SPDX-License-Identifier: Apache-2.0
"""Finding an object by an address or by the expression that a program would use for it."""

from __future__ import annotations

import re

from hoopsnake._errors import HoopError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hoopsnake.heap.model import HeapObject
    from hoopsnake.heap.snapshot import Snapshot

_STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+)\]|\[(?P<quote>['\"])(?P<key>.*?)(?P=quote)\]")


def parse_address(text: str) -> int | None:
    """`0x7f...`, or a decimal number; None: it is something else."""
    try:
        return int(text, 0)
    except ValueError:
        return None


def find_by_path(snapshot: Snapshot, path: str) -> HeapObject:
    """Follow `package.module.NAME['key'].attribute[3]` from the longest module name that fits."""
    words = re.match(r"[\w.]+", path)
    names = words.group().split(".") if words else []
    for length in range(len(names), 0, -1):
        module = snapshot.modules.get(".".join(names[:length]))
        if module:
            done = len(".".join(names[:length]))
            return _follow(module, path, done)
    raise HoopError(
        f"{path!r} is no address, no type and no name in a module of this snapshot; "
        "`hoop top FILE` shows types, `hoop top FILE --by module` modules"
    )


def _follow(here: HeapObject, path: str, at: int) -> HeapObject:
    while at < len(path):
        step = _STEP.match(path, at)
        if not step:
            raise HoopError(f"{path!r}: cannot make sense of {path[at:]!r}")
        found = _step(here, step)
        if found is None:
            raise HoopError(f"{path[:at]} ({here.type}) has no {step.group()} in this snapshot")
        here, at = found, step.end()
    return here


def _step(here: HeapObject, step: re.Match[str]) -> HeapObject | None:
    name = step.group("name")
    if name is not None:
        return _attribute(here, name)
    wanted = step.group()
    if step.group("key") is not None:
        wanted = f"['{step.group('key')}']"
    return next((one.object for one in here.referents() if one.step == wanted), None)


def _attribute(here: HeapObject, name: str) -> HeapObject | None:
    dicts = []
    for one in here.referents():
        if one.step == f".{name}" and one.kind in ("attribute", "local"):
            return one.object
        if one.kind == "dict" or one.step == ".__dict__":
            dicts.append(one.object)
    for namespace in dicts:
        for one in namespace.referents():
            if one.step == f"['{name}']":
                return one.object
    return None
