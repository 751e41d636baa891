# SPDX-License-Identifier: Apache-2.0
"""Run directories: where they live, making one, listing and pruning them.

Every process of a run loads a library through its run directory and writes into it, so the base
directory is taken only when it is ours alone: a real directory, our user's, closed to others.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import time
from collections.abc import Callable, Mapping

from hoopsnake._errors import HoopError

KEPT_RUNS = 20
# In a run directory: what `hoop run --explain` has taken.
SNAPSHOTS = "snapshots"

_RUN_NAME = re.compile(r"run-(\d{8}-\d{6})-(\d+)")
_RECORD_NAME = re.compile(r"(\d+)\.(\d+)\.(live|json)")
# The loader splits LD_PRELOAD at blanks and colons, and expands `$ORIGIN` and its like.
_UNSAFE_IN_PRELOAD = re.compile(r"[ :$\t\n]")


def safe_in_preload(path: str) -> bool:
    return not _UNSAFE_IN_PRELOAD.search(path)


def base_candidates(environ: Mapping[str, str]) -> list[str]:
    """Directories that may hold run directories, best first."""
    uid = os.geteuid()
    candidates = []
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime) and _is_ours(runtime) and os.access(runtime, os.W_OK | os.X_OK):
        candidates.append(os.path.join(runtime, "hoopsnake"))
    temporary = os.path.abspath(environ.get("TMPDIR") or "/tmp")
    for parent in dict.fromkeys((temporary, "/tmp")):
        candidates.append(os.path.join(parent, f"hoopsnake-{uid}"))
    return [path for path in candidates if safe_in_preload(path)]


def claim_base(environ: Mapping[str, str]) -> str:
    """Return a base directory that exists and is ours alone; HoopError when none can be had."""
    complaint = "there is no directory for run files"
    for path in base_candidates(environ):
        try:
            _make_private(path)
        except OSError as error:
            complaint = f"cannot keep run files in {path} ({error.strerror or error})"
        else:
            return path
    raise HoopError(f"{complaint}; set TMPDIR to a directory of yours")


def existing_bases(environ: Mapping[str, str]) -> list[str]:
    return [path for path in base_candidates(environ) if _is_ours(path)]


def create(base: str, pid: int, now: float) -> str:
    """Make and return a fresh run directory in `base`. Its name is in UTC, so that names sort."""
    while True:
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
        path = os.path.join(base, f"run-{stamp}-{pid}")
        try:
            os.mkdir(path, 0o700)
            return path
        except FileExistsError:
            now += 1  # `hoop run hoop run x.py`: one process makes two within a second
        except OSError as error:
            raise HoopError(f"cannot make {path} ({error.strerror})") from error


def list_runs(base: str) -> list[str]:
    """Our run directories in `base`, newest first."""
    found: list[tuple[str, int, str]] = []
    try:
        entries = list(os.scandir(base))
    except OSError:
        return []
    for entry in entries:
        match = _RUN_NAME.fullmatch(entry.name)
        if match and _is_ours(entry.path):
            found.append(
                (match.group(1), entry.stat(follow_symlinks=False).st_mtime_ns, entry.path)
            )
    return [path for _, _, path in sorted(found, reverse=True)]


def prune(base: str, keep: int = KEPT_RUNS, alive: Callable[[int], bool] | None = None) -> None:
    """Remove runs beyond the newest `keep`, but none of which a process may still be alive."""
    is_alive = alive or process_exists
    for path in list_runs(base)[keep:]:
        if not any(is_alive(pid) for pid in _pids_of(path)):
            remove(path)


def remove(path: str) -> None:
    """Remove a run directory's own files, then the directory if nothing else was in it."""
    try:
        names = os.listdir(path)
        for name in names:
            if _RECORD_NAME.fullmatch(name) or name in ("run.json", "children", "lib"):
                os.unlink(os.path.join(path, name))
        _remove_snapshots(os.path.join(path, SNAPSHOTS))
        os.rmdir(path)
    except OSError:
        pass  # not worth a word: what is left now goes with the next prune, or stays


def _remove_snapshots(path: str) -> None:
    if not os.path.isdir(path):
        return
    for name in os.listdir(path):
        if name.endswith((".hoop", ".hoop.part", ".hoop.index")):
            os.unlink(os.path.join(path, name))
    os.rmdir(path)


def process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _pids_of(path: str) -> set[int]:
    """The root process, whose pid ends the directory's name, and all that left a record."""
    pids = {int(path.rpartition("-")[2])}
    try:
        names = os.listdir(path)
    except OSError:
        return pids
    records = (_RECORD_NAME.fullmatch(name) for name in names)
    return pids | {int(match.group(1)) for match in records if match}


def _is_ours(path: str) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def _make_private(path: str) -> None:
    """Raise OSError unless `path` is, or can be made, a real directory of ours alone."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    if os.path.islink(path):
        raise PermissionError(errno.EPERM, "it is a symbolic link", path)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "it belongs to another user", path)
        if stat.S_IMODE(status.st_mode) != 0o700:
            os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)
