"""The point of common coupling."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch import fed
from dispatch.asset import Asset, Given, Inputs, Mode, Rows, full
from dispatch.errors import DataError
from dispatch.fields.frozen import Fraction, NonNegative, Positive
from dispatch.fields.series import Intensity, Signal, per_step
from dispatch.part import Account, Exclusive, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.tariff import agreements, handover, model
from dispatch.tariff.added import Added, added
from dispatch.tariff.bill import Clock
from dispatch.tariff.carried import Carried, by_component, past_by_component
from dispatch.tariff.components import Event
from dispatch.tariff.contracts import (
    Awarded,
    DemandResponse,
    ExchangeLimit,
    GreenPower,
    available,
    limit,
    require_apart,
    require_once,
)
from dispatch.tariff.tariff import Tariff
from dispatch.worth import Worth

GUARD = "unbilled_kw"
"""What a plan says of its import beside the import itself: below this no billed peak rises."""


class GridConnection(Asset):
    r"""Import i and export x with a tariff and what is agreed beside it.

    Equations, with prices of the tariff by step and the bill B of peaks and blocks (see ``dispatch.tariff.model``):

    .. math::
        i_t ≤ \bar I_t y_t, \quad x_t ≤ \bar X_t (1 - y_t) \\
        cost = Σ_t Δt_t (π^{imp}_t i_t - π^{exp}_t x_t) + B(carried + i, x) - B(carried)

    Where net exchange n was sold to a market, i_t - x_t = n_t on the published path; scenarios are free to differ.

    A plan pays what it adds to the month's bill: ``month_to_date_peak_kw`` and ``month_to_date_kwh`` say what the meter
    has seen, ``expected_peak_kw`` and ``expected_day_kwh`` what is expected of the rest of the month. A short plan that
    stays below the peak that will be billed anyway pays nothing for it; one in a month that will end in the third block
    pays the third block's price. What belongs to the month of the horizon's start does not carry into the next one.
    y is continuous unless a solution imports and exports in one step.

    State by component: ``month_to_date_peak_kw:NAME``, ``past_peaks_kw:NAME:1`` …, ``month_to_date_kwh:NAME``; where a
    forecast says what the park's file does not, ``expected_peak_kw:NAME`` and ``expected_day_kwh:NAME``.
    """

    kind: Literal["grid_connection"] = "grid_connection"
    bus: str
    import_kw: Positive = Field(description="contracted or physical limit")
    export_kw: NonNegative = 0.0
    limits: tuple[ExchangeLimit, ...] = Field(default=(), description="tighter limits at certain hours")
    planned_outages: tuple[Event, ...] = Field(default=(), description="from when to when it is switched off")
    contracted_kva: NonNegative = Field(default=0.0, description="transformer capacity that is contracted")
    tariff: Tariff
    green_power: tuple[GreenPower, ...] = Field(default=(), description="contracts for green electricity")
    demand_response: tuple[DemandResponse, ...] = Field(default=(), description="reductions that are sold")
    awarded: tuple[Awarded, ...] = Field(default=(), description="net exchange that was sold to a market")
    month_to_date_peak_kw: NonNegative | dict[str, NonNegative] = Field(
        default=0.0, description="highest metered mean so far this month (day, year); by component if there are several"
    )
    expected_peak_kw: NonNegative | dict[str, NonNegative] = Field(
        default=0.0, description="peak expected of the rest of the month, or its target; by component likewise"
    )
    past_peaks_kw: tuple[NonNegative, ...] | dict[str, tuple[NonNegative, ...]] = Field(
        default=(), description="peaks of the months before this one, newest first, for a ratchet"
    )
    month_to_date_kwh: NonNegative | dict[str, NonNegative] = Field(
        default=0.0, description="imports so far this month; by component where blocks count something else"
    )
    expected_day_kwh: NonNegative | dict[str, NonNegative] = Field(
        default=0.0, description="imports expected of each day of the month after the horizon; by component likewise"
    )
    carbon_intensity_kg_per_kwh: Intensity = Field(default=0.0, description="of imported electricity, on average")
    marginal_intensity_kg_per_kwh: Intensity | None = Field(
        default=None, description="of one kWh more or less of it: what a change of the import does to the grid's plant"
    )
    clean_fraction: Fraction = Field(default=0.0, description="share of imports that counts as clean")
    carbon_free_fraction: Signal | None = Field(
        default=None, description="of imports, hour by hour, for carbon-free hours; default: clean_fraction"
    )

    is_network: ClassVar[bool] = True
    never_out: ClassVar[str] = "write planned_outages, which also say when the park is an island"
    rule_order: ClassVar[int] = 7

    @model_validator(mode="after")
    def _numbers_have_their_component(self) -> Self:
        peaks, counters = self.tariff.peak_names, self._counters
        agreements.require_names(self, ("month_to_date_peak_kw", "expected_peak_kw", "past_peaks_kw"), peaks, "demand")
        agreements.require_names(self, ("month_to_date_kwh", "expected_day_kwh"), counters, "energy")
        rebates = [c.name for c in self.tariff.components if c.rebate or c.basis == "capacity"]
        if rebates and not self.contracted_kva:
            raise ValueError(f"contracted_kva is missing: component '{rebates[0]}' of the tariff counts by it")
        return self

    @model_validator(mode="after")
    def _contracts_fit(self) -> Self:
        names = [*self.tariff.counter_names, *(c.name for c in self.green_power)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"'{twice[0]}' names two contracts or components: their energy is kept by name")
        least = sum(contract.least_share for contract in self.green_power)
        if least > 1:
            raise ValueError(f"share_min of all green_power adds up to {least:g}, more than the whole import")
        require_apart(self.demand_response)
        require_once(self.awarded)
        return self

    @property
    def _counters(self) -> tuple[str, ...]:
        return (*self.tariff.counter_names, *(contract.name for contract in self.green_power))

    @property
    def structure(self) -> tuple[object, ...]:
        """Bus, the tariff's shape, and how many contracts there are of which sort."""
        green = tuple(bool(contract.take_kwh_month) for contract in self.green_power)
        sold = bool(self.demand_response), bool(self.awarded)
        return (*super().structure, self.tariff.shape, green, *sold)

    def carried(self, state: Mapping[str, float] | None = None) -> Carried:
        """What is known of the month outside the horizon."""
        peaks, counters = self.tariff.peak_names, self._counters
        if len(peaks) > 1 and "month_to_date_peak_kw" in (state or {}):
            raise DataError(f"state of '{self.name}': one month_to_date_peak_kw cannot be that of {', '.join(peaks)}")
        bought = [c for c in self.tariff.components if c.counts_energy and c.direction == "import"]
        of_imports = [c.name for c in bought]
        of_month = [c.name for c in bought if c.basis != "tier" or c.per == "month"]
        return Carried(
            peak_kw=by_component(peaks, self.month_to_date_peak_kw, state, "month_to_date_peak_kw"),
            expected_peak_kw=by_component(peaks, self.expected_peak_kw, state, "expected_peak_kw"),
            past_peaks_kw=past_by_component(peaks, self.past_peaks_kw, state, "past_peaks_kw"),
            energy_kwh=by_component(counters, self.month_to_date_kwh, state, "month_to_date_kwh", of_month),
            expected_day_kwh=by_component(counters, self.expected_day_kwh, state, "expected_day_kwh", of_imports),
            contracted_kva=self.contracted_kva,
        )

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """(1, step) prices, limits, carbon intensity of imports, and what is agreed beside the tariff."""
        imported, exported = self.tariff.prices(horizon)
        days, there = self.tariff.days, available(self.planned_outages, horizon)
        what, free = f"carbon intensity of '{self.name}'", self._free(horizon)
        values = {
            "carbon_free_fraction": free,
            "import_price_per_kwh": imported,
            "export_price_per_kwh": exported,
            "carbon_intensity_kg_per_kwh": per_step(self.carbon_intensity_kg_per_kwh, horizon, what),
            # An infinite limit would count as a missing value: the connection's own is never the looser one.
            "import_limit_kw": there
            * np.minimum(limit(self.limits, "import", horizon, days, self.name), self.import_kw),
            "export_limit_kw": there
            * np.minimum(limit(self.limits, "export", horizon, days, self.name), self.export_kw),
        }
        if self.marginal_intensity_kg_per_kwh is not None:
            marginal = per_step(self.marginal_intensity_kg_per_kwh, horizon, f"marginal {what}")
            values["marginal_intensity_kg_per_kwh"] = marginal
        return {name: value[None, :] for name, value in values.items()}

    def _free(self, horizon: Horizon) -> Array:
        """(step,) carbon-free share of imports."""
        asked = self.clean_fraction if self.carbon_free_fraction is None else self.carbon_free_fraction
        share = per_step(asked, horizon, f"carbon_free_fraction of '{self.name}'")
        for step in np.flatnonzero(~((share >= 0) & (share <= 1)))[:1]:
            at = horizon.local_start[step].isoformat()
            raise DataError(f"carbon_free_fraction of '{self.name}' is {share[step]:g} at {at}; accepted: from 0 to 1")
        return share

    def worth(self, inputs: Inputs) -> Worth:
        """Its mean import price."""
        return Worth(bought={self.bus: float(inputs.series[self.name, "import_price_per_kwh"].mean())})

    @classmethod
    def ratings(cls, rows: Rows[GridConnection], horizon: Horizon) -> dict[str, Array]:
        """What does not count as clean, (row, step)."""
        if len({member.tariff.metering_minutes for member in rows.members}) > 1:
            raise DataError("the tariffs of one site's connections must share one metering_minutes")
        return {"unclean_fraction": full(rows, horizon, 1 - rows.field("clean_fraction"))}

    @classmethod
    def signals(cls, rows: Rows[GridConnection], inputs: Inputs) -> dict[str, Array]:
        """Prices and limits by step, periods with their masks, what is paid anyway, carbon per kW and step."""
        horizon, scenarios, members = inputs.horizon, rows.scenarios, rows.members
        width = model.peak_width(rows, horizon)
        terms = [member.tariff.periods(horizon, model.months(horizon), width) for member in members]
        carried = [member.carried(inputs.state.get(member.name)) for member in members]
        most, sold = (np.array([getattr(m, name) for m in members]) for name in ("import_kw", "export_kw"))
        peaks = model.peak_signals(terms, carried, most, scenarios)
        if "rebate_need_kwh" in peaks:
            peaks |= model.rebate_signals(horizon, peaks["rebate_need_kwh"], most, scenarios, width)
        return {
            "import_kw": rows.series(inputs, "import_limit_kw"),
            "export_kw": rows.series(inputs, "export_limit_kw"),
            "import_per_kw": horizon.hours * rows.series(inputs, "import_price_per_kwh"),
            "export_per_kw": horizon.hours * rows.series(inputs, "export_price_per_kwh"),
            "carbon_free_fraction": rows.series(inputs, "carbon_free_fraction"),
            "carbon_kg_per_kw": horizon.hours * rows.series(inputs, "carbon_intensity_kg_per_kwh"),
            **peaks,
            **model.tier_signals("import_", [t.import_tiers for t in terms], carried, most, horizon, scenarios),
            **model.tier_signals("export_", [t.export_tiers for t in terms], carried, sold, horizon, scenarios),
            **agreements.green_signals(rows, inputs, carried),
            **agreements.response_signals(rows, horizon),
            **agreements.awarded_signals(rows, horizon),
        }

    @classmethod
    def part(cls, rows: Rows[GridConnection], given: Given, mode: Mode) -> Part:
        """Import, export, the bill and the contracts beside it."""
        import cvxpy as cp

        shape = (rows.count, given.horizon.steps)
        imported, exported = cp.Variable(shape, nonneg=True), cp.Variable(shape, nonneg=True)
        switch = cp.Variable(shape, bounds=[0, 1])
        out = model.Billed(series={"import_kw": imported, "export_kw": exported, "switch": switch})
        agreed = {
            "import above its limit": imported <= cp.multiply(given["import_kw"], switch),
            "export above its limit": exported <= cp.multiply(given["export_kw"], 1 - switch),
        }
        agreed |= agreements.awarded_limits(given, imported - exported)
        out.constraints += agreed.values()
        components = [c for member in rows.members for c in member.tariff.components if c.basis == "tier"]
        metering, width = rows.members[0].tariff.metering(given.horizon), model.peak_width(rows, given.horizon)
        model.add_peaks(out, given, imported, metering, width)
        for prefix, flow in (("import_", imported), ("export_", exported)):
            convex = all(c.is_convex for c in components if prefix.startswith(c.direction))
            model.add_tiers(out, prefix, given, flow, convex=convex)
        money = cp.multiply(given["import_per_kw"], imported) - cp.multiply(given["export_per_kw"], exported)
        green = agreements.add_green(out, given, imported)
        return Part(
            ports={"electricity": Port(rows.bus(), imported - exported)},
            constraints=out.constraints,
            cost_step=money - green.saved + agreements.add_response(out, given, imported),
            cost_period=out.money,
            co2_step_kg=cp.multiply(given["carbon_kg_per_kw"], imported),
            supply_kw=imported - exported,
            unclean_kw=cp.multiply(given["unclean_fraction"], imported) - green.clean_kw,
            bought_kw=imported,
            contracted_kw=green.certified_kw,
            grid_free_kw=cp.multiply(given["carbon_free_fraction"], imported) - green.anyway_kw,
            room_up_kw=given["export_kw"] - exported + imported,
            room_down_kw=given["import_kw"] - imported + exported,
            series=out.series,
            inner=out.inner,
            exclusive=[Exclusive(switch, imported, exported)],
            relaxable=agreed,
        )

    @classmethod
    def check(cls, rows: Rows[GridConnection], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Limits, one direction at a time, peaks as high as every step they cover, deliveries, and what was sold."""
        imported, exported = series["import_kw"], series["export_kw"]
        names, both = rows.names, np.minimum(imported, exported)
        found = [
            *breaches(names, "import above its limit", imported, rows.series(given, "import_limit_kw"), "kW"),
            *breaches(names, "export above its limit", exported, rows.series(given, "export_limit_kw"), "kW"),
            *breaches(names, "negative exchange", -np.minimum(imported, exported), 0.0, "kW"),
            *breaches(names, "imports and exports at once", both, 0.0, "kW", 1e-2),
        ]
        if "peak_kw" in series:
            metering = rows.members[0].tariff.metering(given.horizon)
            reached = model.reached_kw(cls.signals(rows, given), imported, metering)
            found += mistakes(names, "billed peak below the highest import", reached, series["peak_kw"], "kW")
        found += agreements.check_awarded(rows, given.horizon, imported - exported)
        return [*found, *agreements.check_green(rows, given.horizon, series)]

    @classmethod
    def account(cls, rows: Rows[GridConnection], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Net import, what the plan adds to the bill, carbon of imports."""
        imported, exported, hours = series["import_kw"], series["export_kw"], given.horizon.hours
        # A clock keeps by name when a component applies: connections of one tariff and the same contracts share it.
        clocks = {_agreed(member): Clock(given.horizon, member.tariff.days) for member in rows.members}
        money = [added_by(rows, given, row, series, clocks).money for row in range(rows.count)]
        carbon = imported * rows.series(given, "carbon_intensity_kg_per_kwh") * hours
        certified = agreements.certified_kw(rows, series)
        unclean = imported - certified
        return Account(
            {"electricity": imported - exported},
            money=np.array(money),
            co2_kg=carbon,
            supply_kw=imported - exported,
            unclean_kw=unclean - unclean * rows.field("clean_fraction"),
            bought_kw=imported,
            contracted_kw=certified,
            grid_free_kw=unclean * rows.series(given, "carbon_free_fraction"),
        )

    @classmethod
    def rule(cls, rows: Rows[GridConnection], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Balances what is left, within its limits."""
        left = state.share(rows.bus(), rows.field("import_kw"))
        return cls._decided(rows, given, -left)

    @classmethod
    def settle(
        cls, rows: Rows[GridConnection], given: Inputs, state: Ruling, values: dict[str, Array]
    ) -> dict[str, Array]:
        """Takes up what others have changed: first less of the one direction, then more of the other."""
        left = state.share(rows.bus(), rows.field("import_kw"))
        net_kw = values["import_kw"] - values["export_kw"] - left
        return cls._decided(rows, given, np.minimum(net_kw, state.guards.get(cls, np.inf)))

    @classmethod
    def published(cls, rows: Rows[GridConnection], given: Inputs, series: Mapping[str, Array]) -> dict[str, Array]:
        """The highest import by step that raises no peak above those that the plan pays for."""
        if "peak_kw" not in series:
            return {}
        return {GUARD: model.unbilled_kw(cls.signals(rows, given), series["peak_kw"])}

    @classmethod
    def guard(cls, rows: Rows[GridConnection], given: Inputs, wanted: Mapping[str, Array]) -> Array | None:
        """As far as no peak rises above what is paid for: by the plan, or by what the month has seen since."""
        signals = cls.signals(rows, given)
        if not signals["demand_price"].any():
            return None
        own = model.unbilled_kw(signals, signals["reached_peak_kw"])
        return np.maximum(own, wanted.get(GUARD, own))

    @classmethod
    def _decided(cls, rows: Rows[GridConnection], given: Inputs, net_kw: Array) -> dict[str, Array]:
        """All decisions that follow from the net import [kW], as far as it is within the limits."""
        signals = cls.signals(rows, given)
        imported = np.clip(net_kw, 0, signals["import_kw"])
        exported = np.clip(-net_kw, 0, signals["export_kw"])
        return {
            "import_kw": imported,
            "export_kw": exported,
            "switch": (imported > 0).astype(float),
            **agreements.green_values(signals, imported),
        }

    @classmethod
    def complete(cls, rows: Rows[GridConnection], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """Peaks, blocks, rebates and shortfalls, which follow from the flows."""
        signals, imported = cls.signals(rows, given), values["import_kw"]
        metering, width = rows.members[0].tariff.metering(given.horizon), model.peak_width(rows, given.horizon)
        return {
            **values,
            **model.peak_values(signals, imported, metering, given.horizon, width),
            **model.tier_values(signals, "import_", imported),
            **model.tier_values(signals, "export_", values["export_kw"]),
            **agreements.green_blocks(signals, values),
            **agreements.response_values(signals, imported),
        }

    @classmethod
    def carry(
        cls, rows: Rows[GridConnection], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """Peaks and energy of the month that goes on, by component; a month that ends becomes the ratchet's newest."""
        out = {}
        for row, member in enumerate(rows.members):
            carried = member.carried(given.state.get(member.name))
            tariff, span = member.tariff, (given.horizon, steps)
            flows = {"import": series["import_kw"][row], "export": series["export_kw"][row]}
            known = handover.peak_state(tariff, *span, flows["import"], carried)
            for component in tariff.components:
                if component.counts_energy:
                    whole, flow = component.basis != "tier", flows[component.direction]
                    known |= handover.energy_state(component, tariff, *span, flow, carried, whole=whole)
            for number, contract in enumerate(member.green_power):
                flow = series[f"green_{number}_kw"][row]
                known |= handover.energy_state(contract.component, tariff, *span, flow, carried)
            out[member.name] = known
        return out


def _agreed(member: GridConnection) -> Hashable:
    return member.tariff, member.green_power, member.demand_response


def added_by(
    rows: Rows[GridConnection],
    given: Inputs,
    row: int,
    series: Mapping[str, Array],
    clocks: Mapping[Hashable, Clock] | None = None,
) -> Added:
    """What one row adds to the month's bill: shares nothing with ``Tariff.compile``."""
    member = rows.members[row % len(rows.members)]
    clock = Clock(given.horizon, member.tariff.days) if clocks is None else clocks[_agreed(member)]
    carried = member.carried(given.state.get(member.name))
    if member.name in fed.owners(given):
        member = fed.of_scenario(member, member.name, given, row // len(rows.members))
    green = {c.name: series[f"green_{n}_kw"][row] for n, c in enumerate(member.green_power)}
    return added(member, clock, (series["import_kw"][row], series["export_kw"][row]), green, carried)
