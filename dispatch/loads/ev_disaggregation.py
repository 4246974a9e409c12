"""A fleet's plan shared out among its vehicles, as near to it as they can come (:mod:`dispatch.loads.vehicles`).

A linear program of its own, apart from the optimiser's rows: the check of a plan rests on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from dispatch.errors import SolveError
from dispatch.loads.vehicles import Visits
from dispatch.signals import Array
from dispatch.solver.highs import Answer, Limits, Matrices, run

# Prices of a kWh: one away from the plan, and one that a vehicle lacks beyond what the plan says.
_AWAY, _LACKS = 1.0, 10.0
# Among sharings that are as near, charge goes to those that still need it, first to those that leave first.
_OWED = 1e-3
_BOTH_KW = 1e-4
_SERVED = 1e-5
# Where directions must be whole, the nearest sharing need not be found to the last watt.
_ENOUGH = Limits(gap=0.01, nodes=200)


@dataclass(frozen=True)
class Wanted:
    """A fleet's plan, (T,).

    Attributes:
        unserved_kwh: what those that leave in a step may lack.
        most_kw: what all chargers take together, at any time or by step.
    """

    charge_kw: Array
    discharge_kw: Array
    unserved_kwh: Array
    most_kw: float | Array = np.inf


@dataclass(frozen=True)
class Worth:
    """What to look for beside nearness to a plan, in money.

    Attributes:
        price_per_kwh: (T,) of electricity at the bus.
        wear_per_kwh: of what is given back.
        lacking_per_kwh: of what vehicles lack beyond the plan.
        above_per_kwh: of power above the plan's, which others may have to make room for.
    """

    price_per_kwh: Array
    wear_per_kwh: float
    lacking_per_kwh: float
    above_per_kwh: float


@dataclass(frozen=True)
class Split:
    """What each vehicle does, and how far that is from the plan.

    Attributes:
        start_kwh: (N,) what each visit begins with.
        charge_kw, discharge_kw, content_kwh: (N, T) by visit; outside a visit its content stands.
        unserved_kwh: (T,) what those that leave lack.
        away_kw: (T,) how far the sums are from the powers of the plan.
        lacking_kwh: (T,) what those that leave lack beyond what the plan says.
    """

    start_kwh: Array
    charge_kw: Array
    discharge_kw: Array
    content_kwh: Array
    unserved_kwh: Array
    away_kw: Array
    lacking_kwh: Array


def disaggregate(
    parked: Visits, hours: Array, gain: float, drain: float, plan: Wanted, worth: Worth | None = None
) -> Split:
    """Each vehicle's powers, so that their sums are those of the plan or, where that cannot be, as near as can be.

    Where a vehicle would charge and discharge in one step, each takes the direction of its larger power; where that
    misses the plan, directions become integral, for as many nodes as are worth it.

    Args:
        parked: N visits.
        hours: (T,).
        gain, drain: content per kWh of charge and of discharge.
        plan: what their sums should be.
        worth: where given, the cheapest powers that are not far above the plan's, instead of the nearest.
    """
    program = _Program(parked, hours, (gain, drain), plan, worth)
    found = run(program.matrices(), Limits())
    if (np.minimum(found.x[program.charge], found.x[program.discharge]) > _BOTH_KW).any():
        found = run(program.matrices(held=found.x), Limits())
        if worth is None and program.missed(found.x) > _SERVED:
            found = _better(found, program)
    return program.read(found.x)


def _better(found: Answer, program: _Program) -> Answer:
    try:
        whole = run(program.matrices(), _ENOUGH, also_integer=program.direction)
    except SolveError:  # its nodes were used up
        return found
    return whole if whole.objective < found.objective else found


@dataclass(frozen=True)
class _Block:
    """Rows: triplets (row, column, value), and their limits."""

    entries: Sequence[tuple[Any, Any, Any]]
    low: Array
    high: Array


class _Program:
    """Columns: charge, discharge, content and direction of each cell (visit, step); shortfalls; distances."""

    def __init__(
        self, parked: Visits, hours: Array, rates: tuple[float, float], plan: Wanted, worth: Worth | None
    ) -> None:
        self.parked, self.hours, self.rates, self.plan, self.worth = parked, hours, rates, plan, worth
        self.visit, self.step = np.nonzero(parked.share > 0)
        self.cells, self.count = self.visit.size, parked.share.shape[0]
        sizes = [self.cells] * 4 + [self.count] + [hours.size] * 5 + [self.count]
        places = [np.arange(one, other) for one, other in pairwise([0, *np.cumsum(sizes)])]
        self.charge, self.discharge, self.content, self.direction, self.short = places[:5]
        self.less, self.more, self.less_out, self.more_out, self.lacking, self.owed = places[5:]
        self.size = int(sum(sizes))
        changes = self.visit[1:] != self.visit[:-1]
        self.first = np.append(True, changes)[: self.cells]
        self.final = np.append(changes, True)[-self.cells :] if self.cells else np.zeros(0, bool)
        self.most_in = parked.charge_most_kw[self.visit, self.step]
        self.most_out = parked.discharge_most_kw[self.visit, self.step]

    def matrices(self, *, held: Array | None = None) -> Matrices:
        """The nearest sharing as a program; ``held``: a point whose directions are kept."""
        rows, row_low, row_high = self._rows()
        cost, low, high = self._costs(), np.zeros(self.size), np.full(self.size, np.inf)
        high[self.charge], high[self.discharge], high[self.direction] = self.most_in, self.most_out, 1.0
        low[self.content], high[self.content] = self.parked.least_kwh[self.visit], self.parked.most_kwh[self.visit]
        high[self.more] = np.maximum(self.plan.most_kw - self.plan.charge_kw, 0)
        high[self.more_out] = np.maximum(self.plan.most_kw - self.plan.discharge_kw, 0)
        if held is not None:
            into = (held[self.charge] >= held[self.discharge]).astype(float)
            low[self.direction] = high[self.direction] = into
        return Matrices(cost, 0.0, rows, row_low, row_high, low, high, np.zeros(self.size, bool))

    def missed(self, x: Array) -> float:
        """How far a point is from the plan."""
        away = sum(x[name] @ self.hours for name in (self.less, self.more, self.less_out, self.more_out))
        return float(_AWAY * away + _LACKS * x[self.lacking].sum())

    def _costs(self) -> Array:
        cost, worth = np.zeros(self.size), self.worth
        if worth is None:
            cost[self.owed] = _OWED * self.parked.goes_on / (1 + self.parked.left_h)
            for name in (self.less, self.more, self.less_out, self.more_out):
                cost[name] = _AWAY * self.hours
            cost[self.lacking] = _LACKS
            return cost
        price = (worth.price_per_kwh * self.hours)[self.step]
        cost[self.charge], cost[self.discharge] = price, worth.wear_per_kwh * self.hours[self.step] - price
        cost[self.more] = cost[self.more_out] = worth.above_per_kwh * self.hours
        cost[self.lacking] = worth.lacking_per_kwh
        return cost

    def _rows(self) -> tuple[Any, Array, Array]:
        from scipy.sparse import csc_array

        rows, columns, values, low, high, done = [], [], [], [], [], 0
        for block in (*self._sums(), *self._stocks(), *self._directions()):
            for row, column, value in block.entries:
                rows.append(np.asarray(row) + done)
                columns.append(column)
                values.append(np.broadcast_to(value, np.shape(column)))
            low.append(block.low)
            high.append(block.high)
            done += block.low.size
        entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
        return csc_array(entries, shape=(done, self.size)), np.concatenate(low), np.concatenate(high)

    def _sums(self) -> list[_Block]:
        """Sums over visits against the plan."""
        plan, each = self.plan, np.arange(self.hours.size)
        visit, step = np.nonzero(self.parked.leaves)
        return [
            _Block([(self.step, self.charge, 1.0), (each, self.less, 1.0), (each, self.more, -1.0)],
                   plan.charge_kw, plan.charge_kw),
            _Block([(self.step, self.discharge, 1.0), (each, self.less_out, 1.0), (each, self.more_out, -1.0)],
                   plan.discharge_kw, plan.discharge_kw),
            _Block([(step, self.short[visit], 1.0), (each, self.lacking, -1.0)],
                   np.full(each.size, -np.inf), plan.unserved_kwh),
        ]  # fmt: skip

    def _stocks(self) -> list[_Block]:
        """Content from step to step, and what is wanted at the end."""
        cells, (gain, drain) = np.arange(self.cells), self.rates
        later, final = np.flatnonzero(~self.first), np.flatnonzero(self.final)
        alone = self.first & (self.parked.after[self.visit] < 0)
        begin, tied = np.where(alone, self.parked.start_kwh[self.visit], 0.0), np.flatnonzero(self.first & ~alone)
        ends = np.zeros(self.count, int)
        ends[self.visit[self.final]] = np.flatnonzero(self.final)
        owner, hours = self.visit[final], self.hours[self.step]
        stock = [
            (cells, self.content, 1.0),
            (later, self.content[later - 1], -1.0),
            (tied, self.content[ends[self.parked.after[self.visit[tied]]]], -1.0),
            (cells, self.charge, -gain * hours),
            (cells, self.discharge, drain * hours),
        ]
        at_end = np.arange(final.size)
        wanted = [(at_end, self.content[final], 1.0), (at_end, self.short[owner], 1.0)]
        owed = [(at_end, self.content[final], 1.0), (at_end, self.owed[owner], 1.0)]
        return [
            _Block(stock, begin, begin),
            _Block(wanted, self.parked.wanted_kwh[owner], np.full(final.size, np.inf)),
            _Block(owed, self.parked.departure_kwh[owner], np.full(final.size, np.inf)),
        ]

    def _directions(self) -> list[_Block]:
        """One direction at a time for vehicles that have two."""
        both = np.flatnonzero(self.most_out > 0)
        row, most_in, most_out = np.arange(both.size), self.most_in[both], self.most_out[both]
        endless = np.full(both.size, -np.inf)
        return [
            _Block(
                [(row, self.charge[both], 1.0), (row, self.direction[both], -most_in)], endless, np.zeros(both.size)
            ),
            _Block([(row, self.discharge[both], 1.0), (row, self.direction[both], most_out)], endless, most_out),
        ]

    def read(self, x: Array) -> Split:
        """The point by visit and step."""
        shape = (self.count, self.hours.size)
        charge, discharge = np.zeros(shape), np.zeros(shape)
        charge[self.visit, self.step], discharge[self.visit, self.step] = x[self.charge], x[self.discharge]
        gain, drain = self.rates
        added = np.cumsum((gain * charge - drain * discharge) * self.hours, axis=1)
        start, tied = self.parked.start_kwh.copy(), self.parked.after >= 0
        if tied.any():  # one that goes on beyond the end is never tied itself
            latter = self.parked.after[tied]
            start[tied] = start[latter] + added[latter, -1]
        content = start[:, None] + added
        lacks = np.maximum(self.parked.wanted_kwh - content[:, -1], 0) if shape[1] else np.zeros(self.count)
        unserved = lacks @ self.parked.leaves
        away = np.abs(charge.sum(axis=0) - self.plan.charge_kw)
        away = away + np.abs(discharge.sum(axis=0) - self.plan.discharge_kw)
        return Split(
            start, charge, discharge, content, unserved, away, np.maximum(unserved - self.plan.unserved_kwh, 0)
        )
