"""Survival of an outage: critical load that the site must be able to serve on its own, at any time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Asset, Carrier, Given, Inputs, Mode, Rows
from dispatch.errors import DataError
from dispatch.fields.frozen import Fraction, NonNegative, Positive
from dispatch.fields.series import Signal, signal_values
from dispatch.part import Account, Part, Survival, Violation, breaches
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.units.island import Pairs

_LACKING_KWH = 0.05


class Outage(Asset):
    r"""The grid connection may be lost at the start of any step k, and the site must then serve n for H hours.

    .. math::
        n_{kj} = (α Σ_{loads} l_j + L_j - β Σ_{weather} a_j)^+, \quad 0 ≤ u_{kj} ≤ n_{kj}, \quad
        Σ_j h_{kj} u_{kj} ≤ m_k, \quad 0 ≤ b_k ≤ B

    with α = ``critical_share``, L = ``critical_kw``, β = ``generation_share``. Batteries and thermal units of the
    site (whatever offers a backup) serve n - u, above a black-start reserve of B - b in one of the stores
    (:mod:`dispatch.units.island`). What would lack (m) and what the reserve lacks (b) cost
    ``penalty_per_kwh`` for every hour that they stand so, in the objective and never in the reported money; a plan with
    any of it says so.
    """

    kind: Literal["outage"] = "outage"
    survival_h: Positive = Field(le=168, description="how long the critical load must be served without the grid")
    loads: tuple[str, ...] = Field(default=(), description="electric loads that are critical")
    critical_share: Fraction = Field(default=1.0, description="of these loads")
    critical_kw: Signal = Field(default=0.0, description="critical load beside them")
    generation: tuple[str, ...] = Field(default=(), description="wind and PV that are counted on")
    generation_share: Fraction = Field(default=0.5, description="of what they are expected to give")
    black_start_store: str | None = Field(default=None, description="battery that keeps the black-start reserve")
    black_start_kwh: NonNegative = Field(default=0.0, description="content that it keeps above its minimum")
    black_start_kw: NonNegative = Field(default=0.0, description="power that it keeps back in an outage")
    penalty_per_kwh: NonNegative = Field(default=100.0, description="of a kWh that would lack, for an hour")

    never_out: ClassVar[str] = "it asks what the park survives, and is no plant"

    bus_fields: ClassVar[Mapping[str, Carrier | None]] = {}

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.loads and self.critical_kw == 0:
            raise ValueError("nothing is critical: name loads, or give critical_kw")
        if isinstance(self.critical_kw, float) and self.critical_kw < 0:
            raise ValueError(f"critical_kw {self.critical_kw:g} is negative: give 0 or more")
        if self.black_start_store is None and (self.black_start_kwh or self.black_start_kw):
            raise ValueError("black_start_store is missing: which battery keeps the black-start reserve")
        return self

    @property
    def structure(self) -> tuple[object, ...]:
        """Survival time, and which store keeps the reserve."""
        return (self.survival_h, self.black_start_store)

    @property
    def asks_outage_h(self) -> float:
        """Its survival time [h]."""
        return self.survival_h

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """Critical load beside that of the loads."""
        values = signal_values(
            self.critical_kw, horizon.local_start, horizon.local_end, f"critical load of '{self.name}'"
        )
        if min(values) < 0:
            raise DataError(f"critical load of '{self.name}' is negative ({min(values):g} kW): give 0 or more")
        return {"critical_kw": np.array(values)[None, :]}

    @classmethod
    def ratings(cls, rows: Rows[Outage], horizon: Horizon) -> dict[str, Array]:
        """The reserve, (row, step) and (row, pair), and the price of what lacks for a step."""
        pairs = np.ones((1, Pairs(horizon, rows.outage_h).start.size))
        return {
            "black_start_kwh": rows.field("black_start_kwh") * np.ones((1, horizon.steps)),
            "black_start_kw": rows.field("black_start_kw") * pairs,
            "lacking_per_kwh": rows.field("penalty_per_kwh") * horizon.hours,
        }

    @classmethod
    def signals(cls, rows: Rows[Outage], inputs: Inputs) -> dict[str, Array]:
        """(row, pair) what the weather leaves of the critical load."""
        return {"need_kw": _need_kw(rows, inputs)}

    @classmethod
    def part(cls, rows: Rows[Outage], given: Given, mode: Mode) -> Part:
        """What lacks in each outage, and the reserve; what serves the rest is the site's to say."""
        import cvxpy as cp

        pairs, shape = Pairs(given.horizon, rows.outage_h), (rows.count, given.horizon.steps)
        unserved = cp.Variable((rows.count, pairs.start.size), nonneg=True)
        lacking, short = cp.Variable(shape, nonneg=True), cp.Variable(shape, nonneg=True)
        return Part(
            ports={},
            constraints=[
                unserved <= given["need_kw"],
                unserved @ pairs.sums(pairs.hours) <= lacking,
                short <= given["black_start_kwh"],
            ],
            penalty_step=cp.multiply(given["lacking_per_kwh"], lacking + short),
            survival=Survival(
                given["need_kw"],
                given["black_start_kwh"] - short,
                given["black_start_kw"],
                tuple(member.black_start_store for member in rows.members),
                unserved_kw=unserved,
            ),
            series={"unserved_kwh": lacking, "black_start_short_kwh": short},
            inner={"unserved_kw": unserved},
        )

    @classmethod
    def check(cls, rows: Rows[Outage], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """What is said to lack is neither negative nor more than what is asked; the audit holds the site to it."""
        pairs = Pairs(given.horizon, rows.outage_h)
        lacking, short = series["unserved_kwh"], series["black_start_short_kwh"]
        most = _need_kw(rows, given) @ pairs.sums(pairs.hours)
        return [
            *breaches(rows.names, "negative lack", -np.minimum(lacking, short), 0.0, "kWh"),
            *breaches(rows.names, "more lacks than the critical load", lacking, most, "kWh"),
            *breaches(rows.names, "more lacks than the reserve", short, rows.field("black_start_kwh"), "kWh"),
        ]

    @classmethod
    def account(cls, rows: Rows[Outage], given: Inputs, series: Mapping[str, Array]) -> Account:
        """The price of what lacks, and what is asked of the site."""
        lacking, short = series["unserved_kwh"], series["black_start_short_kwh"]
        pairs = Pairs(given.horizon, rows.outage_h)
        kept = np.broadcast_to(rows.field("black_start_kw"), (rows.count, pairs.start.size))
        return Account(
            {},
            penalty=((lacking + short) @ given.horizon.hours) * rows.field("penalty_per_kwh")[:, 0],
            survival=Survival(
                _need_kw(rows, given),
                rows.field("black_start_kwh") - short,
                kept,
                tuple(member.black_start_store for member in rows.members),
                unserved_kwh=lacking,
            ),
        )

    @classmethod
    def passed(cls, rows: Rows[Outage], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Outages that the site would not survive, and a black-start reserve that is not there."""
        lacking, short = series["unserved_kwh"], series["black_start_short_kwh"]
        return [
            *breaches(rows.names, "an outage would not be survived", lacking, _LACKING_KWH, "kWh", 0.0),
            *breaches(rows.names, "black-start reserve is not kept", short, _LACKING_KWH, "kWh", 0.0),
        ]

    @classmethod
    def rule(cls, rows: Rows[Outage], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Without a plan nothing is kept for an outage on purpose, so all of it counts as lacking."""
        pairs = Pairs(given.horizon, rows.outage_h)
        return {
            "unserved_kwh": _need_kw(rows, given) @ pairs.sums(pairs.hours),
            "black_start_short_kwh": rows.field("black_start_kwh") * np.ones((1, given.horizon.steps)),
        }

    @classmethod
    def complete(cls, rows: Rows[Outage], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """What lacks in each step of an outage: its share of what lacks in all of it."""
        pairs = Pairs(given.horizon, rows.outage_h)
        need = _need_kw(rows, given)
        whole = need @ pairs.sums(pairs.hours)
        share = np.divide(values["unserved_kwh"], whole, out=np.zeros_like(whole), where=whole > 0)
        return values | {"unserved_kw": need * (share @ pairs.picks)}


def _need_kw(rows: Rows[Outage], inputs: Inputs) -> Array:
    """(row, pair) critical load in each step of each outage, less the weather's part; nothing beyond survival_h."""
    pairs, shape = Pairs(inputs.horizon, rows.outage_h), (rows.scenarios, inputs.horizon.steps)
    out = np.empty((rows.scenarios, len(rows.members), pairs.start.size))
    for place, member in enumerate(rows.members):
        load = sum((_series(inputs, member, name, "demand_kw") for name in member.loads), np.zeros(shape))
        given = sum((_series(inputs, member, name, "available_kw") for name in member.generation), np.zeros(shape))
        known = inputs.series[member.name, "critical_kw"]
        need = np.maximum(member.critical_share * load + known - member.generation_share * given, 0)
        out[:, place] = need[:, pairs.step] * (pairs.after_h < member.survival_h - 1e-9)
    return out.reshape(rows.count, -1)


def _series(inputs: Inputs, member: Outage, name: str, quantity: str) -> Array:
    if (name, quantity) not in inputs.series:
        there = sorted(asset for asset, what in inputs.series if what == quantity)
        raise DataError(f"outage '{member.name}': '{name}' has no {quantity}; there are {', '.join(there) or 'none'}")
    return np.asarray(inputs.series[name, quantity], float)
