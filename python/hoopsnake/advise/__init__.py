# SPDX-License-Identifier: Apache-2.0
"""What would make the heap of a program smaller.

    import hoopsnake.heap as h
    from hoopsnake.advise import advise

    for one in advise(h.open("service.hoop")):
        print(one.saving, one.title)

All sizes are bytes as the allocator takes them. Nothing is saved twice: objects that one advice is
about are left out of those with smaller savings.
"""

from hoopsnake.advise.engine import advise
from hoopsnake.advise.model import Advice, Held, Trial

__all__ = ["Advice", "Held", "Trial", "advise"]
