"""Sale and delivery of hydrogen, ammonia or methanol, by the day or over the horizon."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Asset, Carriers, Given, Inputs, Mode, Rows, full
from dispatch.fields.fluids import KWH_PER_KG, Product
from dispatch.fields.frozen import NonNegative, Positive
from dispatch.fields.series import Signal, per_step
from dispatch.part import Account, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.worth import Worth

_DAY_H = 24.0
_SHORTEST_DAY_H = 23.0
_SLACK_KG = 1e-3


class ProductOfftake(Asset):
    r"""A product leaves the site: f [kW, LHV] = LHV · m, within a rate, at a price, and so much in each window.

    .. math::
        0 ≤ m_t ≤ M, \quad Σ_{t∈D} Δt \, m_t + n_D ≥ m^{min} h_D/24 - b_D, \quad
        Σ_{t∈D} Δt \, m_t ≤ \max(m^{max} h_D/24 - b_D, 0) \\
        cost_t = -Δt \, c_t m_t, \quad penalty_D = c^n n_D, \quad n_D ≥ 0

    A window D is a local day or the whole horizon. h_D are the hours of it that the horizon covers, so an amount per
    day holds in proportion where the horizon begins or ends within one. Where ``delivered_today_kg`` says what was
    delivered since local midnight, that is b of the first day and its hours count from midnight. The shortfall n is
    priced, never forbidden.
    """

    kind: Literal["product_offtake"] = "product_offtake"
    bus: str
    product: Product = Field(description="what its bus carries")
    max_kg_per_h: Positive = Field(description="largest rate")
    price_per_t: Signal = Field(default=0.0, description="money earned per t")
    min_kg_per_day: NonNegative = Field(default=0.0, description="to deliver per day; less is priced")
    max_kg_per_day: NonNegative | None = Field(default=None, description="taken per day at most")
    over: Literal["day", "horizon"] = Field(default="day", description="window in which the amounts per day hold")
    shortfall_cost_per_t: NonNegative = Field(default=1e4, description="price of a t that lacks to the minimum")
    delivered_today_kg: NonNegative | None = Field(
        default=None, description="delivered since local midnight before the start, by window day"
    )

    bus_fields: ClassVar[Mapping[str, Carriers]] = {"bus": ("hydrogen", "ammonia", "methanol")}
    carrier_fields: ClassVar[Mapping[str, str]] = {"bus": "product"}
    counts_on: ClassVar[bool] = True

    @model_validator(mode="after")
    def _amounts(self) -> Self:
        if self.max_kg_per_day is not None and self.max_kg_per_day < self.min_kg_per_day:
            raise ValueError(f"max_kg_per_day {self.max_kg_per_day:g} is below min_kg_per_day {self.min_kg_per_day:g}")
        if self.delivered_today_kg is not None and self.over == "horizon":
            raise ValueError("delivered_today_kg counts only with over: day")
        return self

    @property
    def kwh_per_kg(self) -> float:
        """Lower heating value."""
        return KWH_PER_KG[self.product]

    @property
    def structure(self) -> tuple[object, ...]:
        """Its bus, product and windows, and whether there is a largest amount."""
        return (*super().structure, self.product, self.over, self.max_kg_per_day is None)

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """(1, step) the price."""
        return {"product_price_per_t": per_step(self.price_per_t, horizon, f"price of '{self.name}'")[None, :]}

    def worth(self, inputs: Inputs) -> Worth:
        """What a kWh of it is sold for."""
        per_t = float(inputs.series[self.name, "product_price_per_t"].mean())
        return Worth(sold={self.bus: per_t / 1000 / self.kwh_per_kg})

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Largest rate [kg/h] and the price of a kg short, (row, window)."""
        windows = _count(rows, horizon)
        return {
            "max_kg_per_h": full(rows, horizon, rows.field("max_kg_per_h")),
            "short_per_kg": np.tile(rows.field("shortfall_cost_per_t") / 1000, (1, windows)),
        }

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Money per rate, (row, step); hours and amounts of each window, (window · row, …)."""
        weight, least, most = _amounts(rows, inputs)
        out = {
            "earned_per_rate": rows.series(inputs, "product_price_per_t") / 1000 * inputs.horizon.hours,
            "min_kg": least,
            "max_kg": np.where(np.isfinite(most), most, 0.0),
        }
        return out | {f"window_h_{d}": weight[:, d] for d in range(weight.shape[1])}

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """The equations above for all rows."""
        import cvxpy as cp

        horizon = given.horizon
        rate = cp.Variable((rows.count, horizon.steps), nonneg=True)
        short = cp.Variable(given["min_kg"].shape, nonneg=True)
        windows = short.shape[1]
        amounts = [cp.sum(cp.multiply(given[f"window_h_{d}"], rate), axis=1) for d in range(windows)]
        capped = np.flatnonzero(np.isfinite(rows.field("max_kg_per_day")[:, 0]))
        limits = [amounts[d] + short[:, d] >= given["min_kg"][:, d] for d in range(windows)]
        limits += [amounts[d][capped] <= given["max_kg"][capped, d] for d in range(windows) if capped.size]
        lhv = np.tile(rows.field("kwh_per_kg"), (1, horizon.steps))
        last = np.eye(1, horizon.steps, horizon.steps - 1)
        penalty = cp.sum(cp.multiply(given["short_per_kg"], short), axis=1, keepdims=True)
        return Part(
            ports={"product": Port(rows.bus(), -cp.multiply(lhv, rate))},
            constraints=[rate <= given["max_kg_per_h"], *limits],
            cost_step=-cp.multiply(given["earned_per_rate"], rate),
            penalty_step=penalty @ last,
            series={"delivered_kg_per_h": rate, "delivered_kw": cp.multiply(lhv, rate)},
            inner={"short_kg": short},
        )

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Rate, energy of what is delivered, and the amounts of the windows, day by day from the fields."""
        rate, names = series["delivered_kg_per_h"], rows.names
        delivered, hours, before, first = _by_clock(rows, given, rate)
        most = np.maximum(rows.field("max_kg_per_day", 0.0) / _DAY_H * hours - before, 0)
        capped = np.isfinite(rows.field("max_kg_per_day")) & (hours > 0)
        over = np.zeros((rows.count, given.horizon.steps + 1))
        over[:, first] = np.where(capped, delivered - most, 0)
        over = over[:, :-1]
        apart = np.abs(series["delivered_kw"] - rate * rows.field("kwh_per_kg"))
        return [
            *breaches(names, "delivers faster than its largest rate", rate, rows.field("max_kg_per_h"), "kg/h"),
            *breaches(names, "negative delivery", -rate, 0.0, "kg/h"),
            *mistakes(names, "energy is not that of the mass", apart, 0.0, "kW"),
            *breaches(names, "more than is taken in its window", over, _SLACK_KG, "kg"),
        ]

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """What leaves, what it earns, and the price of what lacks to the minimum."""
        rate = series["delivered_kg_per_h"]
        earned = (rate * rows.series(given, "product_price_per_t")) @ given.horizon.hours / 1000
        delivered, hours, before, _ = _by_clock(rows, given, rate)
        least = np.maximum(rows.field("min_kg_per_day") / _DAY_H * hours - before, 0)
        lacking = np.maximum(least - delivered, 0).sum(axis=1)
        penalty = lacking * rows.field("shortfall_cost_per_t")[:, 0] / 1000
        return Account({"product": -rate * rows.field("kwh_per_kg")}, money=-earned, penalty=penalty)

    @classmethod
    def complete(cls, rows: Rows[Self], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """The shortfall of each window."""
        _, least, _ = _amounts(rows, given)
        return values | {"short_kg": np.maximum(least - _sums(rows, given, values["delivered_kg_per_h"]), 0)}

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """What has been delivered since the last local midnight; who counts over a horizon does not look at it."""
        clock, out = given.horizon, {}
        end = clock.local_end[steps - 1].date()
        today = np.array([start.date() == end for start in clock.local_start[:steps]])
        for row, member in enumerate(rows.members):
            kg = float((series["delivered_kg_per_h"][row, :steps] * clock.hours[:steps])[today].sum())
            before = rows.state(given, "delivered_today_kg", 0.0)[row, 0] if today.all() else 0.0
            out[member.name] = {"delivered_today_kg": kg + float(before)}
        return out

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Delivers what it must, evenly through each window."""
        weight, least, _ = _amounts(rows, given)
        hours = weight.sum(axis=2)
        even = np.divide(least, hours, out=np.zeros_like(least), where=hours > 0)
        rate = np.einsum("rd,rdt->rt", even, (weight > 0).astype(float))
        return {"delivered_kg_per_h": np.minimum(rate, rows.field("max_kg_per_h"))}

    @classmethod
    def follow(cls, rows: Rows[Self], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array]:
        """What a plan delivers, as far as the rate and the amounts of the windows allow."""
        nothing = np.zeros((rows.count, given.horizon.steps))
        rate = np.clip(wanted.get("delivered_kg_per_h", nothing), 0, rows.field("max_kg_per_h"))
        weight, _, most = _amounts(rows, given)
        kg = weight * rate[:, None, :]
        before = np.cumsum(kg, axis=2) - kg
        kept = np.clip(most[:, :, None] - before, 0, kg).sum(axis=1)
        return {"delivered_kg_per_h": kept / given.horizon.hours}

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Delivers less where nobody makes it, and what is left over where no amount limits it."""
        rate, lhv = values["delivered_kg_per_h"], rows.field("kwh_per_kg")
        lacking = np.maximum(-state.share(rows.bus(), rate * lhv), 0) / lhv
        left = np.maximum(state.share(rows.bus(), full(rows, given.horizon, rows.field("max_kg_per_h"))), 0) / lhv
        free = ~np.isfinite(rows.field("max_kg_per_day"))
        return {"delivered_kg_per_h": np.clip(rate - lacking + left * free, 0, rows.field("max_kg_per_h"))}


def _windows(member: ProductOfftake, horizon: Horizon) -> Array:
    """(window, step) 1 where a step belongs to a local day, or to the horizon."""
    if member.over == "horizon":
        return np.ones((1, horizon.steps))
    dates = [start.date() for start in horizon.local_start]
    return np.array([[d == day for d in dates] for day in sorted(set(dates))], float)


def _count(rows: Rows[Any], horizon: Horizon) -> int:
    """How many windows there are at most: as many wherever in a day steps of these lengths begin."""
    days = int(np.ceil(horizon.edge_h[-1] / _SHORTEST_DAY_H)) + 1
    return days if any(member.over == "day" for member in rows.members) else 1


def _amounts(rows: Rows[Any], inputs: Inputs) -> tuple[Array, Array, Array]:
    """(row, window, step) hours of each window; (row, window) what it must and may take [kg]; none is infinite."""
    horizon, members = inputs.horizon, rows.members * rows.scenarios
    made = [_windows(member, horizon) for member in members]
    count = _count(rows, horizon)
    weight = np.zeros((rows.count, count, horizon.steps))
    for row, windows in enumerate(made):
        weight[row, : windows.shape[0]] = windows * horizon.hours
    delivered = rows.state(inputs, "delivered_today_kg")
    start = horizon.local_start[0]
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    # Times of one zone differ by what its clock shows: seconds alone know the hour that is skipped or comes twice.
    gone = (start.timestamp() - midnight.timestamp()) / 3600
    hours = weight.sum(axis=2)
    known = np.isfinite(delivered[:, 0]) & np.array([member.over == "day" for member in members])
    hours[known, 0] += gone
    before = np.zeros((rows.count, count))
    before[known, 0] = delivered[known, 0]
    least = np.maximum(rows.field("min_kg_per_day") * hours / _DAY_H - before, 0)
    most = np.maximum(rows.field("max_kg_per_day", 0.0) * hours / _DAY_H - before, 0)
    return weight, least, np.where(np.isfinite(rows.field("max_kg_per_day")), most, np.inf)


def _sums(rows: Rows[Any], given: Inputs, rate: Array) -> Array:
    """(row, window) what is delivered [kg]."""
    weight, _, _ = _amounts(rows, given)
    return np.asarray(np.einsum("rdt,rt->rd", weight, rate))


def _by_clock(rows: Rows[Any], given: Inputs, rate: Array) -> tuple[Array, Array, Array, np.ndarray]:
    """What the audit counts with: local midnights as instants, and sums and hours as differences between them.

    Returns:
        (row, window) what is delivered [kg], hours that count, and what was delivered before the start [kg]; (window,)
        its first step. Windows are local days; who counts over the horizon has all in the first.
    """
    clock = given.horizon
    edges, zone = clock.edges.astype("datetime64[s]").astype(np.int64), ZoneInfo(clock.time_zone)
    first, last = (moment.date() for moment in (clock.local_start[0], clock.local_start[-1]))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    midnights = np.array([datetime.combine(day, time(), zone).timestamp() for day in days])
    start = np.searchsorted(edges[:-1], midnights)
    bounds = np.append(start, clock.steps)
    whole = np.array([member.over == "horizon" for member in rows.members * rows.scenarios])[:, None]
    alone = np.eye(1, len(days))
    kg = np.concatenate([np.zeros((rows.count, 1)), np.cumsum(rate * np.diff(edges) / 3600, axis=1)], axis=1)
    delivered = np.where(whole, kg[:, -1:] * alone, np.diff(kg[:, bounds], axis=1))
    said = rows.state(given, "delivered_today_kg")
    carried = np.isfinite(said) & ~whole
    hours = np.tile(np.diff(edges[bounds]) / 3600, (rows.count, 1))
    hours[:, :1] += carried * (edges[0] - midnights[0]) / 3600
    hours = np.where(whole, (edges[-1] - edges[0]) / 3600 * alone, hours)
    return delivered, hours, np.where(carried, said, 0) * alone, start
