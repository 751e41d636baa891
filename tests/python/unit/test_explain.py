# SPDX-License-Identifier: Apache-2.0
"""Explanations of small heaps of known content: who is named, in which words, in which form."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from snapshot_files import ITEM, App, service

import hoopsnake.heap as h
from hoopsnake._errors import HoopError
from hoopsnake.cli import explain as explain_command
from hoopsnake.cli import rundirs
from hoopsnake.explain import Explanation, Growth, Holder, Suspect, explain
from hoopsnake.explain.audit import audit
from hoopsnake.explain.documents import as_html, as_json, as_markdown
from hoopsnake.explain.growth import keeps_rising
from hoopsnake.explain.places import Place, place_of


@pytest.fixture
def series(tmp_path: Path) -> list[str]:
    """Three snapshots in a directory, whose names are not in the order of time."""
    return [
        str(service(sessions, seconds).file.write(tmp_path / name))
        for name, sessions, seconds in (("c.hoop", 0, 0), ("a.hoop", 10, 60), ("b.hoop", 20, 120))
    ]


# --- what grows -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "rises"),
    [
        ((1, 2, 3), True),
        ((0, 0, 5, 9), True),
        ((5, 9, 8, 12), True),  # a few went
        ((5,), False),
        ((5, 5, 5), False),
        ((1, 2), False),  # once is nothing
        ((1, 1, 2, 2), False),
        ((1, 10, 2, 12), False),  # most of them went
        ((1, 20, 30, 20), False),  # fewer at the end
    ],
)
def test_what_keeps_rising(counts: tuple[int, ...], rises: bool) -> None:
    assert keeps_rising(counts) is rises


def test_the_holder_is_named_and_how_it_grew(series: list[str]) -> None:
    found = explain(series)
    (one,) = found
    assert (one.verdict, one.holder.name) == ("grows", "module-level dict `app.CACHE`")
    assert (one.type, one.count) == ("app.Session", 23)
    assert one.growth is not None
    assert one.growth.counts == (3, 13, 23)
    assert one.growth.seconds == (0, 60, 120)
    assert one.growth.per_hour == 30 * (one.growth.retained[-1] - one.growth.retained[0])
    assert one.sentence.startswith("23 `app.Session` (25.6 KiB) are kept by module-level dict")
    assert "remove entries (`pop`)" in one.fix
    assert found.alarms == [one]
    assert (found.pid, found.python, len(found.points)) == (4711, "3.12.1", 3)


def test_what_stays_as_it_is_does_not_grow(tmp_path: Path) -> None:
    files = [service(9, at).file.write(tmp_path / f"{at}.hoop") for at in range(4)]
    assert explain(files).alarms == []


def test_one_snapshot_shows_no_growth(series: list[str]) -> None:
    assert explain(series[-1]).alarms == []
    assert explain(h.open(series[-1])).alarms == []


def test_a_collector_that_is_off_leaves_cycles(tmp_path: Path) -> None:
    app = service()
    assert explain(app.file.write(tmp_path / "unknown.hoop")).alarms == []
    app.file.meta["collector"] = "on"
    assert explain(app.file.write(tmp_path / "on.hoop")).alarms == []
    app.file.meta["collector"] = "off"
    (one,) = explain(app.file.write(tmp_path / "off.hoop")).alarms
    assert (one.verdict, one.type, one.count) == ("delayed", "app.Node", 1)
    assert "`app.Node.other` closes the cycle" in one.sentence
    assert "gc.enable()" in one.fix


def test_references_of_c_code_that_get_more(tmp_path: Path) -> None:
    files = []
    for number in range(3):
        app = service(0, number)
        for _ in range(30 * number):
            app.file.add(app.session, 48, held_by_c=1)
        files.append(app.file.write(tmp_path / f"{number}.hoop"))
    (one,) = (one for one in explain(files) if one.verdict == "held-from-c")
    assert one.type == "app.Session"
    assert one.count == 60
    assert "C code holds them" in one.sentence


def test_memory_that_no_line_of_the_program_holds(tmp_path: Path) -> None:
    app = service()
    app.file.memory = {"resident": 100 << 20, "heap: free": 40 << 20, "C library: in use": 8 << 20}
    found = explain(app.file.write(tmp_path / "free.hoop"))
    (one,) = (one for one in found if one.verdict == "environment")
    assert one.sentence.startswith("40.0 MiB of 100 MiB resident are free blocks of the heap")
    assert (one.bytes, one.is_alarm) == (40 << 20, False)
    app.file.memory = {"resident": 100 << 20, "C library: in use": 50 << 20}
    app.file.meta["python"] = "3.14.3"
    found = explain(app.file.write(tmp_path / "libc.hoop"))
    told = [one.holder.name for one in found if one.verdict == "environment"]
    assert told == ["Python 3.14.3 collects in increments", "memory of C code"]


def test_what_moves_from_one_list_to_another_is_no_growth(tmp_path: Path) -> None:
    def snapshot(number: int, sessions: int, queued: int) -> Path:
        app = service(sessions, number)
        active = app.file.add(app.list, 120)
        app.put(app.globals, "ACTIVE", active)
        for index in range(queued):
            app.file.link(active, app.file.add(app.session, 1000), ITEM, index)
        return app.file.write(tmp_path / f"{sessions}-{queued}.hoop")

    moved = [snapshot(number, 60 - 15 * number, 15 * number) for number in range(4)]
    assert explain(moved).alarms == []
    more = [snapshot(number, 60, 15 * number) for number in range(4)]
    assert [one.holder.path for one in explain(more).alarms] == ["app.ACTIVE"]


# --- places ---------------------------------------------------------------------------------------


def place(app: App, tmp_path: Path, number: int) -> Place:
    snap = h.open(app.file.write(tmp_path / "app.hoop"))
    return place_of(snap, snap.object_at(app.file.objects[number].address).id)


@pytest.mark.parametrize(
    ("what", "name", "kind", "where"),
    [
        ("cache", "module-level dict `app.CACHE`", "module attribute", "app.py"),
        ("queue", "module-level list `app.QUEUE`", "module attribute", "app.py"),
        ("acc", "default argument `acc` of `app.collect`", "default argument", "app.py:14"),
        (
            "data",
            "closure cell `data` of `app.make_handler.<locals>.handler`",
            "closure cell",
            "app.py:20",
        ),
    ],
)
def test_places_are_named_as_in_the_program(
    what: str, name: str, kind: str, where: str, tmp_path: Path
) -> None:
    app = App()
    found = place(app, tmp_path, getattr(app, what))
    assert (found.name, found.kind, found.holder.place) == (name, kind, where)


def test_a_local_variable_is_that_of_its_function(tmp_path: Path) -> None:
    app = App()
    found = place(app, tmp_path, app.request)
    assert found.name.startswith("local `request` of `serve`")
    assert found.holder.place == "app.py:12"


# --- signatures -----------------------------------------------------------------------------------


SUSPECT = Suspect(
    "grows",
    "3 `Page` (1 KiB) are kept by `CACHE['<b>']`.",
    Holder("`CACHE['<b>']`", "attribute", "app.CACHE['<b>'] of f (a & b.py:14)", "/x/a & b.py", 14),
    "app.Page",
    3,
    1024,
    "Use `weakref.ref`, if x < y & y > z.",
    growth=Growth((1, 2, 3), (10, 20, 1024), (0.0, 1.0, 2.0)),
    evidence=["for example <list at 0x7f0000000d00>"],
    chain=[("", "<interpreter>"), ("['<b>']", "dict of 3 & more")],
)


def with_path(path: str) -> Suspect:
    return replace(SUSPECT, holder=replace(SUSPECT.holder, path=path))


def test_a_signature_survives_moved_lines_other_keys_and_addresses() -> None:
    same = "app.CACHE['<b>'] of f (a & b.py:99)"
    assert with_path(same).signature == SUSPECT.signature
    assert with_path("app.CACHE['u2'] of f (a & b.py:14)").signature == SUSPECT.signature
    assert with_path("x[3] at 0x7f00").signature == with_path("x[44] at 0x8f11").signature
    assert replace(SUSPECT, count=9, bytes=1, sentence="").signature == SUSPECT.signature


def test_a_signature_is_that_of_the_fault() -> None:
    others = [
        with_path("app.STORE['<b>'] of f (a & b.py:14)"),
        replace(SUSPECT, type="app.Line"),
        replace(SUSPECT, verdict="bounded"),
        replace(SUSPECT, holder=replace(SUSPECT.holder, kind="closure cell")),
    ]
    assert len({one.signature for one in [SUSPECT, *others]}) == 5
    assert len(SUSPECT.signature) == 12


def test_the_same_fault_in_another_run_has_the_same_signature(tmp_path: Path) -> None:
    signatures = set()
    for run, more in enumerate((10, 15)):
        files = []
        for number in range(3):
            app = service(more * number, number)
            app.file.first_address += run * 0x10000
            files.append(app.file.write(tmp_path / f"{run}-{number}.hoop"))
        signatures.add(explain(files).alarms[0].signature)
    assert len(signatures) == 1


# --- a series of snapshots ------------------------------------------------------------------------


def test_snapshots_are_taken_in_the_order_of_time(series: list[str]) -> None:
    for files in (series, series[::-1], [str(Path(series[0]).parent)]):
        found = explain(files)
        assert [Path(point.path).name for point in found.points] == ["c.hoop", "a.hoop", "b.hoop"]
        assert found.alarms[0].count == 23


def test_a_directory_may_be_named_alone(series: list[str]) -> None:
    assert len(explain(Path(series[0]).parent).points) == 3


def test_several_processes_are_not_mixed(series: list[str], tmp_path: Path) -> None:
    other = service()
    other.file.pid = 12
    path = other.file.write(tmp_path / "other.hoop")
    with pytest.raises(HoopError, match=r"several processes \(\d+, \d+\); give those of one"):
        explain([*series, path])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        (b"", "no snapshot of Hoopsnake's"),
        (b"#!/usr/bin/python\n" * 9, "no snapshot of Hoopsnake's"),
        (App().file.build()[:900], "half a snapshot"),
        (App().file.build()[:64] + b"\xff" * 900, "half a snapshot"),
    ],
)
def test_what_is_no_snapshot_is_said_in_one_line(
    content: bytes | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.hoop"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(HoopError, match=message) as raised:
        explain(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_without_a_run_there_is_nothing_to_explain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rundirs, "existing_bases", lambda environ: [])
    with pytest.raises(
        HoopError, match=r"no run with snapshots; `hoop run --explain app\.py` makes"
    ):
        explain_command.main([])


def test_an_empty_directory_is_said(tmp_path: Path) -> None:
    with pytest.raises(HoopError, match=r"no snapshot \(\*\.hoop\) is in "):
        explain(tmp_path)


# --- documents ------------------------------------------------------------------------------------


@pytest.fixture
def found(series: list[str]) -> Explanation:
    """One suspect of a real heap, and one with all that a document has to be careful with."""
    real = explain(series)
    return replace(real, suspects=[*real.suspects, SUSPECT], notes=["a note with <b> & `code`"])


def documented_keys(heading: str) -> list[str]:
    root = Path(__file__).resolve().parents[3]
    text = (root / "docs/format/explanation.md").read_text(encoding="utf-8")
    table = text.partition(heading)[2].partition("\n| --- ")[2].partition("\n\n")[0]
    return [
        name.strip("` ")
        for line in table.splitlines()[1:]
        for name in line.split("|")[1].split(",")
    ]


def test_the_json_is_as_documented(found: Explanation) -> None:
    whole = json.loads(json.dumps(as_json(found)))
    assert list(whole) == documented_keys("# The explanation as JSON")
    assert list(whole["snapshots"][0]) == documented_keys("An entry of `snapshots`:")
    first, second = whole["suspects"]
    assert list(first) == documented_keys("An entry of `suspects`:")
    assert list(first["holder"]) == documented_keys("\n`holder`:")
    assert list(first["growth"]) == documented_keys("\n`growth`, ")
    assert first["growth"]["counts"] == [3, 13, 23]
    assert second["holder"]["path"] == SUSPECT.holder.path
    assert whole["notes"] == found.notes
    assert as_json(replace(found, suspects=[replace(SUSPECT, growth=None)]))["format"] == 1


def test_markdown_has_all_of_it(found: Explanation) -> None:
    text = as_markdown(found)
    for one in found:
        assert one.sentence in text
        assert one.fix in text
        assert one.signature in text
    assert text.startswith("## Memory that does not go away\n")
    assert "> a note with" in text
    told = as_markdown(replace(found, suspects=[with_path("default argument `x` of f")]))
    assert "- path: `` default argument `x` of f ``\n" in told
    assert "- `for example <list at 0x7f0000000d00>`\n" in told
    assert "Nothing suspicious" in as_markdown(replace(found, suspects=[]))


def test_html_escapes_what_comes_from_the_program(found: Explanation) -> None:
    page = as_html(found)
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
    assert "dict of 3 &amp; more" in page
    assert "<code>weakref.ref</code>, if x &lt; y &amp; y &gt; z." in page
    assert "`" not in page.partition("</style>")[2].replace(
        "a note with &lt;b&gt; &amp; `code`", ""
    )
    assert page.count("<section>") == page.count("</section>") == 2
    assert page.count("<polyline") == 2


def test_html_loads_nothing(found: Explanation) -> None:
    page = as_html(found)
    for word in ("<script", "http:", "https:", "src=", "url(", "<link", "@import"):
        assert word not in page


def test_html_of_nothing(found: Explanation) -> None:
    page = as_html(replace(found, suspects=[], notes=[]))
    assert "Nothing suspicious" in page
    assert "<section>" not in page


# --- counts ---------------------------------------------------------------------------------------


def test_audit_lists_counts_that_nothing_explains(tmp_path: Path) -> None:
    app = service()
    before = h.open(app.file.write(tmp_path / "before.hoop"))
    (one,) = audit(before)
    assert (one.type, one.objects, one.references, one.more_references) == ("list", 1, 2, 0)
    assert one.example.address == app.file.objects[app.held].address
    app.file.objects[app.held].held_by_c = 7
    app.file.add(app.session, 48, held_by_c=1)
    later = h.open(app.file.write(tmp_path / "later.hoop"))
    rows = {one.type: (one.references, one.more_references) for one in audit(later, before)}
    assert rows == {"list": (7, 5), "app.Session": (1, 1)}
