# SPDX-License-Identifier: Apache-2.0
"""hoopsnake.heap on files of known content."""

from __future__ import annotations

import os
import random
import stat
from pathlib import Path
from typing import Literal

import pytest
from snapshot_files import ATTRIBUTE, ITEM, WEAK, App, SnapshotFile

import hoopsnake.heap as h
from hoopsnake import HoopError


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def snap(app: App, tmp_path: Path) -> h.Snapshot:
    return h.open(app.file.write(tmp_path / "app.hoop"))


def at(snap: h.Snapshot, app: App, number: int) -> h.HeapObject:
    return snap.object_at(app.file.objects[number].address)


def test_header_and_counts(app: App, snap: h.Snapshot) -> None:
    assert (snap.pid, snap.python, len(snap)) == (4711, "3.12.1", len(app.file.objects))
    assert snap.meta["program"] == "app.py"
    assert snap.memory == {"Objects and buffers in use": 1 << 20, "Code and files": 1 << 19}
    assert snap.dropped_references == 1
    assert snap.size == sum(one.size + one.buffer for one in app.file.objects)


def test_paths_read_like_python(app: App, snap: h.Snapshot) -> None:
    expected = {
        app.sessions[1]: "app.CACHE['u1']",
        app.file.objects[app.sessions[1]].edges[1].target: "app.CACHE['u1'].rows",
        app.session_class: "app.Session",
        app.queue: "app.QUEUE",
        app.globals: "app.__dict__",
        app.acc: "default argument `acc` of collect",
        app.data: "closure cell `data` of make_handler.<locals>.handler",
        app.request: "local `request` of serve (app.py:12) in thread 123",
        app.frame: "frame of serve (app.py:12) in thread 123",
    }
    for number, path in expected.items():
        assert number is not None
        assert at(snap, app, number).path() == path
    rows = app.file.objects[app.sessions[1]].edges[1].target
    assert rows is not None
    item = app.file.objects[rows].edges[3].target
    assert item is not None
    assert at(snap, app, item).path() == "app.CACHE['u1'].rows[3]"


def test_what_only_c_holds_is_said_to_be_so(app: App, snap: h.Snapshot) -> None:
    held = at(snap, app, app.held)
    assert (held.held_by_c, held.root) == (2, "held by C code")
    assert held.path() == f"held by C code: <list at {held.address:#x}>"
    assert at(snap, app, app.cache).held_by_c == 0


def test_garbage_is_said_to_be_so(app: App, snap: h.Snapshot) -> None:
    nodes = [at(snap, app, number) for number in app.garbage]
    assert sorted(node.root for node in nodes) == ["", "garbage"]
    assert max(node.retained for node in nodes) == 96
    assert nodes[0].path().startswith("garbage, not collected yet: <app.Node at 0x")


def test_retained_sizes(app: App, snap: h.Snapshot) -> None:
    session = at(snap, app, app.sessions[2])
    assert session.retained == 48 + 1000 + 4 * 28
    # Its keys go with it as well.
    assert at(snap, app, app.cache).retained == 500 + 3 * (session.retained + 56)
    assert at(snap, app, app.sessions[0]).retained == session.retained  # weak references count not
    assert sum(one.retained for one in snap.tree()) == snap.size


def test_buffers_are_part_of_sizes(app: App, snap: h.Snapshot) -> None:
    queue = at(snap, app, app.queue)
    assert (queue.size, queue.buffer) == (5120, 5000)


def test_objects_and_references(app: App, snap: h.Snapshot) -> None:
    sessions = list(snap.objects(type="app.Session"))
    assert [one.id for one in sessions] == app.sessions
    assert list(snap.objects(type="Session")) == sessions
    referents = {ref.step: ref.object.type for ref in sessions[0].referents()}
    assert referents == {".__class__": "type", ".rows": "list"}
    referrers = [(ref.step, ref.object.type) for ref in sessions[0].referrers(weak=True)]
    assert referrers == [("['u0']", "dict"), ("()", "weakref.ReferenceType")]
    assert sessions[0].dominator == at(snap, app, app.cache)
    assert len(list(snap)) == len(snap)
    with pytest.raises(HoopError, match="no object of a type"):
        snap.objects(type="Nothing")


