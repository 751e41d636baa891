# SPDX-License-Identifier: Apache-2.0
"""Explanations as JSON, as Markdown for a bug report, and as a page with pictures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from hoopsnake.explain.engine import Explanation
from hoopsnake.explain.model import Growth, Suspect
from hoopsnake.report import units

FORMAT = 1


def as_json(found: Explanation) -> dict[str, object]:
    """docs/format/explanation.md describes it."""
    return {
        "format": FORMAT,
        "pid": found.pid,
        "python": found.python,
        "snapshots": [
            {
                "file": point.path,
                "taken": point.taken_ns,
                "trigger": point.trigger,
                "objects": point.objects,
                "bytes": point.size,
            }
            for point in found.points
        ],
        "suspects": [_suspect_json(one) for one in found.suspects],
        "notes": found.notes,
    }


def _suspect_json(one: Suspect) -> dict[str, object]:
    return {
        "signature": one.signature,
        "verdict": one.verdict,
        "sentence": one.sentence,
        "holder": {
            "name": one.holder.name,
            "kind": one.holder.kind,
            "path": one.holder.path,
            "file": one.holder.file,
            "line": one.holder.line,
        },
        "type": one.type,
        "count": one.count,
        "bytes": one.bytes,
        "growth": _growth_json(one.growth),
        "evidence": one.evidence,
        "confidence": one.confidence,
        "fix": one.fix,
    }


def _growth_json(growth: Growth | None) -> dict[str, object] | None:
    if growth is None:
        return None
    return {
        "counts": list(growth.counts),
        "retained": list(growth.retained),
        "seconds": list(growth.seconds),
        "bytes_per_hour": growth.per_hour,
    }


def as_markdown(found: Explanation) -> str:
    last = found.points[-1]
    lines = [
        "## Memory that does not go away",
        "",
        f"CPython {found.python}, {units.plural(len(found.points), 'snapshot')}, "
        f"{units.plural(last.objects, 'object')}, {units.size(last.size)}.",
        "",
    ]
    if not found.suspects:
        lines += ["Nothing suspicious was found.", ""]
    for number, one in enumerate(found.suspects, 1):
        lines += [
            f"### {number}. {one.verdict}: {one.holder.name}",
            "",
            one.sentence,
            "",
            f"- path: {_literal(one.holder.path)}",
            *(f"- {_literal(fact)}" for fact in one.evidence),
            f"- confidence: {one.confidence}; signature: `{one.signature}`",
            "",
            f"**Fix.** {one.fix}",
            "",
        ]
    lines += [f"> {note}\n" for note in found.notes]
    return "\n".join(lines)


def _literal(text: str) -> str:
    """Text as it is, for Markdown: with backticks, stars and angle brackets in it."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


_STYLE = """
:root { color-scheme: light dark; --edge: #8888; --mark: #b83a22; --soft: #8882; }
@media (prefers-color-scheme: dark) { :root { --mark: #ff8a70; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-bottom: .3rem; }
code { font-family: ui-monospace, monospace; font-size: .92em; }
section { border-top: 1px solid var(--edge); padding: 1rem 0; }
.verdict { color: var(--mark); font-weight: 600; text-transform: uppercase; font-size: .8rem; }
.fix { background: var(--soft); border-radius: .4rem; padding: .6rem .9rem; }
.path { display: flex; flex-wrap: wrap; align-items: center; gap: .3rem; }
.path { margin: .8rem 0; padding: 0; }
.path li { list-style: none; display: flex; align-items: center; gap: .3rem; }
.path .object { border: 1px solid var(--edge); border-radius: .4rem; padding: .1rem .5rem; }
.path .holder { border-color: var(--mark); box-shadow: 0 0 0 1px var(--mark); }
.path .edge { font-size: .8rem; opacity: .8; overflow-wrap: anywhere; }
.path code, li, p { overflow-wrap: anywhere; }
svg { max-width: 24rem; display: block; margin: .5rem 0; }
svg polyline { fill: none; stroke: var(--mark); stroke-width: 2; }
svg circle { fill: var(--mark); }
svg text { font: 12px system-ui, sans-serif; fill: currentColor; }
svg line { stroke: var(--edge); }
details { margin: .5rem 0; } footer { opacity: .7; font-size: .85rem; }
"""


