"""A plant on a line of its own to the site (绿电直连), with what its rule asks of own use and supply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Asset, Given, Inputs, Mode, Rows, full
from dispatch.errors import DataError
from dispatch.fields.frozen import Finite, Fraction, NonNegative, Positive
from dispatch.fields.series import History, Need
from dispatch.part import Account, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.units.photovoltaics import Modules

_SUPPLY_SHARE, _SUPPLY_SHARE_FROM_2030 = 0.30, 0.35
RULES = ("own use", "supply", "export")


class DirectLine(Modules, Asset):
    r"""Generation split into own use u, delivered to the site, and export x through a connection of the plant's own.

    .. math::
        u_t + x_t ≤ A_t, \quad x_t ≤ \bar X, \quad cost = Σ_t Δt_t (π u_t - π^{exp} x_t) \\
        s_1 ≥ a (A^0 + ΣΔt A_t) - (U^0 + ΣΔt u_t) \\
        s_2 ≥ b (C^0 + ΣΔt C_t) - (U^0 + ΣΔt u_t) \\
        s_3 ≥ (X^0 + ΣΔt x_t) - c (A^0 + ΣΔt A_t)

    with what is available A, the consumption C of ``loads`` and sums of the year so far (⁰). Own use of at least
    a of what is available, supply of at least b of what is consumed and export of at most c are wishes: a kWh short
    costs ``penalty_per_kwh`` in the objective, never in the reported money, and is reported. A horizon is charged with
    what it adds to the year's shortfall, and credited with what it makes up: days then add up to the year.

    Source: 60 %, 30 % (35 % from 2030) and 20 % as in 发改能源 [2025] 650号 on direct green power.
    """

    kind: Literal["direct_line"] = "direct_line"
    bus: str
    technology: Literal["wind", "pv"] = Field(description="what its forecast is learned as")
    rated_kw: Positive = Field(description="of PV the peak power of its modules")
    history: History | None = Field(default=None, description="measured generation")
    price_per_kwh: NonNegative = Field(default=0.0, description="what the site pays for own use")
    export_kw: NonNegative = Field(default=0.0, description="limit of the plant's own connection to the grid")
    export_price_per_kwh: Finite = Field(default=0.0, description="what the plant earns for its export")
    loads: tuple[str, ...] = Field(min_length=1, description="names of the loads that it supplies")
    own_use_share_min: Fraction = Field(default=0.6, description="own use over what is available")
    supply_share_min: Fraction | None = Field(
        default=None, description="own use over the consumption of the loads; default: 0.30, from 2030 on 0.35"
    )
    export_share_max: Fraction = Field(default=0.2, description="export over what is available")
    penalty_per_kwh: NonNegative = Field(default=1.0, description="price of a kWh short of a share")
    to_date_available_kwh: NonNegative = Field(default=0.0, description="available this year so far")
    to_date_own_use_kwh: NonNegative = Field(default=0.0, description="own use this year so far")
    to_date_export_kwh: NonNegative = Field(default=0.0, description="export this year so far")
    to_date_consumed_kwh: NonNegative = Field(default=0.0, description="consumption of the loads this year so far")

    rule_order: ClassVar[int] = 1
    relieves: ClassVar[bool] = True
    counts_on: ClassVar[bool] = True

    @model_validator(mode="after")
    def _only_pv_has_modules(self) -> Self:
        if self.technology != "pv" and (said := self.said_of_modules()):
            raise ValueError(f"{' and '.join(said)} are of PV: leave out with technology {self.technology}")
        return self

    @property
    def needs(self) -> tuple[Need, ...]:
        """Available power, from its history; that of PV from weather too."""
        most, physics = self.forecast_terms(self.rated_kw) if self.technology == "pv" else (self.rated_kw, {})
        return (Need("available_kw", self.technology, most, self.history, physics),)

    @classmethod
    def ratings(cls, rows: Rows[DirectLine], horizon: Horizon) -> dict[str, Array]:
        """Limit of export, money per kW and step, penalty."""
        return {
            "export_kw": full(rows, horizon, rows.field("export_kw")),
            "price_per_kw": rows.field("price_per_kwh") * horizon.hours,
            "earned_per_kw": rows.field("export_price_per_kwh") * horizon.hours,
            "penalty": np.tile(rows.field("penalty_per_kwh"), (1, len(RULES))),
        }

    @classmethod
    def signals(cls, rows: Rows[DirectLine], inputs: Inputs) -> dict[str, Array]:
        """Available power, and (row, rule) energy that own use or export is held against."""
        available = inputs.horizon.require("available_kw", rows.series(inputs, "available_kw"))
        offered = rows.state(inputs, "to_date_available_kwh")[:, 0] + available @ inputs.horizon.hours
        consumed = rows.state(inputs, "to_date_consumed_kwh")[:, 0] + _consumed_kw(rows, inputs) @ inputs.horizon.hours
        own, sold = (rows.state(inputs, f"to_date_{name}_kwh")[:, 0] for name in ("own_use", "export"))
        wanted = [
            rows.field("own_use_share_min")[:, 0] * offered - own,
            rows.field("supply_share_min", supply_share_of_rule(inputs.horizon))[:, 0] * consumed - own,
            sold - rows.field("export_share_max")[:, 0] * offered,
        ]
        charged = _short_before(rows, inputs) * rows.field("penalty_per_kwh")
        return {"available_kw": available, "wanted_kwh": np.stack(wanted, axis=1), "charged_before": charged}

    @classmethod
    def part(cls, rows: Rows[DirectLine], given: Given, mode: Mode) -> Part:
        """Own use and export, and what they are short of the rules."""
        import cvxpy as cp

        shape = (rows.count, given.horizon.steps)
        own, sold = cp.Variable(shape, nonneg=True), cp.Variable(shape, nonneg=True)
        short = cp.Variable((rows.count, len(RULES)), nonneg=True)
        hours = given.horizon.hours[:, None]
        counted = own @ (hours * [[-1.0, -1.0, 0.0]]) + sold @ (hours * [[0.0, 0.0, 1.0]])
        return Part(
            ports={"electricity": Port(rows.bus(), own)},
            constraints=[
                own + sold <= given["available_kw"],
                sold <= given["export_kw"],
                short >= given["wanted_kwh"] + counted,
            ],
            cost_step=cp.multiply(given["price_per_kw"], own) - cp.multiply(given["earned_per_kw"], sold),
            penalty_step=cp.multiply(given["penalty"], short) - given["charged_before"],
            supply_kw=own,
            series={"own_use_kw": own, "sold_kw": sold, "short_kwh": short},
        )

    @classmethod
    def check(cls, rows: Rows[DirectLine], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """No more than is available, export within its limit, and no share missed further than it says."""
        own, sold, names = series["own_use_kw"], series["sold_kw"], rows.names
        available = rows.series(given, "available_kw")
        lacking = _short(rows, given, series)
        said = series.get("short_kwh", lacking)  # of a plan; what was done says it by its flows alone
        return [
            *breaches(names, "delivers more than is available", own + sold, available, "kW"),
            *breaches(names, "exports more than its connection takes", sold, rows.field("export_kw"), "kW"),
            *breaches(names, "negative delivery", -np.minimum(own, sold), 0.0, "kW"),
            *mistakes(names, "further from a share than stated", lacking, said, "kWh"),
        ]

    @classmethod
    def account(cls, rows: Rows[DirectLine], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Own use is paid and clean, export earns, what a missed share is missed further is a broken wish."""
        own, sold, hours = series["own_use_kw"], series["sold_kw"], given.horizon.hours
        paid = (own @ hours) * rows.field("price_per_kwh")[:, 0]
        earned = (sold @ hours) * rows.field("export_price_per_kwh")[:, 0]
        added = _short(rows, given, series) - _short_before(rows, given)
        penalty = added.sum(axis=1) * rows.field("penalty_per_kwh")[:, 0]
        return Account({"electricity": own}, money=paid - earned, penalty=penalty, supply_kw=own)

    @classmethod
    def complete(cls, rows: Rows[DirectLine], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """How far from each share it ends."""
        return {"short_kwh": _short(rows, given, values), **values}

    @classmethod
    def rule(cls, rows: Rows[DirectLine], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Delivers all it can to the site."""
        own = rows.series(given, "available_kw")
        return _with_short(rows, given, own, np.zeros_like(own))

    @classmethod
    def follow(cls, rows: Rows[DirectLine], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array] | None:
        """Sells what a plan sells, as far as own use leaves it; the site has all else. None where no plan says."""
        if "sold_kw" not in wanted:
            return None
        available = rows.series(given, "available_kw")
        kept = np.maximum(available - wanted["own_use_kw"], 0)
        sold = np.minimum(np.clip(wanted["sold_kw"], 0, rows.field("export_kw")), kept)
        return _with_short(rows, given, available - sold, sold)

    @classmethod
    def settle(cls, rows: Rows[DirectLine], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Exports what the site cannot take, and curtails the rest; what it sells the site has where it lacks."""
        available, had = rows.series(given, "available_kw"), values["own_use_kw"]
        surplus = np.clip(state.share(rows.bus(), had), 0, had)
        unsold = np.maximum(available - had, 0)
        lacking = np.clip(-state.share(rows.bus(), unsold), 0, unsold)
        own = had - surplus + lacking
        return _with_short(rows, given, own, np.minimum(available - own, rows.field("export_kw")))

    @classmethod
    def carry(
        cls, rows: Rows[DirectLine], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """Sums of the year that goes on."""
        horizon, out = given.horizon, {}
        now = horizon.local_end[steps - 1].year
        hours = horizon.hours[:steps] * np.array([start.year == now for start in horizon.local_start[:steps]], float)
        flows = {
            "to_date_available_kwh": rows.series(given, "available_kw"),
            "to_date_own_use_kwh": series["own_use_kw"],
            "to_date_export_kwh": series["sold_kw"],
            "to_date_consumed_kwh": _consumed_kw(rows, given),
        }
        for row, member in enumerate(rows.members):
            before = (
                given.state.get(member.name, {}) if now == horizon.local_start[0].year else dict.fromkeys(flows, 0.0)
            )
            out[member.name] = {
                name: before.get(name, getattr(member, name)) + float(flow[row, :steps] @ hours)
                for name, flow in flows.items()
            }
        return out


def supply_share_of_rule(horizon: Horizon) -> float:
    """What the rule asks of supply in the year in which the horizon begins."""
    return _SUPPLY_SHARE_FROM_2030 if horizon.local_start[0].year >= 2030 else _SUPPLY_SHARE


def _consumed_kw(rows: Rows[DirectLine], given: Inputs) -> Array:
    """(row, step) demand of the loads that a member supplies.

    Raises:
        DataError: there is no load of a name.
    """
    blocks = []
    for member in rows.members:
        total = np.zeros((rows.scenarios, given.horizon.steps))
        for name in member.loads:
            if (name, "demand_kw") not in given.series:
                known = sorted(asset for asset, what in given.series if what == "demand_kw")
                raise DataError(f"'{member.name}' supplies '{name}', which is no load; loads are {', '.join(known)}")
            total = total + given.series[name, "demand_kw"]
        blocks.append(total)
    return np.stack(blocks, axis=1).reshape(rows.count, given.horizon.steps)


def _short(rows: Rows[DirectLine], given: Inputs, series: Mapping[str, Array]) -> Array:
    """(row, rule) how far the sums of the year are from each share [kWh], rule by rule as the rules say it."""
    hours, state = given.horizon.hours, rows.state
    own = state(given, "to_date_own_use_kwh")[:, 0] + series["own_use_kw"] @ hours
    sold = state(given, "to_date_export_kwh")[:, 0] + series["sold_kw"] @ hours
    offered = state(given, "to_date_available_kwh")[:, 0] + rows.series(given, "available_kw") @ hours
    used = state(given, "to_date_consumed_kwh")[:, 0] + _consumed_kw(rows, given) @ hours
    gaps = [
        offered * rows.field("own_use_share_min")[:, 0] - own,
        used * rows.field("supply_share_min", supply_share_of_rule(given.horizon))[:, 0] - own,
        sold - offered * rows.field("export_share_max")[:, 0],
    ]
    return np.maximum(np.stack(gaps, axis=1), 0.0)


def _short_before(rows: Rows[DirectLine], given: Inputs) -> Array:
    """(row, rule) how far the year was from each share when the horizon began [kWh]."""
    available, own, sold, consumed = (
        rows.state(given, f"to_date_{name}_kwh") for name in ("available", "own_use", "export", "consumed")
    )
    supply_share = rows.field("supply_share_min", supply_share_of_rule(given.horizon))
    gaps = [
        rows.field("own_use_share_min") * available - own,
        supply_share * consumed - own,
        sold - rows.field("export_share_max") * available,
    ]
    return np.maximum(np.hstack(gaps), 0.0)


def _with_short(rows: Rows[DirectLine], given: Inputs, own: Array, sold: Array) -> dict[str, Array]:
    flows = {"own_use_kw": own, "sold_kw": sold}
    return {**flows, "short_kwh": _short(rows, given, flows)}
