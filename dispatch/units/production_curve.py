r"""What a process yields by its load, as points; between two points the yield is linear in the load.

A curve is written as segments that fill one after the other. Let x say that the process runs, P its lowest load, s_l
what it takes of segment l of width S_l, and a_l what a kWh there yields. With z_0 = x and z_L = 0

.. math::
    p = P x + Σ_l s_l, \quad h = H(P) x + Σ_l a_l s_l, \quad S_l z_l ≤ s_l ≤ S_l z_{l-1}

is the curve itself where z is integral, whatever its shape, and the hull of the curve and of standing still where z is
left continuous: no other linear form is tighter. On a concave curve a kWh yields less in each segment than in the one
before, so whoever wants the product fills them in order, and z needs no branching. Where a plan would rather waste
power, or where the curve is not concave, it takes of a segment before the one below is full; that is the pair of flows
(room left in segment l, taken of segment l + 1) of which one must be zero, and the solver makes z integral there.

For n identical processes x and z are whole numbers up to n, and s and h those of all: z_l of them have filled segment
l, the z_{l−1} − z_l next ones are in it. That is every sum of n points of the curve: each may run at its own load.

Source of the form: Croxton, Gendron & Magnanti 2003, doi 10.1287/mnsc.49.9.1268.16570 (incremental model).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Given
from dispatch.fields.fluids import HIGHER_KWH_PER_KG, HYDROGEN_KWH_PER_KG
from dispatch.fields.frozen import Finite, Frozen, Positive
from dispatch.part import Exclusive
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    from collections.abc import Sequence

    import cvxpy as cp


# Of a segment: how far from a whole number of them full still counts as whole.
_WHOLE = 1e-4


class LoadPoint(Frozen):
    """What a process takes for a kg at a share of its rated power; one of the two numbers says it."""

    load: Annotated[Finite, Field(gt=0, le=1)]
    kg_per_mwh: Positive | None = None
    kwh_per_kg: Positive | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.kg_per_mwh is None) == (self.kwh_per_kg is None):
            raise ValueError("give either kg_per_mwh or kwh_per_kg")
        if self.per_mwh * HIGHER_KWH_PER_KG > 1000 * (1 + 1e-9):
            most = 1000 / HIGHER_KWH_PER_KG
            raise ValueError(f"{self.per_mwh:.4g} kg/MWh is more than {most:.4g}, all the energy that goes in")
        return self

    @property
    def per_mwh(self) -> float:
        """Yield [kg/MWh]."""
        return self.kg_per_mwh if self.kg_per_mwh is not None else 1000.0 / (self.kwh_per_kg or np.nan)


def require_curve(points: tuple[LoadPoint, ...]) -> tuple[LoadPoint, ...]:
    """The points, if they are those of a curve.

    Raises:
        ValueError: loads do not rise to 1, or more load gives less.
    """
    loads = [p.load for p in points]
    if not points or loads != sorted(set(loads)) or loads[-1] < 1 - 1e-9:
        raise ValueError(f"a curve's points must rise in load and end at 1, these have {loads}")
    made = [p.load * p.per_mwh for p in points]
    if (np.diff(made) <= 0).any():
        raise ValueError("more load must give more hydrogen in each hour, from point to point")
    return points


def table(points: tuple[LoadPoint, ...], lowest: float, rated_kw: float) -> Array:
    """(point, 2) power in and hydrogen out [kW, LHV] from the lowest load to the rated one.

    Below the first point its yield holds.
    """
    loads = np.array([0.0, *(p.load for p in points)])
    made = np.array([0.0, *(p.load * p.per_mwh for p in points)]) * HYDROGEN_KWH_PER_KG / 1000
    kept = np.array([lowest, *loads[loads > lowest + 1e-9]])
    return np.column_stack([kept, np.interp(kept, loads, made)]) * rated_kw


@dataclass(frozen=True)
class Pieces:
    """The segments of some rows' curves, the first of every row, then the second, …; where a row has less, of width 0.

    Attributes:
        count: L.
        least_in, least_out: (row, 1) input and output at the lowest load [kW].
        width_kw: (L · row, 1) input that a segment takes.
        slope: (L · row, 1) output per input.
    """

    count: int
    least_in: Array
    least_out: Array
    width_kw: Array
    slope: Array

    @classmethod
    def of(cls, tables: Sequence[Array]) -> Self:
        """From each row's points, (point, 2)."""
        count = max(1, *(t.shape[0] - 1 for t in tables))
        width, slope = np.zeros((count, len(tables))), np.zeros((count, len(tables)))
        for row, points in enumerate(tables):
            step = np.diff(points, axis=0)
            width[: step.shape[0], row] = step[:, 0]
            slope[: step.shape[0], row] = step[:, 1] / step[:, 0]
        first = np.array([t[0] for t in tables])
        return cls(count, first[:, :1], first[:, 1:], width.reshape(-1, 1), slope.reshape(-1, 1))

    def ratings(self, horizon: Horizon) -> dict[str, Array]:
        """Widths and slopes, (L · row, step)."""
        values = {"segment_kw": self.width_kw, "segment_yield": self.slope}
        return {n: np.array(np.broadcast_to(v, (v.shape[0], horizon.steps))) for n, v in values.items()}

    def filled(self, above_kw: Array, running: Array) -> dict[str, Array]:
        """What each segment takes, (L · row, step), and the switches, of an input above the lowest load.

        Args:
            above_kw: (row, step) of all processes that run, each at the same load.
            running: (row, step) how many do.
        """
        lower = np.cumsum(self.width_kw.reshape(self.count, -1), axis=0) - self.width_kw.reshape(self.count, -1)
        of_one = np.tile(above_kw / np.maximum(running, 1), (self.count, 1))
        taken = np.clip(of_one - lower.reshape(-1, 1), 0, self.width_kw)
        full = (taken >= self.width_kw - 1e-9) & (self.width_kw > 0)
        many = np.tile(np.maximum(running, 1), (self.count, 1))
        return {"segment_kw": taken * many, "switch": (full * many)[: taken.shape[0] - above_kw.shape[0]]}


