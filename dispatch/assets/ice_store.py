"""Ice stores with the chiller that freezes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Carriers, Given, Inputs, Mode, Rows, full
from dispatch.errors import DataError
from dispatch.fields.frozen import Efficiency, Finite, Fraction, NonNegative, Positive
from dispatch.fields.series import Signal, per_step
from dispatch.part import Account, Exclusive, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.stores.limits import LimitPoint
from dispatch.stores.stock import Storage
from dispatch.worth import Activity, Worth


class IceStore(Storage):
    r"""A tank of ice frozen by its own chiller, which chills as well while it does not freeze.

    The stock is that of :class:`~dispatch.stores.stock.Storage`, with cold c into the ice, melting m onto the cold bus
    and chilling q beside it; the chiller draws

    .. math::
        p_t = q_t / EER_t + c_t / ((1 - λ) EER_t), \quad m_t ≤ r e_t \\
        c_t ≤ C z_t, \quad q_t ≤ Q (1 - z_t), \quad m_t ≤ M (1 - z_t)

    Freezing takes a colder evaporator: λ = .3. The machine freezes or chills, not both (z, whole only where a solution
    does both), and while brine is below zero nothing melts. The melting rate r is held at both ends of a step.
    """

    kind: Literal["ice_store"] = "ice_store"
    electric_bus: str
    charge_kw: Positive = Field(description="largest cold into the ice")
    discharge_kw: Positive = Field(description="largest cold out of it")
    chill_kw: NonNegative = Field(default=0.0, description="largest cold of the same machine past the ice; 0: none")
    energy_efficiency_ratio: Signal = Field(default=5.0, description="of chilling: cold per electricity")
    freezing_loss_fraction: Annotated[Finite, Field(ge=0, lt=1)] = Field(
        default=0.3, description="how much lower the ratio is when it freezes"
    )
    melt_fraction_per_h: Positive | None = Field(
        default=None, description="fastest melting, as a share of the ice per hour; default: discharge_kw alone"
    )
    charge_efficiency: Efficiency = 1.0
    discharge_efficiency: Efficiency = 1.0
    loss_fraction_per_h: Fraction = 0.002
    discharge_limit: tuple[LimitPoint, ...] = Field(
        default=(), exclude=True, description="follows from melt_fraction_per_h: leave it out"
    )

    bus_fields: ClassVar[Mapping[str, Carriers]] = {"bus": "cold", "electric_bus": "electricity"}
    port_name: ClassVar[str] = "cold"
    rule_order: ClassVar[int] = 2
    here_and_now: ClassVar[bool] = False  # local control follows the cold that is asked for

    @model_validator(mode="after")
    def _melts_by_its_ice(self) -> Self:
        if self.discharge_limit:
            raise ValueError("discharge_limit follows from melt_fraction_per_h: give that instead")
        if self.melt_fraction_per_h is None:
            return self
        if self.fast_reserve_kw:
            raise ValueError(
                "fast_reserve_kw needs a power that does not depend on fill: leave melt_fraction_per_h out"
            )
        share = self.melt_fraction_per_h * self.energy_kwh / self.discharge_kw
        top = LimitPoint(fill=min(1.0, 1 / share), share=min(1.0, share))
        # The model is frozen for its users; this is the one field that follows from others.
        self.__dict__["discharge_limit"] = (LimitPoint(fill=0.0, share=0.0), top)
        return self

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """(1, step) energy efficiency ratio of chilling."""
        ratio = per_step(self.energy_efficiency_ratio, horizon, f"energy efficiency ratio of '{self.name}'")
        if not (ratio > 0).all():
            raise DataError(f"energy efficiency ratio of '{self.name}' is {ratio.min():g}: it must be above 0")
        return {"cold_kw_per_kw": ratio[None, :]}

    def worth(self, inputs: Inputs) -> Worth:
        """Cold that its own chiller makes, or its ice where it has none."""
        ratio = float(inputs.series[self.name, "cold_kw_per_kw"].mean())
        kept = 1.0 if self.chill_kw > 0 else 1 - self.freezing_loss_fraction
        return Worth((Activity({self.electric_bus: 1.0}, {self.bus: ratio * kept}),))

    @classmethod
    def ratings(cls, rows: Rows[IceStore], horizon: Horizon) -> dict[str, Array]:
        """Those of the stock, and the chiller's size."""
        return super().ratings(rows, horizon) | {"chill_kw": full(rows, horizon, rows.field("chill_kw"))}

    @classmethod
    def signals(cls, rows: Rows[IceStore], inputs: Inputs) -> dict[str, Array]:
        """Those of the stock, and electricity per cold, (row, step)."""
        chilling, freezing = _per_cold(rows, inputs)
        return super().signals(rows, inputs) | {"chill_per_kw": chilling, "freeze_per_kw": freezing}

    @classmethod
    def part(cls, rows: Rows[IceStore], given: Given, mode: Mode) -> Part:
        """The stock with its chiller."""
        import cvxpy as cp

        made = super().part(rows, given, mode)
        frozen, melted, switch = (made.series[name] for name in ("charge_kw", "discharge_kw", "switch"))
        chilled = cp.Variable(frozen.shape, nonneg=True)
        power = cp.multiply(given["chill_per_kw"], chilled) + cp.multiply(given["freeze_per_kw"], frozen)
        return replace(
            made,
            ports={
                cls.port_name: Port(rows.bus(), melted + chilled),
                "electricity": Port(rows.bus("electric_bus"), -power),
            },
            constraints=[*made.constraints, chilled <= cp.multiply(given["chill_kw"], 1 - switch)],
            series={**made.series, "chilled_kw": chilled, "power_kw": power},
            exclusive=[Exclusive(switch, frozen, melted + chilled)],
        )

    @classmethod
    def check(cls, rows: Rows[IceStore], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Those of the stock; the chiller's size, and that it does one thing at a time."""
        chilled, frozen, names = series["chilled_kw"], series["charge_kw"], rows.names
        both = np.minimum(frozen / rows.field("charge_kw"), chilled / np.maximum(rows.field("chill_kw"), 1e-6))
        chilling, freezing = _per_cold(rows, given)
        apart = np.abs(series["power_kw"] - chilling * chilled - freezing * frozen)
        return [
            *super().check(rows, given, series),
            *breaches(names, "chills above its size", chilled, rows.field("chill_kw"), "kW"),
            *breaches(names, "negative chilling", -chilled, 0.0, "kW"),
            *breaches(names, "freezes and chills at once", both, 1e-3, "of rating"),
            *mistakes(names, "power differs from its cold", apart, 0.0, "kW"),
        ]

    @classmethod
    def account(cls, rows: Rows[IceStore], given: Inputs, series: Mapping[str, Array]) -> Account:
        """The stock's, with cold onto the bus and the chiller's electricity."""
        own, (chilling, freezing) = super().account(rows, given, series), _per_cold(rows, given)
        chilled = series["chilled_kw"]
        power = chilling * chilled + freezing * series["charge_kw"]
        powers = {cls.port_name: series["discharge_kw"] + chilled, "electricity": -power}
        return replace(own, power_kw=powers, at={"electricity": "electric_bus"})

    @classmethod
    def wanted_kw(cls, rows: Rows[IceStore], given: Inputs, state: Ruling) -> Array:
        """Nothing: without a plan the ice is kept."""
        return np.zeros((rows.count, given.horizon.steps))

    @classmethod
    def rule(cls, rows: Rows[IceStore], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Chills what is asked for while it need not freeze; keeps its ice."""
        values = super().rule(rows, given, state)
        size = full(rows, given.horizon, rows.field("chill_kw"))
        wanted = -state.share(rows.bus(), size + 1e-9) * (values["charge_kw"] <= 0)
        return {**values, "chilled_kw": np.clip(wanted, 0, size)}

    @classmethod
    def follow(cls, rows: Rows[IceStore], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array]:
        """The powers wanted, within band and ratings, and the chilling wanted beside them."""
        values = super().follow(rows, given, wanted)
        chilled = wanted.get("chilled_kw", np.zeros((rows.count, given.horizon.steps)))
        return {**values, "chilled_kw": np.clip(chilled, 0, rows.field("chill_kw")) * (values["charge_kw"] <= 0)}

    @classmethod
    def settle(cls, rows: Rows[IceStore], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Chills more or less by what is left of cold and of electricity, then melts what is still wanted."""
        size, chilled = full(rows, given.horizon, rows.field("chill_kw")), values["chilled_kw"]
        left = state.share(rows.bus(), size + rows.field("discharge_kw"))
        dark = np.maximum(-state.share(rows.bus("electric_bus"), size + 1e-9), 0) / _per_cold(rows, given)[0]
        free = values["charge_kw"] <= 0
        now = np.clip(np.where(dark > 0, np.minimum(chilled - left, chilled - dark), chilled - left), 0, size) * free
        missing = -left - (now - chilled)
        wanted = values["charge_kw"] - np.maximum(values["discharge_kw"] + missing, 0) * free
        made = cls.walked(rows, given, wanted, back=False)
        return {**made, "chilled_kw": now * (made["charge_kw"] <= 0)}


def _per_cold(rows: Rows[IceStore], inputs: Inputs) -> tuple[Array, Array]:
    """(row, step) electricity per cold, chilling and freezing."""
    chilling = 1 / rows.series(inputs, "cold_kw_per_kw")
    return chilling, chilling / (1 - rows.field("freezing_loss_fraction"))
