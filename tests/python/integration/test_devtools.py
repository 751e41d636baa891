# SPDX-License-Identifier: Apache-2.0
"""`hoop export --to devtools` in Chromium's own DevTools: a leak has the name, the count, the
retained size and the retainers that we say it has."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from whole_process import ROOT, TIMEOUT, Sandbox, hoop_command

sys.path.insert(0, str(ROOT / "tests" / "python" / "support"))

import devtools

import hoopsnake.heap as h

LEAK = """
import sys, weakref
import menagerie, hoopsnake
class Session:
    def __init__(self, number):
        self.number = 10_000 + number
        self.rows = [bytes(100) for _ in range(5)]
class Shop:
    def __init__(self):
        self.sessions = {f"user {i}": Session(i) for i in range(300)}
SHOP = Shop()
WATCHED = weakref.ref(SHOP)
ODD = {"\\ud800 alone": 1, 'quoted "\\\\': 2, "snow \\u2603, emoji \\U0001f40d": 3, "zero \\0": 4}
hoopsnake.snapshot(sys.argv[1], with_values=True)
"""


@pytest.fixture
def snapshot(box: Sandbox) -> h.Snapshot:
    path = box.work / "leak.hoop"
    support = f"{box.environ['PYTHONPATH']}:{ROOT / 'tests' / 'python' / 'support'}"
    box.preloaded(box.script("leak.py", LEAK), path, environ={"PYTHONPATH": support}).check()
    return h.open(path)


@pytest.fixture
def page(snapshot: h.Snapshot, tmp_path: Path) -> Iterator[devtools.Chromium]:
    """The snapshot in DevTools."""
    if devtools.find_chromium() is None:
        pytest.skip("no Chromium (apt-get install chromium)")
    exported = tmp_path / "leak.heapsnapshot"
    words = [*hoop_command(), "export", str(snapshot.path), "--to", "devtools", "-o", str(exported)]
    subprocess.run(words, check=True, capture_output=True, timeout=TIMEOUT)
    with devtools.loaded(exported, tmp_path / "chromium") as loaded:
        yield loaded


@pytest.mark.pythons("3.10", "3.12", "3.14")
def test_devtools_shows_what_we_say(snapshot: h.Snapshot, page: devtools.Chromium) -> None:
    nodes = page.evaluate("nodes()")
    others, nodes = nodes[: -len(snapshot)], nodes[-len(snapshot) :]
    assert {kind for *_, kind in others} == {"synthetic"}
    differ = [
        (one, name, size, retained)
        for one, (name, size, retained, _) in zip(snapshot, nodes, strict=True)
        if (size, retained) != (one.size, one.retained)
    ]
    assert differ == []
    named = {
        (one.type, name)
        for one, (name, _, _, kind) in zip(snapshot, nodes, strict=True)
        if kind == "object" and name not in (one.type, one.name)
    }
    assert named == set()
    strings = {name for name, _, _, kind in nodes if kind == "string"}
    assert {'quoted "\\', "snow \u2603, emoji \U0001f40d", "zero \0"} <= strings
    check_the_leak(snapshot, page)


def check_the_leak(snapshot: h.Snapshot, page: devtools.Chromium) -> None:
    (total,) = (one for one in snapshot.top() if one.name == "__main__.Session")
    (row,) = (one for one in page.evaluate("aggregates()") if one["name"] == "__main__.Session")
    assert row == {
        "name": "__main__.Session",
        "count": 300,
        "self": total.size,
        "retained": total.retained,
    }
    (shop,) = page.evaluate('members("__main__.Shop")')
    assert shop["retainedSize"] > total.retained
    members = page.evaluate('members("__main__.Session")')
    assert len(members) == 300
    for member in members[::100]:
        assert retainers_up_to(page, member["nodeIndex"], "__main__.Shop")[0][0][:7] == "['user "


def retainers_up_to(page: devtools.Chromium, node: int, last: str) -> list[tuple[str, str]]:
    """How each is held, by what; each by one alone, as the panel shows it."""
    chain = []
    while not chain or chain[-1][1] != last:
        (edge,) = page.evaluate(f"retainers({node})")
        chain.append((edge["name"], edge["node"]["name"]))
        node = edge["node"]["nodeIndex"]
    return chain


@pytest.mark.pythons("3.10", "3.14")
def test_devtools_leads_to_the_module(snapshot: h.Snapshot, page: devtools.Chromium) -> None:
    """3.10 keeps attributes in a dict, later ones in the object or beside it."""
    session = page.evaluate('members("__main__.Session")')[0]
    up = retainers_up_to(page, session["nodeIndex"], "__main__.Shop")
    assert [holder for _, holder in up if holder != "dict"] == ["__main__.Shop"]
    assert [name for name, _ in up[1:]] in (["sessions"], ["['sessions']", "__dict__"])
    shop = page.evaluate('members("__main__.Shop")')[0]
    # Not the weak reference to it.
    retainers = page.evaluate(f"retainers({shop['nodeIndex']})")
    assert [(one["name"], one["node"]["name"]) for one in retainers] == [("['SHOP']", "dict")]
