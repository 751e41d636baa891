# SPDX-License-Identifier: Apache-2.0
# Sources of generated functions are left in linecache for the sake of tracebacks.
# type: str|list|tuple
# holder: linecache
# verdict: grows
# fix: linecache|checkcache|clearcache|remov|pop|reuse|once
import linecache
import sys

FIXED = "--fixed" in sys.argv


def build(number):
    lines = [f"def build_{number}(value):\n", *(f"    value += {i}\n" for i in range(20))]
    lines.append("    return value\n")
    name = f"<generated {number}>"
    linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
    namespace = {}
    exec(compile("".join(lines), name, "exec"), namespace)
    if FIXED:
        del linecache.cache[name]
    return namespace[f"build_{number}"](0)


print(sum(build(number) for number in range(250)))
