r"""Ageing by depth of cycles as a cost that a plan weighs: the capacity in segments, deeper ones dearer to discharge.

A cycle of depth δ uses Φ(δ) of a store's life. With J equal segments, each kWh that leaves segment j costs

.. math:: \frac{R}{η_d} J \left[Φ(j/J) - Φ((j-1)/J)\right], \quad Φ(δ) = α δ^β

per kWh at the bus, R being the price of new capacity per kWh. Φ is convex, so the cheapest segments are used first and
the sum over a horizon is the piecewise-linear form of the cost of its rainflow cycles, an upper bound on it.

Source: Xu, Zhao, Zheng, Litvinov & Kirschen, "Factoring the cycle aging cost of batteries participating in electricity
markets", arXiv 1703.07968.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from dispatch.asset import Given, Inputs, Rows, shifted
from dispatch.fields.frozen import Finite, Frozen, Positive
from dispatch.part import Part, Violation, breaches, mistakes
from dispatch.signals import Array, Horizon
from dispatch.stores.paces import paces


class DepthWear(Frozen):
    """What cycles of a depth cost; the default stress is that of arXiv 1703.07968 (lithium manganese oxide cells)."""

    replacement_cost_per_kwh: Positive = Field(description="price of new capacity")
    segments: int = Field(default=4, ge=1, le=16, description="more follow the curve closer and take longer to solve")
    stress_coefficient: Positive = Field(default=5.24e-4, description="life used by one cycle of full depth")
    stress_exponent: Annotated[Finite, Field(ge=1)] = Field(default=2.03, description="how life used grows with depth")

    def costs_per_kwh(self, discharge_efficiency: float) -> tuple[float, ...]:
        """Cost of a kWh at the bus out of each segment, the shallowest first."""
        depths = np.arange(self.segments + 1) / self.segments
        used = self.stress_coefficient * depths**self.stress_exponent
        price = self.replacement_cost_per_kwh / discharge_efficiency * self.segments
        return tuple(float(c) for c in price * np.diff(used))


def most_segments(rows: Rows[Any]) -> int:
    """J of the member that has most; 0 where nobody's wear counts by depth."""
    return max(m.wear.segments if m.wear else 0 for m in rows.members)


def sizes_kwh(rows: Rows[Any]) -> Array:
    """(segment, row) capacity; a member with fewer segments than others, or none, has empty ones at the end."""
    count = most_segments(rows)
    own = [m.wear.segments if m.wear else 1 for m in rows.members]
    share = np.array([[1 / n] * n + [0.0] * (count - n) for n in own]).T
    return np.tile(share, (1, rows.scenarios)) * rows.field("energy_kwh")[:, 0]


def _costs(rows: Rows[Any]) -> Array:
    """(segment, row) cost of a kWh at the bus; 0 for members whose wear does not count by depth."""
    count = most_segments(rows)
    own = [m.wear.costs_per_kwh(m.discharge_efficiency) if m.wear else () for m in rows.members]
    padded = np.array([[*costs, *[0.0] * (count - len(costs))] for costs in own]).T
    return np.tile(padded, (1, rows.scenarios))


def start_kwh(rows: Rows[Any], inputs: Inputs, content_kwh: Array) -> Array:
    """(segment, row) what each holds at the start: as carried in, what that lacks or has too much at the cheap end.

    Nothing carried in means that the cheapest segments are full: the next discharge counts its depth from this level.
    """
    sizes = sizes_kwh(rows)
    states = [inputs.state.get(m.name, {}) for m in rows.members] * rows.scenarios
    fills = np.array([[s.get(f"segment_{j + 1}_fill", 0.0) for s in states] for j in range(sizes.shape[0])])
    held = np.clip(fills * rows.field("energy_kwh")[:, 0], 0, sizes)
    return _shifted_by(held, sizes, content_kwh[:, 0] - held.sum(axis=0))


