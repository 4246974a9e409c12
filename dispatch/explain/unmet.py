"""What a plan leaves undone: demand not served, wishes missed, reserve short, network limits passed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dispatch.explain.figures import figure
from dispatch.explain.moments import clock, spans
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon, unit_of

_SMALL_KWH = 0.05
DEMAND = "shed_kw"
_WORDS = {
    DEMAND: "demand that is not served",
    "short_kwh": "content missing at the end",
    "reserve_short_kw": "reserve that is not held",
    "unserved_kwh": "energy that vehicles leave without",
    "black_start_short_kwh": "black-start reserve that is not kept",
    "limit_excess_kw": "power over a network limit",
}
# Of each step by itself: in a sum over steps the same energy would be counted again and again.
_AT_ONCE = {
    "critical load that an outage would leave unserved",
    "black-start reserve that is not kept",
}


@dataclass(frozen=True)
class Elastic:
    """A quantity that may be left short at a price, of all assets for whom that is the same.

    Attributes:
        kind: asset kind; "" where it belongs to the site.
        assets: members of the kind that share price and carrier.
        columns: (scenario, member, …) where it stands in the matrices.
        energy: likewise, kWh per unit of it: the step's length of a power, 1 of an energy.
        price_per_kwh: what leaving a kWh of it costs in the objective.
        carrier: what the assets' buses carry; "" where they have none.
        buses: of the assets, in their order.
        unit: of ``energy``: kg where it is emissions above a cap.
    """

    kind: str
    assets: tuple[str, ...]
    series: str
    words: str
    columns: np.ndarray
    energy: Array
    price_per_kwh: float
    carrier: str = ""
    buses: tuple[str, ...] = ()
    unit: str = "kWh"

    @property
    def key(self) -> tuple[str, tuple[str, ...], str, str]:
        """What it is, the same in a twin of its problem."""
        return self.kind, self.assets, self.series, self.words


@dataclass(frozen=True)
class Unmet:
    """One of them where a schedule uses it.

    Attributes:
        missing: (scenario, member, …) how much, in kW by step or in kWh by window.
    """

    elastic: Elastic
    missing: Array

    @property
    def missing_kwh(self) -> Array:
        """(scenario,) energy in each scenario."""
        return np.asarray((self.missing * self.elastic.energy).sum(axis=(1, 2)))

    @property
    def shown(self) -> int:
        """The scenario to speak of: the published path, or the worst where that one misses nothing."""
        return 0 if self.missing_kwh[0] > _SMALL_KWH else int(self.missing_kwh.argmax())

    @property
    def assets(self) -> tuple[str, ...]:
        """Whom something is missing."""
        most = self.missing.max(axis=(0, 2))
        return tuple(name for name, missed in zip(self.elastic.assets, most, strict=True) if missed > _SMALL_KWH)

    @property
    def _of(self) -> str:
        """`` of hydrogen at h2,`` for what balances at a bus."""
        buses = dict(zip(self.elastic.assets, self.elastic.buses, strict=False))
        where = " and ".join(dict.fromkeys(buses[name] for name in self.assets if buses.get(name)))
        return f" of {self.elastic.carrier} at bus {where}," if where and self.elastic.series == DEMAND else ""

    def text(self, horizon: Horizon) -> str:
        """In a person's words, with hours and amounts."""
        who = f"{' and '.join(self.assets)}: " if self.elastic.kind else ""
        energy = f"{who}{self.elastic.words}: {figure(self.missing_kwh[self.shown])} {self.elastic.unit}{self._of}"
        scenarios = self.missing.shape[0]
        others = int((self.missing_kwh > _SMALL_KWH).sum())
        path = "" if scenarios == 1 else f" (in {others} of {scenarios} scenarios)"
        if self.elastic.words in _AT_ONCE:
            worst = self.missing[self.shown].sum(axis=0)
            begins = clock(horizon, int(worst.argmax()))
            return f"{who}{self.elastic.words}: up to {figure(worst.max())} kWh, from {begins}{path}"
        if not self.elastic.series.endswith("_kw"):
            return energy.rstrip(",") + path
        mine = self.missing[self.shown].sum(axis=0)
        most = int(mine.argmax())
        at = np.flatnonzero(mine > _SMALL_KWH)
        return f"{energy} at {spans(horizon, at)}, most at {clock(horizon, most)} ({figure(mine[most])} kW){path}"


