"""Numbers with units, times and durations as FlexMeasures writes them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dispatch.signals import parse_quantity

_DURATION = re.compile(
    r"^P(?:(?P<weeks>\d+(?:\.\d+)?)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?$"
)
_LONGEST_S = 400 * 24 * 3600.0
_PRICE = re.compile(r"^(?P<currency>[A-Z]{3})/(?P<per>W|kW|MW|GW|Wh|kWh|MWh|GWh)$")
_POWER = {"W": 1e-3, "kW": 1.0, "MW": 1e3, "GW": 1e6}
# An apparent power is taken for a real one, as FlexMeasures does.
_APPARENT = {"VA": "W", "kVA": "kW", "MVA": "MW"}
_ENERGY = {"Wh": 1e-3, "kWh": 1.0, "MWh": 1e3, "GWh": 1e6}


class Refused(Exception):  # noqa: N818 - an answer to a user, not a failure
    """Something in a request that cannot be done, with the place where it stands.

    Args:
        pointer: JSON pointer into the body.
        message: what is wrong with it, and what would be accepted.
    """

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(f"{pointer}: {message}")
        self.pointer, self.message = pointer, message


def number(value: Any, pointer: str) -> float:
    """A finite number that is no truth value."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused(pointer, f"{value!r} is no finite number")
    return float(value)


def _text(field: str, value: str, pointer: str) -> float:
    try:
        found = parse_quantity(field, value)
    except ValueError as error:
        raise Refused(pointer, str(error)) from None
    if not math.isfinite(found):
        raise Refused(pointer, f"'{value}' is no finite number")
    return found


def power_kw(value: Any, pointer: str) -> float:
    """A power: text with its unit, or a number of MW."""
    if not isinstance(value, str):
        return number(value, pointer) * _POWER["MW"]
    words = value.split()
    for apparent, real in _APPARENT.items():
        if value.endswith(apparent) and not value.endswith(f"k{apparent}") and not value.endswith(f"M{apparent}"):
            words = [value.removesuffix(apparent), real]
    return _with_unit("power_kw", " ".join(words), "MW", pointer)


def energy_kwh(value: Any, pointer: str, unit: str = "MWh") -> float:
    """A content: text with its unit, or a number of ``unit``."""
    if not isinstance(value, str):
        return number(value, pointer) * _ENERGY[unit]
    return _with_unit("energy_kwh", value, unit, pointer)


def _with_unit(field: str, text: str, unit: str, pointer: str) -> float:
    bare = re.fullmatch(r"\s*[-+]?[\d.]+(?:[eE][-+]?\d+)?\s*", text)
    return _text(field, f"{text.strip()} {unit}" if bare else text, pointer)


def fraction(value: Any, pointer: str) -> float:
    """A share above 0 and up to 1: a number, or text with %."""
    if isinstance(value, str):
        text = value.strip()
        scale = 0.01 if text.endswith("%") else 1.0
        try:
            value = float(text.removesuffix("%")) * scale
        except ValueError:
            raise Refused(pointer, f"'{text}' is no share; accepted: a number up to 1, or text like '90%'") from None
    found = number(value, pointer)
    if not 0 < found <= 1:
        raise Refused(pointer, f"{found:g} is no share above 0 and up to 1 (a gain above 1 is no store of ours)")
    return found


def price(value: Any, pointer: str, per: str = "kWh") -> tuple[float, str]:
    """Money per kWh (or per kW) and its currency, from text like ``'0.29 EUR/kWh'``."""
    match = re.fullmatch(r"\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s+(\S+)\s*", value) if isinstance(value, str) else None
    unit = price_unit(match[2]) if match else None
    if match is None or unit is None or unit[2] != per:
        raise Refused(pointer, f"{value!r} is no price; accepted: text like '0.29 EUR/{per}', or {{'sensor': 5}}")
    try:
        return float(match[1]) * unit[0], unit[1]
    except ValueError:
        raise Refused(pointer, f"'{match[1]}' is no number") from None


