# SPDX-License-Identifier: Apache-2.0
"""The source of a function or a module: how its variables are used."""

from __future__ import annotations

import ast
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass

_MOST_BYTES = 2 << 20
_CONSUMERS = {"sum", "max", "min", "any", "all", "set", "frozenset", "dict", "Counter", "deque"}
_CONSUMING_METHODS = {"join", "extend", "update", "writelines", "executemany"}
_PARSERS = {
    "loads", "literal_eval", "fromstring", "safe_load", "split", "splitlines", "parse", "XML",
    "load_all", "safe_load_all", "parseString", "findall",
}  # fmt: skip

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Use:
    """A list that is built at one line and gone through at another."""

    made: int
    used: int
    example: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What was parsed from a text, and where."""

    name: str
    line: int
    source: str


class Source:
    """A file of Python, parsed."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)

    def scope(self, name: str, line: int) -> Scope | None:
        """The function of this name that a line is in; of `<module>`, the file itself."""
        if name == "<module>":
            return Scope(self.text, self.tree)
        found = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and node.name == name
            and node.lineno <= line <= (node.end_lineno or node.lineno)
        ]
        return Scope(self.text, max(found, key=lambda node: node.lineno)) if found else None

    def unnamed_list(self, line: int) -> str | None:
        """A call at this line that is given a list comprehension, and takes one after the other."""
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.Call) or len(node.args) != 1 or node.keywords:
                continue
            if not node.lineno <= line <= (node.end_lineno or node.lineno):
                continue
            if isinstance(node.args[0], ast.ListComp) and _takes_one_by_one(node):
                inner = ast.get_source_segment(self.text, node.args[0]) or "[]"
                function = ast.get_source_segment(self.text, node.func) or "f"
                return f"{function}({inner[1:-1].strip()})"
        return None


def _takes_one_by_one(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Name):
        return call.func.id in _CONSUMERS
    return isinstance(call.func, ast.Attribute) and call.func.attr in _CONSUMING_METHODS


def open_source(path: str) -> Source | None:
    """None: it cannot be read, or is no Python."""
    try:
        if os.path.getsize(path) > _MOST_BYTES:
            return None
        with open(path, encoding="utf-8") as file:
            return Source(file.read())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return None


@functools.cache
def class_line(path: str, name: str) -> int:
    """Where a class is defined, by its qualified name; 0: its source is not there."""
    source = open_source(path) if path else None
    if source is None:
        return 0
    last = name.rpartition(".")[2]
    found = [
        node.lineno
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and node.name == last
    ]
    return found[0] if len(found) == 1 else 0


