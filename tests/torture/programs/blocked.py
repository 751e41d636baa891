# SPDX-License-Identifier: Apache-2.0
"""One thread, in a system call that ends with the program."""

from __future__ import annotations

import held

held.ready()
held.wait()
held.say(1)
