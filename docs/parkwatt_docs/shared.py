"""Equations that several kinds share: where docstrings point to."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from dispatch.asset import Asset
from dispatch.assets import kinds
from parkwatt_docs.writing import Folder, restructured

_POINTS_TO = re.compile(r":(?:class|mod):`~?(dispatch\.[\w.]+)`")


def told_by(cls: type[Asset]) -> list[type]:
    """The classes between a kind and what all kinds are, nearest first."""
    between = cls.__mro__[1 : cls.__mro__.index(Asset)]
    return [base for base in between if base.__module__.startswith("dispatch.") and base.__doc__]


def found() -> list[type | ModuleType]:
    """All that kinds are made from or point to in their docstrings, and what that points to in turn."""
    waiting: list[type | ModuleType] = [base for cls in kinds().values() for base in told_by(cls)]
    waiting += [one for cls in kinds().values() for one in _pointed(cls)]
    out: dict[str, type | ModuleType] = {}
    while waiting:
        one = waiting.pop(0)
        if name(one) not in out and one not in kinds().values():
            out[name(one)] = one
            waiting += _pointed(one)
    return [out[key] for key in sorted(out)]


def name(one: type | ModuleType) -> str:
    """As Python writes it in full."""
    return one.__name__ if isinstance(one, ModuleType) else f"{one.__module__}.{one.__name__}"


def _pointed(one: type | ModuleType) -> Iterator[type | ModuleType]:
    for target in _POINTS_TO.findall(inspect.getdoc(one) or ""):
        try:
            yield import_module(target)
        except ModuleNotFoundError:
            module, _, attribute = target.rpartition(".")
            yield getattr(import_module(module), attribute)


def write(folder: Folder) -> None:
    """The page of shared equations."""
    lines = [
        "(shared-equations)=",
        "# Equations that kinds share",
        "",
        "Stores, committed units, conversions and plant that reacts are written once; kinds add what is their own.",
    ]
    for one in found():
        directive = "automodule" if isinstance(one, ModuleType) else "autoclass"
        lines += ["", f"## {name(one).removeprefix('dispatch.')}"]
        lines += restructured(f".. {directive}:: {name(one)}\n   :no-members:")
    folder.write("shared_equations", lines)
