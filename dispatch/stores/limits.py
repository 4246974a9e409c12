"""How much power a store takes and gives at a fill: concave piecewise-linear limits, written as lines.

A limit is a list of points (fill, share of the rated power), straight between them and level beyond the first and the
last one. A concave one is the least of its lines, so a plan holds it with linear rows; any other needs integers and is
refused. Power is constant over a step and content moves in a straight line, so a limit that holds at both ends of a
step holds in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dispatch.asset import Rows, shifted
from dispatch.fields.frozen import Fraction, Frozen
from dispatch.part import Violation, breaches
from dispatch.signals import Array

if TYPE_CHECKING:
    import cvxpy as cp

Side = Literal["charge", "discharge"]
SIDES: tuple[Side, Side] = ("charge", "discharge")


class LimitPoint(Frozen):
    """At this fill, at most this share of the rated power."""

    fill: Fraction
    share: Fraction


def require_concave(name: str, points: Sequence[LimitPoint]) -> None:
    """Refuse points that are no concave limit.

    Raises:
        ValueError: one point alone, fills that do not rise, or a share that bends upwards; says where.
    """
    if not points:
        return
    fills = [p.fill for p in points]
    if len(points) < 2 or any(later <= one for one, later in pairwise(fills)):
        raise ValueError(f"{name} needs two or more points with rising fill, found fills {_list(fills)}")
    lines = _lines(points)
    for (_, slope, _), (at, later, _) in pairwise(lines):
        if later > slope + 1e-9:
            raise ValueError(
                f"{name} bends upwards at fill {at:g} (slope {slope:g}, then {later:g}): only a limit that rises ever "
                "less and falls ever faster can be planned; it stays level before its first and after its last point, "
                "so a falling one needs a point at fill 1 and a rising one a point at fill 0"
            )


def _list(values: Sequence[float]) -> str:
    return ", ".join(f"{v:g}" for v in values)


def _lines(points: Sequence[LimitPoint]) -> list[tuple[float, float, float]]:
    """(fill from which it holds, slope, share at fill 0) of each line, in the order of fill."""
    out = []
    if points[0].fill > 0:
        out.append((0.0, 0.0, points[0].share))
    for one, other in pairwise(points):
        slope = (other.share - one.share) / (other.fill - one.fill)
        out.append((one.fill, slope, one.share - slope * one.fill))
    if points[-1].fill < 1:
        out.append((points[-1].fill, 0.0, points[-1].share))
    return out


@dataclass(frozen=True)
class Lines:
    """Power ≤ slope · content + offset for every line k; (line, row).

    Attributes:
        slope: kW per kWh held.
        offset_kw: at content 0.
    """

    slope: Array
    offset_kw: Array

    @classmethod
    def of(cls, rows: Rows[Any], side: Side) -> Lines:
        """The lines of all rows; a row with fewer than others repeats its rated power as a level line."""
        own = [_steep(getattr(member, f"{side}_limit")) for member in rows.members]
        most = max(len(lines) for lines in own)
        padded = np.array([[*lines, *[(0.0, 1.0)] * (most - len(lines))] for lines in own], float)
        padded = np.tile(padded.reshape(len(own), most, 2), (rows.scenarios, 1, 1))
        rated = rows.field(f"{side}_kw")[:, 0]
        slope = padded[:, :, 0].T * rated / rows.field("energy_kwh")[:, 0]
        return cls(slope, padded[:, :, 1].T * rated)

    @property
    def count(self) -> int:
        """K, of the row that has most; 0 where no member limits power by fill."""
        return int(self.slope.shape[0])

    def most_kw(self, before_kwh: Array, kept_kwh: Array, per_kw_kwh: Array, rated_kw: Array) -> Array:
        """(row,) the largest power for a step of which every moment holds the limit.

        Args:
            before_kwh: content at the start of the step.
            kept_kwh: content at its end if nothing moves.
            per_kw_kwh: what a kW adds to it; negative for a discharge.
            rated_kw: limit of any fill.
        """
        most = np.asarray(rated_kw, float)
        for slope, offset in zip(self.slope, self.offset_kw, strict=True):
            most = np.minimum(most, slope * before_kwh + offset)
            # At the end, power p must hold p ≤ slope · (kept + per_kw · p) + offset.
            feedback = 1 - np.minimum(slope * per_kw_kwh, 0)
            most = np.minimum(most, (slope * kept_kwh + offset) / feedback)
        return np.asarray(np.maximum(most, 0))


def _steep(points: Sequence[LimitPoint]) -> list[tuple[float, float]]:
    """(slope, share at fill 0) of the lines that say more than the rated power does."""
    lines = _lines(points) if points else []
    return [(slope, share) for _, slope, share in lines if slope != 0 or share < 1]


def ratings(rows: Rows[Any], steps: int) -> dict[str, Array]:
    """Slopes of all lines, (row, step)."""
    out = {}
    for side in SIDES:
        for k, slope in enumerate(Lines.of(rows, side).slope):
            out[f"{side}_slope_{k}"] = np.tile(slope[:, None], (1, steps))
    return out


def signals(rows: Rows[Any], start_kwh: Array, steps: int) -> dict[str, Array]:
    """Offsets of all lines at the end of each step, and at its beginning, where the first step knows its content."""
    out = {}
    for side in SIDES:
        lines = Lines.of(rows, side)
        for k in range(lines.count):
            offset = np.tile(lines.offset_kw[k][:, None], (1, steps))
            out[f"{side}_end_kw_{k}"] = offset
            begin = offset.copy()
            begin[:, 0] += lines.slope[k] * start_kwh[:, 0]
            out[f"{side}_begin_kw_{k}"] = begin
    return out


def constraints(rows: Rows[Any], given: Any, stored: cp.Variable, powers: dict[Side, cp.Variable]) -> list[Any]:
    """Rows that hold both powers under their lines at the beginning and the end of each step."""
    import cvxpy as cp

    out = []
    before = shifted(np.zeros((rows.count, 1)), stored)
    for side, power in powers.items():
        for k in range(Lines.of(rows, side).count):  # a handful of lines
            slope = given[f"{side}_slope_{k}"]
            out.append(power <= cp.multiply(slope, before) + given[f"{side}_begin_kw_{k}"])
            out.append(power <= cp.multiply(slope, stored) + given[f"{side}_end_kw_{k}"])
            for row in out[-2:]:
                row.set_label(f"{side} as far as its content lets it")
    return out


def share_at(points: Sequence[LimitPoint], fill: Array) -> Array:
    """The limit at a fill, read off the points."""
    return np.interp(fill, [p.fill for p in points], [p.share for p in points]) if points else np.ones_like(fill)


def check(rows: Rows[Any], start_kwh: Array, walked: Array, powers: dict[Side, Array]) -> list[Violation]:
    """Both powers against their limits at both ends of every step, read off the points of each member."""
    if not any(m.charge_limit or m.discharge_limit for m in rows.members):
        return []
    fill = np.clip(np.hstack([start_kwh, walked]) / rows.field("energy_kwh"), 0, 1)
    found = []
    for side, power in powers.items():
        points = [getattr(m, f"{side}_limit") for m in rows.members] * rows.scenarios
        share = np.stack([share_at(p, f) for p, f in zip(points, fill, strict=True)])
        least = np.minimum(share[:, :-1], share[:, 1:])
        what = "charges faster than its fill allows" if side == "charge" else "discharges faster than its fill allows"
        found += breaches(rows.names, what, power / rows.field(f"{side}_kw"), least, "of rating", 1e-3)
    return found


def fastest_kw(
    rows: Rows[Any], side: Side, contents: tuple[Array, Array], per_kw_kwh: Array, needed: np.ndarray, full: Array
) -> Array:
    """(row,) full power for a step by halving, read off the points: for ``check``, apart from :meth:`Lines.most_kw`.

    Args:
        contents: at the start of the step, and at its end if nothing moves.
        per_kw_kwh: what a kW adds.
        needed: where it is asked for.
        full: limit of any fill.
    """
    out = full.copy()
    if not needed.any():
        return out
    (level, kept), rated = contents, rows.field(f"{side}_kw")[:, 0]
    capacity = rows.field("energy_kwh")[:, 0]
    limits = [getattr(m, f"{side}_limit") for m in rows.members] * rows.scenarios
    for row in [row for row, points in enumerate(limits) if points and needed[row]]:
        low, high = 0.0, float(full[row])
        for _ in range(40):
            power = (low + high) / 2
            reached = np.array([level[row], kept[row], kept[row] + per_kw_kwh[row] * power])
            share = float(share_at(limits[row], np.clip(reached / capacity[row], 0, 1)).min())
            low, high = (power, high) if power <= share * rated[row] else (low, power)
        out[row] = low
    return out


def line_counts(member: Any) -> tuple[int, ...]:
    """How many lines limit each side: sites on one compiled problem must agree in it."""
    return tuple(len(_steep(getattr(member, f"{side}_limit"))) for side in SIDES)
