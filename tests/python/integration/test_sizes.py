# SPDX-License-Identifier: Apache-2.0
"""`hoopsnake.size` and `hoopsnake.copy_cost`, on every Python, with our heap and without."""

from __future__ import annotations

import json

import pytest
from whole_process import ROOT, Sandbox

same_everywhere = pytest.mark.same_everywhere

SIZES = """
import gc, json, sys, tracemalloc
from hoopsnake import size

class Node:
    pass

def fresh(count):
    return [str(10**6 + i) for i in range(count)]

shared = fresh(3)
inner = fresh(4)
outer = [shared, inner, fresh(5)]
del inner
cycle = Node()
cycle.me, cycle.data = cycle, fresh(6)
kept = cycle.data

found = {}
def note(name, one):
    s = size(one)
    found[name] = [s.shallow, s.deep, s.retained, s.objects, s.retained_objects]

note("list", fresh(10))
note("outer", outer)
note("cycle", cycle)
note("text", "x" * 100)
note("empty", {})
text = sys.getsizeof(fresh(1)[0])
lists = [sys.getsizeof(fresh(n)) for n in range(11)]
print(json.dumps({"found": found, "text": text, "list": lists, "outer": sys.getsizeof(outer)}))
"""


@same_everywhere
def test_sizes_of_known_structures(box: Sandbox) -> None:
    for run in (box.plain, box.preloaded):
        answer = json.loads(run(box.script("sizes.py", SIZES)).check().text)
        found, text, lists = answer["found"], answer["text"], answer["list"]
        assert found["list"] == [lists[10], *2 * [lists[10] + 10 * text], 11, 11]
        outer = answer["outer"]
        assert found["outer"][:3] == [
            outer,
            outer + lists[3] + lists[4] + lists[5] + 12 * text,
            outer + lists[4] + lists[5] + 9 * text,  # somebody else has the first
        ]
        shallow, deep, retained, _, alone = found["cycle"]
        assert deep - retained == lists[6] + 6 * text
        assert retained >= shallow
        assert alone in (1, 2)  # with its dict, where it has one
        assert found["text"][0] == found["text"][1]
        assert found["empty"][3:] == [1, 1]


@same_everywhere
def test_costs_of_copies_are_those_of_real_copies(box: Sandbox) -> None:
    script = ROOT / "tests/python/support/copy_costs.py"
    assert box.plain(script, "0", "60").check().text == ""
    assert box.preloaded(script, "60", "20").check().text == ""


UNKNOWN = """
import json
from hoopsnake import copy_cost

class Own:
    def __deepcopy__(self, memo):
        raise SystemExit("called")

class Guarded:
    def __getattr__(self, name):
        raise SystemExit("called")

class Reduced:
    def __reduce__(self):
        raise SystemExit("called")

class Closed:
    def __init__(self):
        self.text = "a"
    def __del__(self):
        print("closed", flush=True)

found = {type(one).__name__: copy_cost([one]).unknown for one in (Own(), Guarded(), Reduced())}
print(json.dumps(found))
once = Closed()
copy_cost(once)
print("still open", flush=True)
"""


@pytest.mark.pythons("3.11", "3.14")
def test_no_code_of_the_users_is_called(box: Sandbox) -> None:
    lines = box.plain(box.script("unknown.py", UNKNOWN)).check().text.splitlines()
    found = json.loads(lines[0])
    assert found["Own"] == {"__main__.Own": "has its own __deepcopy__"}
    assert found["Guarded"] == {"__main__.Guarded": "its __getattr__ would be called"}
    assert found["Reduced"] == {"__main__.Reduced": "has its own __reduce__"}
    assert lines[1:] == ["still open", "closed"]


@pytest.mark.pythons("3.11")
def test_shared_and_made_are_told_apart(box: Sandbox) -> None:
    code = (
        "from hoopsnake import copy_cost\n"
        "one = [[1000], 'text', (1, 2)]\n"
        "cost = copy_cost(one)\n"
        "print(cost.shallow.made, sorted(cost.shallow.shared), cost.shallow.objects)\n"
        "print(cost.deep.made['list'][0], sorted(cost.deep.shared), cost.deep.objects)\n"
        "print(copy_cost('x').deep.objects, copy_cost((1, 2)).deep.objects)\n"
    )
    lines = box.plain(box.script("shared.py", code)).check().text.splitlines()
    assert lines == [
        "{'list': (1, 80)} ['list', 'str', 'tuple'] 1",
        "2 ['int', 'str', 'tuple'] 2",
        "0 0",
    ]