def test_top(app: App, snap: h.Snapshot) -> None:
    types = {total.name: total for total in snap.top("type")}
    assert types["app.Session"] == h.Total("app.Session", 3, 144, 3 * 1160)
    modules = {total.name: total for total in snap.top("module")}
    assert modules["app"].retained > types["app.Session"].retained
    roots = {total.name: total for total in snap.top("root")}
    assert roots["<held by C code>"].retained == 4000
    assert roots["<garbage>"].retained == 96
    assert roots["<thread 123>"].size == 700
    assert roots["<interpreter>"].size > 10_000
    assert sum(total.size for total in roots.values()) == snap.size
    assert sum(total.size for total in modules.values()) == snap.size


def test_why_groups_by_shape(app: App, snap: h.Snapshot) -> None:
    why = snap.why("app.Session")
    assert [(one.path, one.count, one.retained) for one in why.holders] == [
        ("app.CACHE[*]", 3, 3 * 1160)
    ]
    lists = {one.path: one.count for one in snap.why("list").holders}
    assert lists == {
        "app.CACHE[*].rows": 3,
        "app.QUEUE": 1,
        "default argument `acc` of collect": 1,
        "closure cell `data` of make_handler.<locals>.handler": 1,
        "held by C code: <list>": 1,
    }


def test_why_of_one_object(app: App, snap: h.Snapshot) -> None:
    session = at(snap, app, app.sessions[1])
    for what in (session, session.address, hex(session.address), "app.CACHE['u1']"):
        why = snap.why(what)
        assert why.object == session
        assert [path for path, _ in why.paths] == ["app.CACHE['u1']"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("app.CACHE['u1'].rows[3]", "int"),
        ("app.Session", "type app.Session"),
        ("app.QUEUE[0]", "function app.make_handler.<locals>.handler"),
    ],
)
def test_find(snap: h.Snapshot, path: str, name: str) -> None:
    assert snap.find(path).describe() == name


@pytest.mark.parametrize("path", ["nothing", "app.nothing", "app.CACHE['x']", "app.CACHE!", ""])
def test_what_is_not_found_is_one_line(snap: h.Snapshot, path: str) -> None:
    with pytest.raises(HoopError) as caught:
        snap.find(path)
    assert "\n" not in str(caught.value)


def test_cycles(app: App, snap: h.Snapshot) -> None:
    groups = snap.cycles()
    assert [(one.cycle, one.count, one.objects, one.held) for one in groups] == [
        ("app.Node.other -> app.Node.other -> app.Node", 1, 2, 0)
    ]
    assert groups[0].closing == "app.Node.other"
    assert len(snap.cycles(all=True)) == 2  # collect.__globals__


def test_diff(tmp_path: Path) -> None:
    def take(name: str, sizes: dict[int, int]) -> h.Snapshot:
        file = SnapshotFile()
        interpreter = file.type("<interpreter>", 40, "")
        kinds = [file.type("list", 6), file.type("tuple", 5)]
        root = file.add(interpreter, 0, flags=32, address=0x1000)
        file.roots = [root]
        for address, kind in sizes.items():
            number = file.add(kinds[kind], 100, address=address)
            file.link(root, number, ATTRIBUTE, "kept")
        return h.open(file.write(tmp_path / name))

    first = take("a", {0x2000: 0, 0x3000: 0})
    second = take("b", {0x2000: 0, 0x3000: 1, 0x4000: 0, 0x5000: 0})
    third = take("c", {0x5000: 0, 0x6000: 0, 0x3000: 1})
    change = first.diff(second)
    assert {one.name: one.count for one in change.types} == {"list": 2, "tuple": 1}
    stayed = first.diff(second, third)
    assert {one.name: one.count for one in stayed.types} == {"list": 1, "tuple": 1}
    assert [(one.path, one.count) for one in stayed.holders] == [("<interpreter>.kept", 2)]


def test_long_lists_have_short_paths(tmp_path: Path) -> None:
    file = SnapshotFile()
    node = file.type("Node", 28, "app")
    for _ in range(1000):
        file.add(node, held_by_c=0)
    file.objects[0].held_by_c = 1
    for number in range(999):
        file.link(number, number + 1, ATTRIBUTE, "next")
    snap = h.open(file.write(tmp_path / "list.hoop"))
    last = snap.objects_by_id([999])[0]
    assert last.path().endswith(">(.next x 999)")
    assert snap.why("app.Node").holders[0].retained == 64_000
    assert snap.why("app.Node").retained == 64_000