class Scope:
    """The statements of one function, or of a module."""

    def __init__(self, text: str, node: _Function | ast.Module) -> None:
        self.text = text
        self.node = node
        self.parents = {
            child: parent for parent in ast.walk(node) for child in ast.iter_child_nodes(parent)
        }

    def single_use(self, name: str) -> Use | None:
        """Where a list is gone through, if that is the only thing that is done with it."""
        names = list(self._names(name))
        stores = [one for one in names if isinstance(one.ctx, ast.Store)]
        loads = [one for one in names if isinstance(one.ctx, ast.Load)]
        appends = [one for one in loads if self._is_append(one)]
        others = [one for one in loads if one not in appends]
        if len(stores) != 1 or len(others) != 1 or self._is_shared(name):
            return None
        made = self.parents[stores[0]]
        if not isinstance(made, ast.Assign) or len(made.targets) != 1:
            return None
        if not self._is_built(made.value, bool(appends)) or not self._is_consumed(others[0]):
            return None
        if self._loops_above(others[0]) - self._loops_above(stores[0]):
            return None  # more than once
        return Use(made.lineno, others[0].lineno, self._example(name, made, appends))

    def parsed_from(self, name: str) -> Parsed | None:
        """What a text was parsed into, if it is not used after that."""
        loads = [one for one in self._names(name) if isinstance(one.ctx, ast.Load)]
        stores = [one for one in self._names(name) if isinstance(one.ctx, ast.Store)]
        deleted = [one for one in self._names(name) if isinstance(one.ctx, ast.Del)]
        if len(stores) != 1 or deleted or self._is_shared(name) or not loads:
            return None
        last = max(loads, key=lambda one: (one.lineno, one.col_offset))
        statement = self._statement(last)
        if not isinstance(statement, ast.Assign) or not self._is_parse(statement.value, last):
            return None
        target = statement.targets[0]
        if not isinstance(target, ast.Name) or target.id == name:
            return None
        if self._loops_above(last) - self._loops_above(stores[0]):
            return None
        return Parsed(target.id, statement.lineno, self._segment(statement))

    # --- looking around ---------------------------------------------------------------------------

    def _names(self, name: str) -> Iterator[ast.Name]:
        for node in ast.walk(self.node):
            if isinstance(node, ast.Name) and node.id == name:
                yield node

    def _is_shared(self, name: str) -> bool:
        """Whether a function within uses it, or it is declared `global`, or exported."""
        for node in ast.walk(self.node):
            if isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names:
                return True
            if isinstance(node, ast.alias) and name in (node.name, node.asname):
                return True
            inner = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            if inner and node is not self.node and _mentions(node, name):
                return True
        return False

    def _is_append(self, name: ast.Name) -> bool:
        attribute = self.parents[name]
        if not isinstance(attribute, ast.Attribute) or attribute.attr != "append":
            return False
        call = self.parents[attribute]
        return isinstance(call, ast.Call) and isinstance(self.parents[call], ast.Expr)

    @staticmethod
    def _is_built(value: ast.expr, has_appends: bool) -> bool:
        if has_appends:
            return isinstance(value, ast.List) and not value.elts
        if isinstance(value, ast.ListComp):
            return True
        if not isinstance(value, ast.Call):
            return False
        if isinstance(value.func, ast.Name):
            return value.func.id == "list" and len(value.args) == 1
        return isinstance(value.func, ast.Attribute) and value.func.attr == "readlines"

    def _is_consumed(self, name: ast.Name) -> bool:
        parent = self.parents[name]
        if isinstance(parent, (ast.For, ast.AsyncFor)):
            return parent.iter is name
        if isinstance(parent, ast.comprehension):
            return parent.iter is name and self._may_be_mapped(self.parents[parent])
        if not isinstance(parent, ast.Call) or name not in parent.args:
            return False
        return len(parent.args) == 1 and _takes_one_by_one(parent)

    def _may_be_mapped(self, made: ast.AST) -> bool:
        """What is made of each may need that each lives on: weak references to them, for one."""
        if isinstance(made, ast.GeneratorExp):
            return True
        return not isinstance(self.node, ast.Module) and "weakref" not in self.text

    def _is_parse(self, value: ast.expr, name: ast.Name) -> bool:
        if not isinstance(value, ast.Call):
            return False
        function = value.func
        word = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if word not in _PARSERS:
            return False
        if name in value.args:
            return True
        return isinstance(function, ast.Attribute) and function.value is name

    def _loops_above(self, node: ast.AST) -> set[ast.AST]:
        """Loops that run a node again and again; not the one that it is the iterable of."""
        found: set[ast.AST] = set()
        while node is not self.node:
            parent = self.parents[node]
            is_iterable = isinstance(parent, (ast.For, ast.AsyncFor)) and parent.iter is node
            if isinstance(parent, (ast.For, ast.AsyncFor, ast.While)) and not is_iterable:
                found.add(parent)
            if isinstance(parent, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
                first = parent.generators[0]
                if node is not first:
                    found.add(parent)
            node = parent
        return found

    def _statement(self, node: ast.AST) -> ast.AST:
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def _segment(self, node: ast.AST) -> str:
        return (ast.get_source_segment(self.text, node) or "").strip()

    def _example(self, name: str, made: ast.Assign, appends: list[ast.Name]) -> str:
        if isinstance(made.value, ast.ListComp):
            inner = self._segment(made.value)[1:-1].strip()
            return f"{name} = ({inner})"
        if appends:
            call = self.parents[self.parents[appends[0]]]
            assert isinstance(call, ast.Call)
            value = self._segment(call.args[0]) if call.args else "..."
            return f"def {name}():\n    ...\n        yield {value}  # instead of {name}.append"
        built = made.value
        if isinstance(built, ast.Call) and isinstance(built.func, ast.Attribute):
            return (
                f"{name} = {self._segment(built.func.value)}  # a file gives its lines one by one"
            )
        assert isinstance(built, ast.Call)
        return f"{name} = {self._segment(built.args[0])}"


def _mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(node))
