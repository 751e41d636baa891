# SPDX-License-Identifier: Apache-2.0
"""The one exception of the package."""


class HoopError(Exception):
    """Something Hoopsnake could not do; the message is one line and says what to do about it.

    `exit_code` is what the command line exits with when the error ends it.
    """

    def __init__(self, message: str, *, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code
