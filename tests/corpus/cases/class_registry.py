# SPDX-License-Identifier: Apache-2.0
# Classes made while the program runs, and a registry that takes every one of them.
# type: Form|type|class
# holder: kinds|registry
# verdict: grows
# fix: weak|once|at import|unregister|remove
import sys
import weakref

FIXED = "--fixed" in sys.argv


class Form:
    kinds = weakref.WeakValueDictionary() if FIXED else {}
    count = 0

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        Form.count += 1
        Form.kinds[f"{cls.__name__}-{Form.count}"] = cls


def form_for(fields):
    return type("OrderForm", (Form,), dict.fromkeys(fields))


for i in range(150):
    form_for([f"field{i}", "total"])
print(Form.count)
