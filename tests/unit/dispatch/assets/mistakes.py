"""What a mistake is, for the two tests that make some in every kind, and where families of kinds keep theirs."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dispatch.signals import Array

Change = Callable[[Array], Array]


@dataclass(frozen=True)
class Mistake:
    """What ``check`` must say when ``series`` of the solved template number ``template`` is altered."""

    what: str
    series: str
    alter: Change
    template: int = 0


@dataclass(frozen=True)
class Wrong:
    """A wrong formula: coefficients with what becomes of them, and words that the audit's finding must hold."""

    name: str
    coefficients: Mapping[str, Change]
    finding: str
    template: int = 0
    fields: Mapping[str, Any] | None = None


def at(step: int, value: float) -> Change:
    """The series with another value in one step."""

    def alter(values: Array) -> Array:
        out = values.copy()
        out[:, step] = value
        return out

    return alter


def plus(amount: float) -> Change:
    """The series with more in every step."""
    return lambda values: np.asarray(values, float) + amount


def times(factor: float) -> Change:
    """The series with so many times as much in every step."""
    return lambda values: np.asarray(values, float) * factor


def zero(values: Array) -> Array:
    """Nothing in every step."""
    return np.asarray(values, float) * 0


def by_family(prefix: str, table: str) -> dict[str, list[Any]]:
    """By kind, what the files beside this one called ``<prefix>_<family>.py`` hold under ``table``."""
    out: dict[str, list[Any]] = {}
    for path in sorted(Path(__file__).parent.glob(f"{prefix}_*.py")):
        module = importlib.import_module(f"tests.unit.dispatch.assets.{path.stem}")
        for kind, entries in getattr(module, table, {}).items():
            out.setdefault(kind, []).extend(entries)
    return out
