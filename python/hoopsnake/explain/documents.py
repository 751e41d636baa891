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
            f"- path: `{one.holder.path}`",
            *(f"- {fact}" for fact in one.evidence),
            f"- confidence: {one.confidence}; signature: `{one.signature}`",
            "",
            f"**Fix.** {one.fix}",
            "",
        ]
    lines += [f"> {note}\n" for note in found.notes]
    return "\n".join(lines)


_STYLE = """
:root { color-scheme: light dark; --edge: #8888; --mark: #c4452d; --soft: #8882; }
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
.path li:last-child .object { border-color: var(--mark); border-width: 2px; }
.path .edge { font-size: .8rem; opacity: .8; }
svg { max-width: 24rem; display: block; margin: .5rem 0; }
svg polyline { fill: none; stroke: var(--mark); stroke-width: 2; }
svg text { font-size: 10px; fill: currentColor; }
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
    notes = "".join(f"<p>{escape(note)}</p>" for note in found.notes)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Memory that does not go away</title><style>{_STYLE}</style></head><body>"
        f"<h1>Memory that does not go away</h1><p>{escape(about)}</p>{body}{notes}"
        "<footer>Made by <code>hoop explain</code>.</footer></body></html>\n"
    )


def _suspect_html(one: Suspect) -> str:
    facts = "".join(f"<li><code>{escape(fact)}</code></li>" for fact in one.evidence)
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
    items = "".join(
        "<li>"
        + (f'<span class="edge">{escape(edge)} &rarr;</span>' if edge else "")
        + f'<span class="object"><code>{escape(what)}</code></span></li>'
        for edge, what in chain
    )
    return f'<ol class="path" aria-label="path from a root">{items}</ol>'


def _growth_svg(growth: Growth | None) -> str:
    if growth is None or max(growth.retained) == 0:
        return ""
    wide, high = 300, 80
    steps = max(len(growth.retained) - 1, 1)
    points = " ".join(
        f"{10 + wide * i / steps:.1f},{10 + high - high * value / max(growth.retained):.1f}"
        for i, value in enumerate(growth.retained)
    )
    most = escape(units.size(max(growth.retained)))
    return (
        f'<svg viewBox="0 0 {wide + 80} {high + 30}" role="img" aria-label="growth">'
        f'<polyline points="{points}"/><text x="{wide + 14}" y="14">{most}</text>'
        f'<text x="10" y="{high + 24}">{len(growth.retained)} snapshots</text></svg>'
    )
