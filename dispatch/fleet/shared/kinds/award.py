"""A profile that the market has awarded and the fleet must follow."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from dispatch.errors import DataError
from dispatch.fields.series import Signal, per_step
from dispatch.fleet.shared.base import Shared
from dispatch.fleet.shared.scope import Builder
from dispatch.signals import Array


class Award(Shared):
    r"""Net export of all its sites is the awarded profile a, up to imbalance that is settled.

    .. math:: Σ_n i_{nt} + a_t = s_t - l_t, \quad cost = Σ_t Δt_t (π^{short}_t s_t - π^{long}_t l_t)

    A kWh short is bought at the one price, a kWh too many sold at the other. What the award itself pays is settled
    already and decides nothing.
    """

    kind: Literal["award"] = "award"
    net_export_kw: Signal = Field(description="awarded; below zero: net import")
    short_price_per_kwh: Signal = Field(description="paid for a kWh that lacks")
    long_price_per_kwh: Signal = Field(default=0.0, description="earned by a kWh too many; below zero: paid")

    single: ClassVar[bool] = True

    def add(self, builder: Builder, group: str, weight: Array) -> None:
        """A row per step.

        Raises:
            DataError: in some step too much earns more than too little costs: endless money for both at once.
        """
        scope = builder.scope
        award, short, long = (
            per_step(signal, scope.horizon, f"{what} of '{self.name}'")
            for what, signal in (
                ("net_export_kw", self.net_export_kw),
                ("short_price_per_kwh", self.short_price_per_kwh),
                ("long_price_per_kwh", self.long_price_per_kwh),
            )
        )
        for step in np.flatnonzero(long > short)[:1]:
            raise DataError(
                f"'{self.name}': at {scope.horizon.local_start[step].isoformat()} long_price_per_kwh {long[step]:g} is "
                f"above short_price_per_kwh {short[step]:g}; accepted: no more than that"
            )
        rows = builder.rows(group, "net import", "net_import_kw", weight, lower=-award, upper=-award)
        hours = scope.horizon.hours
        lacking = builder.columns(
            group, "short of the award", short * hours, np.maximum(weight @ scope.import_kw + award, 0)
        )
        beyond = builder.columns(
            group, "beyond the award", -long * hours, np.maximum(weight @ scope.export_kw - award, 0)
        )
        builder.put(rows, lacking, -1.0, shortfall=True)
        builder.put(rows, beyond, 1.0, shortfall=True)
