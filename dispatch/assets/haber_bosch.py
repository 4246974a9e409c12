"""Ammonia out of hydrogen and air, and the levels at which such a plant may run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, ValidationInfo, field_validator, model_validator

from dispatch.asset import Carriers, Given, Inputs, Mode, Rows, shifted
from dispatch.fields.fluids import HYDROGEN_KWH_PER_KG, KWH_PER_KG, energy
from dispatch.fields.frozen import Finite, Fraction, NonNegative, Positive
from dispatch.part import Part, Violation, breaches
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon
from dispatch.units.commitment import window
from dispatch.units.process import Process

_LEVEL = 1e-4


class HaberBosch(Process):
    r"""Ammonia synthesis with its air separation: hydrogen and electricity in proportion, a lowest load and ramps.

    .. math::
        NH_3 = h \frac{5.17}{178 · 33.33} \text{ (LHV)}, \quad p = h \frac{1280 + 210}{178 · 33.33} \\
        y_t = x_t / X ∈ [y^{min}, 1], \quad |y_t - y_{t-1}| ≤ r Δr_t

    178 kg of hydrogen per t (5.93 MWh, LHV), 1.28 MWh of electricity for the synthesis, .21 MWh for the air separation.
    The plant does not stop unless ``must_run`` is false; then a stop and a start cost what commitment says.

    With ``plateaus`` the load is always one of these levels, and stays on each for ``plateau_hold_h``. With w_k for "at
    level k" and s_k for "it came to level k":

    .. math::
        y_t = Σ_k Y_k w_{kt}, \quad Σ_k w_{kt} = u_t, \quad s_{kt} ≥ w_{kt} - w_{k,t-1}, \quad
        Σ_{τ: t - τ < H} s_{kτ} ≤ w_{kt}

    Plateaus are not verified: plants state them as what their control can hold, and values differ.
    """

    kind: Literal["haber_bosch"] = "haber_bosch"
    hydrogen_bus: str
    bus: str
    ammonia_bus: str
    ammonia_kw: Positive = Field(description="largest output (LHV); may be written as a flow, '2 t/h' or '55 t/d'")
    hydrogen_kg_per_t: Positive = Field(default=178.0, description="hydrogen per t of ammonia")
    synthesis_kwh_per_t: NonNegative = Field(
        default=1280.0, description="electricity of the synthesis per t of ammonia"
    )
    air_separation_kwh_per_t: NonNegative = Field(default=210.0, description="electricity for its nitrogen per t")
    min_load_fraction: Fraction = Field(default=0.4, description="least input while on, as a share of the rating")
    ramp_fraction_per_h: Positive | None = Field(
        default=0.1, description="fastest change of the input, as a share of the rating per hour"
    )
    must_run: bool = Field(default=True, description="on in every step")
    on_before_h: NonNegative = Field(default=1000.0, description="hours it has been on at the start; 0 = off")
    plateaus: tuple[Annotated[Finite, Field(gt=0, le=1)], ...] = Field(
        default=(), description="loads at which it may run, as shares of the rating; none: any load"
    )
    plateau_hold_h: NonNegative = Field(default=0.0, description="how long it stays on each at least")
    held_before_h: NonNegative = Field(default=1000.0, description="how long it has been on its load at the start")

    bus_fields: ClassVar[Mapping[str, Carriers]] = {
        "hydrogen_bus": "hydrogen",
        "bus": "electricity",
        "ammonia_bus": "ammonia",
    }
    rule_order: ClassVar[int] = 1  # asks for hydrogen, which others then make
    input_port: ClassVar[str] = "hydrogen"
    input_bus: ClassVar[str] = "hydrogen_bus"
    input_series: ClassVar[str] = "hydrogen_kw"
    rating: ClassVar[str] = "ammonia_kw"
    rated_port: ClassVar[str] = "ammonia"
    outputs: ClassVar[Mapping[str, str]] = {"ammonia": "ammonia_bus"}
    side_inputs: ClassVar[Mapping[str, str]] = {"electricity": "bus"}

    @field_validator("ammonia_kw", mode="before")
    @classmethod
    def _in_kg(cls, value: Any, info: ValidationInfo) -> Any:
        return energy(value, KWH_PER_KG["ammonia"], flow=True)

    def per_input(self, horizon: Horizon) -> Mapping[str, Array | float]:
        """Per kW of hydrogen."""
        kwh_per_t = self.hydrogen_kg_per_t * HYDROGEN_KWH_PER_KG
        electricity = self.synthesis_kwh_per_t + self.air_separation_kwh_per_t
        return {"ammonia": 1000 * KWH_PER_KG["ammonia"] / kwh_per_t, "electricity": electricity / kwh_per_t}

    @model_validator(mode="after")
    def _levels(self) -> Self:
        levels = list(self.plateaus)
        if not levels:
            return self
        if levels != sorted(set(levels)) or levels[0] < self.min_load_fraction:
            raise ValueError(
                f"plateaus must rise from min_load_fraction {self.min_load_fraction:g} on, these are {levels}"
            )
        if self.ramp_fraction_per_h is not None:
            raise ValueError("plateaus say how the load may change: write ramp_fraction_per_h: null beside them")
        return self

    @property
    def structure(self) -> tuple[object, ...]:
        """That of a process, how many levels it has, and how long it holds them."""
        return (*super().structure, len(self.plateaus), self.plateau_hold_h)

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Those of a process; input on each level, (level · row with levels, step), and the level it comes from."""
        values = super().signals(rows, inputs)
        at = _levelled(rows)
        if not at.size:
            return values
        levels, most = _table(rows, at), np.tile(values["most_kw"][at], (_table(rows, at).shape[1], 1))
        from_level = _level_before(rows, inputs, at)
        ends = (rows.field("plateau_hold_h") - rows.field("held_before_h"))[at]
        held = np.tile(inputs.horizon.edge_h[:-1] < ends - 1e-9, (levels.shape[1], 1)) & (from_level > 0)
        return values | {
            "plateau_kw": levels.T.reshape(-1, 1) * most,
            "on_plateau_before": from_level,
            "held_plateau": held.astype(float),
        }

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """That of a process, on its levels where it has any."""
        import cvxpy as cp
        import scipy.sparse as sp

        made, at = super().part(rows, given, mode), _levelled(rows)
        if not at.size:
            return made
        shape = given["plateau_kw"].shape
        level, came = cp.Variable(shape, boolean=True), cp.Variable(shape, bounds=[0, 1])
        count = shape[0] // at.size
        together = sp.csr_array(sp.hstack([sp.eye_array(at.size, format="csr")] * count))
        hold = window(np.tile(rows.field("plateau_hold_h")[at], (count, 1)), given.horizon)
        running = made.series["on"][at] if "on" in made.series else np.ones((at.size, shape[1]))
        constraints = [
            made.series[cls.input_series][at] == together @ cp.multiply(given["plateau_kw"], level),
            together @ level == running,
            came >= level - shifted(given["on_plateau_before"], level),
            hold @ cp.vec(came, order="C") <= cp.vec(level, order="C"),
            level >= given["held_plateau"],
        ]
        inner = {**made.inner, "on_plateau": level, "came_to_plateau": came}
        return replace(made, constraints=[*made.constraints, *constraints], inner=inner)

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Those of a process; loads against the levels, and how long each was held, walked along the clock."""
        flow, at = series[cls.input_series], _levelled(rows)
        if not at.size:
            return super().check(rows, given, series)
        load, names = _share(rows, given, flow)[at], [rows.names[row] for row in at]
        running = np.round(series["on"][at]) if "on" in series else np.ones_like(load)
        apart = np.abs(load[:, :, None] - _table(rows, at)[:, None, :]).min(axis=2) * running
        short = _short_h(rows, given, at, load)
        return [
            *super().check(rows, given, series),
            *breaches(names, "on none of its levels", apart, _LEVEL, "of rating"),
            *breaches(names, "leaves a level too soon", short, 0.0, "h"),
        ]

    @classmethod
    def complete(cls, rows: Rows[Self], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """Those of a process, and the level of each step."""
        out, at = super().complete(rows, given, values), _levelled(rows)
        if not at.size:
            return out
        load = _share(rows, given, values[cls.input_series])[at]
        level = np.abs(load[None] - _table(rows, at).T[:, :, None]) < _LEVEL
        level &= np.cumsum(level, axis=0) == 1  # a level that stands twice in the table, to fill it, is its first
        flat = level.reshape(-1, load.shape[1])
        before = np.hstack([_level_before(rows, given, at) > 0, flat[:, :-1]])
        return out | {"on_plateau": flat.astype(float), "came_to_plateau": (flat & ~before).astype(float)}

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """Those of a process, and for how long it has been on its load."""
        state, flow = super().carry(rows, given, series, steps), series[cls.input_series][:, :steps]
        hours = given.horizon.hours[:steps]
        for row, member in enumerate(rows.members):
            if not member.plateaus:
                continue
            changes = np.flatnonzero(np.abs(np.diff(flow[row])) > _LEVEL * member.ammonia_kw)
            held = hours[changes[-1] + 1 :].sum() if changes.size else hours.sum() + member.held_before_h
            state[member.name] = state[member.name] | {"held_before_h": float(held)}
        return state

    @classmethod
    def follow(cls, rows: Rows[Self], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array] | None:
        """As every process, on the level below what is wanted."""
        made = super().follow(rows, given, wanted)
        return made if made is None else _on_levels(cls, rows, given, made)

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """As every process, on the level below what is asked for."""
        return _on_levels(cls, rows, given, super().rule(rows, given, state))

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """As every process, on the level below what is left to it."""
        return _on_levels(cls, rows, given, super().settle(rows, given, state, values))


def _levelled(rows: Rows[Any]) -> np.ndarray:
    """Rows that run on levels only."""
    return np.flatnonzero([bool(member.plateaus) for member in rows.members * rows.scenarios])


def _table(rows: Rows[Any], at: np.ndarray) -> Array:
    """(row with levels, level) as shares of the rating; the highest stands again where others have more."""
    levels = [rows.members[row % len(rows.members)].plateaus for row in at]
    most = max(len(own) for own in levels)
    return np.array([[*own, *[own[-1]] * (most - len(own))] for own in levels])


def _share(rows: Rows[Any], inputs: Inputs, flow: Array) -> Array:
    """(row, step) or (row, 1) of the largest input; nothing of plant that is out of service."""
    most = type(rows.members[0]).most_kw(rows, inputs)[:, : flow.shape[1]]
    return np.asarray(np.divide(flow, most, out=np.where(np.isnan(flow), np.nan, 0.0), where=most > 0))


def _level_before(rows: Rows[Any], inputs: Inputs, at: np.ndarray) -> Array:
    """(level · row, 1) 1 for the level it is on at the start, where that is known."""
    table = _table(rows, at)
    load = _share(rows, inputs, rows.state(inputs, "input_before_kw"))[at]
    on = (rows.state(inputs, "on_before_h") > 0)[at]
    found = (np.abs(load - table) < _LEVEL) & on
    return np.asarray((found & (np.cumsum(found, axis=1) == 1)).T.reshape(-1, 1).astype(float))


def _short_h(rows: Rows[Any], given: Inputs, at: np.ndarray, load: Array) -> Array:
    """(row, step) hours that are missing to the hold where a step's load is not that of the step before."""
    hold = rows.field("plateau_hold_h")[at][:, 0]
    held = rows.state(given, "held_before_h")[at][:, 0]
    before = _share(rows, given, rows.state(given, "input_before_kw"))[at][:, 0]
    out = np.zeros_like(load)
    for step, hours in enumerate(given.horizon.hours):
        changed = np.abs(load[:, step] - before) > _LEVEL  # of an unknown load before nothing is said
        out[:, step] = np.where(changed & (before > _LEVEL), np.maximum(hold - held, 0), 0)
        held, before = np.where(changed | np.isnan(before), 0.0, held) + hours, load[:, step]
    out[np.isnan(load)] = np.nan
    return out


def _on_levels(cls: type[HaberBosch], rows: Rows[Any], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
    """The input on the highest level that is not above it, each held for as long as it must be."""
    at = _levelled(rows)
    if not at.size:
        return values
    flow, most, table = values[cls.input_series].copy(), cls.most_kw(rows, given), _table(rows, at)
    running = values.get("committed", np.ones_like(flow))[at]
    hold, held = rows.field("plateau_hold_h")[at][:, 0], rows.state(given, "held_before_h")[at][:, 0]
    before = _level_before(rows, given, at).reshape(-1, at.size)
    last = np.where(before.any(axis=0), table[np.arange(at.size), before.argmax(axis=0)], 0.0)
    for step, hours in enumerate(given.horizon.hours):
        wanted = _share(rows, given, flow)[at, step]
        below = np.where(table <= wanted[:, None] + _LEVEL, table, table[:, :1]).max(axis=1)
        level = np.where((last > 0) & (held < hold - 1e-9), last, below) * (running[:, step] > 0)
        held, last = np.where(level == last, held, 0.0) + hours, level
        flow[at, step] = level * most[at, step]
    return values | {cls.input_series: flow}
