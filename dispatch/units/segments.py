"""Piecewise-linear cost of plant that is on or off, as segments above its minimum."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Given, Rows
from dispatch.fields.frozen import Frozen, NonNegative
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    import cvxpy as cp
    from scipy.sparse import csr_array


class CostPoint(Frozen):
    """Cost of running at a power; between two points it is linear."""

    power_kw: NonNegative
    cost_per_h: NonNegative


def require_curve(points: tuple[CostPoint, ...], min_kw: float, max_kw: float) -> None:
    """A curve reaches from the minimum to the maximum, rises in power and is convex; else a ValueError says which."""
    powers, costs = (np.array([getattr(p, n) for p in points]) for n in ("power_kw", "cost_per_h"))
    if powers[0] > min_kw * (1 + 1e-9) or powers[-1] < max_kw * (1 - 1e-9):
        raise ValueError(f"cost_curve must reach from min_kw {min_kw:g} to max_kw {max_kw:g}")
    if (np.diff(powers) <= 0).any():
        raise ValueError("cost_curve must rise in power_kw from point to point")
    slopes = np.diff(costs) / np.diff(powers)
    if (np.diff(slopes) < -1e-7 * (1 + np.abs(slopes[:-1]))).any():
        raise ValueError("cost_curve must be convex: each kWh must cost at least as much as the one before it")


class Segments:
    """The segments of all rows whose cost curve has more than one, one after the other.

    Attributes:
        row: (segment,) whose it is.
        width_kw, lower_kw: (segment, 1) its length, and where it begins above minimum.
        slope: (segment, 1) money per kWh.
    """

    def __init__(self, rows: Rows[Any]) -> None:
        self.rows = rows
        members = rows.members * rows.scenarios
        curves = [_curve(member) for member in members]
        self.row = np.repeat(np.arange(rows.count), [c.shape[0] if c.shape[0] > 1 else 0 for c in curves])
        kept = [c for c in curves if c.shape[0] > 1]
        table = np.vstack(kept) if kept else np.zeros((0, 3))
        self.lower_kw, self.width_kw, self.slope = table[:, :1], table[:, 1:2], table[:, 2:]

    @staticmethod
    def single_slope(rows: Rows[Any]) -> Array:
        """(row, 1) money per kWh where one holds from minimum to maximum; 0 where segments carry the cost."""
        curves = [_curve(member) for member in rows.members * rows.scenarios]
        return np.array([c[0, 2] if c.shape[0] == 1 else 0.0 for c in curves], float)[:, None]

    @cached_property
    def gather(self) -> csr_array:
        """(row, segment) ones."""
        from scipy.sparse import csr_array

        size = self.row.size
        return csr_array((np.ones(size), (self.row, np.arange(size))), shape=(self.rows.count, size))

    @cached_property
    def spread(self) -> csr_array:
        """(segment, row) ones."""
        return self.gather.T.tocsr()

    def ratings(self, horizon: Horizon, start_kw: Array, stop_kw: Array, short: np.ndarray) -> dict[str, Array]:
        """Widths, costs and what a segment lacks in a first and a last step, (segment, step).

        Args:
            horizon: the steps.
            start_kw, stop_kw: (row, 1) or (row, step) most above minimum in the first and in the last step.
            short: (row, step) a start may be followed by a stop at once, so the two do not add up.
        """
        shape = (self.row.size, horizon.steps)
        lacks = {
            name: self.width_kw - np.clip(limit[self.row] - self.lower_kw, 0, self.width_kw)
            for name, limit in (("start", start_kw), ("stop", stop_kw))
        }
        quick = short[self.row]
        values = {
            "segment_kw": self.width_kw,
            "segment_cost_per_kw": self.slope * horizon.hours,
            "segment_start_kw": lacks["start"],
            "segment_stop_kw": np.where(quick, np.maximum(lacks["stop"] - lacks["start"], 0), lacks["stop"]),
            "segment_start_short_kw": np.maximum(lacks["start"] - lacks["stop"], 0),
            "segment_stop_short_kw": np.broadcast_to(lacks["stop"], shape),
        }
        return {name: np.array(np.broadcast_to(value, shape)) for name, value in values.items()}

    def part(
        self, given: Given, on: Any, start: Any, stop_next: Any, above: Any, *, tight: bool = True
    ) -> tuple[list[Any], dict[str, Any]]:
        """Constraints that make up ``above`` of segments, and their variable; nothing where no cost has any.

        In the plain form a start or a stop takes nothing off a segment.
        """
        import cvxpy as cp

        if not self.row.size:
            return [], {}
        filled = cp.Variable((self.row.size, given.horizon.steps), nonneg=True)
        on, start, stop_next = (self.spread @ x for x in (on, start, stop_next))
        room = cp.multiply(given["segment_kw"], on)
        whole = (self.gather @ filled - above)[np.unique(self.row)] == 0
        if not tight:
            return [whole, filled <= room], {"segment_kw": filled}
        begun, ended = (cp.multiply(given[f"segment_{x}_kw"], y) for x, y in (("start", start), ("stop", stop_next)))
        constraints = [
            whole,
            filled <= room - begun - ended,
        ]
        late = cp.multiply(given["segment_stop_short_kw"], stop_next)
        early = cp.multiply(given["segment_start_short_kw"], start)
        quick = np.flatnonzero([m.min_up_h <= given.horizon.hours.max() + 1e-9 for m in self.rows.members])
        at = np.flatnonzero(np.isin(self.row % len(self.rows.members), quick))
        if at.size:
            constraints.append((filled - room + late + early)[at] <= 0)
        return constraints, {"segment_kw": filled}

    def cost(self, given: Given, inner: dict[str, cp.Variable]) -> Any:
        """(row, step) money of what the segments are filled with."""
        import cvxpy as cp

        return self.gather @ cp.multiply(given["segment_cost_per_kw"], inner["segment_kw"])

    def fill(self, above_kw: Array) -> Array:
        """(segment, step) the cheapest way to make up an output above minimum: in order."""
        return np.clip(above_kw[self.row] - self.lower_kw, 0, self.width_kw)


def _curve(member: Any) -> Array:
    """(segment, 3) begin above minimum, width [kW] and money per kWh; one segment where the cost is linear."""
    if not member.cost_curve:
        return np.array([[0.0, member.max_kw - member.min_kw, member.cost_per_kwh or 0.0]])
    points = member.cost_points()
    if len(points) == 1:
        return np.zeros((1, 3))
    widths = np.diff(points[:, 0])
    return np.column_stack([points[:-1, 0] - points[0, 0], widths, np.diff(points[:, 1]) / widths])