def _shifted_by(held: Array, sizes: Array, change: Array) -> Array:
    """(segment, row) contents after the sum changed by so much, the cheapest segments first."""
    out = held.copy()
    for j in range(held.shape[0]):
        step = np.clip(change, -out[j], sizes[j] - out[j])
        out[j], change = out[j] + step, change - step
    return out


def ratings(rows: Rows[Any], steps: int) -> dict[str, Array]:
    """Sizes and costs of all segments, (row, step); the cost is that of a kWh that leaves the segment."""
    if not most_segments(rows):
        return {}
    costs = _costs(rows) * rows.field("discharge_efficiency")[:, 0]
    out = {}
    for j, (size, cost) in enumerate(zip(sizes_kwh(rows), costs, strict=True), 1):
        out[f"segment_{j}_size_kwh"] = np.tile(size[:, None], (1, steps))
        out[f"segment_{j}_cost"] = np.tile(cost[:, None], (1, steps))
    return out


def signals(rows: Rows[Any], inputs: Inputs) -> dict[str, Array]:
    """(row, step) what each segment still holds of its start at the end of the first step; 0 later."""
    if not most_segments(rows):
        return {}
    content = rows.field("energy_kwh") * rows.state(inputs, "start_fill")
    kept = (1 - rows.field("loss_fraction_per_h")[:, 0]) ** inputs.horizon.hours[0]
    out = {}
    for j, held in enumerate(start_kwh(rows, inputs, content), 1):
        out[f"segment_{j}_carried_kwh"] = np.zeros((rows.count, inputs.horizon.steps))
        out[f"segment_{j}_carried_kwh"][:, 0] = held * kept
    return out


def added(part: Part, rows: Rows[Any], given: Given, lead: int) -> Part:
    """The part with the stocks of all segments, which share the kWh that flow into and out of the store.

    Where powers are here-and-now the first ``lead`` rows decide and the others repeat them.
    """
    import cvxpy as cp

    count, shape = most_segments(rows), (rows.count, given.horizon.steps)
    if not count:
        return part
    inflow = cp.multiply(given["gain_kwh_per_kw"], part.series["charge_kw"])[:lead]
    outflow = cp.multiply(given["drain_kwh_per_kw"], part.series["discharge_kw"])[:lead]
    rules, series, cost, total_in, total_out = list(part.constraints), dict(part.series), part.cost_step, 0.0, 0.0
    for j in range(1, count + 1):  # a handful of segments
        own = [cp.Variable(shape, nonneg=True) for _ in range(3)]
        held, into, out = (variable[:lead] for variable in own)
        before = cp.multiply(given["retention"][:lead], shifted(np.zeros((lead, 1)), held))
        rules.append(held == given[f"segment_{j}_carried_kwh"][:lead] + before + into - out)
        rules.append(held <= given[f"segment_{j}_size_kwh"][:lead])
        if lead < rows.count:
            rules += [variable == rows.spread @ variable[:lead] for variable in own]
        cost = cost + cp.multiply(given[f"segment_{j}_cost"], own[2])
        series |= dict(zip(_names(j), own, strict=True))
        total_in, total_out = total_in + into, total_out + out
    rules += [total_in == inflow, total_out == outflow]
    return replace(part, constraints=rules, series=series, cost_step=cost)


def _names(segment: int) -> tuple[str, str, str]:
    """Series of a segment, counted from 1: content, inflow, outflow."""
    return f"segment_{segment}_kwh", f"segment_{segment}_in_kwh", f"segment_{segment}_out_kwh"


