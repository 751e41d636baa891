# SPDX-License-Identifier: Apache-2.0
"""Makes run directories as `hoop run` and the agent leave them: what the reports are tested on."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

MIB = 1 << 20
MS = 1_000_000
S = 1_000_000_000
STARTED = 1_790_000_000.0  # 21 September 2026, 14:13:20 UTC

Json = dict[str, Any]
Row = tuple[int, ...]


def run_json(argv: list[str], root_pid: int, **changes: Any) -> Json:
    """The document that `hoop run` writes."""
    document: Json = {
        "format": 1,
        "argv": argv,
        "program": ["/usr/bin/python3", *argv],
        "cwd": "/srv/app",
        "started": STARTED,
        "root_pid": root_pid,
        "python": "/usr/bin/python3",
        "report": None,
        "json": None,
        "quiet": False,
        "color": "auto",
    }
    return document | changes


def live_bytes(
    samples: Sequence[Row],
    *,
    pid: int = 4242,
    ppid: int = 4000,
    state: int = 2,
    peak: tuple[int, int] = (0, 0),
    hex_version: int = 0x030D00F0,
    program: bytes = b"server.py",
    started: float = STARTED,
) -> bytes:
    """A `.live` file. `peak` is bytes and nanoseconds since the start."""
    header = struct.pack(
        "<8sIIIIQQIIQQIIII",
        b"HOOPLIV1",
        1,
        256,
        pid,
        ppid,
        int(started * S),
        123 * S,
        hex_version,
        state,
        *peak,
        64,
        max(len(samples), 16),
        len(samples),
        0,
    )
    head = header.ljust(128, b"\0") + program[:127].ljust(128, b"\0")
    return head + b"".join(struct.pack("<8Q", *sample) for sample in samples)


def curve(shape: Sequence[tuple[float, float]], count: int, *, collections: int = 0) -> list[Row]:
    """`count` samples along straight lines between (seconds, MiB), a little uneven as in life."""
    end = shape[-1][0]
    rows: list[Row] = []
    for number in range(count):
        at = end * number / (count - 1)
        rss = _between(shape, at) * (1 + 0.012 * math.sin(number * 1.7))
        done = number / (count - 1)
        rows.append(
            (
                int(at * S),
                int(rss * MIB),
                int(max(rss - 14, 1) * MIB),
                0,
                int(done * 300 * MIB),
                int(done * collections),
                int(done * collections * 0.4 * MS),
                0,
            )
        )
    return rows


def _between(shape: Sequence[tuple[float, float]], at: float) -> float:
    for (x0, y0), (x1, y1) in pairwise(shape):
        if x0 <= at <= x1:
            return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
    return shape[-1][1]


def final_json(pid: int = 4242, **changes: Any) -> Json:
    """A process that did next to nothing: 21 MiB, of it 5 MiB ours."""
    document: Json = {
        "format": 1,
        "pid": pid,
        "ppid": 4000,
        "n": 0,
        "python": "3.13.0",
        "argv": ["hello.py"],
        "active": True,
        "reason": None,
        "exit": "normal",
        "wall_ns": 84 * MS,
        "cpu_user_ns": 61 * MS,
        "cpu_sys_ns": 19 * MS,
        "peak_rss": 21_000_192,
        "final_rss": 20_791_296,
        "peak": None,
        "heap": heap(in_use=4_612_096, live_blocks=51_234, free_resident=412_672),
        "classes": classes({32: (9000, 210), 48: (12040, 400), 64: (14000, 320), 512: (1200, 40)}),
        "types": types(
            {
                "(buffers: dict tables, list arrays, ...)": (5_120, 1_402_880),
                "builtins.code": (3_800, 1_000_448),
                "builtins.str": (17_203, 921_600),
                "builtins.function": (4_100, 590_400),
                "builtins.dict": (2_710, 173_440),
                "builtins.tuple": (6_020, 401_536),
                "builtins.type": (410, 436_240),
                "(CPython free lists)": (310, 24_320),
            }
        ),
        "gc": gc((3, 2 * MS, MS, 0), (0, 0, 0, 0), (0, 0, 0, 0)),
        "collector": collector(pauses=pauses({3: (1, 0, 0), 4: (2, 0, 0)})),
        "rss": [],
    }
    document |= changes
    if not document["rss"] and document["active"]:
        document["rss"] = account(document)
    return document


def heap(**changes: Any) -> Json:
    """Figures of a heap; what is not given is small."""
    figures: Json = {
        "reserved": 64 << 30,
        "committed": 8 * MIB,
        "in_use": 0,
        "free_resident": 0,
        "free_returned": 0,
        "metadata": 262_144,
        "direct": 0,
        "huge_pages": 0,
        "returned_total": 0,
        "trim_ns": 0,
        "live_blocks": 0,
        "fragmentation": 0.0,
    }
    return figures | changes


def account(document: Json) -> list[Json]:
    """Parts that sum exactly to the final RSS of `document`."""
    figures = document["heap"]
    known = {
        "objects and buffers in use": figures["in_use"],
        "free in the heap": figures["free_resident"],
        "heap metadata": figures["metadata"],
        "libc heap in use": 2_301_952,
        "libc heap free": 151_552,
        "stacks": 143_360,
        "code and files": 9_412_608,
        "other mappings": 1_310_720,
    }
    known["not attributed"] = document["final_rss"] - sum(known.values())
    return [{"what": what, "bytes": size} for what, size in known.items()]


def classes(blocks: dict[int, tuple[int, int]]) -> list[Json]:
    """Rows for {size: (live, free)}."""
    return [
        {
            "size": size,
            "domain": "obj",
            "live": live,
            "free": free,
            "slabs": 1 + live * size // 16384,
        }
        for size, (live, free) in blocks.items()
    ]


def types(figures: dict[str, tuple[int, int]]) -> list[Json]:
    """Rows for {name: (count, bytes)}, largest first."""
    return [
        {"type": name, "count": count, "bytes": size}
        for name, (count, size) in sorted(figures.items(), key=lambda item: -item[1][1])
    ]


def gc(*generations: tuple[int, int, int, int]) -> list[Json]:
    """Rows for (collections, ns, longest ns, collected), youngest generation first."""
    keys = ("collections", "ns", "longest_ns", "collected")
    return [
        {"generation": number, **dict(zip(keys, figures, strict=True))}
        for number, figures in enumerate(generations)
    ]


def collection(**changes: Any) -> Json:
    """A record of a full collection that Hoopsnake did, in a copy."""
    record: Json = {
        "at_ns": 1_500 * MS,
        "trigger": "threshold",
        "mode": "concurrent",
        "outcome": "done",
        "reason": None,
        "pause_ns": 2_100_000,
        "search_ns": 74 * MS,
        "judge_ns": 9_400_000,
        "longest_judge_ns": 1_300_000,
        "batches": 11,
        "objects": 810_220,
        "candidates": 52_310,
        "components": 4_021,
        "largest_component": 310,
        "freed": 52_100,
        "dropped_died": 170,
        "dropped_untracked": 34,
        "survived": 6,
    }
    return record | changes


def collector(**changes: Any) -> Json:
    """Figures of a collector that had nothing to do."""
    keys = (
        "collections concurrent inplace failed discarded objects candidates freed died untracked "
        "survived longest_pause_ns longest_judge_ns total_pause_ns total_search_ns total_judge_ns"
    )
    figures: Json = {"mode": "concurrent", "reason": None, **dict.fromkeys(keys.split(), 0)}
    return figures | {"pauses": pauses({}), "recent": []} | changes


def pauses(counts: dict[int, tuple[int, int, int]]) -> list[Json]:
    """All buckets of stops, from {number of the bucket: (young, full, hoop)}."""
    bounds = [62_500 << number for number in range(19)] + [0]
    rows = (
        {"up_to_ns": bound, "young": 0, "full": 0, "hoop": 0}
        | dict(zip(("young", "full", "hoop"), counts.get(number, ()), strict=False))
        for number, bound in enumerate(bounds)
    )
    return list(rows)


def write_run(path: Path, about: Json | None, files: Mapping[str, bytes | Json]) -> Path:
    path.mkdir(parents=True, mode=0o700)
    if about is not None:
        (path / "run.json").write_text(json.dumps(about))
    for name, content in files.items():
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        (path / name).write_bytes(data)
    return path


def small(base: Path) -> Path:
    """A script that says hello."""
    samples = curve([(0, 9), (0.05, 19.8), (0.084, 19.8)], 5)
    files: dict[str, bytes | Json] = {
        "4242.0.live": live_bytes(samples, peak=(21_000_192, 52 * MS), program=b"hello.py"),
        "4242.0.json": final_json(),
    }
    return write_run(base / "run-20260921-141320-4242", run_json(["hello.py"], 4242), files)


BIG_TYPES = {
    "builtins.dict": (412_345, 27_711_232),
    "(buffers: dict tables, list arrays, ...)": (131_002, 16_613_376),
    "builtins.str": (191_226, 12_102_144),
    "shop.models.Order": (61_200, 3_916_800),
    "builtins.float": (101_400, 3_244_800),
    "builtins.tuple": (38_221, 2_140_416),
    "decimal.Decimal": (12_240, 1_272_960),
    "builtins.code": (9_021, 2_309_376),
    "builtins.function": (12_410, 1_985_600),
    "datetime.datetime": (22_310, 1_070_880),
    "builtins.int": (24_112, 771_584),
    "builtins.list": (8_013, 512_832),
    "shop.storage.backends.postgres.connection.pooling.WeakConnectionPoolCallbackRegistryEntry": (
        4_020,
        321_600,
    ),
    "(CPython free lists)": (3_120, 211_968),
    **{
        f"vendor.package{number}.Thing": (40 + number, 6_000 - 16 * number) for number in range(218)
    },
}


def big_final(pid: int = 4242, **changes: Any) -> Json:
    """The end of a service that grew to 412 MiB and let go of most of it."""
    in_use = sum(size for _, size in BIG_TYPES.values())
    peak_types = {
        "builtins.dict": (2_310_000, 164_626_432),
        "builtins.str": (1_900_000, 90_177_536),
        "(buffers: dict tables, list arrays, ...)": (1_100_000, 44_040_192),
        "builtins.float": (720_000, 23_068_672),
        "builtins.tuple": (310_000, 18_874_368),
        "shop.models.Order": (61_200, 3_916_800),
    }
    document = final_json(
        pid,
        argv=["/usr/bin/python3", "server.py", "--port", "8000"],
        wall_ns=7_812 * MS,
        cpu_user_ns=6_410 * MS,
        cpu_sys_ns=612 * MS,
        peak_rss=412 * MIB,
        final_rss=101_019_648,
        peak={
            "at_ns": 3_118 * MS,
            "rss": 412 * MIB,
            "heap_held": 352 * MIB,
            "types": types(peak_types),
            "sampled": True,
        },
        heap=heap(
            committed=384 * MIB,
            in_use=in_use,
            free_resident=5_312_512,
            free_returned=296 * MIB,
            metadata=2_621_440,
            direct=6 * MIB,
            huge_pages=44 * MIB,
            returned_total=1_203 * MIB,
            trim_ns=41_200_000,
            live_blocks=sum(count for count, _ in BIG_TYPES.values()),
            fragmentation=0.064,
        ),
        classes=[
            *classes(
                {
                    16: (3_200, 90),
                    32: (287_204, 4_100),
                    48: (519_189, 5_020),
                    64: (150_000, 9_120),
                    96: (38_000, 2_010),
                    128: (31_240, 1_050),
                    192: (20_000, 800),
                    256: (9_200, 312),
                    512: (3_040, 220),
                    1024: (1_460, 96),
                    4096: (402, 31),
                    32768: (61, 4),
                }
            ),
            {
                "kind": "run",
                "size": MIB,
                "domain": "mem",
                "live": 14,
                "free": 0,
                "bytes": 4_521_984,
            },
            {"kind": "direct", "size": 0, "domain": "mem", "live": 3, "free": 0, "bytes": 6 * MIB},
        ],
        types=types(BIG_TYPES),
        gc=gc(
            (1_204, 212 * MS, 1_100_000, 41_203),
            (109, 151 * MS, 4_300_000, 9_120),
            (1, 131 * MS, 131 * MS, 11_204),
        ),
        collector=busy_collector(),
    )
    document |= changes
    document["rss"] = account(document)
    return document


def busy_collector() -> Json:
    """Six full collections in copies, the last of which was of no use, and one in place."""
    first = collection()
    unused = collection(
        at_ns=6_210 * MS,
        outcome="discarded",
        reason="the interpreter began to end",
        batches=0,
        judge_ns=0,
        longest_judge_ns=0,
        freed=0,
        dropped_died=0,
        dropped_untracked=0,
        survived=0,
    )
    return collector(
        collections=7,
        concurrent=6,
        inplace=1,
        discarded=1,
        objects=1_204_310,
        candidates=221_004,
        freed=168_170,
        died=420,
        untracked=98,
        survived=6,
        longest_pause_ns=48 * MS,
        longest_judge_ns=2_300_000,
        total_pause_ns=61_200_000,
        total_search_ns=592 * MS,
        total_judge_ns=39_400_000,
        pauses=pauses(
            {
                0: (811, 0, 0),
                1: (200, 0, 0),
                2: (120, 0, 8),
                3: (90, 0, 31),
                4: (49, 0, 22),
                5: (30, 0, 9),
                6: (11, 0, 4),
                7: (2, 0, 0),
                10: (0, 0, 1),
                12: (0, 1, 0),
            }
        ),
        recent=[first, unused],
    )


BIG_SHAPE = [(0, 11), (0.4, 38), (3.1, 410), (3.6, 240), (4.2, 105), (6.0, 98), (7.8, 96)]


def big(base: Path) -> Path:
    """A service that grows, shrinks and ends."""
    samples = curve(BIG_SHAPE, 160, collections=1320)
    files: dict[str, bytes | Json] = {
        "4242.0.live": live_bytes(samples, peak=(412 * MIB, 3_118 * MS)),
        "4242.0.json": big_final(),
    }
    about = run_json(["server.py", "--port", "8000"], 4242)
    return write_run(base / "run-20260921-141320-4242", about, files)


def killed(base: Path) -> Path:
    """The same service, killed at its peak."""
    samples = curve([(0, 11), (0.4, 38), (3.1, 410)], 64, collections=520)
    live = live_bytes(samples, state=1, peak=(411 * MIB, 3_090 * MS))
    about = run_json(["server.py", "--port", "8000"], 4242)
    return write_run(base / "run-20260921-141320-4242", about, {"4242.0.live": live})


def passive(base: Path) -> Path:
    """Hoopsnake stayed out."""
    reason = "PYTHONMALLOC is set: that allocator was asked for"
    files: dict[str, bytes | Json] = {
        "4242.0.live": live_bytes([], state=3, program=b"python3"),
        "4242.0.json": passive_json(4242, reason, argv=["/usr/bin/python3", "hello.py"]),
    }
    about = run_json(["hello.py"], 4242)
    return write_run(base / "run-20260921-141320-4242", about, files)


def passive_json(pid: int, reason: str, **changes: Any) -> Json:
    """All that a process writes that Hoopsnake stays out of."""
    document: Json = {
        "format": 1,
        "pid": pid,
        "ppid": 4000,
        "n": 0,
        "python": "3.13.0",
        "argv": ["/usr/bin/python3"],
        "active": False,
        "reason": reason,
        "exit": "running",
    }
    return document | changes


def pool(base: Path, workers: int = 4) -> Path:
    """A server with workers: some finish, one is killed, one is of an unknown Python."""
    files: dict[str, bytes | Json] = {
        "4242.0.live": live_bytes(curve([(0, 11), (1, 44), (61, 46)], 90), peak=(46 * MIB, 40 * S)),
        "4242.0.json": final_json(
            argv=["/usr/bin/python3", "/usr/local/bin/gunicorn", "shop.wsgi", "-w", str(workers)],
            wall_ns=61 * S,
            cpu_user_ns=900 * MS,
            cpu_sys_ns=80 * MS,
            peak_rss=46 * MIB,
            final_rss=45 * MIB,
            heap=heap(in_use=24 * MIB, live_blocks=310_000, free_resident=MIB),
        ),
    }
    for number in range(workers):
        pid = 4250 + number
        peak = (180 + 9 * (number * 7 % 11)) * MIB
        started = STARTED + 1 + number * 0.02
        name = f"{pid}.0"
        shape = [(0, 44.0), (30, peak / MIB), (58, 120.0)]
        files[f"{name}.live"] = live_bytes(
            curve(shape, 40),
            pid=pid,
            ppid=4242,
            peak=(peak, 30 * S),
            state=1 if number == 2 else 2,
            started=started,
            program=b"/usr/local/bin/gunicorn",
        )
        if number != 2:
            files[f"{name}.json"] = big_final(
                pid,
                ppid=4242,
                argv=[
                    "/usr/bin/python3",
                    "/usr/local/bin/gunicorn",
                    "shop.wsgi",
                    "-w",
                    str(workers),
                ],
                wall_ns=58 * S + number * MS,
                peak_rss=peak,
            )
    # One that execs on its way: its first image is no process of its own.
    files["4300.0.live"] = live_bytes(curve([(0, 44), (1, 44)], 3), pid=4300, ppid=4242, state=1)
    files["4300.1.live"] = live_bytes([], pid=4300, ppid=4242, state=3, started=STARTED + 2)
    files["4300.1.json"] = passive_json(
        4300,
        "PYTHONMALLOC is set: that allocator was asked for",
        ppid=4242,
        n=1,
        python="3.12.1",
        argv=["/opt/my python/bin/python3.12", "tools/resize images.py", "--all"],
    )
    about = run_json(["gunicorn", "shop.wsgi", "-w", str(workers)], 4242)
    return write_run(base / "run-20260921-141320-4242", about, files)


def crowd(base: Path) -> Path:
    """More processes than a table should have rows."""
    return pool(base, workers=40)


def shell(base: Path) -> Path:
    """A shell script that runs two Python programs: the root left nothing itself."""
    files: dict[str, bytes | Json] = {
        "4310.0.json": final_json(4310, ppid=4242),
        "4311.0.json": big_final(4311, ppid=4242),
    }
    about = run_json(["./nightly.sh"], 4242, program=["./nightly.sh"])
    return write_run(base / "run-20260921-141320-4242", about, files)


def damaged(base: Path) -> Path:
    """A run whose files were cut off, garbled and meddled with."""
    path = big(base)
    live = path / "4242.0.live"
    live.write_bytes(live.read_bytes()[:-100])
    (path / "4250.0.json").write_text('{"format": 1, "pid": 42')
    (path / "4251.0.live").write_bytes(b"HOOPLIV1")
    odd = final_json(4252, argv=["\x1b[31mred\x07.py", "caf\udce9"], wall_ns="soon", types={"a": 1})
    (path / "4252.0.json").write_text(json.dumps(odd))
    return path


def opened_place(
    kind: str, file: str | None, line: int, function: str | None, **changes: Any
) -> Json:
    """A line that opened ten of a kind; by what `changes` says they were not closed in time."""
    none = {"count": 0, "longest_ns": 0}
    place: Json = {
        "kind": kind,
        "type": None,
        "file": file,
        "line": line,
        "function": function,
        "opened": 10,
        "finalized": none,
        "late": none,
        "left": none,
        "holder": None,
    }
    return place | changes


def lateness(count: int, longest: int) -> Json:
    return {"count": count, "longest_ns": longest}


FORGOTTEN = [
    opened_place("file", "/srv/app/import.py", 12, "load", finalized=lateness(3, 400)),
    opened_place(
        "socket",
        "/srv/app/net/pool.py",
        88,
        "connect",
        left=lateness(212, 61 * S),
        holder="app.net.POOL.connections[*].socket",
    ),
    opened_place("process", "/srv/app/jobs.py", 40, "start", finalized=lateness(10, 2 * S)),
    opened_place(
        "other",
        None,
        0,
        None,
        type="aiohttp.client.ClientSession",
        finalized=lateness(1, 0),
    ),
    opened_place(
        "file",
        "/usr/lib/python3/dist-packages/vendor/cache.py",
        7,
        "<module>",
        late=lateness(5, 80 * S),
    ),
    opened_place("directory", "/srv/app/export.py", 19, "build", left=lateness(4, 9 * S)),
    # Not worth a line: they may be meant.
    opened_place("file", "/srv/app/app.py", 3, "<module>", left=lateness(1, 60 * S)),
    opened_place("descriptor", "/srv/app/lock.py", 9, "lock", left=lateness(2, 60 * S)),
]


def forgetful(base: Path) -> Path:
    """A program that forgets to close what it opens."""
    files: dict[str, bytes | Json] = {
        "4242.0.json": final_json(resources={"unseen": 0, "places": FORGOTTEN})
    }
    return write_run(base / "run-20260921-141320-4242", run_json(["app.py"], 4242), files)


ALL = {
    maker.__name__: maker
    for maker in (small, big, killed, passive, pool, crowd, shell, damaged, forgetful)
}
