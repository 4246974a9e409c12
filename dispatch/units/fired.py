"""Plant that burns fuel for electricity on a fuel bus: what cogeneration and blended firing share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field

from dispatch.asset import Given, Inputs, Mode, Rows, full
from dispatch.fields.frozen import Efficiency, NonNegative, Positive
from dispatch.part import Part, Port, Violation, breaches, mistakes
from dispatch.signals import Array, Horizon
from dispatch.units import ramping, spinning
from dispatch.units.committable import Committable
from dispatch.worth import Activity, Worth


class Fired(Committable):
    r"""A load L, all of it electricity where no heat is drawn off, with fuel H by lower heating value [kW].

    .. math::
        m \bar P u_t + d_t ≤ L_t, \quad L_t + r_t ≤ \bar P u_t, \quad H_t = L_t / η + H_0 u_t \\
        cost = Σ_t Δt_t c L_t + starts

    u is on (:class:`~dispatch.units.committable.Committable`), r and d reserve upwards and downwards; ramps as in
    :mod:`dispatch.units.ramping`. Money and carbon of the fuel count where it enters the site.
    """

    bus: str
    fuel_bus: str
    max_kw: Positive = Field(description="electric output without heat")
    efficiency: Efficiency = Field(default=0.41, description="electricity per fuel, by lower heating value")
    cost_per_kwh: NonNegative = Field(default=0.0, description="upkeep per kWh of load; the fuel has its own price")
    clean: bool = Field(default=False, description="its fuel is renewable: its electricity counts as clean supply")
    load_before_kw: NonNegative | None = Field(
        default=None, description="load just before the start; default: the first step is free of ramps"
    )
    spinning_reserve: bool = Field(default=True, description="offers what it can raise or lower while it is on")
    reserve_max_kw: NonNegative | None = Field(default=None, description="most it offers; default: what it can move")

    rule_order: ClassVar[int] = 1
    gives_more: ClassVar[bool] = True

    @property
    def no_load_kw(self) -> float:
        """Fuel that it takes for being on."""
        return 0.0

    @property
    def asked(self) -> tuple[str, float] | None:
        """Its load."""
        return "load_kw", self.max_kw

    @property
    def structure(self) -> tuple[object, ...]:
        """Those of commitment, and whether and how it offers reserve."""
        return (*super().structure, self.spinning_reserve, self.reserve_max_kw is None)

    @property
    def fuel_kw_per_kw(self) -> dict[str, float]:
        """Fuel by its bus, per kW of load at its rating."""
        return {self.fuel_bus: 1 / self.efficiency + self.no_load_kw / self.max_kw}

    def worth(self, inputs: Inputs) -> Worth:
        """Its power at its rating."""
        return Worth((Activity(self.fuel_kw_per_kw, {self.bus: 1.0}, self.cost_per_kwh),))

    @classmethod
    def limits(cls, rows: Rows[Self], horizon: Horizon) -> tuple[Array, Array]:
        """(row, step) least and most load while on; none of plant that is out of service."""
        most = np.where(rows.standing(horizon), 0.0, rows.field("max_kw"))
        return rows.field("min_load_fraction") * most, most

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Those of commitment; limits, fuel and upkeep, (row, step)."""
        least, most = cls.limits(rows, horizon)
        unclean = 1 - rows.field("clean")
        values = {
            "fuel_per_kw": 1 / rows.field("efficiency"),
            "no_load_kw": rows.field("no_load_kw"),
            "cost_per_kw": rows.field("cost_per_kwh") * horizon.hours,
            "unclean": unclean,
        }
        written = {name: full(rows, horizon, value) for name, value in values.items()}
        moves = (np.maximum(ramping.ramp_kw(rows, horizon, most, least)[0], least),) * 2
        offered = spinning.ratings(rows, horizon, _ramps(rows), moves)
        return super().ratings(rows, horizon) | written | {"least_kw": least, "most_kw": most} | offered

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Those of commitment and ramps."""
        was_on, before = cls.before(rows, inputs)
        highest = np.where(np.isnan(before), rows.field("max_kw"), before) * was_on
        lowest = np.where(np.isnan(before), 0.0, before) * was_on
        offered = spinning.signals(rows, inputs.horizon, _ramps(rows), (highest, lowest))
        return super().signals(rows, inputs) | cls.ramps(rows, inputs, *cls.limits(rows, inputs.horizon)) | offered

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """The equations above; the kinds add what they draw off or blend."""
        import cvxpy as cp

        shape = (rows.count, given.horizon.steps)
        load = cp.Variable(shape, nonneg=True)
        reserve = spinning.offers(rows, given.horizon)
        made = None if cls.free(rows).all() else cls.decide(rows, given, mode)
        most, least = (given[n] if made is None else cp.multiply(given[n], made.on) for n in ("most_kw", "least_kw"))
        none = np.zeros(shape)
        raised, lowered = load + reserve.get("reserve_up_kw", none), load - reserve.get("reserve_down_kw", none)
        in_step = {} if spinning.timed(rows) else reserve
        constraints = [raised <= most, lowered >= least, *ramping.constraints(rows, given, load, made, in_step)]
        states = None if made is None else (made.on, made.start, made.stop)
        constraints += spinning.constraints(rows, given, reserve, load, states)
        fuel, cost = cp.multiply(given["fuel_per_kw"], load), cp.multiply(given["cost_per_kw"], load)
        series = {"load_kw": load}
        if made is not None:
            fuel, cost = fuel + cp.multiply(given["no_load_kw"], made.on), cost + made.start_money
            constraints += made.constraints
            series |= {**made.series, "on": made.on, "start": made.start, "stop": made.stop}
        return Part(
            ports={"fuel": Port(rows.bus("fuel_bus"), -fuel)},
            constraints=constraints,
            cost_step=cost,
            series={**series, **reserve, "fuel_kw": fuel},
            inner=made.inner if made is not None else {},
            relaxable=made.relaxable if made is not None else {},
            **reserve,
        )

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Limits, ramps and commitment from the fields; fuel by the efficiency."""
        load, names = series["load_kw"], rows.names
        on, (least, most) = cls.on_of(series, load), cls.limits(rows, given.horizon)
        up, down = (series.get(name, np.zeros_like(load)) for name in spinning.RESERVE.values())
        started, stopped = cls.pattern(rows, given, on)
        rise, fall = ramping.bounds(rows, given.horizon, (least, most), started, stopped)
        change = ramping.changes(load, *cls.before(rows, given))
        fuel = load / rows.field("efficiency") + rows.field("no_load_kw") * on
        in_step = 0.0 if spinning.timed(rows) else 1.0
        found = [
            *breaches(names, "load above maximum", load + up, most * on, "kW"),
            *breaches(names, "load below minimum", least * on, load - down, "kW"),
            *breaches(names, "rises faster than it can", change + in_step * up, rise, "kW"),
            *breaches(names, "falls faster than it can", in_step * down - change, fall, "kW"),
            *mistakes(names, "fuel differs from its load", np.abs(series["fuel_kw"] - fuel), 0.0, "kW"),
            *spinning.check(rows, given.horizon, series, _ramps(rows), change * ~(started | stopped)),
        ]
        if "on" in series:
            found += cls.check_commitment(rows, given, series["on"], series["start"])
        return found

    @classmethod
    def spent(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> tuple[Array, Array]:
        """(row, step) fuel and (row,) money, from the fields."""
        load = series["load_kw"]
        on = cls.on_of(series, load)
        money = (load @ given.horizon.hours) * rows.field("cost_per_kwh")[:, 0]
        starts = cls.counted_starts(rows, given, on) if "on" in series else 0.0
        return load / rows.field("efficiency") + rows.field("no_load_kw") * on, money + starts

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """Hours on or off, and the load of the last step."""
        return cls.carried(rows, given, series, steps, series["load_kw"])

    @classmethod
    def at_load(cls, rows: Rows[Self], given: Inputs, wanted: Array) -> dict[str, Array]:
        """The decisions nearest to a load, without reserve."""
        load, on = cls.walked(rows, given, wanted, *cls.limits(rows, given.horizon))
        return {"load_kw": load, **on, **spinning.none(rows, given.horizon)}


def _ramps(rows: Rows[Any]) -> tuple[Array, Array]:
    """(row, 1) rise and fall [kW/h]."""
    ramp = rows.field("ramp_fraction_per_h", np.inf) * rows.field("max_kw")
    return ramp, ramp
