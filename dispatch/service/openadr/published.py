"""Set-points, limits and prices of ours as events that a VEN understands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from dispatch.service.openadr.timing import iso

# What a kind of payload is measured in; prices also say their currency, carbon is the standard's g per kWh.
UNITS: Mapping[str, str] = {
    "DISPATCH_SETPOINT": "KW",
    "DISPATCH_SETPOINT_RELATIVE": "KW",
    "IMPORT_CAPACITY_LIMIT": "KW",
    "EXPORT_CAPACITY_LIMIT": "KW",
    "CHARGE_STATE_SETPOINT": "KWH",
    "PRICE": "KWH",
    "EXPORT_PRICE": "KWH",
    "GHG": "GHG",
}
_PRICES = ("PRICE", "EXPORT_PRICE")


def event(
    program_id: str,
    name: str,
    targets: Sequence[str],
    edges: Sequence[datetime],
    payloads: Mapping[str, Sequence[float]],
    *,
    currency: str | None = None,
    priority: int | None = None,
) -> dict[str, Any]:
    """An event whose intervals are the steps of a plan.

    Args:
        targets: whom it is for, such as the site.
        edges: of the steps, one more than there are.
        payloads: by kind, a value for each step.
        currency: of prices.

    Raises:
        ValueError: a kind is none of ours, or values are of another length.
    """
    unknown = [kind for kind in payloads if kind not in UNITS]
    if unknown:
        raise ValueError(f"'{unknown[0]}' is not published; accepted: {', '.join(UNITS)}")
    steps = [end - start for start, end in pairwise(edges)]
    alike = len(set(steps)) == 1
    rows = zip(steps, *payloads.values(), strict=True)
    intervals = []
    for number, (step, *row) in enumerate(rows):
        own = {} if alike else {"intervalPeriod": {"start": iso(edges[number]), "duration": duration(step)}}
        values = [{"type": kind, "values": [float(v)]} for kind, v in zip(payloads, row, strict=True)]
        intervals.append({"id": number, **own, "payloads": values})
    period = {"start": iso(edges[0])} | ({"duration": duration(steps[0])} if alike else {})
    made: dict[str, Any] = {
        "programID": program_id,
        "eventName": name,
        "targets": list(targets),
        "payloadDescriptors": [_descriptor(kind, currency) for kind in payloads],
        "intervalPeriod": period,
        "intervals": intervals,
    }
    return made | ({} if priority is None else {"priority": priority})


def exchange(net_import_kw: Sequence[float]) -> dict[str, list[float]]:
    """What a site is to take from the grid, and where it is to give, up to how much.

    The standard's set-point is what is consumed, and never negative.
    """
    taken = [max(kw, 0.0) for kw in net_import_kw]
    given = [max(-kw, 0.0) for kw in net_import_kw]
    return {"DISPATCH_SETPOINT": taken} | ({"EXPORT_CAPACITY_LIMIT": given} if any(given) else {})


def _descriptor(kind: str, currency: str | None) -> dict[str, Any]:
    made = {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": kind, "units": UNITS[kind]}
    return made | ({"currency": currency} if kind in _PRICES and currency else {})


def duration(step: timedelta) -> str:
    """As ISO 8601."""
    seconds = round(step.total_seconds())
    minutes, rest = divmod(seconds, 60)
    return f"PT{minutes}M" if not rest else f"PT{seconds}S"