def price_unit(unit: str) -> tuple[float, str, str] | None:
    """Of a price's unit: the factor to money per kWh (or kW), the currency, and which of the two; None: it is none."""
    match = _PRICE.match(unit)
    if match is None:
        return None
    per = match["per"]
    if per in _ENERGY:
        return 1 / _ENERGY[per], match["currency"], "kWh"
    return 1 / _POWER[per], match["currency"], "kW"


def to_base(unit: str) -> float | None:
    """Factor from a sensor's unit to kW, kWh, or money per kWh; None: a unit that is kept as it is."""
    if unit in _POWER:
        return _POWER[unit]
    if unit in _ENERGY:
        return _ENERGY[unit]
    found = price_unit(unit)
    return found[0] if found else None


def quantity(unit: str) -> str:
    """What a unit measures: ``power``, ``energy``, ``price CUR/kWh``, or the unit itself."""
    if unit in _POWER:
        return "power"
    if unit in _ENERGY:
        return "energy"
    found = price_unit(unit)
    return f"price {found[1]}/{found[2]}" if found else unit


def factor(given: str, kept: str, pointer: str) -> float:
    """Factor from one unit to another of the same quantity.

    Raises:
        Refused: they do not measure the same.
    """
    if given == kept:
        return 1.0
    here, there = to_base(given), to_base(kept)
    if here is None or there is None or quantity(given) != quantity(kept):
        raise Refused(pointer, f"'{given}' cannot be converted to '{kept}'")
    return here / there


def duration(value: Any, pointer: str) -> timedelta:
    """An ISO 8601 duration of weeks, days, hours, minutes and seconds; positive, and at most 400 days."""
    match = _DURATION.match(value) if isinstance(value, str) and len(value) <= 64 else None
    parts = {name: float(text) for name, text in match.groupdict().items() if text} if match else {}
    seconds = timedelta(**parts).total_seconds() if parts and max(parts.values()) < 1e8 else 0.0
    if not 0 < seconds <= _LONGEST_S:
        accepted = "one of weeks, days, hours, minutes and seconds like PT15M, above 0 and at most 400 days"
        raise Refused(pointer, f"{value!r} is no duration; accepted: {accepted}")
    return timedelta(seconds=seconds)


def iso_duration(length: timedelta) -> str:
    """As ISO 8601: hours and minutes, which every reader takes."""
    seconds = round(length.total_seconds())
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    text = "".join(f"{count}{letter}" for count, letter in ((hours, "H"), (minutes, "M"), (left, "S")) if count)
    return f"PT{text or '0S'}"


def moment(value: Any, pointer: str) -> datetime:
    """A date and time with an offset, as UTC."""
    accepted = "one with an offset, like 2026-03-01T00:00:00+01:00"
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is not None and 1990 <= found.year <= 2200:
            return found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise Refused(pointer, f"{value!r} is no time between 1990 and 2200; accepted: {accepted}")


def whole_steps(length: timedelta, step: timedelta, pointer: str, most: int) -> int:
    """How many steps a length has.

    Raises:
        Refused: it is not a whole number of them, or there are more than ``most``.
    """
    steps = length / step
    if abs(steps - round(steps)) > 1e-9 or round(steps) < 1:
        raise Refused(pointer, f"{iso_duration(length)} is not a whole number of steps of {iso_duration(step)}")
    if round(steps) > most:
        raise Refused(pointer, f"{iso_duration(length)} has {round(steps)} steps; accepted: at most {most}")
    return round(steps)


def unknown(given: Sequence[str], understood: Sequence[str], pointer: str, why: dict[str, str]) -> None:
    """Refuse the first key that is not understood, with the reason where there is one of its own."""
    for key in given:
        if key not in understood:
            reason = why.get(key, f"nothing here is called that; accepted: {', '.join(sorted(understood))}")
            raise Refused(f"{pointer}/{key}", f"'{key}' cannot be kept: {reason}")
