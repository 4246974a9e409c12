"""Thermal units that burn ammonia beside their fuel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Carriers, Given, Inputs, Mode, Rows, full
from dispatch.fields.frozen import Fraction
from dispatch.part import Account, Part, Port, Violation, breaches
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.units.fired import Fired
from dispatch.worth import Activity, Worth

_SOME_KW = 1e-3


class CoFiring(Fired):
    r"""A unit on a fuel bus and an ammonia bus: of its fuel H, by lower heating value, a share is ammonia A [kW].

    .. math:: H_t = P_t / η, \quad a H_t ≤ A_t ≤ a' H_t, \quad F_t = H_t - A_t

    Electricity out of ammonia, η A, counts as clean supply where the ammonia is made from renewables
    (``ammonia_clean``); it carries no carbon of its own. Shares of 10 to 35 % have been shown in coal units.
    """

    kind: Literal["co_firing"] = "co_firing"
    ammonia_bus: str
    ammonia_share_min: Fraction = 0.0
    ammonia_share_max: Fraction = 0.35
    ammonia_clean: bool = Field(default=True, description="electricity out of ammonia counts as clean supply")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {
        "bus": "electricity",
        "fuel_bus": ("fuel", "gas"),
        "ammonia_bus": "ammonia",
    }

    @model_validator(mode="after")
    def _shares_are_in_order(self) -> Self:
        if self.ammonia_share_min > self.ammonia_share_max:
            found = f"ammonia_share_min {self.ammonia_share_min:g} is above ammonia_share_max"
            raise ValueError(f"{found} {self.ammonia_share_max:g}")
        return self

    def worth(self, inputs: Inputs) -> Worth:
        """Its power, and the fuel that ammonia saves."""
        fired = super().worth(inputs)
        if self.ammonia_share_max <= 0:
            return fired
        return Worth((*fired.activities, Activity({self.ammonia_bus: 1.0}, {self.fuel_bus: 1.0}, makes=False)))

    @classmethod
    def ratings(cls, rows: Rows[CoFiring], horizon: Horizon) -> dict[str, Array]:
        """Those of the load; ammonia per load at least and at most; clean electricity per ammonia, (row, step)."""
        efficiency, own = rows.field("efficiency"), super().ratings(rows, horizon)
        more = {
            "least_ammonia": rows.field("ammonia_share_min") / efficiency,
            "most_ammonia": rows.field("ammonia_share_max") / efficiency,
            "clean_per_ammonia": (1 - rows.field("clean")) * rows.field("ammonia_clean") * efficiency,
        }
        return own | {name: full(rows, horizon, value) for name, value in more.items()}

    @classmethod
    def part(cls, rows: Rows[CoFiring], given: Given, mode: Mode) -> Part:
        """The blend on top of the load."""
        import cvxpy as cp

        made = super().part(rows, given, mode)
        load = made.series["load_kw"]
        ammonia = cp.Variable(load.shape, nonneg=True)
        fuel = made.series["fuel_kw"] - ammonia
        return replace(
            made,
            ports={
                "electricity": Port(rows.bus(), load),
                "fuel": Port(rows.bus("fuel_bus"), -fuel),
                "ammonia": Port(rows.bus("ammonia_bus"), -ammonia),
            },
            constraints=[
                *made.constraints,
                ammonia >= cp.multiply(given["least_ammonia"], load),
                ammonia <= cp.multiply(given["most_ammonia"], load),
            ],
            of_fuel=True,
            supply_kw=load,
            unclean_kw=cp.multiply(given["unclean"], load) - cp.multiply(given["clean_per_ammonia"], ammonia),
            series={"power_kw": 1.0 * load, **made.series, "ammonia_kw": ammonia},
        )

    @classmethod
    def check(cls, rows: Rows[CoFiring], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Those of the load, and the ammonia's share of all fuel."""
        ammonia, total, names = series["ammonia_kw"], series["fuel_kw"], rows.names
        least, most = (rows.field(f"ammonia_share_{x}") * total for x in ("min", "max"))
        return [
            *super().check(rows, given, series),
            *breaches(names, "less ammonia than its least share", least, ammonia, "kW"),
            *breaches(names, "more ammonia than its largest share", ammonia, most, "kW"),
        ]

    @classmethod
    def account(cls, rows: Rows[CoFiring], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Electricity, both fuels, upkeep and starts; clean by the ammonia's share of the fuel."""
        total, money = cls.spent(rows, given, series)
        load, ammonia = series["load_kw"], series["ammonia_kw"]
        share = np.divide(ammonia, total, out=np.zeros_like(load), where=total > 1e-9)
        unclean = load * (1 - share * rows.field("ammonia_clean")) * (1 - rows.field("clean"))
        return Account(
            {"electricity": load, "fuel": ammonia - total, "ammonia": -ammonia},
            at={"fuel": "fuel_bus", "ammonia": "ammonia_bus"},
            money=money,
            of_fuel=True,
            supply_kw=load,
            unclean_kw=unclean,
            reserve_up_kw=series.get("reserve_up_kw", 0.0),
            reserve_down_kw=series.get("reserve_down_kw", 0.0),
        )

    @classmethod
    def told(cls, rows: Rows[CoFiring], given: Inputs, series: Mapping[str, Array]) -> list[str]:
        """Ammonia's share of the fuel: of the horizon, and from its least to its most."""
        out, hours = super().told(rows, given, series), given.horizon.hours
        for row, member in enumerate(rows.members):
            ammonia, fuel = series["ammonia_kw"][row], series["fuel_kw"][row]
            burns = fuel > _SOME_KW
            if burns.any():
                share, each = (ammonia @ hours) / (fuel @ hours), ammonia[burns] / fuel[burns]
                text = f"ammonia is {share:.1%} of the fuel, from {each.min():.1%} to {each.max():.1%}"
                out.append(f"{member.name}: {text}")
        return out

    @classmethod
    def rule(cls, rows: Rows[CoFiring], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Stays off, or as low as it may be, until power lacks; burns the least ammonia."""
        return cls._blended(rows, given, np.zeros((rows.count, given.horizon.steps)))

    @classmethod
    def follow(cls, rows: Rows[CoFiring], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array] | None:
        """The load wanted, with the ammonia wanted as far as its share allows."""
        nothing = np.zeros((rows.count, given.horizon.steps))
        return cls._blended(rows, given, wanted.get("load_kw", nothing), wanted.get("ammonia_kw", nothing))

    @classmethod
    def settle(cls, rows: Rows[CoFiring], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Runs where power lacks that nobody else can give, gives less where it is left over or a fuel lacks."""
        rating, efficiency = full(rows, given.horizon, rows.field("max_kw")), rows.field("efficiency")
        load = values["load_kw"] - state.apportioned(rows.bus(), values["load_kw"], rating)
        ammonia = values["ammonia_kw"]
        least = rows.field("ammonia_share_min")
        lacking = np.maximum(-state.share(rows.bus("ammonia_bus"), ammonia + 1e-9), 0)
        short = np.maximum(-state.share(rows.bus("fuel_bus"), values["load_kw"]), 0)
        ammonia = np.maximum(ammonia - lacking, 0)
        most = np.where((lacking > 0) & (least > 0), ammonia / np.maximum(least, 1e-9) * efficiency, np.inf)
        most = np.minimum(most, np.where(short > 0, values["load_kw"] - short * efficiency, np.inf))
        return cls._blended(rows, given, np.clip(load, 0, np.maximum(most, 0)), ammonia)

    @classmethod
    def _blended(
        cls, rows: Rows[CoFiring], given: Inputs, load: Array, ammonia: Array | float = 0.0
    ) -> dict[str, Array]:
        made = cls.at_load(rows, given, load)
        total = made["load_kw"] / rows.field("efficiency")
        least, most = (rows.field(f"ammonia_share_{x}") * total for x in ("min", "max"))
        return {**made, "ammonia_kw": np.clip(ammonia, least, most)}