def as_html(found: Explanation) -> str:
    """One file, no script, nothing loaded from elsewhere."""
    last = found.points[-1]
    about = (
        f"Process {found.pid}, CPython {found.python}, "
        f"{units.plural(len(found.points), 'snapshot')}; at the end "
        f"{units.plural(last.objects, 'object')}, {units.size(last.size)}."
    )
    body = "".join(_suspect_html(one) for one in found.suspects)
    if not found.alarms:
        body = "<p>Nothing suspicious was found.</p>" + body
    notes = "".join(f"<p>{_code(note)}</p>" for note in found.notes)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Memory that does not go away</title><style>{_STYLE}</style></head><body>"
        f"<h1>Memory that does not go away</h1><p>{escape(about)}</p>{body}{notes}"
        "<footer>Made by <code>hoop explain</code>.</footer></body></html>\n"
    )


def _suspect_html(one: Suspect) -> str:
    facts = "".join(
        f"<li>{_code(fact)}</li>" for fact in [f"path: {one.holder.path}", *one.evidence]
    )
    return (
        f'<section><span class="verdict">{escape(one.verdict)}</span>'
        f"<h2>{_code(one.holder.name)}</h2><p>{_code(one.sentence)}</p>"
        f"{_path_html(one.chain)}{_growth_svg(one.growth)}"
        f'<p class="fix"><strong>Fix.</strong> {_code(one.fix)}</p>'
        f"<details><summary>Evidence</summary><ul>{facts}</ul>"
        f"<p>Confidence: {one.confidence}; signature <code>{one.signature}</code></p></details>"
        "</section>"
    )


def _code(text: str) -> str:
    """Text with `code` in it."""
    parts = escape(text).split("`")
    return "".join(
        f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts)
    )


def _path_html(chain: Sequence[tuple[str, str]]) -> str:
    if not chain:
        return ""
    # The holder is marked: the last but one, which the last is an entry of.
    marked = max(len(chain) - 2, 0)
    items = "".join(
        "<li>"
        + (f'<span class="edge">{escape(edge)} &rarr;</span>' if edge else "")
        + f'<span class="object{" holder" if number == marked else ""}">'
        + f"<code>{escape(what)}</code></span></li>"
        for number, (edge, what) in enumerate(chain)
    )
    return f'<ol class="path" aria-label="path from a root">{items}</ol>'


def _growth_svg(growth: Growth | None) -> str:
    if growth is None or max(growth.retained) == 0:
        return ""
    wide, high = 300, 80
    most = max(growth.retained)
    begin = growth.seconds[0]
    passed = growth.seconds[-1] - begin or 1.0
    places = [
        (6 + wide * (at - begin) / passed, 10 + high - high * value / most)
        for at, value in zip(growth.seconds, growth.retained, strict=True)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in places)
    first, last = (escape(units.size(growth.retained[i])) for i in (0, -1))
    took = escape(units.duration(int(passed * 1e9)))
    return (
        f'<svg viewBox="0 0 {wide + 84} {high + 32}" role="img" '
        f'aria-label="retained: from {first} to {last} in {took}">'
        f'<line x1="6" y1="{high + 10}" x2="{wide + 6}" y2="{high + 10}"/>'
        f'<polyline points="{line}"/>{dots}'
        f'<text x="{wide + 14}" y="{places[-1][1] + 4:.1f}">{last}</text>'
        f'<text x="6" y="{high + 27}">{units.plural(len(places), "snapshot")} in {took}</text>'
        "</svg>"
    )
