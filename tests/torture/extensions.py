# SPDX-License-Identifier: Apache-2.0
"""Shapes made of extension modules, of those that can be imported here."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from journal import Box
from shapes import SHAPES, Shape, closure


def _ctypes() -> list[Shape]:
    import ctypes

    one_object = ctypes.py_object * 1

    class Structure(ctypes.Structure):
        _fields_ = (("one", ctypes.py_object),)

    def make_callback(box: Box) -> Any:
        return ctypes.PYFUNCTYPE(ctypes.py_object)(closure(box))

    return [
        Shape("ctypes array", lambda box: one_object(box), lambda made: made[0]),
        Shape("ctypes structure", lambda box: Structure(box), lambda made: made.one),
        Shape("ctypes callback", make_callback, lambda made: made(), weight=0.5),
    ]


def _numpy() -> list[Shape]:
    import numpy

    def make(box: Box) -> Any:
        made = numpy.empty(3, dtype=object)
        made[1] = box
        return made

    def make_owner(box: Box) -> Any:
        class Owner(numpy.ndarray):  # type: ignore[type-arg]
            pass

        made = numpy.zeros(100).view(Owner)
        made.box = box  # type: ignore[attr-defined]
        return made

    return [
        # numpy loses what it was making when memory runs out.
        Shape("numpy array", make, lambda made: made[1], is_leaf=True, is_fragile=True),
        Shape(
            "numpy owner",
            make_owner,
            lambda made: made.box,
            weight=0.3,
            is_leaf=True,
            is_fragile=True,
        ),
    ]


def _pandas() -> list[Shape]:
    import pandas

    def make(box: Box) -> Any:
        made = pandas.DataFrame({"a": [1, 2, 3]})
        made.attrs["box"] = box
        return made

    return [Shape("pandas frame", make, lambda made: made.attrs["box"], weight=0.1)]


def _lxml() -> list[Shape]:
    from lxml import etree

    class Resolver(etree.Resolver):  # type: ignore[misc]
        pass

    def make(box: Box) -> Any:
        made = Resolver()
        made.box = box
        root = etree.fromstring("<a><b/></a>")
        made.child = root[0]
        return made

    return [Shape("lxml resolver", make, lambda made: made.box, weight=0.3)]


def _pydantic_core() -> list[Shape]:
    from pydantic_core import SchemaValidator, core_schema

    def make(box: Box) -> Any:
        inner = closure(box)
        return SchemaValidator(core_schema.no_info_plain_validator_function(lambda _: inner()))

    return [
        Shape("pydantic validator", make, lambda made: made.validate_python(0), weight=0.3),
    ]


def _nanobind_test() -> list[Shape]:
    import hoopsnake_test_nanobind as module

    def make(box: Box) -> Any:
        made = module.Holder()
        made.value = box
        return made

    return [Shape("nanobind holder", make, lambda made: made.value)]


_FOUND: dict[str, Callable[[], list[Shape]]] = {
    "ctypes": _ctypes,
    "numpy": _numpy,
    "pandas": _pandas,
    "lxml": _lxml,
    "pydantic_core": _pydantic_core,
    "hoopsnake_test_nanobind": _nanobind_test,
}


def names() -> str:
    return ", ".join(_ADDED)


def _add_all() -> list[str]:
    added = []
    for name, make in _FOUND.items():
        try:
            importlib.import_module(name)
        except ImportError:
            continue
        SHAPES.extend(make())
        added.append(name)
    return added


_ADDED = _add_all()
