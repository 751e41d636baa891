# SPDX-License-Identifier: Apache-2.0
"""The JSON document: its shape is a promise, see docs/report.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import run_files

from hoopsnake.report.export import document, to_json
from hoopsnake.report.load import load_run
from hoopsnake.report.model import Run

Maybe = tuple[type, ...]
TEXT, INT, FLAG, LIST, OBJECT = (str,), (int,), (bool,), (list,), (dict,)
NONE = type(None)

TOP = {
    **{"format": INT, "run": OBJECT, "root": (dict, NONE), "processes": LIST, "left_out": INT},
    "problems": LIST,
}
RUN = {
    "directory": TEXT,
    "argv": LIST,
    "program": LIST,
    "cwd": (str, NONE),
    "started": (float, NONE),
    "root_pid": (int, NONE),
    "python": (str, NONE),
}
PROCESS = {
    "pid": INT,
    "ppid": INT,
    "n": INT,
    "state": TEXT,
    "active": FLAG,
    "reason": (str, NONE),
    "python": TEXT,
    "argv": LIST,
    "started_unix_ns": INT,
    "wall_ns": INT,
    "peak_rss": INT,
    "samples": OBJECT,
    "final": (dict, NONE),
}
FINAL = {
    "cpu_user_ns": INT,
    "cpu_sys_ns": INT,
    "final_rss": INT,
    "peak": (dict, NONE),
    "heap": (dict, NONE),
    "classes": LIST,
    "types": LIST,
    "gc": LIST,
    "collector": (dict, NONE),
    "rss": LIST,
    "resources": OBJECT,
}
COLUMNS = "t_ns rss heap_held heap_returned gc_collections gc_ns"
SAMPLES = dict.fromkeys(COLUMNS.split(), LIST)


def load(name: str, base: Path) -> Run:
    run = load_run(str(run_files.ALL[name](base)), lambda pid, started: False)
    assert run is not None
    return run


def check(value: dict[str, Any], shape: Mapping[str, Maybe]) -> None:
    assert list(value) == list(shape)
    for key, kinds in shape.items():
        assert type(value[key]) in kinds, key


@pytest.mark.parametrize("name", run_files.ALL)
def test_every_run_has_the_promised_shape(name: str, tmp_path: Path) -> None:
    value = json.loads(to_json(load(name, tmp_path)))
    check(value, TOP)
    check(value["run"], RUN)
    for process in [value["root"], *value["processes"]]:
        if process is not None:
            check(process, PROCESS)
            check(process["samples"], SAMPLES)
            assert len({len(column) for column in process["samples"].values()}) == 1
            if process["final"]:
                check(process["final"], FINAL)


def test_figures_arrive_as_the_process_wrote_them(tmp_path: Path) -> None:
    written = run_files.big_final()
    final = document(load("big", tmp_path))["root"]["final"]
    for key in (
        "cpu_user_ns",
        "cpu_sys_ns",
        "final_rss",
        "peak",
        "heap",
        "types",
        "gc",
        "collector",
        "rss",
    ):
        assert final[key] == written[key], key
    assert sum(part["bytes"] for part in final["rss"]) == final["final_rss"]


def test_states_have_fixed_names(tmp_path: Path) -> None:
    assert document(load("killed", tmp_path / "a"))["root"]["state"] == "killed"
    assert document(load("big", tmp_path / "b"))["root"]["state"] == "finished"


def test_the_text_is_ascii_whatever_is_in_it(tmp_path: Path) -> None:
    assert to_json(load("damaged", tmp_path)).isascii()
