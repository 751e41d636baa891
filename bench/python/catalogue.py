# SPDX-License-Identifier: Apache-2.0
"""The programs, in sets; the figures in the names of pyperformance's are loops at scale 1."""

from __future__ import annotations

from dataclasses import dataclass

HEAVY = "allocation-heavy"
ORDINARY = "ordinary"
PYPERFORMANCE = "pyperformance"
CONTROL = "control"


@dataclass(frozen=True)
class Program:
    """`job` is what bench/python/job.py is given."""

    name: str
    kind: str
    job: str


def own(kind: str, *names: str) -> list[Program]:
    return [Program(name.replace("_", "-"), kind, name) for name in names]


def pyperformance(name: str, job: str, kind: str = PYPERFORMANCE) -> Program:
    return Program(f"pp-{name}", kind, f"pyperformance:{job}")


PROGRAMS = [
    *own(HEAVY, "tuple_trees", "slotted_trees", "dict_churn", "json_records"),
    *own(ORDINARY, "ast_sources", "tokenize_sources", "deepcopy_graph", "pickle_records"),
    *own(ORDINARY, "xml_feed", "regex_log", "template_page"),
    pyperformance("deepcopy", "deepcopy:100"),
    pyperformance("json-loads", "json_loads:400"),
    pyperformance("json-dumps", "json_dumps:12"),
    pyperformance("pickle-pure-python", "pickle:45:--pure-python:pickle"),
    pyperformance("unpickle-pure-python", "pickle:60:--pure-python:unpickle"),
    pyperformance("xml-etree-parse", "xml_etree:2:parse"),
    pyperformance("xml-etree-generate", "xml_etree:4:generate"),
    pyperformance("xml-etree-process", "xml_etree:4:process"),
    pyperformance("regex-compile", "regex_compile:3"),
    pyperformance("mako", "mako:40"),
    pyperformance("django-template", "django_template:8"),
    pyperformance("html5lib", "html5lib:6"),
    pyperformance("sqlglot-parse", "sqlglot_v2:200:parse"),
    pyperformance("sqlglot-transpile", "sqlglot_v2:160:transpile"),
    pyperformance("sqlglot-optimize", "sqlglot_v2:5:optimize"),
    pyperformance("docutils", "docutils:1"),
    pyperformance("tomli-loads", "tomli_loads:1"),
    pyperformance("async-tree", "async_tree:1:none"),
    pyperformance("pyflate", "pyflate:1"),
    pyperformance("logging", "logging:4000:format"),
    pyperformance("richards", "richards:12"),
    pyperformance("raytrace", "raytrace:2"),
    pyperformance("chaos", "chaos:9"),
    pyperformance("go", "go:4"),
    pyperformance("hexiom", "hexiom:65"),
    pyperformance("nbody", "nbody:5", CONTROL),
    *own(CONTROL, "numeric_control"),
]

SMOKE = ("dict-churn", "pp-mako")
