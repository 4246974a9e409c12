"""Supercapacitors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field

from dispatch.asset import Given, Inputs, Mode, Rows
from dispatch.errors import DataError
from dispatch.fields.frozen import Efficiency, Fraction, NonNegative
from dispatch.fields.series import Signal, signal_values
from dispatch.part import Account, Part, Violation, breaches, mistakes
from dispatch.signals import Array, Horizon
from dispatch.stores.band import band, edges_kwh
from dispatch.stores.electric import ElectricStorage
from dispatch.stores.walk import walk

_SMALL_KW = 0.05


class Supercapacitor(ElectricStorage):
    r"""Seconds to minutes of storage that stands ready for what happens inside a step.

    In a quarter-hour model its worth is ``fast_reserve_kw``: power kept free in both directions, with the energy
    behind it for ``fast_reserve_minutes`` τ. The rest of its band moves energy like any store.

    Where wind and PV change by σ_t from one moment to the next (``ramp_sigma_kw``), more is kept free beside it, in
    both directions and with energy for τ at both ends of the step:

    .. math::
        r_t = κ σ_t - s_t ≥ 0, \quad s_t ≥ 0, \quad c_t + r_t ≤ C - R, \quad d_t + r_t ≤ D - R \\
        e^{min} + r_t τ / η_d ≤ e_{t-1}, e_t ≤ e^{max} - r_t τ η_c

    Arrays are (row, step), powers in kW. What is short (s) costs ``ramp_penalty_per_kwh`` in the objective, never in
    the reported money. Power offered to a ``reserve`` comes on top of r; the energy behind the two is counted apart.
    """

    kind: Literal["supercapacitor"] = "supercapacitor"
    charge_efficiency: Efficiency = 0.975
    discharge_efficiency: Efficiency = 0.975
    loss_fraction_per_h: Fraction = 0.01
    ramp_sigma_kw: Signal = Field(default=0.0, description="standard deviation of the change of wind and PV in a step")
    ramp_factor: NonNegative = Field(default=3.0, description="how many standard deviations are kept free")
    ramp_penalty_per_kwh: NonNegative = Field(default=1.0, description="price of a kW that is short for an hour")

    @property
    def smooths(self) -> bool:
        """Is anything kept free for changes of wind and PV?"""
        return self.ramp_sigma_kw != 0

    @property
    def structure(self) -> tuple[object, ...]:
        """That of every store, and whether it smooths."""
        return (*super().structure, self.smooths)

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """The standard deviation."""
        what = f"ramp_sigma_kw of '{self.name}'"
        values = np.array(signal_values(self.ramp_sigma_kw, horizon.local_start, horizon.local_end, what))
        if (values < 0).any():
            raise DataError(f"{what} is {values.min():g} kW: a standard deviation is not negative")
        return {"ramp_sigma_kw": values[None, :]}

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Those of every electric store, and energy behind a kW kept free, (row, step)."""
        out = super().ratings(rows, horizon)
        if _smoothing(rows):
            lasting_h = rows.field("fast_reserve_minutes") / 60 * np.ones(horizon.steps)
            out["ramp_drain_kwh"] = lasting_h / rows.field("discharge_efficiency")
            out["ramp_gain_kwh"] = lasting_h * rows.field("charge_efficiency")
            out["ramp_penalty"] = rows.field("ramp_penalty_per_kwh") * horizon.hours
        return out

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Those of every electric store, what is to be kept free, and how far the content may go for it at edges."""
        out = super().signals(rows, inputs)
        if _smoothing(rows):
            start = rows.field("energy_kwh") * rows.state(inputs, "start_fill")
            held, (low, high) = band(rows, inputs.horizon, start), edges_kwh(rows)
            out["ramp_kw"] = rows.field("ramp_factor") * rows.series(inputs, "ramp_sigma_kw")
            out["ramp_start_kwh"] = start
            out["ramp_least_kwh"] = np.hstack([np.minimum(start, low), held.least])
            out["ramp_most_kwh"] = np.hstack([np.maximum(start, high), held.most])
        return out

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """That of every electric store, with power and energy kept free for changes."""
        import cvxpy as cp

        part = super().part(rows, given, mode)
        if not _smoothing(rows):
            return part
        ready = cp.Variable((rows.count, given.horizon.steps), nonneg=True)
        short = given["ramp_kw"] - ready
        net = part.series["discharge_kw"] - part.series["charge_kw"]
        content = cp.hstack([given["ramp_start_kwh"], part.series["stored_kwh"]])
        below, above = cp.multiply(given["ramp_drain_kwh"], ready), cp.multiply(given["ramp_gain_kwh"], ready)
        rules = [
            *part.constraints,
            ready <= given["ramp_kw"],
            part.series["charge_kw"] + ready <= given["charge_kw"],
            part.series["discharge_kw"] + ready <= given["discharge_kw"],
            *cls._repeated(rows, mode, (ready,)),
        ]
        for edge in (slice(None, -1), slice(1, None)):
            rules.append(content[:, edge] - below >= given["ramp_least_kwh"][:, edge])
            rules.append(content[:, edge] + above <= given["ramp_most_kwh"][:, edge])
        if part.reserve_up_kw is not None:
            rules.append(net + part.reserve_up_kw + ready <= given["discharge_kw"])
        if part.reserve_down_kw is not None:
            rules.append(part.reserve_down_kw - net + ready <= given["charge_kw"])
        penalty = part.penalty_step + cp.multiply(given["ramp_penalty"], short)
        series = {**part.series, "ramp_reserve_kw": ready, "ramp_short_kw": short}
        return replace(part, constraints=rules, penalty_step=penalty, series=series)

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Limits of every electric store, and what is kept free for changes: its power, and energy at both edges."""
        found = super().check(rows, given, series)
        if "ramp_reserve_kw" not in series:
            return found
        ready, free, energy_kwh = series["ramp_reserve_kw"], *_left(rows, given, series)
        wanted = rows.field("ramp_factor") * rows.series(given, "ramp_sigma_kw")
        lasting_h = rows.field("fast_reserve_minutes") / 60
        missing = np.maximum(
            ready * lasting_h / rows.field("discharge_efficiency") - energy_kwh[0],
            ready * lasting_h * rows.field("charge_efficiency") - energy_kwh[1],
        )
        apart = np.abs(ready + series["ramp_short_kw"] - wanted)
        return [
            *found,
            *mistakes(rows.names, "kept free and short differ from what changes ask for", apart, 0.0, "kW"),
            *breaches(rows.names, "keeps less than nothing free", -ready, 0.0, "kW"),
            *breaches(rows.names, "keeps more free than changes ask for", ready, wanted, "kW"),
            *breaches(rows.names, "no power behind what is kept free", ready, free, "kW"),
            *breaches(rows.names, "no energy behind what is kept free", missing, 0.0, "kWh"),
        ]

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """That of every electric store, and the price of what is short."""
        account = super().account(rows, given, series)
        if "ramp_reserve_kw" not in series:
            return account
        short = rows.field("ramp_factor") * rows.series(given, "ramp_sigma_kw") - series["ramp_reserve_kw"]
        price = rows.field("ramp_penalty_per_kwh")[:, 0]
        return replace(account, penalty=account.penalty + short @ given.horizon.hours * price)

    @classmethod
    def missed(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[str]:
        """Power that changes of wind and PV ask for and that is not kept free."""
        out = super().missed(rows, given, series)
        for row, member in enumerate(rows.members if "ramp_short_kw" in series else ()):
            short = series["ramp_short_kw"][row]
            if short.max() > _SMALL_KW:
                hours = float(given.horizon.hours[short > _SMALL_KW].sum())
                most = f"up to {short.max():,.1f} kW of power"
                out.append(f"{member.name}: {most} for changes of wind and PV not kept free, for {hours:g} h")
        return out

    @classmethod
    def walked(cls, rows: Rows[Self], given: Inputs, wanted: Array, *, back: bool) -> dict[str, Array]:
        """Powers as of every store; what they leave free stands ready."""
        out = super().walked(rows, given, wanted, back=back)
        if not _smoothing(rows):
            return out
        asked = rows.field("ramp_factor") * rows.series(given, "ramp_sigma_kw")
        free, (below, above) = _left(rows, given, out)
        lasting_h = np.maximum(rows.field("fast_reserve_minutes") / 60, 1e-9)
        energy = np.minimum(
            below * rows.field("discharge_efficiency") / lasting_h,
            above / (rows.field("charge_efficiency") * lasting_h),
        )
        return out | {"ramp_reserve_kw": np.clip(np.minimum(free, energy), 0, asked)}


def _smoothing(rows: Rows[Any]) -> bool:
    return any(member.smooths for member in rows.members)


def _left(rows: Rows[Any], given: Inputs, series: Mapping[str, Array]) -> tuple[Array, tuple[Array, Array]]:
    """(row, step) power that is free both ways, and content above and below the band's edges at a step's worse end."""
    charge, discharge, reserve = series["charge_kw"], series["discharge_kw"], rows.field("fast_reserve_kw")
    free = np.minimum(rows.field("charge_kw") - charge, rows.field("discharge_kw") - discharge) - reserve
    if "reserve_up_kw" in series:
        free = np.minimum(free, rows.field("discharge_kw") - reserve - (discharge - charge) - series["reserve_up_kw"])
    if "reserve_down_kw" in series:
        free = np.minimum(free, rows.field("charge_kw") - reserve - (charge - discharge) - series["reserve_down_kw"])
    held, start = walk(rows, given, charge, discharge), rows.field("energy_kwh") * rows.state(given, "start_fill")
    low, high = edges_kwh(rows)
    below = np.hstack([start - np.minimum(start, low), held.content - held.least])
    above = np.hstack([np.maximum(start, high) - start, held.most - held.content])
    return free, (np.minimum(below[:, :-1], below[:, 1:]), np.minimum(above[:, :-1], above[:, 1:]))
