# SPDX-License-Identifier: Apache-2.0
# Generated modules are put into sys.modules under names of their own.
# type: module|Rule|dict|function
# holder: sys\.modules
# verdict: grows
# fix: pop|remov|reuse|one name|once|same name|unload
import sys
import types

FIXED = "--fixed" in sys.argv
SOURCE = """
TABLE = list(range(300))

class Rule:
    pass

def check(x):
    return x in TABLE
"""


def rule(number):
    module = types.ModuleType("rules.current" if FIXED else f"rules.generated_{number}")
    exec(SOURCE, module.__dict__)
    sys.modules[module.__name__] = module
    return module.check(number)


print(sum(rule(number) for number in range(80)))
