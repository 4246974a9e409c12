"""A VEN's report as measurements of its site: which payload is which series, in which unit, for which time.

A VEN is a site's where business logic gave it the attribute ``SITE``; a resource is an asset of that site where it has
the asset's name, and ``AGGREGATED_REPORT`` is the site as a whole. Powers are those that are drawn from the grid or the
bus; the standard has no negative usage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dispatch.service.openadr.timing import Timed, timed

WHOLE_SITE = "AGGREGATED_REPORT"
# What is measured of the site as a whole, and what a resource of this name says of it.
SITE_SERIES = "net_import_kw"
_KWH = {"KWH": 1.0, "WH": 1e-3, "MWH": 1e3}
_KW = {"KW": 1.0, "W": 1e-3, "MW": 1e3}
# The others (baselines, forecasts, states, offers) stay with the report: a site has no series for them.
MEASURED = ("USAGE", "DEMAND", "STORAGE_CHARGE_LEVEL")


@dataclass(frozen=True)
class Measurement:
    """One value of a series; ``time`` is the end of what it is the mean of (or the moment of a content)."""

    series: str
    time: datetime
    value: float


class UnreadableError(Exception):
    """A report says something that would have to be guessed at.

    Args:
        pointer: JSON pointer into the report.
        message: what is wrong, and what would be accepted.
    """

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(f"{pointer}: {message}")
        self.pointer, self.message = pointer, message


def measurements(report: Mapping[str, Any], assets: Mapping[str, float | None], now: datetime) -> Iterator[Measurement]:
    """What a report has measured.

    Args:
        report: as it was sent.
        assets: of the site, by name; with what a store holds when it is full [kWh], None where it is no store.
        now: for starts that stand for now.

    Raises:
        UnreadableError: a unit or time is missing, or a resource is none of the site.
    """
    described = {one["payloadType"]: one for one in report.get("payloadDescriptors") or ()}
    for place, resource in enumerate(report["resources"]):
        where = f"/resources/{place}"
        name = resource["resourceName"]
        if name != WHOLE_SITE and name not in assets:
            known = ", ".join([WHOLE_SITE, *sorted(assets)][:10])
            raise UnreadableError(f"{where}/resourceName", f"'{name}' is no asset of the VEN's site; accepted: {known}")
        try:
            parts = list(timed(resource, now))
        except ValueError as error:
            raise UnreadableError(f"{where}/intervals", str(error)) from None
        for number, part in enumerate(parts):
            at = f"{where}/intervals/{number}"
            for slot, payload in enumerate(part.payloads):
                if payload["type"] in MEASURED:
                    yield from _measured(payload, part, name, assets, described, f"{at}/payloads/{slot}")


def _measured(
    payload: Mapping[str, Any],
    part: Timed,
    name: str,
    assets: Mapping[str, float | None],
    described: Mapping[str, Mapping[str, Any]],
    where: str,
) -> Iterator[Measurement]:
    kind = payload["type"]
    says = described.get(kind, {})
    if says.get("readingType", "DIRECT_READ") in ("FORECAST", "PEAK"):
        return
    for offset, value in enumerate(payload["values"]):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UnreadableError(f"{where}/values/{offset}", f"{value!r}; accepted: a number")
    if part.end is None or part.end <= part.start:
        raise UnreadableError(where, "nothing says how long the interval lasts: give intervalPeriod.duration")
    step = (part.end - part.start) / max(len(payload["values"]), 1)
    for offset, value in enumerate(payload["values"]):
        end = part.start + (offset + 1) * step
        if kind == "STORAGE_CHARGE_LEVEL":
            yield Measurement(f"{name}.stored_kwh", end, _content_kwh(value, assets.get(name), where))
        else:
            power_kw = _power_kw(kind, float(value), says, step, where)
            yield Measurement(SITE_SERIES if name == WHOLE_SITE else name, end, power_kw)


def _content_kwh(share: float, full_kwh: float | None, where: str) -> float:
    if full_kwh is None:
        raise UnreadableError(where, "a charge level of what is no store of the site")
    if not 0 <= share <= 1:
        raise UnreadableError(where, f"{share:g} is no charge level; accepted: 0 (empty) to 1 (full)")
    return share * full_kwh


def _power_kw(kind: str, value: float, says: Mapping[str, Any], step: timedelta, where: str) -> float:
    """Mean power over the interval."""
    known = _KWH if kind == "USAGE" else _KW
    unit = says.get("units") or next(iter(known))
    if unit not in known:
        raise UnreadableError(where, f"units {unit!r} of {kind} in payloadDescriptors; accepted: {', '.join(known)}")
    return value * known[unit] / (step / timedelta(hours=1) if kind == "USAGE" else 1.0)
