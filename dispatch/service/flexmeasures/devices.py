"""A flex-model of FlexMeasures as plant of ours: a battery, or a vehicle where targets lie before the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from dispatch.service.flexmeasures.quantities import (
    Refused,
    energy_kwh,
    fraction,
    moment,
    power_kw,
    unknown,
)
from dispatch.service.flexmeasures.sources import Sensor, Source, Span, referred, the_sensor

UNDERSTOOD = (
    "asset", "sensor", "commodity", "soc-at-start", "soc-unit", "soc-min", "soc-max", "soc-minima", "soc-maxima",
    "soc-targets", "state-of-charge", "power-capacity", "consumption-capacity", "production-capacity",
    "roundtrip-efficiency", "charging-efficiency", "discharging-efficiency", "storage-efficiency",
    "prefer-charging-sooner", "prefer-curtailing-later",
)  # fmt: skip
_WHY = {
    "soc-gain": "a store of ours exchanges energy with its bus alone",
    "soc-usage": "a store of ours exchanges energy with its bus alone",
    "consumption": "schedules are read from the power sensor itself",
    "production": "schedules are read from the power sensor itself",
}
# What an unmet target costs in the objective per kWh, in money of the prices: more than any price of a kWh.
SHORT_PENALTY = 1000.0
_CLOSE_KWH = 1e-6


@dataclass(frozen=True)
class Device:
    """One flexible device.

    Attributes:
        asset: what stands in the site for it.
        sensor: where its schedule is read.
        content_sensor: where its planned content is read; None: nowhere.
        start_kwh: what it holds at the start.
        most_kw: the larger of its powers.
        sooner: is charging early preferred where it costs the same?
    """

    asset: Mapping[str, Any]
    sensor: Sensor
    content_sensor: Sensor | None
    start_kwh: float
    most_kw: float
    sooner: bool


@dataclass(frozen=True)
class _Content:
    start_kwh: float
    least_kwh: float
    most_kwh: float
    end_least_kwh: float
    targets: tuple[tuple[datetime, float], ...]
    sensor: Sensor | None


def device(
    model: Mapping[str, Any], pointer: str, sensor: Sensor, span: Span, source: Source, site_kw: float | None
) -> Device:
    """Plant for one entry of a flex-model.

    Args:
        pointer: of the entry in the body.
        site_kw: what the connection allows, where a device says nothing of its own power.

    Raises:
        Refused: something in it cannot be said in our kinds.
    """
    unknown(list(model), UNDERSTOOD, pointer, _WHY)
    _fixed(model, pointer)
    if sensor.measures != "power":
        raise Refused(f"{pointer}/sensor", f"sensor {sensor.id} measures {sensor.unit}; accepted: a sensor of power")
    content = _content(model, pointer, sensor, span, source)
    charge_kw, discharge_kw = _powers(model, pointer, sensor, site_kw)
    if charge_kw <= 0:
        raise Refused(f"{pointer}/consumption-capacity", f"{charge_kw:g} kW; accepted: a power above 0")
    into, out = _efficiencies(model, pointer)
    # A battery of ours gives back what it holds; a vehicle need not.
    make = _vehicle if content.targets or discharge_kw == 0 else _battery
    made = make(content, (charge_kw, discharge_kw), (into, out), span, model, pointer, sensor)
    named = {"name": f"sensor-{sensor.id}", "bus": "site", **made}
    sooner = bool(model.get("prefer-charging-sooner"))
    return Device(named, sensor, content.sensor, content.start_kwh, max(charge_kw, discharge_kw), sooner)


def _fixed(model: Mapping[str, Any], pointer: str) -> None:
    if model.get("commodity", "electricity") != "electricity":
        raise Refused(
            f"{pointer}/commodity", f"'{model['commodity']}' is not planned by this door; accepted: electricity"
        )
    if model.get("prefer-curtailing-later", False) is not False:
        raise Refused(f"{pointer}/prefer-curtailing-later", "an order among plans of equal cost; accepted: false")
    if not isinstance(model.get("prefer-charging-sooner", False), bool):
        raise Refused(f"{pointer}/prefer-charging-sooner", "accepted: true or false")


def _content(model: Mapping[str, Any], pointer: str, sensor: Sensor, span: Span, source: Source) -> _Content:
    unit = model.get("soc-unit") or ("kWh" if sensor.unit in {"kW", "kWh"} else "MWh")
    if unit not in ("kWh", "MWh"):
        raise Refused(f"{pointer}/soc-unit", f"'{unit}'; accepted: kWh, MWh")
    kept = _content_sensor(model, pointer, source)
    targets = _points(model.get("soc-targets", []), f"{pointer}/soc-targets", unit, span)
    start = _start(model, pointer, unit, kept, span, source)
    least = energy_kwh(model.get("soc-min", 0.0), f"{pointer}/soc-min", unit)
    most = [energy_kwh(model["soc-max"], f"{pointer}/soc-max", unit)] if "soc-max" in model else []
    if not most and not targets and "soc-maxima" not in model:
        raise Refused(f"{pointer}/soc-max", "how much the device holds is missing")
    most = most or [max([start, *(kwh for _, kwh in targets)])] if targets or most else most
    most += _constant(model, pointer, "soc-maxima", unit)
    end = max([least, *_at_end(model, pointer, unit, span)])
    least = max([least, *_constant(model, pointer, "soc-minima", unit)])
    content = _Content(start, least, min(most), max(end, least), targets, kept)
    _sensible(content, pointer)
    return content


def _sensible(content: _Content, pointer: str) -> None:
    if not 0 <= content.least_kwh < content.most_kwh:
        found = f"soc-min {content.least_kwh:g} kWh, soc-max {content.most_kwh:g} kWh"
        raise Refused(f"{pointer}/soc-max", f"{found}; accepted: 0 and more, and a maximum above the minimum")
    if not 0 <= content.start_kwh <= content.most_kwh * (1 + 1e-9):
        raise Refused(f"{pointer}/soc-at-start", f"{content.start_kwh:g} kWh is not between 0 and soc-max")
    for _, kwh in content.targets:
        if not content.least_kwh - _CLOSE_KWH <= kwh <= content.most_kwh + _CLOSE_KWH:
            raise Refused(f"{pointer}/soc-targets", f"{kwh:g} kWh is not between soc-min and soc-max")
    if content.end_least_kwh > content.most_kwh:
        raise Refused(f"{pointer}/soc-minima", f"{content.end_least_kwh:g} kWh is above soc-max")


def _content_sensor(model: Mapping[str, Any], pointer: str, source: Source) -> Sensor | None:
    if "state-of-charge" not in model:
        return None
    where = f"{pointer}/state-of-charge"
    found = the_sensor(source, referred(model["state-of-charge"], where), where)
    if found.measures != "energy":
        raise Refused(where, f"sensor {found.id} measures {found.unit}; accepted: a sensor of energy, in kWh or MWh")
    return found


def _start(model: Mapping[str, Any], pointer: str, unit: str, kept: Sensor | None, span: Span, source: Source) -> float:
    where = f"{pointer}/soc-at-start"
    if "soc-at-start" in model:
        return energy_kwh(model["soc-at-start"], where, unit)
    held = source.latest(kept, span.start) if kept else None
    if held is None:
        raise Refused(where, "the content at the start is missing; give it, or a state-of-charge sensor that has it")
    return held


def _constant(model: Mapping[str, Any], pointer: str, name: str, unit: str) -> list[float]:
    """A limit that holds all the time, where one is given so."""
    value = model.get(name)
    return [energy_kwh(value, f"{pointer}/{name}", unit)] if isinstance(value, str | int | float) else []


def _at_end(model: Mapping[str, Any], pointer: str, unit: str, span: Span) -> list[float]:
    """What must be there when the schedule ends; a list of other times is refused."""
    found = []
    for name in ("soc-minima", "soc-maxima"):
        value, where = model.get(name, []), f"{pointer}/{name}"
        if isinstance(value, str | int | float):
            continue
        for at, kwh in _points(value, where, unit, span):
            if name == "soc-maxima" or at != span.end:
                raise Refused(where, "a limit at some times only; accepted: one for all times, or a minimum at the end")
            found.append(kwh)
    return found


def _points(value: Any, pointer: str, unit: str, span: Span) -> tuple[tuple[datetime, float], ...]:
    """Times on the edges of steps with contents, in order; those after the end are left out."""
    if not isinstance(value, list) or len(value) > span.count:
        raise Refused(pointer, "accepted: a list of {'datetime': …, 'value': …}, at most one for each step")
    found = {}
    for place, entry in enumerate(value):
        where = f"{pointer}/{place}"
        if not isinstance(entry, Mapping) or set(entry) != {"datetime", "value"}:
            raise Refused(where, "accepted: {'datetime': …, 'value': …}; a target that lasts is a limit for all times")
        at = moment(entry["datetime"], f"{where}/datetime")
        if at <= span.start or (at - span.start) % span.step != timedelta(0):
            raise Refused(f"{where}/datetime", f"{at.isoformat()} is not at the end of a step of the schedule")
        if at <= span.end:
            found[at] = energy_kwh(entry["value"], f"{where}/value", unit)
    return tuple(sorted(found.items()))


def _powers(model: Mapping[str, Any], pointer: str, sensor: Sensor, site_kw: float | None) -> tuple[float, float]:
    both = None
    if "power-capacity" in model:
        both = power_kw(model["power-capacity"], f"{pointer}/power-capacity")
    elif "capacity_in_mw" in sensor.attributes:
        both = power_kw(sensor.attributes["capacity_in_mw"], f"{pointer}/power-capacity")
    each = []
    for name in ("consumption-capacity", "production-capacity"):
        own = power_kw(model[name], f"{pointer}/{name}") if name in model else None
        known = [limit for limit in (both, own) if limit is not None] or ([site_kw] if site_kw is not None else [])
        if not known:
            raise Refused(f"{pointer}/power-capacity", "how much power the device takes and gives is missing")
        if min(known) < 0:
            raise Refused(f"{pointer}/{name}", f"{min(known):g} kW is negative")
        each.append(min(known))
    return each[0], each[1]


def _efficiencies(model: Mapping[str, Any], pointer: str) -> tuple[float, float]:
    one_way = [name for name in ("charging-efficiency", "discharging-efficiency") if name in model]
    if "roundtrip-efficiency" in model:
        if one_way:
            raise Refused(f"{pointer}/{one_way[0]}", "beside roundtrip-efficiency; accepted: one of the two")
        each = fraction(model["roundtrip-efficiency"], f"{pointer}/roundtrip-efficiency") ** 0.5
        return each, each
    into = fraction(model.get("charging-efficiency", 1.0), f"{pointer}/charging-efficiency")
    return into, fraction(model.get("discharging-efficiency", 1.0), f"{pointer}/discharging-efficiency")


def _battery(
    content: _Content,
    powers_kw: tuple[float, float],
    efficiencies: tuple[float, float],
    span: Span,
    model: Mapping[str, Any],
    pointer: str,
    sensor: Sensor,
) -> dict[str, Any]:
    del span
    kept = fraction(model.get("storage-efficiency", 1.0), f"{pointer}/storage-efficiency")
    steps_per_h = timedelta(hours=1) / sensor.resolution if sensor.resolution else 1.0
    return {
        "kind": "battery",
        "energy_kwh": content.most_kwh,
        "charge_kw": powers_kw[0],
        "discharge_kw": powers_kw[1],
        "charge_efficiency": efficiencies[0],
        "discharge_efficiency": efficiencies[1],
        "loss_fraction_per_h": 1 - kept**steps_per_h,
        "min_fill": content.least_kwh / content.most_kwh,
        "max_fill": 1.0,
        "start_fill": min(content.start_kwh / content.most_kwh, 1.0),
        "end_fill_min": content.end_least_kwh / content.most_kwh,
        "end_penalty_per_kwh": SHORT_PENALTY,
    }


def _vehicle(
    content: _Content,
    powers_kw: tuple[float, float],
    efficiencies: tuple[float, float],
    span: Span,
    model: Mapping[str, Any],
    pointer: str,
    sensor: Sensor,
) -> dict[str, Any]:
    """A vehicle that is there from target to target: it arrives with what it left with, and leaves with the next."""
    del sensor
    if fraction(model.get("storage-efficiency", 1.0), f"{pointer}/storage-efficiency") < 1:
        raise Refused(f"{pointer}/storage-efficiency", "beside soc-targets, or of what gives nothing back; accepted: 1")
    points = [(span.start, content.start_kwh), *content.targets]
    if points[-1][0] < span.end:
        points.append((span.end, content.end_least_kwh))
    common = {"charge_kw": powers_kw[0], "discharge_kw": powers_kw[1], "capacity_kwh": content.most_kwh}
    sessions = [
        {
            "name": f"until-{number}",
            "arrival": begin.isoformat(),
            "departure": end.isoformat(),
            "arrival_kwh": had,
            "departure_kwh": wanted,
            "least_kwh": min(content.least_kwh, had),
            **common,
        }
        for number, ((begin, had), (end, wanted)) in enumerate(pairwise(points))
    ]
    return {
        "kind": "ev_fleet",
        "sessions": sessions,
        "charge_efficiency": efficiencies[0],
        "discharge_efficiency": efficiencies[1],
        "wear_cost_per_kwh": 0.0,
        "unserved_penalty_per_kwh": SHORT_PENALTY,
    }
