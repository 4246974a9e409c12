"""What electrolysers do along the clock, from their fields alone: states before, hydrogen, heat, warm starts, rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from dispatch.asset import Inputs, Rows
from dispatch.fields.fluids import HIGHER_KWH_PER_KG, HYDROGEN_KWH_PER_KG
from dispatch.signals import Array

HIGHER_PER_LOWER = HIGHER_KWH_PER_KG / HYDROGEN_KWH_PER_KG
_NEARLY = 1e-4


def before(rows: Rows[Any], inputs: Inputs) -> tuple[np.ndarray, Array]:
    """(row, 1) whether it produced just before the horizon, and its draw then."""
    power = np.minimum(rows.state(inputs, "power_before_kw"), rows.field("electric_kw"))
    lowest = rows.field("min_kw")
    produced = (rows.state(inputs, "on_before_h") > 0) & (power > 0) & (power >= lowest * (1 - _NEARLY))
    return produced, np.maximum(power, lowest)


def usable_kw(rows: Rows[Any], power: Array, hydrogen: Array) -> Array:
    """(row, step) the share of the losses that can be used as heat, where there is a bus for it."""
    share = rows.field("heat_share") * [[m.heat_bus is not None] for m in rows.members * rows.scenarios]
    return np.asarray(share * (power - HIGHER_PER_LOWER * hydrogen))


def curved(rows: Rows[Any], power: Array, producing: Array, *, even: bool = True) -> Array:
    """(row, step) the hydrogen of each row's curve, of all modules that produce.

    Args:
        even: they share the draw evenly; if not, as many as can run at the rating and all but one other at the lowest.
            Of what a concave curve makes of one draw that is the most and the least.
    """
    members = rows.members * rows.scenarios
    many = np.maximum(producing, 1)
    if even:
        made = [m.hydrogen_kw(p) for m, p in zip(members, power / many, strict=True)]
        return np.stack(made) * producing
    low, rated = rows.field("min_kw"), rows.field("electric_kw")
    above = np.clip(power - low * many, 0, (rated - low) * many)
    full = np.minimum(np.floor(above / np.maximum(rated - low, 1e-9) + 1e-9), many - 1)
    between = low + above - full * (rated - low)
    ends = [[m.hydrogen_kw(np.array([m.min_kw, m.electric_kw]))] for m in members]
    at_low, at_rated = np.concatenate(ends)[:, :1], np.concatenate(ends)[:, 1:]
    made = [m.hydrogen_kw(p) for m, p in zip(members, between, strict=True)]
    return np.asarray((np.stack(made) + at_rated * full + at_low * (many - 1 - full)) * (producing > 0))


def draw_kw(rows: Rows[Any], hydrogen: Array, producing: Array | None = None) -> Array:
    """(row, step) the draw that makes so much hydrogen; less than the lowest load's is not made.

    Args:
        producing: modules that share it, as far as each keeps its lowest load; None: as few as can make it.
    """
    drawn = []
    several = np.ones_like(hydrogen) if producing is None else producing
    for member, wanted, sharing in zip(rows.members * rows.scenarios, hydrogen, several, strict=True):
        points = member.points()
        most = np.floor(wanted / max(points[0, 1], 1e-9) + 1e-9)
        many = np.maximum(np.ceil(wanted / points[-1, 1] - 1e-9), np.minimum(sharing, most))
        many = np.clip(many, 1, member.units)
        each = wanted / many
        drawn.append(np.where(wanted < points[0, 1] - 1e-9, 0, many * np.interp(each, points[:, 1], points[:, 0])))
    return np.stack(drawn)


def restarts(rows: Rows[Any], given: Inputs, on: Array, producing: Array) -> np.ndarray:
    """(row, step) produces again after standby: it did not in the step before, although it was warm."""
    produced, _ = before(rows, given)
    earlier = np.hstack([produced, producing[:, :-1] > 0.5])
    warm = np.hstack([rows.state(given, "on_before_h") > 0, on[:, :-1] > 0.5])
    return np.asarray((producing > 0.5) & ~earlier & warm)


def walked(
    rows: Rows[Any], given: Inputs, wanted: Array, warm: Array, producing: Array | None = None
) -> dict[str, Array]:
    """Decisions as near to a draw and to being warm, (row, step), as states, minimum times and ramps let them.

    Warm or off is one decision per member: it is warm where any scenario needs it.

    Args:
        producing: of several modules, how many should share the draw; None: as few as it needs.
    """
    low, rated = rows.field("min_kw")[:, 0], rows.field("electric_kw")[:, 0]
    up, down = (rows.field(f"ramp_{x}_kw_per_h", np.inf)[:, 0] for x in ("up", "down"))
    fixed, must = rows.field("can_stand_by")[:, 0] == 0, rows.field("must_run")[:, 0] > 0
    state, (produced, drawn) = rows.state(given, "on_before_h")[:, 0] > 0, before(rows, given)
    last = np.where(produced, drawn - rows.field("min_kw"), 0)[:, 0]
    since = np.where(state, rows.state(given, "on_before_h")[:, 0], rows.state(given, "off_before_h")[:, 0])

    def anywhere(flags: np.ndarray) -> np.ndarray:
        return np.tile(flags.reshape(rows.scenarios, -1).any(axis=0), rows.scenarios)

    out = {name: np.zeros(wanted.shape) for name in ("above_min_kw", "producing", "committed", "heat_kw")}
    asked, kept = (wanted > 0) & (wanted >= low[:, None] * (1 - 1e-9)), np.broadcast_to(warm, wanted.shape) > 0.5
    target = np.where(asked, wanted - low[:, None], 0.0)
    standing = rows.standing(given.horizon)
    for step in range(target.shape[1] - 2, -1, -1):  # no higher than it can come down from in time
        target[:, step] = np.minimum(target[:, step], target[:, step + 1] + down * given.horizon.ramp_h[step + 1])
    for step, hours in enumerate(given.horizon.hours):
        ramp = given.horizon.ramp_h[step]
        held = last > down * ramp + 1e-9
        tied = anywhere(asked[:, step] | kept[:, step] | held) | must
        tied |= state & (since < rows.field("min_up_h")[:, 0] - 1e-9)
        on = tied & ~(~state & (since < rows.field("min_down_h")[:, 0] - 1e-9)) & ~standing[:, step]
        run = on & (asked[:, step] | held | fixed)
        most = np.minimum(rated - low, last + up * ramp)
        above = np.where(run, np.clip(target[:, step], np.maximum(last - down * ramp, 0), most), 0)
        since = np.where(on == state, since, 0.0) + hours
        out["above_min_kw"][:, step], out["producing"][:, step], out["committed"][:, step] = above, run, on
        state, last = on, above
    several = rows.field("units") > 1
    counted = _counted(rows, given, wanted, warm, np.zeros_like(wanted) if producing is None else producing)
    return {name: np.where(several, counted.get(name, value), value) for name, value in out.items()}


def _counted(rows: Rows[Any], given: Inputs, wanted: Array, warm: Array, sharing: Array) -> dict[str, Array]:
    """What :func:`walked` gives for rows of several modules, which remember nothing.

    As many share the draw as should, as far as each keeps its lowest load, and never fewer than it needs.
    """
    low, rated, units = rows.field("min_kw"), rows.field("electric_kw"), rows.field("units")
    fits = np.divide(wanted, low, out=np.broadcast_to(units, wanted.shape).copy(), where=low > 0)
    needed = np.minimum(np.maximum(np.ceil(wanted / rated - 1e-9), sharing), np.floor(fits + 1e-9))
    there = ~rows.standing(given.horizon)
    producing = np.clip(needed, 0, units) * there
    on = np.maximum(producing, np.minimum(np.round(warm), units))
    on = np.maximum(on, units * (rows.field("must_run") > 0)) * there
    shared = on.reshape(rows.scenarios, len(rows.members), -1).max(axis=0)
    on = np.tile(shared, (rows.scenarios, 1))
    producing = np.where(rows.field("can_stand_by") > 0, producing, on)
    above = np.clip(wanted - low * producing, 0, (rated - low) * producing)
    return {"above_min_kw": above, "producing": producing, "committed": on}
