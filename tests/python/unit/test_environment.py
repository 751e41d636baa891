# SPDX-License-Identifier: Apache-2.0
"""The environment that `hoop run` hands on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import hoopsnake
from hoopsnake._errors import HoopError
from hoopsnake.cli import environment

SHIM = "/opt/hoop/libhoop_preload.so"


@pytest.mark.parametrize(
    ("existing", "value"),
    [
        ("", SHIM),
        (" : ", SHIM),
        ("/lib/libjemalloc.so.2", f"{SHIM}:/lib/libjemalloc.so.2"),
        ("a.so b.so:c.so", f"{SHIM}:a.so b.so:c.so"),
        (SHIM, SHIM),
        ("/old/run/lib/libhoop_preload.so", SHIM),
        (f"a.so:{SHIM} b.so", f"{SHIM}:a.so:b.so"),
        ("libasan.so.8", f"libasan.so.8:{SHIM}"),
        (
            "/usr/lib/libclang_rt.asan-x86_64.so b.so",
            f"/usr/lib/libclang_rt.asan-x86_64.so b.so:{SHIM}",
        ),
        ("/x/libasanity.so", f"{SHIM}:/x/libasanity.so"),
    ],
)
def test_what_was_preloaded_is_kept_and_we_are_in_once(existing: str, value: str) -> None:
    assert environment.preload_value(SHIM, existing) == value


def test_four_variables_are_set_and_nothing_else(tmp_path: Path) -> None:
    before = {"PATH": "/bin", "PYTHONPATH": "lib", "HOOP_RUN_DIR": "outer"}
    after = environment.build(before, str(tmp_path), SHIM, 77)
    assert after == {
        **before,
        "LD_PRELOAD": SHIM,
        "HOOP_RUN_DIR": str(tmp_path),
        "HOOP_ROOT_PID": "77",
        "HOOP_PYTHON": sys.executable,
    }
    assert before["HOOP_RUN_DIR"] == "outer"


@pytest.mark.parametrize("folder", ["my apps", "a:b", "$ORIGIN"])
def test_a_path_that_the_loader_would_split_goes_through_a_link(
    tmp_path: Path, folder: str
) -> None:
    package = tmp_path / folder
    package.mkdir()
    (package / environment.SHIM).write_bytes(b"")
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    after = environment.build({}, str(run_dir), str(package / environment.SHIM), 77)
    assert after["LD_PRELOAD"] == str(run_dir / "lib" / environment.SHIM)
    assert Path(after["LD_PRELOAD"]).resolve() == package / environment.SHIM


def test_the_shim_is_found_beside_the_package_or_in_hoop_agents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, elsewhere = tmp_path / "beside", tmp_path / "elsewhere"
    for folder in (beside, elsewhere):
        folder.mkdir()
    monkeypatch.setattr(hoopsnake, "__path__", [str(beside)])
    environ = {"HOOP_AGENTS": f"/nowhere::{elsewhere}"}
    with pytest.raises(
        HoopError, match=r"libhoop_preload\.so is missing from .*reinstall"
    ) as caught:
        environment.find_shim(environ)
    assert caught.value.exit_code == 2
    (elsewhere / environment.SHIM).touch()
    assert environment.find_shim(environ) == str(elsewhere / environment.SHIM)
    (beside / environment.SHIM).touch()
    assert environment.find_shim(environ) == str(beside / environment.SHIM)


@pytest.mark.parametrize(
    ("initial", "kept"), [([b"A=1"], False), ([b"A=1", b"LC_CTYPE=C.UTF-8"], True)]
)
def test_the_locale_that_python_put_in_is_taken_out(initial: list[bytes], kept: bool) -> None:
    after = environment.as_we_got_it({"LC_CTYPE": "C.UTF-8", "A": "1"}, initial)
    assert ("LC_CTYPE" in after) is kept


def test_the_first_environment_of_this_process_is_known() -> None:
    assert any(entry.startswith(b"PATH=") for entry in environment.initial_entries())
