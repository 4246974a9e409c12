"""Reserve that the site must hold ready: a requirement by direction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import Field

from dispatch.asset import Given, Inputs, Mode, Rows, full
from dispatch.fields.frozen import NonNegative
from dispatch.fields.series import Signal, signal_values
from dispatch.part import Account, Part, Violation, breaches
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.units.reserve_asked import ReserveAsked, is_direction


class Reserve(ReserveAsked):
    r"""Power of the site's own plant that must stand ready to be raised (``up``) or lowered (``down``).

    .. math:: Σ_{plant} r_t + s_t ≥ R_t, \quad 0 ≤ s_t ≤ R_t

    with offers r of units and stores, the requirement R and a shortfall s that costs ``penalty_per_kwh`` in the
    objective, never in the reported money. A called reserve must last ``duration_minutes``; the longest of all
    requirements counts for every store. Held for the grid, the connections must have room for it as well
    (:mod:`dispatch.terms.called`).
    """

    kind: Literal["reserve"] = "reserve"
    required_kw: Signal = Field(description="to be held in each step")
    penalty_per_kwh: NonNegative = Field(default=100.0, description="price of a kW short for an hour")
    for_grid: bool = Field(default=False, description="called by the grid, such as capacity that an aggregator sold")

    @property
    def structure(self) -> tuple[object, ...]:
        """And whether the grid calls it."""
        return (*super().structure, self.for_grid)

    @property
    def asks_for_grid(self) -> bool:
        """As its field says."""
        return self.for_grid

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """The requirement."""
        ends = horizon.local_end
        values = signal_values(self.required_kw, horizon.local_start, ends, f"requirement of '{self.name}'")
        return {"required_kw": np.array(values)[None, :]}

    @classmethod
    def signals(cls, rows: Rows[Reserve], inputs: Inputs) -> dict[str, Array]:
        """Requirement and the price of a shortfall, (row, step)."""
        penalty = rows.field("penalty_per_kwh") * inputs.horizon.hours
        return {"required_kw": rows.series(inputs, "required_kw"), "short_per_kw": penalty}

    @classmethod
    def part(cls, rows: Rows[Reserve], given: Given, mode: Mode) -> Part:
        """The requirement less its shortfall, asked of the site's plant."""
        import cvxpy as cp

        short = cp.Variable((rows.count, given.horizon.steps), nonneg=True)
        asked = given["required_kw"] - short
        up, down = (full(rows, given.horizon, is_direction(rows, direction)) for direction in ("up", "down"))
        return Part(
            ports={},
            constraints=[short <= given["required_kw"]],
            penalty_step=cp.multiply(given["short_per_kw"], short),
            reserve_up_kw=-cp.multiply(up, asked) if up.any() else None,
            reserve_down_kw=-cp.multiply(down, asked) if down.any() else None,
            series={"reserve_short_kw": short},
        )

    @classmethod
    def check(cls, rows: Rows[Reserve], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """A shortfall lies between nothing and the requirement; the site's audit holds offers against the rest."""
        short, required = series["reserve_short_kw"], rows.series(given, "required_kw")
        return [
            *breaches(rows.names, "negative shortfall of reserve", -short, 0.0, "kW"),
            *breaches(rows.names, "shortfall above the requirement", short, required, "kW"),
        ]

    @classmethod
    def account(cls, rows: Rows[Reserve], given: Inputs, series: Mapping[str, Array]) -> Account:
        """What is asked for, and the price of what is short."""
        short = series["reserve_short_kw"]
        asked = rows.series(given, "required_kw") - short
        return Account(
            {},
            penalty=(short @ given.horizon.hours) * rows.field("penalty_per_kwh")[:, 0],
            reserve_up_kw=-asked * is_direction(rows, "up"),
            reserve_down_kw=-asked * is_direction(rows, "down"),
        )

    @classmethod
    def rule(cls, rows: Rows[Reserve], given: Inputs, state: Ruling) -> dict[str, Array]:
        """Without a plan nothing is held ready on purpose, so all of it counts as short."""
        return {"reserve_short_kw": rows.series(given, "required_kw")}
