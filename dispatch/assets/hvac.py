"""Rooms that are heated and cooled: a building as a store of warmth, within the band in which people are at ease."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Asset, Given, Inputs, Mode, Rows, full, shifted
from dispatch.errors import DataError
from dispatch.fields.flexible_devices import Devices
from dispatch.fields.frozen import Finite, NonNegative, Positive
from dispatch.fields.series import Signal
from dispatch.loads import flexible
from dispatch.part import Account, Exclusive, Part, Port, Violation, breaches, mistakes
from dispatch.ruling import Ruling
from dispatch.signals import Array, Horizon

_SIGNALS = ("ambient_degc", "gains_kw", "min_degc", "max_degc", "heat_cop", "cool_cop")
_SOME_KW = 1e-6
_SOME_DEGC = 0.05


class Hvac(Asset):
    r"""n equal zones at θ [°C], heated by h and cooled by k [kW of electricity, all zones together].

    .. math::
        θ_t = a θ_{t-1} + (1 - a) (θ^a_t + R (g_t + (η^h_t h_t - η^k_t k_t) / n)), \quad a = e^{-Δt / (R C)} \\
        0 ≤ h_t ≤ n \bar H y_t, \quad 0 ≤ k_t ≤ n \bar K (1 - y_t), \quad
        θ^{min}_t - z_t ≤ θ_t ≤ θ^{max}_t + z_t

    One resistance R to the weather and one capacity C per zone; the step is exact where weather, gains g and power are
    constant over it. The band may change with the hours of use; z outside it costs ``comfort_penalty_per_degc_h`` for
    each zone. η are coefficients of performance (1: resistance heating). y is continuous unless a solution heats and
    cools in one step. At the end of the horizon the warmth that differs from ``end_degc`` (default: the start, within
    the last step's band) costs ``end_penalty_per_kwh``: without it a plan would let a building cool out in its last
    hours.

    Source: first-order equivalent thermal parameters and aggregation as a virtual battery, Hao, Sanandaji, Poolla &
    Vincent, "Aggregate flexibility of thermostatically controlled loads", IEEE Trans. Power Systems 30, 2015.
    """

    kind: Literal["hvac"] = "hvac"
    bus: str
    count: int = Field(default=1, ge=1, description="zones alike; powers and properties below are those of one")
    resistance_degc_per_kw: Positive = Field(description="how much warmer a kW keeps it than the weather")
    capacity_kwh_per_degc: Positive = Field(description="warmth that a degree holds")
    heat_kw: NonNegative = Field(default=0.0, description="largest electric power for heating; 0: not heated")
    cool_kw: NonNegative = Field(default=0.0, description="largest electric power for cooling; 0: not cooled")
    heat_cop: Signal = Field(default=1.0, description="heat per electricity")
    cool_cop: Signal = Field(default=3.0, description="cold per electricity")
    ambient_degc: Signal = Field(description="weather")
    gains_kw: Signal = Field(default=0.0, description="from sun, people and machines")
    min_degc: Signal = Field(default=20.0, description="lower edge of the band")
    max_degc: Signal = Field(default=26.0, description="upper edge of the band")
    comfort_penalty_per_degc_h: NonNegative = Field(default=10.0, description="price of a degree outside for an hour")
    start_degc: Finite = 22.0
    end_degc: Finite | None = Field(default=None, description="wish for the last step")
    end_penalty_per_kwh: NonNegative = Field(default=1.0, description="price of a kWh of warmth away from it")

    @model_validator(mode="after")
    def _has_power(self) -> Self:
        if not self.heat_kw and not self.cool_kw:
            raise ValueError("it neither heats nor cools: give heat_kw, cool_kw or both")
        return self

    @property
    def structure(self) -> tuple[object, ...]:
        """Bus, and whether a coefficient of performance changes in time."""
        varies = [not isinstance(cop, float | int) for cop in (self.heat_cop, self.cool_cop)]
        return (*super().structure, any(varies))

    def known(self, horizon: Horizon) -> dict[str, Array]:
        """Weather, gains, band and coefficients of performance.

        Raises:
            DataError: the band is upside down, or a coefficient of performance is not above zero.
        """
        found = flexible.steps_of(self, _SIGNALS, horizon)
        if (found["min_degc"] > found["max_degc"]).any():
            step = int(np.argmax(found["min_degc"] > found["max_degc"]))
            values = f"min_degc {found['min_degc'][0, step]:g} above max_degc {found['max_degc'][0, step]:g}"
            raise DataError(f"'{self.name}' has {values} from {horizon.local_start[step].isoformat()}")
        for name in ("heat_cop", "cool_cop"):
            if found[name].min() <= 0:
                raise DataError(f"{name} of '{self.name}' is {found[name].min():g}: it must be above 0")
        return found

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """How warmth is kept, powers of all zones, and penalties."""
        count, capacity = rows.field("count"), rows.field("capacity_kwh_per_degc")
        return {
            "keep": np.exp(-horizon.hours / (rows.field("resistance_degc_per_kw") * capacity)),
            "most_heat_kw": full(rows, horizon, count * rows.field("heat_kw")),
            "most_cool_kw": full(rows, horizon, count * rows.field("cool_kw")),
            "comfort_penalty": horizon.hours * count * rows.field("comfort_penalty_per_degc_h"),
            "end_penalty": rows.field("end_penalty_per_kwh") * count * capacity,
            **({} if _varies(rows) else _per_kw(rows, horizon, *(rows.field(name) for name in _SIGNALS[-2:]))),
        }

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """What weather and gains do, what a kW does where that varies, the band, and the start."""
        keep = cls.ratings(rows, inputs.horizon)["keep"]
        resistance, start = rows.field("resistance_degc_per_kw"), rows.state(inputs, "start_degc")
        world = {name: rows.series(inputs, name) for name in _SIGNALS}
        varying = _per_kw(rows, inputs.horizon, world["heat_cop"], world["cool_cop"]) if _varies(rows) else {}
        first = np.arange(inputs.horizon.steps) == 0
        return {
            "drift_degc": (1 - keep) * (world["ambient_degc"] + resistance * world["gains_kw"])
            + np.where(first, keep * start, 0.0),
            **varying,
            "min_degc": world["min_degc"],
            "max_degc": world["max_degc"],
            "end_degc": _end(rows, inputs),
        }

    @classmethod
    def flexible(cls, rows: Rows[Self], inputs: Inputs) -> Devices | None:
        """Warmth (or cold) beside that of the free course as content; None where zones are both heated and cooled."""
        if any(member.heat_kw and member.cool_kw for member in rows.members):
            return None
        heats = rows.field("heat_kw") > 0
        own = cls.ratings(rows, inputs.horizon) | cls.signals(rows, inputs)
        nothing, hours = np.zeros((rows.count, inputs.horizon.steps)), inputs.horizon.hours
        free = _temperature(rows, inputs, nothing, nothing)
        warmth = rows.field("count") * rows.field("capacity_kwh_per_degc")
        low, high = warmth * (own["min_degc"] - free), warmth * (own["max_degc"] - free)
        end = warmth * (own["end_degc"] - free[:, -1:])
        low[:, -1:] = high[:, -1:] = np.clip(end, low[:, -1:], high[:, -1:])
        rate = np.where(heats, own["degc_per_heat_kw"], own["degc_per_cool_kw"]) * warmth / hours
        most = np.where(heats, own["most_heat_kw"], own["most_cool_kw"])
        least, greatest = np.where(heats, low, -high), np.where(heats, high, -low)
        return Devices(
            tuple(rows.names), hours, np.zeros_like(most), most, least, greatest, rate, rate,
            full(rows, inputs.horizon, np.ones((rows.count, 1))) * own["keep"],
        ).opened()  # fmt: skip

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """Warmth from step to step, power, and what lies outside the band."""
        import cvxpy as cp

        shape = (rows.count, given.horizon.steps)
        heat, cool, outside = (cp.Variable(shape, nonneg=True) for _ in range(3))
        inside, switch = cp.Variable(shape), cp.Variable(shape, bounds=[0, 1])
        apart = cp.Variable((rows.count, 1), nonneg=True)
        warmed = cp.multiply(given["degc_per_heat_kw"], heat) - cp.multiply(given["degc_per_cool_kw"], cool)
        before = shifted(np.zeros((rows.count, 1)), inside)
        constraints = [
            inside == cp.multiply(given["keep"], before) + warmed + given["drift_degc"],
            heat <= cp.multiply(given["most_heat_kw"], switch),
            cool <= cp.multiply(given["most_cool_kw"], 1 - switch),
            inside + outside >= given["min_degc"],
            inside - outside <= given["max_degc"],
            apart >= inside[:, -1:] - given["end_degc"],
            apart >= given["end_degc"] - inside[:, -1:],
        ]
        last = np.eye(1, shape[1], shape[1] - 1)
        return Part(
            ports={"electricity": Port(rows.bus(), -heat - cool)},
            constraints=constraints,
            penalty_step=cp.multiply(given["comfort_penalty"], outside)
            + cp.multiply(given["end_penalty"], apart) @ last,
            series={
                "heating_kw": heat,
                "cooling_kw": cool,
                "inside_degc": inside,
                "outside_band_degc": outside,
                "switch": switch,
            },
            inner={"apart_degc": apart},
            exclusive=[Exclusive(switch, heat, cool)],
        )

    @classmethod
    def complete(cls, rows: Rows[Self], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """The temperature that follows from the powers."""
        inside = _temperature(rows, given, values["heating_kw"], values["cooling_kw"])
        low, high = (rows.series(given, name) for name in ("min_degc", "max_degc"))
        return values | {
            "inside_degc": inside,
            "outside_band_degc": np.maximum(np.maximum(low - inside, inside - high), 0),
            "apart_degc": np.abs(inside[:, -1:] - _end(rows, given)),
            "switch": (values["heating_kw"] > 0).astype(float),
        }

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """Temperatures walked along the clock, ratings, and no degree outside the band that is not stated."""
        heat, cool, names = series["heating_kw"], series["cooling_kw"], rows.names
        inside = _temperature(rows, given, heat, cool)
        low, high = (rows.series(given, name) for name in ("min_degc", "max_degc"))
        unsaid = np.maximum(low - inside, inside - high) - series["outside_band_degc"]
        count = rows.field("count")
        return [
            *mistakes(names, "temperature differs from its powers", np.abs(inside - series["inside_degc"]), 0.0, "degC",
                      1e-3),
            *breaches(names, "heats above rating", heat, count * rows.field("heat_kw"), "kW"),
            *breaches(names, "cools above rating", cool, count * rows.field("cool_kw"), "kW"),
            *breaches(names, "negative power", -np.minimum(heat, cool), 0.0, "kW"),
            *breaches(names, "heats and cools at once", np.minimum(heat, cool), 0.0, "kW", 2e-3),
            *mistakes(names, "further outside its band than stated", unsaid, 0.0, "degC", 1e-3),
        ]  # fmt: skip

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """Electricity, and the price of discomfort and of warmth that is missing or left at the end."""
        heat, cool = series["heating_kw"], series["cooling_kw"]
        inside = _temperature(rows, given, heat, cool)
        low, high = (rows.series(given, name) for name in ("min_degc", "max_degc"))
        outside = np.maximum(np.maximum(low - inside, inside - high), 0) @ given.horizon.hours
        warmth = np.abs(inside[:, -1:] - _end(rows, given)) * rows.field("capacity_kwh_per_degc")
        zone = outside[:, None] * rows.field("comfort_penalty_per_degc_h") + warmth * rows.field("end_penalty_per_kwh")
        return Account({"electricity": -heat - cool}, penalty=(zone * rows.field("count"))[:, 0])

    @classmethod
    def rule(cls, rows: Rows[Self], given: Inputs, state: Ruling) -> dict[str, Array]:
        """A thermostat: as little power as keeps the band."""
        most = np.full((rows.count, given.horizon.steps), np.inf)
        return _thermostat(rows, given, np.zeros_like(most), np.zeros_like(most), most)

    @classmethod
    def follow(cls, rows: Rows[Self], given: Inputs, wanted: Mapping[str, Array]) -> dict[str, Array]:
        """The powers wanted, and more where the band needs it; nothing where nothing is wanted."""
        nothing = np.zeros((rows.count, given.horizon.steps))
        if not wanted:
            return {"heating_kw": nothing, "cooling_kw": nothing}
        heat, cool = wanted.get("heating_kw", nothing), wanted.get("cooling_kw", nothing)
        net = heat - cool  # a mean over hours in which it did both
        return _thermostat(
            rows, given, np.maximum(net, 0), np.maximum(-net, 0), np.full((rows.count, given.horizon.steps), np.inf)
        )

    @classmethod
    def settle(cls, rows: Rows[Self], given: Inputs, state: Ruling, values: dict[str, Array]) -> dict[str, Array]:
        """Where power lacks, comfort gives way; what is not heated then is not made up for later."""
        used = values["heating_kw"] + values["cooling_kw"]
        lacking = np.maximum(-state.share(rows.bus(), used), 0)
        if lacking.max() < _SOME_KW:
            return values
        kept = np.divide(np.maximum(used - lacking, 0), used, out=np.zeros_like(used), where=used > 0)
        return {name: values[name] * kept for name in ("heating_kw", "cooling_kw")}

    @classmethod
    def missed(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[str]:
        """Hours outside the band, and by how much."""
        out, outside = [], series["outside_band_degc"]
        for row, member in enumerate(rows.members):
            hours = float(given.horizon.hours @ (outside[row] > _SOME_DEGC))
            if hours:
                step = int(outside[row].argmax())
                when = f"{given.horizon.local_start[step]:%H:%M}"
                text = f"outside its comfort band for {hours:g} h, most from {when} on, by {outside[row, step]:.1f} °C"
                out.append(f"{member.name}: {text}")
        return out

    @classmethod
    def carry(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int
    ) -> dict[str, dict[str, float]]:
        """The temperature after the last of these steps."""
        level = series["inside_degc"][:, steps - 1]
        return {member.name: {"start_degc": float(level[row])} for row, member in enumerate(rows.members)}


def _varies(rows: Rows[Any]) -> bool:
    """Does any coefficient of performance change in time? If none does, they are constants of a site."""
    return not all(isinstance(getattr(m, name), float | int) for m in rows.members for name in _SIGNALS[-2:])


def _per_kw(rows: Rows[Any], horizon: Horizon, heat_cop: Array, cool_cop: Array) -> dict[str, Array]:
    """(row, step) by how much a kW warms or cools the zones in a step."""
    keep = np.exp(-horizon.hours / (rows.field("resistance_degc_per_kw") * rows.field("capacity_kwh_per_degc")))
    per_kw = (1 - keep) * rows.field("resistance_degc_per_kw") / rows.field("count")
    return {"degc_per_heat_kw": per_kw * heat_cop, "degc_per_cool_kw": per_kw * cool_cop}


def _end(rows: Rows[Any], inputs: Inputs) -> Array:
    """(row, 1) temperature wished for at the end."""
    low, high = (rows.series(inputs, name)[:, -1:] for name in ("min_degc", "max_degc"))
    wished = rows.field("end_degc")
    return np.where(np.isnan(wished), np.clip(rows.state(inputs, "start_degc"), low, high), wished)


def _temperature(rows: Rows[Any], given: Inputs, heat: Array, cool: Array) -> Array:
    """(row, step) the temperature that follows from the powers, as the difference to where each step would settle."""
    level, out = rows.state(given, "start_degc")[:, 0], np.zeros_like(heat)
    resistance, count = rows.field("resistance_degc_per_kw")[:, 0], rows.field("count")[:, 0]
    time_h = resistance * rows.field("capacity_kwh_per_degc")[:, 0]
    ambient, gains, _, _, heat_cop, cool_cop = (rows.series(given, name) for name in _SIGNALS)
    for step, hours in enumerate(given.horizon.hours):
        warmth = gains[:, step] + (heat_cop[:, step] * heat[:, step] - cool_cop[:, step] * cool[:, step]) / count
        settles = ambient[:, step] + resistance * warmth
        level = settles + (level - settles) * np.exp(-hours / time_h)
        out[:, step] = level
    return out


def _thermostat(rows: Rows[Any], given: Inputs, heat: Array, cool: Array, most: Array) -> dict[str, Array]:
    """Powers of at least ``heat`` and ``cool``, more where the band needs it, none that would leave it."""
    ratings = Hvac.ratings(rows, given.horizon)
    signals = ratings | Hvac.signals(rows, given)
    level = np.zeros(rows.count)  # what the start keeps of itself is in the first step's drift
    out = {name: np.zeros_like(heat) for name in ("heating_kw", "cooling_kw")}
    for step in range(heat.shape[1]):
        idle = ratings["keep"][:, step] * level + signals["drift_degc"][:, step]
        up, down = signals["degc_per_heat_kw"][:, step], signals["degc_per_cool_kw"][:, step]
        low, high = signals["min_degc"][:, step], signals["max_degc"][:, step]
        warm = np.clip(heat[:, step], np.maximum(low - idle, 0) / up, np.maximum(high - idle, 0) / up)
        cold = np.clip(cool[:, step], np.maximum(idle - high, 0) / down, np.maximum(idle - low, 0) / down)
        warm = np.minimum(warm, np.minimum(ratings["most_heat_kw"][:, step], most[:, step]))
        cold = np.where(warm > 0, 0, np.minimum(cold, np.minimum(ratings["most_cool_kw"][:, step], most[:, step])))
        level = idle + up * warm - down * cold
        out["heating_kw"][:, step], out["cooling_kw"][:, step] = warm, cold
    return out
