"""How fast and at what loss a store moves, from its members' fields: for checks alone, apart from plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dispatch.asset import Rows
from dispatch.signals import Array, Horizon

# A flow battery's loss, share² of the rated power, is straight between quarters of it.
_QUARTERS = 4


@dataclass(frozen=True)
class Pace:
    """One member, as its own fields say; a kind that is planned with another ``movement`` writes its own.

    Attributes:
        into, out: (step,) kWh stored per kWh drawn from the bus, and kWh at the bus per kWh taken out.
        charge_kw, discharge_kw: (step,) most power, a fast reserve within it; while in service.
        lowest_fill: below which nothing comes out.
        most_gain, most_drain: the most content that a kWh at the bus adds and takes, whatever the step.
        stack_loss: of the rated power, what a stack loses at rated power beside its efficiencies.
    """

    into: Array
    out: Array
    charge_kw: Array
    discharge_kw: Array
    lowest_fill: float
    most_gain: float
    most_drain: float
    stack_loss: float = 0.0


@dataclass(frozen=True)
class Paces:
    """All rows: as in :class:`Pace`, (row, step) and (row,)."""

    into: Array
    out: Array
    power_kw: Mapping[str, Array]
    rated_kw: Mapping[str, Array]
    lowest_fill: Array
    most_gain: Array
    most_drain: Array
    stack_loss: Array

    def gained(self, step: int, hours: float, charge_kw: Array) -> Array:
        """(row,) kWh that a charge adds in a step."""
        return hours * (charge_kw * self.into[:, step] - self._lost_kw("charge", charge_kw))

    def drained(self, step: int, hours: float, discharge_kw: Array) -> Array:
        """(row,) kWh that a discharge takes in a step."""
        return hours * (discharge_kw / self.out[:, step] + self._lost_kw("discharge", discharge_kw))

    def _lost_kw(self, side: str, power_kw: Array) -> Array:
        """(row,) ρ P (k² + (2k + 1)(4 p/P − k)) / 16 with k = ⌊4 p/P⌋, the quarters that are full."""
        rated = self.rated_kw[side]
        quarters = np.clip(_QUARTERS * power_kw / rated, 0, _QUARTERS)
        full = np.minimum(np.floor(quarters), _QUARTERS - 1)
        squared = (full**2 + (2 * full + 1) * (quarters - full)) / _QUARTERS**2
        return np.asarray(self.stack_loss * rated * squared)


def paces(rows: Rows[Any], horizon: Horizon) -> Paces:
    """Of all rows, member by member."""
    own = [member.pace(horizon) for member in rows.members] * rows.scenarios
    reserve, out = rows.field("fast_reserve_kw"), rows.standing(horizon)

    def each(name: str) -> Array:
        return np.array([getattr(pace, name) for pace in own], float)

    return Paces(
        into=each("into"),
        out=each("out"),
        power_kw={side: np.where(out, reserve, each(f"{side}_kw")) for side in ("charge", "discharge")},
        rated_kw={side: rows.field(f"{side}_kw")[:, 0] for side in ("charge", "discharge")},
        **{name: each(name) for name in ("lowest_fill", "most_gain", "most_drain", "stack_loss")},
    )