def walked(rows: Rows[Any], inputs: Inputs, charge: Array, discharge: Array) -> dict[str, Array]:
    """Series of all segments that follow from the powers, the cheapest segments first."""
    count = most_segments(rows)
    if not count:
        return {}
    content = rows.field("energy_kwh") * rows.state(inputs, "start_fill")
    sizes, held = sizes_kwh(rows), start_kwh(rows, inputs, content)
    inflow, outflow = _moved(rows, inputs.horizon, charge, discharge)
    shape = (count, rows.count, inputs.horizon.steps)
    levels, ins, outs = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for step, hours in enumerate(inputs.horizon.hours):
        kept = held * (1 - rows.field("loss_fraction_per_h")[:, 0]) ** hours
        held = _shifted_by(kept, sizes, inflow[:, step] - outflow[:, step])
        levels[:, :, step] = held
        ins[:, :, step], outs[:, :, step] = np.maximum(held - kept, 0), np.maximum(kept - held, 0)
    out: dict[str, Array] = {}
    for j in range(count):
        out |= dict(zip(_names(j + 1), (levels[j], ins[j], outs[j]), strict=True))
    return out


def _moved(rows: Rows[Any], horizon: Horizon, charge: Array, discharge: Array) -> tuple[Array, Array]:
    """(row, step) kWh into and out of the stock."""
    own = type(rows.members[0]).by_step
    inflow = charge * horizon.hours * own(rows, horizon, "charge_efficiency")
    return inflow, discharge * horizon.hours / own(rows, horizon, "discharge_efficiency")


def _read(rows: Rows[Any], series: Mapping[str, Array]) -> tuple[Array, Array, Array]:
    """(segment, row, step) contents, inflows and outflows."""
    names = zip(*(_names(j) for j in range(1, most_segments(rows) + 1)), strict=True)
    held, ins, outs = (np.stack([series[name] for name in same]) for same in names)
    return held, ins, outs


def check(rows: Rows[Any], inputs: Inputs, series: Mapping[str, Array]) -> list[Violation]:
    """Each segment's content follows from its flows and keeps within its size; flows add up to the store's."""
    if not most_segments(rows):
        return []
    held, ins, outs = _read(rows, series)
    names, capacity = rows.names, rows.field("energy_kwh")
    hours, moves = inputs.horizon.hours, paces(rows, inputs.horizon)
    inflow, outflow = series["charge_kw"] * hours * moves.into, series["discharge_kw"] * hours / moves.out
    apart = np.abs(ins.sum(axis=0) - inflow) + np.abs(outs.sum(axis=0) - outflow)
    level = start_kwh(rows, inputs, capacity * rows.state(inputs, "start_fill"))
    wrong = np.zeros_like(held)
    for step, hours in enumerate(inputs.horizon.hours):
        level = level * (1 - rows.field("loss_fraction_per_h")[:, 0]) ** hours + ins[:, :, step] - outs[:, :, step]
        wrong[:, :, step] = np.abs(level - held[:, :, step])
    over = np.maximum(held - sizes_kwh(rows)[:, :, None], -np.minimum(held, np.minimum(ins, outs))).max(axis=0)
    return [
        *mistakes(names, "segments do not share the store's flows", apart / capacity, 0.0, "of content"),
        *mistakes(names, "segment differs from its flows", wrong.max(axis=0) / capacity, 0.0, "of content"),
        *breaches(names, "segment outside its size", over / capacity, 0.0, "of content"),
    ]


def account(rows: Rows[Any], series: Mapping[str, Array]) -> Array:
    """(row,) what left each segment, at the cost of its depth."""
    if not most_segments(rows):
        return np.zeros(rows.count)
    _, _, outs = _read(rows, series)
    # The cost of a segment is per kWh at the bus at the rated efficiency; what counts is what leaves the cells.
    delivered = outs.sum(axis=2) * rows.field("discharge_efficiency")[:, 0]
    return np.asarray((_costs(rows) * delivered).sum(axis=0))


def carried(rows: Rows[Any], series: Mapping[str, Array], steps: int) -> dict[str, dict[str, float]]:
    """By member, the fill of each segment after so many steps, as the next window takes it."""
    names = range(1, most_segments(rows) + 1)
    return {
        m.name: {f"segment_{j}_fill": float(series[f"segment_{j}_kwh"][row, steps - 1] / m.energy_kwh) for j in names}
        for row, m in enumerate(rows.members)
        if m.wear
    }