@dataclass(frozen=True)
class Filled:
    """Segments in a model: their sum above the lowest load, and what they must keep to."""

    taken: cp.Variable
    switch: cp.Variable | None
    constraints: list[cp.Constraint]
    exclusive: list[Exclusive]


def gather(given: Given, rows: int) -> Any:
    """(row, L · row) ones: sums a row's segments."""
    import scipy.sparse as sp

    count = given["segment_kw"].shape[0] // rows
    return sp.csr_array(sp.hstack([sp.eye_array(rows, format="csr")] * count))


def filled(given: Given, running: Any, units: Array) -> Filled:
    """The segments of all rows, (L · row, step), that are open as often as ``running`` (row, step) says.

    Args:
        units: (row, 1) identical processes of a row.
    """
    import cvxpy as cp

    rows, shape = running.shape[0], given["segment_kw"].shape
    taken, width = cp.Variable(shape, nonneg=True), given["segment_kw"]
    later = shape[0] - rows
    if not later:
        return Filled(taken, None, _labelled([taken <= cp.multiply(width, running)]), [])
    most = np.tile(units, (later // rows, shape[1]))
    switch = cp.Variable((later, shape[1]), bounds=[np.zeros(most.shape), most])
    opened = cp.vstack([running, switch[: later - rows]]) if later > rows else running
    # One row more than the sum of widths needs: the last segment is open where the one before it is full.
    constraints = [
        taken[:later] <= cp.multiply(width[:later], opened),
        taken[later:] <= cp.multiply(width[later:], switch[later - rows :]),
        taken[:later] >= cp.multiply(width[:later], switch),
    ]
    repeated = cp.vstack([running] * (later // rows)) if later > rows else running
    room = cp.multiply(width[:later], repeated) - taken[:later]
    overlap = None if (units == 1).all() else partial(_too_high_kw, taken, width, rows)
    return Filled(taken, switch, _labelled(constraints), [Exclusive(switch, taken[rows:], room, overlap)])


def _too_high_kw(taken: cp.Variable, width: Any, rows: int) -> Array:
    """((L − 1) · row, step) by how much segments are taken of by more processes than have filled the one below."""
    size = np.asarray(getattr(width, "value", width))
    share = np.divide(taken.value, size, out=np.zeros_like(size), where=size > 0)
    full, begun = np.floor(share + _WHOLE), np.ceil(share - _WHOLE)
    return np.asarray(np.maximum(begun[rows:] - full[:-rows], 0) * np.minimum(taken.value[rows:], size[rows:]))


def _labelled(constraints: list[Any]) -> list[Any]:
    """The same, in the words that an explanation has for them."""
    for constraint in constraints:
        constraint.set_label("load at a bend or at the end of its curve")
    return constraints
