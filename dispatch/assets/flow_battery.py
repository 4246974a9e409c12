"""Flow batteries: pumps that run beside the stack, and a stack whose losses grow with the square of its power."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Given, Inputs, Mode, Rows, full
from dispatch.fields.frozen import Efficiency, Fraction, NonNegative
from dispatch.fields.inverter import Inverter
from dispatch.part import Account, Exclusive, Part, Port, Violation, breaches
from dispatch.signals import Array, Horizon
from dispatch.stores.limits import SIDES, Side
from dispatch.stores.movement import Movement
from dispatch.stores.paces import Pace
from dispatch.stores.stock import Moved, Storage

_PARTS = 4
_GRID = np.linspace(0.0, 1.0, _PARTS + 1)


class FlowBattery(Storage):
    r"""The stock equation of :class:`~dispatch.stores.stock.Storage`; charge c and discharge d at the stack, pumps u.

    .. math::
        e_t = (1-σ)^{Δt} e_{t-1} + Δt (η_c c_t - ρ c_t^2 / C) - Δt (d_t / η_d + ρ d_t^2 / D) \\
        bus = d_t - c_t - P u_t, \quad c_t ≤ C z_t, \quad d_t ≤ D (u_t - z_t), \quad u_t ∈ \{0, 1\}

    Shapes (row, step). P is ``pump_kw``, drawn from the bus while the pumps run; a store without it has no u. A fast
    reserve keeps them running. Both squares are taken as straight between four equal parts of the rated power, which
    counts at most ρ/64 of it too much. A part c_j holds a quarter of the power; the next one opens when it is full:

    .. math:: c = Σ_j c_j, \quad C/4 - c_j ≤ (1 - y_j) C/4, \quad c_{j+1} ≤ y_j C/4

    Losses rise from part to part, so with y relaxed the parts fill in order wherever content is worth something. Where
    burning it pays, as with negative prices, they do not; room in a part and power in the next are exclusive flows, and
    y is made integral where both come out positive. u, z and their rows are the hull of off, charging and discharging.

    Source of the shape: equivalent-circuit losses (ohmic, with the square of current) and pump power as a constant.
    It offers none of the reserve that a ``reserve`` asks for.
    """

    kind: Literal["flow_battery"] = "flow_battery"
    charge_efficiency: Efficiency = 0.87
    discharge_efficiency: Efficiency = 0.87
    power_loss_share: Fraction = Field(default=0.05, description="lost in the stack at rated power, of that power")
    pump_kw: NonNegative = Field(default=0.0, description="pumps and shunt currents, drawn while it runs")

    inverter: ClassVar[Inverter | None] = Inverter()

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if 2 * self.power_loss_share >= self.charge_efficiency:
            most = f"half of charge_efficiency, {self.charge_efficiency / 2:g}"
            raise ValueError(f"power_loss_share {self.power_loss_share:g} must be below {most}")
        if self.charge_limit or self.discharge_limit:
            raise ValueError("a flow battery's power does not depend on fill: leave out charge_limit, discharge_limit")
        return self

    @property
    def structure(self) -> tuple[object, ...]:
        """That of every store, and which of pumps and bent losses it has."""
        return (*super().structure, self.pump_kw > 0, self.power_loss_share > 0)

    def pace(self, horizon: Horizon) -> Pace:
        """For checks: that of every store, and the stack's loss, which takes ρ (16 − 9)/4 of the last quarter's kWh."""
        plain = super().pace(horizon)
        steepest = self.power_loss_share * (4**2 - 3**2) / 4
        return replace(plain, stack_loss=self.power_loss_share, most_drain=plain.most_drain + steepest)

    @property
    def most_drain_kwh_per_kwh(self) -> float:
        """At rated power."""
        return 1 / self.discharge_efficiency + self.power_loss_share * (2 - 1 / _PARTS)

    @classmethod
    def movement(cls, rows: Rows[Self], horizon: Horizon) -> Movement:
        """Content moved, with losses that bend."""
        plain = super().movement(rows, horizon)
        share, rated = rows.field("power_loss_share")[:, 0], [rows.field(f"{side}_kw")[:, 0] for side in SIDES]
        return _Bent(plain.gain, plain.drain, horizon.hours, share, rated[0], rated[1])

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Those of every store, widths and losses of the parts (row · part, step), and pumps."""
        out, share = super().ratings(rows, horizon), rows.field("power_loss_share")
        if (rows.field("pump_kw") > 0).any():
            out["pump_kw"] = full(rows, horizon, rows.field("pump_kw"))
            out["ready"] = _ready(rows, horizon).astype(float)
        if (share > 0).any():
            for side in SIDES:
                out[f"{side}_width_kw"] = np.repeat(_widths(rows, side).reshape(-1, 1), horizon.steps, axis=1)
            slopes = share * (2 * np.arange(_PARTS) + 1) / _PARTS
            out["part_loss_kwh"] = slopes.reshape(-1, 1) * horizon.hours
        return out

    @classmethod
    def moved(cls, rows: Rows[Self], given: Given, mode: Mode, charge: Any, discharge: Any) -> Moved:
        """Content moved less what the stack loses."""
        plain = super().moved(rows, given, mode, charge, discharge)
        if "part_loss_kwh" not in given:
            return plain
        lead = cls.deciding(rows, mode)
        into, out = (_parts(given, side, power[:lead]) for side, power in zip(SIDES, (charge, discharge), strict=True))
        lost = [made.inflow if lead == rows.count else rows.spread @ made.inflow for made in (into, out)]
        return Moved(
            plain.inflow - lost[0],
            plain.outflow + lost[1],
            [*into.constraints, *out.constraints],
            {**into.inner, **out.inner},
            [*into.exclusive, *out.exclusive],
        )

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """The stock, and pumps that run."""
        import cvxpy as cp

        part = super().part(rows, given, mode)
        if "pump_kw" not in given:
            return part
        shape = (rows.count, given.horizon.steps)
        running = cp.Variable(shape, bounds=[0, 1]) if mode.commitment == "given" else cp.Variable(shape, boolean=True)
        discharge, switch = part.series["discharge_kw"], part.series["switch"]
        constraints = [
            *part.constraints,
            discharge <= cp.multiply(given["discharge_kw"], running - switch),
            running >= given["ready"],
            *cls._repeated(rows, mode, (running,)),
        ]
        power = part.ports[cls.port_name].power_kw - cp.multiply(given["pump_kw"], running)
        ports, series = {cls.port_name: Port(rows.bus(), power)}, {**part.series, "running": running}
        return replace(part, ports=ports, constraints=constraints, series=series)

    @classmethod
    def complete(cls, rows: Rows[Self], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """Parts filled in order."""
        out = super().complete(rows, given, values)
        for side in SIDES:
            widths = _widths(rows, side)[:, :, None]
            over = values[f"{side}_kw"][:, None, :] - (np.cumsum(widths, axis=1) - widths)
            filled = np.clip(over, 0, widths)
            opened = ((widths - filled)[:, :-1] <= 0).astype(float)
            out[f"{side}_part_kw"] = filled.reshape(-1, filled.shape[2])
            out[f"{side}_part_full"] = opened.reshape(-1, filled.shape[2])
        return out

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """The stock's limits, and pumps that run while it works or stands ready."""
        found = super().check(rows, given, series)
        if "running" not in series:
            return found
        running = series["running"]
        works = series["charge_kw"] / rows.field("charge_kw") + series["discharge_kw"] / rows.field("discharge_kw")
        needed = np.maximum(works, _ready(rows, given.horizon))
        return [
            *found,
            *breaches(rows.names, "works with its pumps off", needed, running, "on", 1e-3),
            *breaches(rows.names, "pumps are neither on nor off", np.abs(running - np.round(running)), 0.0, "on"),
        ]

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """The stock's, and what the pumps draw."""
        account = super().account(rows, given, series)
        drawn = rows.field("pump_kw") * series.get("running", np.zeros((rows.count, given.horizon.steps)))
        return replace(account, power_kw={name: power - drawn for name, power in account.power_kw.items()})

    @classmethod
    def walked(cls, rows: Rows[Self], given: Inputs, wanted: Array, *, back: bool) -> dict[str, Array]:
        """Powers as of every store, the pumps with them."""
        out = super().walked(rows, given, wanted, back=back)
        working = (out["charge_kw"] + out["discharge_kw"] > 0) | _ready(rows, given.horizon)
        return out | ({"running": working.astype(float)} if (rows.field("pump_kw") > 0).any() else {})


def _ready(rows: Rows[Any], horizon: Horizon) -> np.ndarray:
    """(row, step) whether pumps run for a fast reserve."""
    return np.asarray((rows.field("fast_reserve_kw") > 0) & ~rows.standing(horizon))


def _widths(rows: Rows[Any], side: Side) -> Array:
    """(row, part) kW; where nothing bends, the first part holds all, so that the others need no order."""
    bends = rows.field("power_loss_share") > 0
    share = np.where(bends, 1 / _PARTS, np.arange(_PARTS) == 0)
    return np.asarray(rows.field(f"{side}_kw") * share)


def _parts(given: Given, side: Side, power: Any) -> Moved:
    """The parts that make up ``power`` (lead row, step); ``inflow`` is what the stack loses [kWh]."""
    import cvxpy as cp
    from scipy.sparse import csr_array

    lead, steps = power.shape
    count = lead * _PARTS
    width, loss = given[f"{side}_width_kw"][:count], given["part_loss_kwh"][:count]
    gather = csr_array((np.ones(count), (np.repeat(np.arange(lead), _PARTS), np.arange(count))), shape=(lead, count))
    place = np.arange(count).reshape(lead, _PARTS)
    one, other = place[:, :-1].ravel(), place[:, 1:].ravel()
    filled = cp.Variable((count, steps), nonneg=True)
    is_full = cp.Variable((one.size, steps), bounds=[0, 1])
    room, following = width[one] - filled[one], filled[other]
    rules = [
        gather @ filled == power,
        filled <= width,
        room <= cp.multiply(width[one], 1 - is_full),
        following <= cp.multiply(width[other], is_full),
    ]
    lost = gather @ cp.multiply(loss, filled)
    inner = {f"{side}_part_kw": filled, f"{side}_part_full": is_full}
    return Moved(lost, lost, rules, inner, [Exclusive(is_full, following, room)])


@dataclass(frozen=True)
class _Bent(Movement):
    """Content moved where losses bend: the squares of the docstring, straight between the edges of parts.

    Attributes:
        hours: (step,).
        share: (row,) lost at rated power.
        charge_kw, discharge_kw: (row,) rated.
    """

    hours: Array
    share: Array
    charge_kw: Array
    discharge_kw: Array

    def gained(self, step: int, charge_kw: Array) -> Array:
        """In proportion, less the loss."""
        lost = self.share * self.charge_kw * np.interp(charge_kw / self.charge_kw, _GRID, _GRID**2)
        return np.asarray(super().gained(step, charge_kw) - self.hours[step] * lost)

    def drained(self, step: int, discharge_kw: Array) -> Array:
        """In proportion, and the loss."""
        lost = self.share * self.discharge_kw * np.interp(discharge_kw / self.discharge_kw, _GRID, _GRID**2)
        return np.asarray(super().drained(step, discharge_kw) + self.hours[step] * lost)

    def to_gain(self, step: int, kwh: Array) -> Array:
        """Read off the curve; at most rated power."""
        return _inverse(kwh, self.charge_kw, lambda power: self.gained(step, power))

    def to_drain(self, step: int, kwh: Array) -> Array:
        """Read off the curve; at most rated power."""
        return _inverse(kwh, self.discharge_kw, lambda power: self.drained(step, power))


def _inverse(kwh: Array, rated: Array, moved: Any) -> Array:
    """(row,) kW that move so much."""
    at = np.stack([moved(share * rated) for share in _GRID], axis=1)
    return np.array([np.interp(k, row, _GRID) for k, row in zip(kwh, at, strict=True)]) * rated
