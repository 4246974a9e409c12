"""Data centres: work that waits within deadlines or moves to another site, and cooling by load and weather."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Carrier, Given, Inputs, Mode, Rows, full
from dispatch.errors import DataError
from dispatch.fields.frozen import Finite, Fraction, Frozen, NonNegative, Positive
from dispatch.fields.series import History, Signal
from dispatch.loads import flexible
from dispatch.loads.convex_curve import curve, filled
from dispatch.loads.data_centre_work import (
    Batch,
    amounts,
    batches_of,
    carried_kwh,
    done_as_planned,
    done_early,
    left_undone,
    missing_kwh,
    moved,
    moved_balance,
    penalties,
    pool_matrix,
    pooled,
    work,
)
from dispatch.loads.demand import Demand, demand_kw
from dispatch.part import Account, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon

_SOME_KWH = 0.05


class OverheadPoint(Frozen):
    """Power of cooling, supply and light at an IT power, at the reference weather."""

    it_kw: Positive
    overhead_kw: NonNegative


class WeatherPoint(Frozen):
    """By how much the overhead is multiplied at an ambient temperature."""

    ambient_degc: Finite
    factor: Positive


class DataCentre(Demand):
    r"""IT power x of a base load d and batch work f, with the overhead o of the facility; P = PUE · x.

    .. math::
        x_t = d_t - h_t + Σ_b f_{bt} - s_t + r_t ≤ X_t, \quad P_t = x_t + o_t, \quad o_t = φ(θ_t) · O(x_t) \\
        0 ≤ f_{bt} ≤ F_b \text{ in the window}, \quad missing_b ≥ D_b - Σ_t Δt f_{bt}, \quad Σ_t Δt f_{bt} ≤ L_b \\
        s_t ≤ μ Σ_b f_{bt}, \quad Σ_{pool} s_t = Σ_{pool} r_t, \quad q_t ≤ ω x_t

    with what is left of a batch L and what is due of it within the horizon D (:mod:`dispatch.loads.data_centre_work`).
    O is a convex piecewise-linear curve (``overhead``), φ a table over the ambient temperature θ. PUE itself falls with
    load and is no convex function; overhead is, so that is what stands here. Where electricity costs something the
    pieces of O fill in order; where it does not, the solver orders them (:mod:`dispatch.loads.convex_curve`): that
    relaxation is watched. Members that name one ``pool`` do each other's batch work: s is sent and r received, within
    the step, at ``transfer_cost_per_kwh``; work may be sent once it has been there for ``transfer_delay_h``. Waste heat
    q is a share of the IT power, given to a heat bus at that bus's temperature; what is not taken is rejected. h is
    shed, the last resort as in ``load``; missing work costs the batch's ``penalty_per_kwh`` in the objective, never in
    the reported money.

    Source: Radovanović et al., "Carbon-aware computing for datacenters", IEEE Trans. Power Systems 38, 2023 (flexible
    work within the day, power by load); the split into base and batch work, pools and weather are this file's.
    """

    kind: Literal["data_centre"] = "data_centre"
    heat_bus: str | None = Field(default=None, description="takes waste heat, at its own temperature")
    history: History | None = Field(default=None, description="measured IT power, from which the forecast learns")
    capacity_kw: Signal = Field(description="largest IT power, base and batch together")
    idle_overhead_kw: NonNegative = Field(default=0.0, description="without any IT power")
    overhead: tuple[OverheadPoint, ...] = Field(min_length=1, description="by IT power, from idle on, convex")
    ambient_degc: Signal = Field(default=15.0, description="weather at the site")
    by_weather: tuple[WeatherPoint, ...] = Field(default=(), description="factor on the overhead, rising temperatures")
    batches: tuple[Batch, ...] = Field(default=(), description="work that may wait")
    waste_heat_share: Fraction = Field(default=0.0, description="of the IT power that reaches the heat bus")
    pool: str | None = Field(default=None, description="members of one pool do each other's batch work")
    pool_reach: Literal["site", "fleet"] = Field(
        default="site",
        description="fleet: over the sites of a fleet that shares movable work; planned alone, none moves",
    )
    movable_share: Fraction = Field(default=1.0, description="of the batch work that may be done elsewhere")
    transfer_cost_per_kwh: NonNegative = Field(default=0.0, description="for work that is sent, per kWh of IT energy")
    transfer_delay_h: NonNegative = Field(default=0.0, description="how long work must have been there to be sent")

    bus_fields: ClassVar[Mapping[str, Carrier | None]] = {"bus": "electricity", "heat_bus": "heat"}
    rule_order: ClassVar[int] = 1  # its heat goes to loads that have said what they want

    @model_validator(mode="after")
    def _curves(self) -> Self:
        points = self.points
        if any(a[0] >= b[0] for a, b in pairwise(points)):
            raise ValueError("overhead must rise in it_kw from point to point")
        slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(points)]
        if slopes[0] < 0 or any(one > other + 1e-9 for one, other in pairwise(slopes)):
            text = ", ".join(f"{slope:.3g}" for slope in slopes)
            raise ValueError(
                f"overhead must be convex, each piece at least as steep as the one before; slopes are {text}"
            )
        weather = [p.ambient_degc for p in self.by_weather]
        if weather != sorted(set(weather)):
            raise ValueError("by_weather must rise in ambient_degc from point to point")
        names = [batch.name for batch in self.batches]
        if len(set(names)) < len(names):
            raise ValueError("two batches have one name: what is done of each is kept by name")
        if self.waste_heat_share and self.heat_bus is None:
            raise ValueError("waste_heat_share needs a heat_bus that takes the heat")
        return self

    @property
    def points(self) -> list[tuple[float, float]]:
        """IT power and overhead, from idle on."""
        return [(0.0, self.idle_overhead_kw), *((p.it_kw, p.overhead_kw) for p in self.overhead)]

    @property
    def structure(self) -> tuple[object, ...]:
        """Buses, pieces of the curve, how the batches' windows are given, and the pool."""
        windows = tuple(b.window.daily for b in self.batches)
        return (*super().structure, len(self.overhead), bool(self.by_weather), windows, self.pool, self.pool_reach)

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """Capacity, and the weather's factor on the overhead."""
        found = flexible.steps_of(self, ("capacity_kw", "ambient_degc"), horizon)
        highest = self.overhead[-1].it_kw
        if found["capacity_kw"].max() > highest or found["capacity_kw"].min() < 0:
            reached = f"{found['capacity_kw'].min():g} to {found['capacity_kw'].max():g} kW"
            raise DataError(
                f"capacity_kw of '{self.name}' is {reached}; its overhead is known from 0 to {highest:g} kW"
            )
        table = np.array([(p.ambient_degc, p.factor) for p in self.by_weather] or [(0.0, 1.0)])
        factor = np.interp(found["ambient_degc"][0], table[:, 0], table[:, 1])
        return {"capacity_kw": found["capacity_kw"], "overhead_factor": factor[None, :]}

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Prices and the share of heat, (row, step), and widths of the curve's pieces."""
        hours = horizon.hours
        out = {
            "shed_per_kw": hours * rows.field("value_of_lost_load_per_kwh"),
            "transfer_per_kw": hours * rows.field("transfer_cost_per_kwh"),
            "heat_share": full(rows, horizon, rows.field("waste_heat_share")),
        }
        for k, (width, slope) in enumerate(_pieces(rows)):
            out[f"overhead_width_{k}_kw"] = full(rows, horizon, width)
            if not _by_weather(rows):
                out[f"overhead_slope_{k}"] = full(rows, horizon, slope)
        for place, price in enumerate(penalties(rows, horizon)):
            out[f"batch_{place}_penalty_per_kwh"] = price
        return out

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Base load, capacity, the curve in this weather, and where each batch may be done."""
        factor = rows.series(inputs, "overhead_factor")
        out = {
            "demand_kw": demand_kw(rows, inputs, "IT power"),
            "capacity_kw": rows.series(inputs, "capacity_kw"),
            "idle_kw": factor * _idle_kw(rows),
            "receivable_kw": rows.series(inputs, "capacity_kw") * pooled(rows, inputs),
        }
        if _by_weather(rows):
            out |= {f"overhead_slope_{k}": factor * slope for k, (_, slope) in enumerate(_pieces(rows))}
        for k, one in enumerate(work(rows, inputs)):
            out |= {
                f"batch_{k}_most_kw": one.most_kw,
                f"batch_{k}_wanted_kwh": one.wanted_kwh,
                f"batch_{k}_most_kwh": one.most_kwh,
                f"batch_{k}_movable": one.movable * rows.field("movable_share") * pooled(rows, inputs),
                **{f"batch_{k}_window_{w}_h": hours for w, hours in enumerate(one.hours_in)},
            }
        return out

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """Work, where it is done, the facility around it, and its heat."""
        import cvxpy as cp

        shape = (rows.count, given.horizon.steps)
        shed, sent, received, heat = (cp.Variable(shape, nonneg=True) for _ in range(4))
        it = cp.Variable(shape, nonneg=True)
        done = [cp.Variable(shape, nonneg=True) for _ in range(batches_of(rows))]
        zero = cp.Constant(np.zeros(shape))
        pools = pool_matrix(rows)
        leaving = done if any(m.pool is not None for m in rows.members) else []
        movable = sum((cp.multiply(given[f"batch_{k}_movable"], f) for k, f in enumerate(leaving)), zero)
        missing = [cp.Variable(given[f"batch_{k}_wanted_kwh"].shape, nonneg=True) for k in range(len(done))]
        last = np.eye(1, shape[1], shape[1] - 1)
        lost = (cp.multiply(given[f"batch_{k}_penalty_per_kwh"], m) for k, m in enumerate(missing))
        lost_step = sum((cp.sum(price, axis=1, keepdims=True) @ last for price in lost), zero)
        made = curve(rows, given, "overhead", len(_pieces(rows)), it)
        constraints = [
            it == given["demand_kw"] - shed + sum(done, zero) - sent + received,
            it <= given["capacity_kw"],
            shed <= given["demand_kw"],
            sent <= movable,
            received <= given["receivable_kw"],
            heat <= cp.multiply(given["heat_share"], it),
            *made.constraints,
        ]
        if pools.shape[0]:
            constraints.append(pools @ (sent - received) == np.zeros((pools.shape[0], shape[1])))
        for k, flow in enumerate(done):
            constraints += [flow <= given[f"batch_{k}_most_kw"], *amounts(given, k, flow, missing[k])]
        overhead = given["idle_kw"] + made.loss
        own = {"it_kw": it, "overhead_kw": overhead, "shed_kw": shed, "sent_kw": sent, "received_kw": received}
        return Part(
            ports={"electricity": Port(rows.bus(), -it - overhead), "heat": Port(_heat_bus(rows), heat)},
            constraints=constraints,
            cost_step=cp.multiply(given["transfer_per_kw"], sent),
            penalty_step=cp.multiply(given["shed_per_kw"], shed) + lost_step,
            series=own | {"heat_kw": heat} | {f"batch_{k}_kw": f for k, f in enumerate(done)},
            inner=made.variables | {f"missing_{k}_kwh": m for k, m in enumerate(missing)},
            exclusive=made.exclusive,
        )

    @classmethod
    def complete(cls, rows: Rows[Self], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """IT power of what is done here, the pieces of the curve, and what is due and not done."""
        it = _it_kw(rows, given, values)
        lacks = {f"missing_{k}_kwh": kwh for k, kwh in enumerate(missing_kwh(rows, given, values))}
        return values | {"it_kw": it} | lacks | filled("overhead", [width for width, _ in _pieces(rows)], it)

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Each batch within its window and its energy, what is moved, the capacity, and the facility's curve."""
        it, names = series["it_kw"], rows.names
        demand, capacity = rows.series(given, "demand_kw"), rows.series(given, "capacity_kw")
        flows = [series[name] for name in ("shed_kw", "sent_kw", "received_kw", "heat_kw")]
        movable, found, least = np.zeros_like(it), [], np.minimum.reduce(flows)
        for slot, one in enumerate(work(rows, given)):
            flow = series[f"batch_{slot}_kw"]
            movable, least = movable + one.movable * flow, np.minimum(least, flow)
            beyond = (one.done_kwh(flow) - one.most_kwh).max(axis=1, keepdims=True)
            found += breaches(names, "does work outside its window or too fast", flow, one.most_kw, "kW")
            found += breaches(names, "does more work than there is", beyond, 0.0, "kWh", 1e-3)
        factor = rows.series(given, "overhead_factor")
        overhead = np.abs(factor * _overhead_kw(rows, it) - series["overhead_kw"])
        inside = np.abs(_it_kw(rows, given, series) - it)
        return [
            *found,
            *breaches(names, "IT power above capacity", it, capacity, "kW"),
            *mistakes(names, "IT power differs from its work", inside, 0.0, "kW", 1e-3),
            *mistakes(names, "overhead is not that of its load", overhead, 0.0, "kW", 2e-3),
            *breaches(names, "sends more than may be moved", series["sent_kw"],
                      movable * rows.field("movable_share") * pooled(rows, given), "kW"),
            *breaches(names, "receives more than it may", series["received_kw"], capacity * pooled(rows, given), "kW"),
            *mistakes(names, "work is lost or made on the way", moved_balance(rows, series), 0.0, "kW", 1e-3),
            *breaches(names, "gives more heat than there is", series["heat_kw"],
                      rows.field("waste_heat_share") * it, "kW"),
            *breaches(names, "sheds more than its demand", series["shed_kw"], demand, "kW"),
            *breaches(names, "negative power", -least, 0.0, "kW"),
        ]  # fmt: skip

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Facility power and heat, the cost of moving work, and the price of what is not done."""
        it, hours = series["it_kw"], given.horizon.hours
        power = it + rows.series(given, "overhead_factor") * _overhead_kw(rows, it)
        money = (series["sent_kw"] @ hours) * rows.field("transfer_cost_per_kwh")[:, 0]
        lost = (series["shed_kw"] @ hours) * rows.field("value_of_lost_load_per_kwh")[:, 0]
        prices = penalties(rows, given.horizon)
        for price, kwh in zip(prices, missing_kwh(rows, given, series), strict=True):
            lost = lost + (price * kwh).sum(axis=1)
        powers = {"electricity": -power, "heat": series["heat_kw"]}
        return Account(powers, money=money, penalty=lost, at={"heat": "heat_bus"})

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Work as it comes, at its own site, and heat as it is asked for."""
        room = np.maximum(rows.series(given, "capacity_kw") - rows.series(given, "demand_kw"), 0)
        own = _own(rows, given, done_early(rows, given, room))
        offered = rows.field("waste_heat_share") * _it_kw(rows, given, own)
        asked = np.maximum(-state.share(_heat_bus(rows), np.maximum(offered, 1e-9)), 0)
        return own | {"heat_kw": np.minimum(offered, asked)}

    @classmethod
    def follow(cls, rows: Rows[Self], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array]:
        """Batch work as much as the plan has had by each step, what would be late with it, and what is moved of it."""
        nothing = np.zeros((rows.count, given.horizon.steps))
        total = sum((v for name, v in wanted.items() if name.startswith("batch_")), nothing)
        room = np.maximum(rows.series(given, "capacity_kw") - rows.series(given, "demand_kw"), 0)
        done = done_as_planned(rows, given, wanted, room, total)
        own = _own(rows, given, done) | moved(rows, given, wanted, done, room)
        offered = rows.field("waste_heat_share") * _it_kw(rows, given, own)
        return own | {"heat_kw": np.minimum(offered, wanted.get("heat_kw", nothing))}

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Where power lacks, nothing is moved, batch work is left and then base load shed."""
        unused = np.maximum(state.share(_heat_bus(rows), np.maximum(values["heat_kw"], 1e-9)), 0)
        unused *= rows.field("waste_heat_share") > 0
        out = values | {"heat_kw": np.maximum(values["heat_kw"] - unused, 0)}
        out, lacking = left_undone(rows, state, out, np.maximum(_it_kw(rows, given, values), 1e-6))
        return out | {"shed_kw": np.minimum(values["shed_kw"] + lacking, rows.series(given, "demand_kw"))}

    @classmethod
    def told(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[str]:
        """Work that is sent elsewhere."""
        sent = series["sent_kw"][: len(rows.members)] @ given.horizon.hours
        pairs = zip(rows.members, sent, strict=True)
        return [f"{m.name}: {kwh:,.1f} kWh of work done elsewhere in its pool" for m, kwh in pairs if kwh > _SOME_KWH]

    @classmethod
    def missed(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[str]:
        """Work that is not done in time."""
        lacks = sum((kwh.sum(axis=1) for kwh in missing_kwh(rows, given, series)), np.zeros(rows.count))
        left = [(m, kwh) for m, kwh in zip(rows.members, lacks, strict=False) if kwh > _SOME_KWH]
        return [f"{member.name}: {kwh:,.1f} kWh of work not done in time" for member, kwh in left]

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """What is done, and missing for good, of each batch whose window goes on."""
        return carried_kwh(rows, given, series, steps)


def _by_weather(rows: Rows[Any]) -> bool:
    """Does the weather bear on the overhead of any member? If not, its curve is a constant of a site."""
    return any(m.by_weather for m in rows.members)


def _idle_kw(rows: Rows[Any]) -> Array:
    """(row, 1) overhead without any IT power."""
    return rows.field("idle_overhead_kw")


def _pieces(rows: Rows[Any]) -> list[tuple[Array, Array]]:
    """(row, 1) width and slope of each piece of the overhead; a shorter curve ends in pieces without width."""
    most = max(len(m.overhead) for m in rows.members)
    table = np.zeros((rows.count, most, 2))
    for row, member in enumerate(rows.members * rows.scenarios):
        width, rise = np.diff(np.array(member.points), axis=0).T
        table[row, : width.size] = np.stack([width, rise / width], axis=1)
        table[row, width.size :, 1] = rise[-1] / width[-1]
    return [(table[:, k, :1], table[:, k, 1:]) for k in range(most)]


def _overhead_kw(rows: Rows[Any], it: Array) -> Array:
    """(row, step) overhead of an IT power at the reference weather, straight between the points."""
    out = np.zeros_like(it)
    for row, member in enumerate(rows.members * rows.scenarios):
        points = np.array(member.points)
        out[row] = np.interp(it[row], points[:, 0], points[:, 1])
    return out


def _heat_bus(rows: Rows[Any]) -> np.ndarray:
    """(row,) the heat bus; one without stands on its own bus, where it gives none."""
    names = [m.heat_bus or m.bus for m in rows.members]
    index = np.array([rows.buses.index(name) for name in names])
    return np.concatenate([s * len(rows.buses) + index for s in range(rows.scenarios)])


def _it_kw(rows: Rows[Any], given: Inputs, series: Mapping[str, Array]) -> Array:
    """(row, step) IT power of what is done here."""
    own = rows.series(given, "demand_kw") - series["shed_kw"] - series["sent_kw"] + series["received_kw"]
    return own + sum(v for name, v in series.items() if name.startswith("batch_"))


def _own(rows: Rows[Any], given: Inputs, done: dict[str, Array]) -> dict[str, Array]:
    """All decisions where nothing is moved and no heat is taken; base load beyond the capacity is shed."""
    zero = np.zeros((rows.count, given.horizon.steps))
    over = np.maximum(rows.series(given, "demand_kw") - rows.series(given, "capacity_kw"), 0)
    return {"shed_kw": over, "sent_kw": zero, "received_kw": zero, "heat_kw": zero, **done}
