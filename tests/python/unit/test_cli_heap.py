# SPDX-License-Identifier: Apache-2.0
"""The commands that question a snapshot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from snapshot_files import ATTRIBUTE, App

import hoopsnake.heap as h
from hoopsnake.cli.main import main

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def file(app: App, tmp_path: Path) -> str:
    return str(app.file.write(tmp_path / "app.hoop"))


def answer(capsys: Captured, *words: str) -> str:
    assert main(list(words)) == 0
    return capsys.readouterr().out


def json_of(capsys: Captured, *words: str) -> Any:
    return json.loads(answer(capsys, *words, "--json"))


def test_top_answers_first(file: str, capsys: Captured) -> None:
    lines = answer(capsys, "top", file, "-n", "3").splitlines()
    assert lines[0] == "dict retains most: 18.1 KiB, 82% of all."
    assert lines[1].startswith("Process 4711, CPython 3.12.1, ")
    assert lines[3].split() == ["type", "objects", "size", "retained"]
    assert lines[-1] == "  and 14 types more"
    rows = json_of(capsys, "top", file)
    assert {"name": "app.Session", "count": 3, "size": 144, "retained": 3480} in rows
    assert "app" in {row["name"] for row in json_of(capsys, "top", file, "--by", "module")}
    assert "<garbage>" in {row["name"] for row in json_of(capsys, "top", file, "--by", "root")}


def test_tree_folds_and_cuts(app: App, file: str, capsys: Captured) -> None:
    text = answer(capsys, "tree", file, "--min", "3K")
    assert "module app" in text
    assert "app.Session" not in text
    text = answer(capsys, "tree", file, "--at", "app.CACHE", "--min", "2000")
    assert "3 x app.Session" in text
    nodes = json_of(capsys, "tree", file, "--min", "1")
    assert nodes[0]["path"] == "<interpreter>"
    assert nodes[0]["below"][0]["retained"] == nodes[0]["retained"]


def test_why_a_type(file: str, capsys: Captured) -> None:
    lines = answer(capsys, "why", file, "Session").splitlines()
    assert lines[0] == (
        "3 of 3 app.Session objects are held by app.CACHE[*]; they retain 3.40 KiB."
    )
    (holder,) = json_of(capsys, "why", file, "app.Session")["holders"]
    assert (holder["path"], holder["count"]) == ("app.CACHE[*]", 3)
    assert holder["example_path"] == "app.CACHE['u0']"


def test_why_an_object(app: App, file: str, capsys: Captured) -> None:
    address = hex(app.file.objects[app.held].address)
    text = answer(capsys, "why", file, address)
    assert "2 references of 2 held by C code" in text
    found = json_of(capsys, "why", file, "app.CACHE['u1']")
    assert found["object"]["type"] == "app.Session"
    assert [one["path"] for one in found["paths"]] == ["app.CACHE['u1']"]


def test_refs_both_ways(file: str, capsys: Captured) -> None:
    found = json_of(capsys, "refs", file, "app.CACHE['u0']")
    assert [(one["kind"], one["type"]) for one in found["references"]] == [
        ("value", "dict"),
        ("weak", "weakref.ReferenceType"),
    ]
    found = json_of(capsys, "refs", file, "app.CACHE['u0']", "--out")
    assert [one["step"] for one in found["references"]] == [".__class__", ".rows"]
    assert "is referred to from 1 place: app.CACHE" in answer(capsys, "refs", file, "app.CACHE")


def test_cycles(file: str, capsys: Captured) -> None:
    text = answer(capsys, "cycles", file)
    assert text.startswith("1 group of objects in cycles take 96 B; 1 of them garbage")
    (group,) = json_of(capsys, "cycles", file)
    assert (group["closing"], group["held"]) == ("app.Node.other", 0)


def test_diff(app: App, file: str, tmp_path: Path, capsys: Captured) -> None:
    assert answer(capsys, "diff", file, file).startswith("Nothing appeared and stayed.")
    new = app.file.add(app.session, 48)
    app.put(app.cache, "new", new)
    later = str(app.file.write(tmp_path / "later.hoop"))
    text = answer(capsys, "diff", file, later)
    assert text.startswith("2 objects of 104 B appeared and stayed, the most in app.CACHE")
    found = json_of(capsys, "diff", file, later, later)
    assert {one["type"]: one["count"] for one in found["types"]} == {"app.Session": 1, "str": 1}
    assert found["grown"] == 104


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["why", "FILE", "nothing"], "hoop why: 'nothing' is no address, no type and no name"),
        (["why", "FILE", "0x8"], "hoop why: no object begins at 0x8"),
        (["top", "missing.hoop"], "hoop top: missing.hoop: cannot be opened: No such file"),
        (["sql", "FILE", "SELEC"], "hoop sql: DuckDB says: Parser Error"),
        (["export", "FILE", "--to", "dot", "-o", "/none/x"], "hoop export: cannot write /none/x"),
        (["export", "FILE", "--to", "devtools", "-o", "/none/x"], "hoop export: /none/x: cannot"),
    ],
)
def test_errors_are_one_line(file: str, words: list[str], message: str, capsys: Captured) -> None:
    if words[0] == "sql":
        pytest.importorskip("duckdb")
    assert main([file if word == "FILE" else word for word in words]) == 2
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert error.count("\n") == 1


def test_sql_sees_what_the_file_has(app: App, file: str, capsys: Captured) -> None:
    pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    query = "SELECT type, count(*) AS n, sum(size) AS bytes FROM objects GROUP BY type"
    found = {row["type"]: (row["n"], row["bytes"]) for row in json_of(capsys, "sql", file, query)}
    assert found["app.Session"] == (3, 144)
    query = (
        "SELECT r.name, o.retained, r.counted FROM refs r JOIN objects o ON o.id = r.target "
        "WHERE r.kind = 'value' AND r.source = (SELECT target FROM refs WHERE name = 'CACHE')"
    )
    rows = json_of(capsys, "sql", file, query)
    assert rows == [{"name": f"u{n}", "retained": 1160, "counted": True} for n in range(3)]
    roots = json_of(capsys, "sql", file, "SELECT kind, count(*) AS n FROM roots GROUP BY kind")
    assert {row["kind"]: row["n"] for row in roots} == {
        "listed": 2,
        "held by C code": 1,
        "garbage": 1,
    }
    (memory,) = json_of(capsys, "sql", file, "SELECT sum(bytes) AS n FROM memory")
    assert int(memory["n"]) == 3 << 19
    query = "SELECT name, objects FROM types WHERE module = 'app' ORDER BY name"
    assert json_of(capsys, "sql", file, query) == [
        {"name": "app.Node", "objects": 2},
        {"name": "app.Session", "objects": 3},
    ]
    (row,) = json_of(
        capsys, "sql", file, "SELECT refcount, root, length FROM objects WHERE type = 'NoneType'"
    )
    assert row == {"refcount": None, "root": None, "length": None}


def test_export_parquet(app: App, file: str, tmp_path: Path, capsys: Captured) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = tmp_path / "out"
    assert main(["export", file, "--to", "parquet", "-o", str(folder)]) == 0
    names = {path.name for path in folder.iterdir()}
    assert names == {f"{name}.parquet" for name in ("objects", "refs", "types", "roots", "memory")}
    assert parquet.read_table(folder / "objects.parquet").num_rows == len(app.file.objects)


# -- Parquet: what each library makes of it. They are asked the same: sums by type, who holds what.


def sums_in_pandas(folder: Path) -> list[tuple[str, int, int]]:
    pandas = pytest.importorskip("pandas")
    objects = pandas.read_parquet(folder / "objects.parquet")
    refs = pandas.read_parquet(folder / "refs.parquet")
    held = refs.merge(objects, left_on="target", right_on="id")
    assert list(held[held.name == "u0"].type) == ["app.Session"]
    assert objects.refcount.isna().sum() == 1
    sums = objects.groupby("type", observed=True)["size"].agg(["count", "sum"])
    return [(str(name), int(row["count"]), int(row["sum"])) for name, row in sums.iterrows()]


def sums_in_polars(folder: Path) -> list[tuple[str, int, int]]:
    polars = pytest.importorskip("polars")
    objects = polars.read_parquet(folder / "objects.parquet")
    refs = polars.read_parquet(folder / "refs.parquet")
    held = refs.join(objects, left_on="target", right_on="id")
    assert held.filter(polars.col("name") == "u0")["type"].to_list() == ["app.Session"]
    assert objects["refcount"].null_count() == 1
    count, size = polars.len(), polars.col("size").sum()
    sums = objects.group_by(polars.col("type").cast(polars.String)).agg(count, size)
    return [(name, count, size) for name, count, size in sums.iter_rows()]


def sums_in_duckdb(folder: Path) -> list[tuple[str, int, int]]:
    duckdb = pytest.importorskip("duckdb")

    def rows(query: str) -> list[tuple[Any, ...]]:
        for name in ("objects", "refs"):
            query = query.replace(f"FROM {name}", f"FROM '{folder}/{name}.parquet' AS {name}")
        return list(duckdb.sql(query).fetchall())

    held = f"JOIN '{folder}/objects.parquet' AS held ON held.id = target WHERE refs.name = 'u0'"
    assert rows(f"SELECT held.type FROM refs {held}") == [("app.Session",)]
    assert rows("SELECT count(*) FROM objects WHERE refcount IS NULL") == [(1,)]
    return rows("SELECT type, count(*), sum(size)::UBIGINT FROM objects GROUP BY type")


@pytest.mark.parametrize("sums", [sums_in_pandas, sums_in_polars, sums_in_duckdb])
def test_parquet_is_read_by(
    sums: Callable[[Path], list[tuple[str, int, int]]], file: str, tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow")
    assert main(["export", file, "--to", "parquet", "-o", str(tmp_path / "out")]) == 0
    snap = h.open(file)
    expected = [(total.name, total.count, total.size) for total in snap.top()]
    assert sorted(sums(tmp_path / "out")) == sorted(expected)


def test_export_dot_and_json(file: str, tmp_path: Path, capsys: Captured) -> None:
    assert main(["export", file, "--to", "dot"]) == 0
    text = (tmp_path / "app.dot").read_text()
    assert text.startswith("digraph heap {")
    assert text.count("->") > 10
    assert main(["export", file, "--to", "json"]) == 0
    whole = json.loads((tmp_path / "app.json").read_text())
    assert len(whole["objects"]) == len(h.open(file))
    assert (tmp_path / "app.json").stat().st_mode & 0o777 == 0o600


# -- DevTools: the file is read as its loader does.


class DevToolsHeap:
    """Nodes and edges of a .heapsnapshot, and retained sizes by taking nodes away."""

    def __init__(self, path: Path) -> None:
        whole = json.loads(path.read_text())
        meta = whole["snapshot"]["meta"]
        fields, self.types = meta["node_fields"], meta["node_types"][0]
        edge_types = meta["edge_types"][0]
        width = len(fields)
        flat, edges, strings = whole["nodes"], whole["edges"], whole["strings"]
        assert len(flat) == width * whole["snapshot"]["node_count"]
        assert len(edges) == 3 * whole["snapshot"]["edge_count"]
        rows = [flat[begin : begin + width] for begin in range(0, len(flat), width)]
        self.names = [strings[row[fields.index("name")]] for row in rows]
        self.kinds = [self.types[row[fields.index("type")]] for row in rows]
        self.sizes = [row[fields.index("self_size")] for row in rows]
        ids = [row[fields.index("id")] for row in rows]
        assert len(set(ids)) == len(ids)
        self.edges: list[list[tuple[str, str | int, int]]] = []
        at = 0
        for row in rows:
            own = []
            for _ in range(row[fields.index("edge_count")]):
                kind, name, to = edges[at : at + 3]
                assert to % width == 0
                text = name if edge_types[kind] in ("element", "hidden") else strings[name]
                own.append((edge_types[kind], text, to // width))
                at += 3
            self.edges.append(own)
        assert at == len(edges)

    def reachable(self, gone: int = -1) -> set[int]:
        found, waiting = {0}, [0]
        while waiting:
            for kind, _, target in self.edges[waiting.pop()]:
                if kind != "weak" and target != gone and target not in found:
                    found.add(target)
                    waiting.append(target)
        return found

    def retained(self, node: int) -> int:
        lost = self.reachable() - self.reachable(gone=node)
        return sum(self.sizes[one] for one in lost)


def test_export_devtools(app: App, file: str, tmp_path: Path, capsys: Captured) -> None:
    assert main(["export", file, "--to", "devtools"]) == 0
    heap = DevToolsHeap(tmp_path / "app.heapsnapshot")
    snap = h.open(file)
    first = len(heap.names) - len(snap)
    assert heap.reachable() == set(range(len(heap.names)))
    assert heap.kinds[0] == "synthetic"
    assert "(GC roots)" in heap.names
    for one in snap:
        assert heap.retained(first + one.id) == one.retained
    session = first + app.sessions[0]
    assert (heap.names[session], heap.sizes[session]) == ("app.Session", 48)
    assert [edge[:2] for edge in heap.edges[session]] == [
        ("internal", "__class__"),
        ("property", "rows"),
    ]
    retainers = {
        (heap.names[node], name)
        for node, edges in enumerate(heap.edges)
        for _, name, target in edges
        if target == session
    }
    assert retainers == {("dict", "['u0']"), ("weakref.ReferenceType", "referent")}
    assert ("internal", "{key}") in {edge[:2] for edges in heap.edges for edge in edges}


def test_devtools_does_not_count_borrowed_references(app: App, tmp_path: Path) -> None:
    """As a type's cache of its methods has them."""
    app.file.link(app.session_class, app.request, ATTRIBUTE, "cached", counted=False)
    snap = h.open(app.file.write(tmp_path / "app.hoop"))
    snap.to_devtools(tmp_path / "app.heapsnapshot")
    heap = DevToolsHeap(tmp_path / "app.heapsnapshot")
    first = len(heap.names) - len(snap)
    assert ("weak", "cached") in {edge[:2] for edge in heap.edges[first + app.session_class]}
    for one in snap:
        assert heap.retained(first + one.id) == one.retained
