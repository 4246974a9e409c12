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


def pattern(*states: int) -> Change:
    """Another series: the states of one row, step by step."""
    return lambda _: np.array([states], float)


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
        for kind, entries in getattr(module, table).items():
            out.setdefault(kind, []).extend(entries)
    return out


# Those of every store, in its plain template; by fill, in the one after it.
STORE = [
    Mistake("content differs from its powers", "stored_kwh", at(3, 55.0)),
    Mistake("content above its band", "charge_kw", plus(45.0)),
    Mistake("content below its band", "discharge_kw", plus(45.0)),
    Mistake("charge above rating", "charge_kw", at(0, 45.5)),
    Mistake("discharge above rating", "discharge_kw", at(2, 45.5)),
    Mistake("negative power", "charge_kw", at(1, -0.1)),
    Mistake("charges and discharges at once", "charge_kw", plus(1.0)),
    Mistake("further outside its band than stated", "outside_band_kwh", plus(-0.1)),
]
STORE_BY_FILL = [
    Mistake("charges faster than its fill allows", "charge_kw", plus(20.0), template=1),
    Mistake("discharges faster than its fill allows", "discharge_kw", plus(40.0), template=1),
]
WRONG_STORE = [
    Wrong("no standing loss", {"retention": lambda x: x * 0 + 1, "carried_kwh": lambda x: x / 0.99}, "content differs"),
    Wrong("charge without loss", {"gain_kwh_per_kw": times(1 / 0.9)}, "content differs"),
    Wrong("discharge without loss", {"drain_kwh_per_kw": times(0.95)}, "content differs"),
    Wrong("start level ignored", {"carried_kwh": times(1.5)}, "content differs"),
    Wrong("reserve of power forgotten", {"charge_kw": plus(5), "discharge_kw": plus(5)}, "above rating"),
    Wrong(
        "top of the band too high",
        {"upper_kwh": plus(5), "most_kwh": plus(5)},
        "content above",
        fields={"energy_kwh": 40.0},
    ),
    Wrong("bottom of the band too low", {"lower_kwh": plus(-5), "least_kwh": plus(-5)}, "content below"),
    Wrong("wear too cheap", {"wear_per_kw": times(0.5)}, "money differs", fields={"wear_cost_per_kwh": 0.02}),
]
WRONG_STORE_BY_FILL = [
    Wrong("limit of charge by fill forgotten", {"charge_end_kw_1": plus(99)}, "charges faster", template=1),
    Wrong("limit of discharge by fill forgotten", {"discharge_end_kw_0": plus(99)}, "discharges faster", template=1),
    Wrong("taper too flat", {"charge_slope_1": times(0.7)}, "charges faster", template=1),
]
