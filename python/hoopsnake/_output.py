# SPDX-License-Identifier: Apache-2.0
"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from hoopsnake._errors import HoopError


@contextlib.contextmanager
def whole_file(path: str) -> Iterator[int]:
    """A descriptor whose content becomes `path` at the end, and is thrown away after an error.

    The content is written beside it, as `.NAME.PID.part`. Mode 0600. HoopError when there can be
    no file.
    """
    folder, name = os.path.split(os.path.abspath(path))
    part = os.path.join(folder, f".{name}.{os.getpid()}.part")
    if os.path.isdir(path):
        raise HoopError(f"{path} is a directory; name a file")
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HoopError(f"cannot write {path} ({error.strerror})") from error
    try:
        try:
            yield descriptor
        finally:
            os.close(descriptor)
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise
