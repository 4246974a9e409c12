"""The point of common coupling."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import (
    Account,
    Asset,
    Exclusive,
    Given,
    Inputs,
    Mode,
    Part,
    Port,
    Rows,
    Ruling,
    Violation,
    breaches,
    full,
)
from dispatch.errors import DataError
from dispatch.frozen import Fraction, NonNegative, Positive
from dispatch.series import Signal, signal_values
from dispatch.signals import Array, Horizon
from dispatch.tariff import Component, Tariff

# A horizon up to this long touches at most two months; both get a slot, so that a rolling plan never recompiles.
_LONGEST_TWO_MONTH_SPAN_H = 28 * 24


class GridConnection(Asset):
    r"""Import i and export x with a tariff.

    Equations, with prices of the tariff by step and demand periods p (masks m_p over steps):

    .. math::
        i_t ≤ \bar I y_t, \quad x_t ≤ \bar X (1 - y_t), \quad k_p ≥ \overline{m_{p} i}, \quad k_p ≥ k^0_p \\
        cost = Σ_t Δt_t (π^{imp}_t i_t - π^{exp}_t x_t) + Σ_p π^{dem}_p (k_p - k^0_p)

    The bar is the mean over each metering interval of the tariff (a longer step is its own interval). k⁰ is the demand
    that the month will be billed for anyway: the larger of the month-to-date peak and the peak expected of its
    remainder. So a one-day plan pays only for what it adds to the month's peak. y is continuous unless a solution
    imports and exports in one step.

    A short plan changes nothing on a peak that has already been reached; ``month_to_date_peak_kw`` belongs to the month
    of the horizon's start and does not carry into the next one.
    """

    kind: Literal["grid_connection"] = "grid_connection"
    bus: str
    import_kw: Positive = Field(description="contracted or physical limit")
    export_kw: NonNegative = 0.0
    tariff: Tariff
    month_to_date_peak_kw: NonNegative = Field(
        default=0.0, description="highest mean import of a step so far this month"
    )
    expected_peak_kw: NonNegative = Field(
        default=0.0, description="peak expected of the rest of the month, or its target"
    )
    carbon_intensity_kg_per_kwh: Signal = Field(default=0.0, description="of imported electricity")
    clean_fraction: Fraction = Field(default=0.0, description="share of imports that counts as clean")

    is_network: ClassVar[bool] = True
    rule_order: ClassVar[int] = 7

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """Prices, demand periods and carbon intensity of imports, (1, step) or (1, period·step)."""
        short = horizon.edge_h[-1] <= _LONGEST_TWO_MONTH_SPAN_H
        terms = self.tariff.compile(horizon, months=2 if short else None)
        current = "{}-{:02d}".format(*horizon.month[0])
        intensity = signal_values(
            self.carbon_intensity_kg_per_kwh,
            horizon.local_start,
            horizon.local_end,
            f"carbon intensity of '{self.name}'",
        )
        values = {
            "import_price_per_kwh": terms.import_price,
            "export_price_per_kwh": terms.export_price,
            "demand_price_per_kw": terms.demand_price,
            "demand_mask": terms.demand_mask.ravel(),
            "demand_is_current": np.array([name.endswith(current) for name in terms.demand_name], float),
            "carbon_intensity_kg_per_kwh": np.array(intensity),
        }
        return {name: value[None, :] for name, value in values.items()}

    @property
    def structure(self) -> tuple[object, ...]:
        """Bus and metering interval."""
        return (*super().structure, self.tariff.metering_minutes)

    @model_validator(mode="after")
    def _one_peak_for_one_component(self) -> Self:
        demand = [c.name for c in self.tariff.components if c.basis == "demand"]
        if len(demand) > 1 and (self.month_to_date_peak_kw or self.expected_peak_kw):
            raise ValueError(
                f"one peak cannot be that of {len(demand)} demand components ({', '.join(demand)}): with several of "
                "them month_to_date_peak_kw and expected_peak_kw must be 0"
            )
        return self

    @classmethod
    def ratings(cls, rows: Rows[GridConnection], horizon: Horizon) -> dict[str, Array]:
        """Limits, (row, step)."""
        if len({member.tariff.metering_minutes for member in rows.members}) > 1:
            raise DataError("the tariffs of one site's connections must share one metering_minutes")
        return {
            "import_kw": full(rows, horizon, rows.field("import_kw")),
            "export_kw": full(rows, horizon, rows.field("export_kw")),
            "unclean_fraction": full(rows, horizon, 1 - rows.field("clean_fraction")),
        }

    @classmethod
    def signals(cls, rows: Rows[GridConnection], inputs: Inputs) -> dict[str, Array]:
        """Prices by step and by period, masks, the peak already paid, carbon per kW and step."""
        hours = inputs.horizon.hours
        demand_price = cls._by_period(rows, inputs, "demand_price_per_kw")
        periods = demand_price.shape[1]
        masks = cls._by_period(rows, inputs, "demand_mask").reshape(rows.count, periods, inputs.horizon.steps)
        return {
            "import_per_kw": hours * rows.series(inputs, "import_price_per_kwh"),
            "export_per_kw": hours * rows.series(inputs, "export_price_per_kwh"),
            "carbon_kg_per_kw": hours * rows.series(inputs, "carbon_intensity_kg_per_kwh"),
            "demand_price": demand_price,
            "paid_peak_kw": cls._paid_peak_kw(rows, inputs),
            **{f"mask_{p}": masks[:, p, :] for p in range(periods)},
        }

    @classmethod
    def _by_period(cls, rows: Rows[GridConnection], inputs: Inputs, name: str) -> Array:
        """(row, period) or (row, period·step) a series; who has fewer periods than others gets ones without a price."""
        blocks = [Rows((member,), rows.scenarios, rows.buses).series(inputs, name) for member in rows.members]
        most = max(block.shape[1] for block in blocks)
        padded = [np.pad(block, ((0, 0), (0, most - block.shape[1]))) for block in blocks]
        return np.stack(padded, axis=1).reshape(rows.count, most)

    @classmethod
    def _paid_peak_kw(cls, rows: Rows[GridConnection], inputs: Inputs) -> Array:
        """(row, period) demand billed in any case; only the month of the horizon's start carries a peak in."""
        carried = np.maximum(rows.state(inputs, "month_to_date_peak_kw"), rows.field("expected_peak_kw"))
        fresh = rows.field("expected_peak_kw")
        return np.where(cls._by_period(rows, inputs, "demand_is_current") > 0, carried, fresh)

    @classmethod
    def part(cls, rows: Rows[GridConnection], given: Given, mode: Mode) -> Part:
        """Import, export, peaks and the bill."""
        import cvxpy as cp

        shape = (rows.count, given.horizon.steps)
        imported, exported = cp.Variable(shape, nonneg=True), cp.Variable(shape, nonneg=True)
        switch = cp.Variable(shape, bounds=[0, 1])
        periods = given["demand_price"].shape[1]
        agreed = {
            "import above its limit": imported <= cp.multiply(given["import_kw"], switch),
            "export above its limit": exported <= cp.multiply(given["export_kw"], 1 - switch),
        }
        constraints, bill = list(agreed.values()), None
        series = {"import_kw": imported, "export_kw": exported, "switch": switch}
        if periods:
            peak = cp.Variable((rows.count, periods), nonneg=True)
            metering = rows.members[0].tariff.metering(given.horizon)
            intervals = np.ones((1, metering.shape[1]))
            constraints += [peak >= given["paid_peak_kw"]]
            for p in range(periods):  # billing periods, a handful
                masked = cp.multiply(given[f"mask_{p}"], imported)
                constraints.append(masked @ metering <= peak[:, p : p + 1] @ intervals)
            # Price times (peak − paid): the product of price and paid peak is combined as one variable's bound.
            added = cp.Variable((rows.count, periods), nonneg=True)
            constraints += [added >= peak - given["paid_peak_kw"]]
            bill = cp.multiply(given["demand_price"], added)
            series |= {"peak_kw": peak, "added_peak_kw": added}
        money = cp.multiply(given["import_per_kw"], imported) - cp.multiply(given["export_per_kw"], exported)
        return Part(
            ports={"electricity": Port(rows.bus(), imported - exported)},
            constraints=constraints,
            cost_step=money,
            cost_period=bill,
            co2_step_kg=cp.multiply(given["carbon_kg_per_kw"], imported),
            supply_kw=imported - exported,
            unclean_kw=cp.multiply(given["unclean_fraction"], imported),
            series=series,
            exclusive=[Exclusive(switch, imported, exported)],
            relaxable=agreed,
        )

    @classmethod
    def check(cls, rows: Rows[GridConnection], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Limits, one direction at a time, and peaks at least as high as every step they cover."""
        imported, exported = series["import_kw"], series["export_kw"]
        names, both = rows.names, np.minimum(imported, exported)
        found = [
            *breaches(names, "import above its limit", imported, rows.field("import_kw"), "kW"),
            *breaches(names, "export above its limit", exported, rows.field("export_kw"), "kW"),
            *breaches(names, "negative exchange", -np.minimum(imported, exported), 0.0, "kW"),
            *breaches(names, "imports and exports at once", both, 0.0, "kW", 1e-2),
        ]
        if "peak_kw" in series:
            periods = series["peak_kw"].shape[1]
            masks = cls._by_period(rows, given, "demand_mask").reshape(rows.count, periods, imported.shape[1])
            reached = ((masks * imported[:, None, :]) @ rows.members[0].tariff.metering(given.horizon)).max(axis=2)
            found += breaches(names, "billed peak below the highest import", reached, series["peak_kw"], "kW")
        return found

    @classmethod
    def account(cls, rows: Rows[GridConnection], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Net import, the bill read from the tariff's components one by one, carbon of imports."""
        imported, exported, hours = series["import_kw"], series["export_kw"], given.horizon.hours
        bills = [_bill(rows, given, row, imported[row], exported[row]) for row in range(rows.count)]
        carbon = (imported * rows.series(given, "carbon_intensity_kg_per_kwh")) @ hours
        return Account(
            {"electricity": imported - exported},
            money=np.array(bills),
            co2_kg=carbon,
            supply_kw=imported - exported,
            unclean_kw=imported - imported * rows.field("clean_fraction"),
        )

    @classmethod
    def rule(cls, rows: Rows[GridConnection], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Balances what is left, within its limits."""
        left = state.share(rows.bus(), rows.field("import_kw"))
        return cls._with_peaks(
            rows, given, np.clip(-left, 0, rows.field("import_kw")), np.clip(left, 0, rows.field("export_kw"))
        )

    @classmethod
    def settle(
        cls, rows: Rows[GridConnection], given: Inputs, state: Ruling, values: dict[str, Array]
    ) -> dict[str, Array]:
        """Takes up what others have changed: first less of the one direction, then more of the other."""
        left = state.share(rows.bus(), rows.field("import_kw"))
        net = values["import_kw"] - values["export_kw"] - left
        return cls._with_peaks(
            rows, given, np.clip(net, 0, rows.field("import_kw")), np.clip(-net, 0, rows.field("export_kw"))
        )

    @classmethod
    def carry(
        cls, rows: Rows[GridConnection], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """The month-to-date peak of the month in which the next window begins."""
        horizon = given.horizon
        ends = horizon.local_end[steps - 1]
        in_month = np.array([m == (ends.year, ends.month) for m in horizon.month]) & (np.arange(horizon.steps) < steps)
        metering = rows.members[0].tariff.metering(horizon)
        reached = ((series["import_kw"] * in_month) @ metering).max(axis=1)
        goes_on = horizon.month[0] == (ends.year, ends.month)
        before = rows.state(given, "month_to_date_peak_kw")[:, 0] if goes_on else np.zeros(rows.count)
        return {
            m.name: {"month_to_date_peak_kw": float(max(reached[r], before[r]))} for r, m in enumerate(rows.members)
        }

    @classmethod
    def _with_peaks(
        cls, rows: Rows[GridConnection], given: Inputs, imported: Array, exported: Array
    ) -> dict[str, Array]:
        """All decisions that follow from import and export."""
        signals = cls.signals(rows, given)
        shape = (rows.count, signals["demand_price"].shape[1], given.horizon.steps)
        masks = cls._by_period(rows, given, "demand_mask").reshape(shape)
        reached = ((masks * imported[:, None, :]) @ rows.members[0].tariff.metering(given.horizon)).max(axis=2)
        peaks = np.maximum(reached, signals["paid_peak_kw"])
        return {
            "import_kw": imported,
            "export_kw": exported,
            "switch": (imported > 0).astype(float),
            "peak_kw": peaks,
            "added_peak_kw": peaks - signals["paid_peak_kw"],
        }


def _bill(rows: Rows[GridConnection], given: Inputs, row: int, imported: Array, exported: Array) -> float:
    """(of one row) the tariff's components one by one; shares nothing with ``Tariff.compile``."""
    member = rows.members[row % len(rows.members)]
    to_date_kw = given.state.get(member.name, {}).get("month_to_date_peak_kw", member.month_to_date_peak_kw)
    return sum(_charge(c, member, to_date_kw, imported, exported, given.horizon) for c in member.tariff.components)


def _charge(
    component: Component, member: GridConnection, to_date_kw: float, imported: Array, exported: Array, horizon: Horizon
) -> float:
    """One component's money over the horizon, step by step."""
    holidays = frozenset(member.tariff.holidays)
    # Minute by minute on the clock, where the optimiser's prices ask the calendar for its changes.
    moments = [
        np.arange(s.timestamp(), s.timestamp() + h * 3600, 60)
        for s, h in zip(horizon.local_start, horizon.hours, strict=True)
    ]
    zone = horizon.local_start[0].tzinfo
    applies = [
        sum(component.applies(datetime.fromtimestamp(m, zone), holidays) for m in minutes) / len(minutes)
        for minutes in moments
    ]
    if component.basis == "energy":
        power, sign = (imported, 1.0) if component.direction == "import" else (exported, -1.0)
        energy = sum(p * h * a for p, h, a in zip(power, horizon.hours, applies, strict=True))
        return sign * float(energy) * (component.price_per_kwh or 0.0)
    charge, span = 0.0, timedelta(minutes=member.tariff.metering_minutes)
    steps = list(zip(imported, horizon.hours, horizon.local_start, horizon.month, applies, strict=True))
    for month in sorted(set(horizon.month)):
        seen: dict[float, float] = defaultdict(float)
        lasting: dict[float, float] = defaultdict(float)
        for power, hours, start, m, counts in steps:
            # A step at least as long as the metering interval is one; shorter ones share the interval they lie in.
            clock = (
                start.timestamp() if hours * 3600 >= span.total_seconds() else start.timestamp() // span.total_seconds()
            )
            if m == month:
                seen[clock] += power * hours * counts
                lasting[clock] += hours
        highest = max((seen[c] / lasting[c] for c in seen), default=0.0)
        paid = max(member.expected_peak_kw, to_date_kw if month == horizon.month[0] else 0.0)
        charge += max(highest - paid, 0.0) * (component.price_per_kw_month or 0.0)
    return charge