def test_html(snap: h.Snapshot) -> None:
    for shown in (snap, snap.top(), next(iter(snap))):
        assert shown._repr_html_().startswith("<table>")
    assert repr(snap).startswith("<heap of process 4711:")
    assert "retains" in repr(snap.find("app.CACHE"))


# -- Files that are not what they should be.


def complaint_of(path: Path, index: Literal["auto", "never"]) -> str:
    """What opening the file and asking everything says is wrong."""
    try:
        snap = h.open(path, index=index)
        snap.top("module")
        snap.cycles(all=True)
        for one in snap:
            one.path()
        if snap.type_rows("list"):
            snap.why("list")
    except HoopError as error:
        return str(error)
    return ""


def test_every_half_file_is_an_error(app: App, tmp_path: Path) -> None:
    whole = app.file.build()
    path = tmp_path / "half.hoop"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(HoopError) as caught:
            h.open(path, index="never")
        message = str(caught.value)
        assert "\n" not in message
        if length >= 8:
            assert "half a snapshot" in message
            assert "take it again" in message


def test_damaged_files_never_crash(app: App, tmp_path: Path) -> None:
    app.file.block_bytes = 200
    whole = app.file.build()
    path = tmp_path / "damaged.hoop"
    rng = random.Random(1)
    for _ in range(600):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(damaged))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
        path.write_bytes(damaged)
        assert "\n" not in complaint_of(path, "never")


def test_other_files_are_told(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("no snapshot at all")
    with pytest.raises(HoopError, match="is no snapshot of a heap"):
        h.open(other)
    with pytest.raises(HoopError, match="No such file"):
        h.open(tmp_path / "missing")
    with pytest.raises(HoopError, match="no regular file"):
        h.open(tmp_path)


def test_a_newer_format_is_told(app: App, tmp_path: Path) -> None:
    whole = bytearray(app.file.build())
    whole[8] = 2
    (tmp_path / "new.hoop").write_bytes(whole)
    with pytest.raises(HoopError, match="format version 2"):
        h.open(tmp_path / "new.hoop")


def test_compress_keeps_everything(app: App, tmp_path: Path) -> None:
    from hoopsnake import _core

    if not _core.can_compress():
        pytest.skip("built without zstd")
    for number in range(300):
        app.file.link(app.queue, app.none, ITEM, 10 + number)
    path = app.file.write(tmp_path / "app.hoop")
    before = h.open(path, index="never")
    paths = [one.path() for one in before]
    size = path.stat().st_size
    saved = h.compress(path)
    assert 0 < saved == size - path.stat().st_size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    after = h.open(path, index="never")
    assert [one.path() for one in after] == paths
    assert after.top() == before.top()
    assert os.listdir(tmp_path) == ["app.hoop"]


# -- The index.


def test_index_answers_the_same(app: App, tmp_path: Path) -> None:
    path = app.file.write(tmp_path / "app.hoop")
    first = h.open(path, index="always")
    assert (tmp_path / "app.hoop.index").exists()
    second = h.open(path)
    assert [one.path() for one in second] == [one.path() for one in first]
    assert second.top() == first.top()
    assert second.cycles()[0].cycle == first.cycles()[0].cycle
    assert second.memory == first.memory


def test_index_of_another_file_is_not_used(app: App, tmp_path: Path) -> None:
    path = app.file.write(tmp_path / "app.hoop")
    h.open(path, index="always")
    app.file.objects[app.cache].size += 1000
    app.file.link(app.weak, app.sessions[0], WEAK)
    app.file.write(path)
    assert h.open(path).find("app.CACHE").size == 1500


def test_damaged_index_never_crashes(app: App, tmp_path: Path) -> None:
    path = app.file.write(tmp_path / "app.hoop")
    h.open(path, index="always")
    index = tmp_path / "app.hoop.index"
    whole = index.read_bytes()
    rng = random.Random(2)
    for _ in range(400):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        index.write_bytes(damaged if rng.random() < 0.8 else damaged[: rng.randrange(len(damaged))])
        assert "\n" not in complaint_of(path, "auto")


def test_read_only_folder_is_no_error(app: App, tmp_path: Path) -> None:
    path = app.file.write(tmp_path / "app.hoop")
    tmp_path.chmod(0o500)
    try:
        assert len(h.open(path, index="always")) == len(app.file.objects)
    finally:
        tmp_path.chmod(0o700)
