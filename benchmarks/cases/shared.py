"""Cases that several programs solve in the same run: data, the same with other numbers, and when answers are equal.

``again`` differs from ``data`` in what is demanded only, by two hundredths: what a program gains by keeping its model
is measured with it. ``small`` is of the same make; solving it first leaves imports and compilers out of the times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from benchmarks.cases import layer, microgrid, multi_carrier
from benchmarks.cases.feeders import Days
from benchmarks.cases.flows import CIGRE, Flows
from benchmarks.cases.multi_carrier import Demand, Store, Trade, Weather

MORE = 1.02
DAY, YEAR = "battery, PV and load on a tariff, a day", "battery, PV and load on a tariff, a year"
UNITS = "unit commitment, 12 units x 24 h"
RULED, ROLLED = "a microgrid's week, by rules", "a microgrid's week, planned anew each hour"
FLOWS = "AC power flows, CIGRE MV, 400 steps"
FEEDER = "a feeder's load, a fortnight day ahead"
HOURS = 24


@dataclass(frozen=True)
class Shared:
    """One question for several programs.

    Attributes:
        gap: relative, at which a search with whole numbers ends; 0 where there are none.
        equal: relative difference of objectives up to which two programs have found the same; None where they need not,
            as ways to run a plant are compared.
        unit: of the objective.
    """

    name: str
    data: object
    again: object | None
    small: object
    gap: float = 0.0
    equal: float | None = 1e-6
    unit: str = "EUR"


def day(hours: int = HOURS, factor: float = 1.0) -> multi_carrier.Case:
    """A battery on a tariff of three prices that pays less for what is sold, PV and a load; steps of an hour.

    Both prices are above zero and a round trip loses, so that nothing is gained by burning power: with or without
    switches for directions, and with PV that may be curtailed or not, there is one least cost.
    """
    hour = np.arange(hours) % 24
    buy = np.select([hour < 7, (hour >= 17) & (hour < 21)], [0.08, 0.32], 0.18)
    noise = np.random.default_rng(11).random((2, hours))
    sun = np.maximum(np.sin((hour - 5.5) / 13 * np.pi), 0.0) * (hour > 5) * (hour < 19)
    load = 60 + 45 * np.exp(-(((hour - 19) / 3) ** 2)) + 30 * np.exp(-(((hour - 8) / 2) ** 2)) + 10 * noise[0]
    return multi_carrier.Case(
        "battery, PV and load on a tariff",
        {"main": "electricity"},
        (
            Trade("grid", "main", buy, np.full(hours, 0.05), 400.0),
            Demand("load", "main", factor * load.round(3)),
            Weather("pv", "main", (180 * sun * (0.8 + 0.2 * noise[1])).round(3)),
            Store("battery", "main", 300.0, 100.0, 0.95, 0.1, 0.4),
        ),
        hours,
    )


def commitment(units: int = 12, steps: int = 24, factor: float = 1.0) -> layer.Case:
    """Units with starts, minimum times and ramps that cover a demand; no batteries, no reserve."""
    made = layer.case(units, 0, steps)
    return replace(made, fleet=replace(made.fleet, demand_kw=factor * made.fleet.demand_kw))


def on_one_bus(data: object) -> bool:
    """Is it a site of connections, loads, weather and stores on one bus?"""
    plain = Demand | Store | Trade | Weather
    return (
        isinstance(data, multi_carrier.Case) and len(data.buses) == 1 and all(isinstance(p, plain) for p in data.parts)
    )


def demanding(case: multi_carrier.Case, factor: float) -> multi_carrier.Case:
    """The case with all demands so many times as large."""
    parts = tuple(replace(part, kw=factor * part.kw) if isinstance(part, Demand) else part for part in case.parts)
    return replace(case, parts=parts)


def _carriers(make: Callable[[], multi_carrier.Case]) -> Shared:
    case = make()
    return Shared(case.name, case, demanding(case, MORE), case)


def _fleet(factor: float) -> layer.Case:
    made = layer.case()
    return replace(made, fleet=replace(made.fleet, demand_kw=factor * made.fleet.demand_kw))


@cache
def cases() -> tuple[Shared, ...]:
    """All that are made here; published instances and measured series are added by who reads them."""
    units = Shared(
        UNITS,
        commitment(),
        commitment(factor=MORE),
        commitment(3, 6),
        gap=1e-7,
        unit="USD",
    )
    methods: tuple[tuple[microgrid.Method, str], ...] = (("rule_based", RULED), ("rolling", ROLLED))
    weeks = (
        Shared(name, microgrid.week(method), None, microgrid.week(method, 1), equal=None) for method, name in methods
    )
    return (
        Shared(DAY, day(), day(factor=MORE), day()),
        Shared(YEAR, day(8760), day(8760, MORE), day()),
        units,
        *(_carriers(make) for make in multi_carrier.CASES[:2]),
        *weeks,
        Shared(FLOWS, Flows(CIGRE, 400), None, Flows(CIGRE, 20), unit="p.u."),
        Shared(FEEDER, Days("pid_287", 14), None, Days("pid_287", 1), equal=None, unit="rCRPS"),
    )