def elastics(problem: Problem) -> Iterator[Elastic]:
    """Every quantity that has a price for being left short, those of one kind, price and carrier together."""
    for kind, part in problem.parts.items():
        priced = set() if part.penalty_step is None else {v.id for v in part.penalty_step.variables()}
        for name in problem.decisions(kind):
            if problem.variable(kind, name).id in priced:
                yield from _of_kind(problem, kind, name)
    for breach in problem.total.breaches:
        columns = problem.compiled.columns(breach.short)[:, None, :]
        ones = np.ones(columns.shape)
        series = f"short_{breach.unit.lower()}"
        yield Elastic("", ("site",), series, breach.text, columns, ones, breach.penalty, unit=breach.unit)
    for variable in problem.network.excess:
        columns = problem.compiled.columns(variable)[:, None, :]
        energy = np.array(np.broadcast_to(problem.horizon.hours, columns.shape))
        price = problem.site.objective.limit_penalty_per_kwh
        yield Elastic("", ("network",), "limit_excess_kw", _WORDS["limit_excess_kw"], columns, energy, price)


def _of_kind(problem: Problem, kind: str, name: str) -> Iterator[Elastic]:
    """One series of one kind, its members told apart by price and carrier."""
    variable, members = problem.variable(kind, name), problem.rows[kind].members
    columns = by_member(problem.compiled.columns(variable), len(members))
    hours = problem.horizon.hours if unit_of(name) == "kw" else np.ones(1)
    prices = by_member(_price(problem.parts[kind].penalty_step, variable), len(members)) / hours
    carriers = dict(zip(problem.site.bus_names, problem.site.bus_carriers, strict=True))
    groups: dict[tuple[float, str], list[int]] = defaultdict(list)
    for place, member in enumerate(members):
        price = round(float(prices[:, place].max()), 6)
        groups[price, carriers.get(getattr(member, "bus", ""), "")].append(place)
    for (price, carrier), places in groups.items():
        if price <= 0:
            continue  # what is done, not what is left: it takes off again what leaving it would cost
        mine = columns[:, places]
        names = tuple(members[place].name for place in places)
        energy = np.array(np.broadcast_to(hours, mine.shape), float)
        words, buses = _words(kind, name), tuple(getattr(members[p], "bus", "") for p in places)
        yield Elastic(kind, names, name, words, mine, energy, price, carrier, buses)


def _words(kind: str, name: str) -> str:
    """What is short, in words."""
    if (kind, name) == ("outage", "unserved_kwh"):
        return "critical load that an outage would leave unserved"
    return _WORDS.get(name, name.replace("_", " "))


def by_member(rows: Array, members: int) -> Array:
    """(scenario · member, …) as (scenario, member, …)."""
    return rows.reshape(-1, members, rows.shape[-1])


def _price(penalty: Any, variable: Any) -> Array:
    """(row, …) money per unit of a variable in a penalty; penalties are linear wherever they are more than nothing."""
    import cvxpy as cp

    if variable.value is None:
        variable.save_value(np.zeros(variable.shape))
    total = cp.sum(penalty)
    for other in total.variables():
        if other.value is None:
            other.save_value(np.zeros(other.shape))
    gradient = total.grad[variable]
    dense = gradient.toarray() if hasattr(gradient, "toarray") else np.asarray(gradient)
    return dense.reshape(variable.shape, order="F")


def unmet(problem: Problem, schedule: Schedule) -> list[Unmet]:
    """What the schedule leaves short, the most energy first."""
    found = [Unmet(e, left_short(e, schedule)) for e in elastics(problem) if e.assets != ("network",)]
    return sorted((u for u in found if u.missing_kwh.max() > _SMALL_KWH), key=lambda u: -u.missing_kwh.max())


def left_short(elastic: Elastic, schedule: Schedule) -> Array:
    """(scenario, member, …) how much of it a schedule uses; of a network limit, what all of them have together."""
    if elastic.kind:
        solved = schedule.kinds[elastic.kind]
        names = [member.name for member in solved.rows.members]
        values = by_member(solved.series[elastic.series], len(names))
        return np.asarray(values[:, [names.index(name) for name in elastic.assets]])
    if elastic.assets == ("network",):
        # The schedule holds the sum over all limits; the network's own proof names each of them.
        return np.array(np.broadcast_to(schedule.limit_excess_kw[:, None, :], elastic.columns.shape))
    return np.asarray(schedule.wish_short[elastic.words][0])[:, None, :]
