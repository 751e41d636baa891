# SPDX-License-Identifier: Apache-2.0
"""Why memory does not go away: the holder to blame, by name, and the fix.

from hoopsnake.explain import explain
for suspect in explain(["service-1.hoop", "service-2.hoop"]):
    print(suspect.sentence, suspect.fix)
"""

from __future__ import annotations

from hoopsnake.explain.engine import Explanation, explain
from hoopsnake.explain.model import Growth, Holder, Suspect, Verdict

__all__ = ["Explanation", "Growth", "Holder", "Suspect", "Verdict", "explain"]
