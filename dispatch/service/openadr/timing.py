"""When the intervals of an event or a report are: what an interval does not say it takes from the object around it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_DURATION = re.compile(
    r"^(?P<sign>[-+])?P(?=\d|T\d)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?$"
)
_DATE = re.compile(r"^\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[-+]\d\d:\d\d)?)?$")
# A start in the year 1 stands for now, a duration of 9999 years for ever.
_NOW_YEAR = 1
_FOREVER_YEARS = 9999
_MONTH_D, _YEAR_D = 365.2425 / 12, 365.2425
FOREVER = timedelta(days=365 * 1000)


def moment(text: str) -> datetime | None:
    """A time, UTC; None where it stands for now.

    Raises:
        ValueError: it is none.
    """
    accepted = "accepted: one with an offset, like 2026-03-01T07:00:00Z"
    if not _DATE.match(text):
        raise ValueError(f"{text!r} is no date and time; {accepted}")
    if int(text[:4]) <= _NOW_YEAR:
        return None
    try:
        found = datetime.fromisoformat(text.upper().replace(" ", "T"))
    except ValueError:
        raise ValueError(f"{text!r} is no date and time; {accepted}") from None
    if found.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; {accepted}")
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is out of range; {accepted}") from None


def length(text: str) -> timedelta:
    """An ISO 8601 duration; a month is a twelfth of a year.

    Raises:
        ValueError: it is none.
    """
    match = _DURATION.match(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration; accepted: like PT15M")
    number = {name: float(value) for name, value in match.groupdict().items() if value and name != "sign"}
    if number.get("years", 0) >= _FOREVER_YEARS:
        return FOREVER
    days = number.get("years", 0) * _YEAR_D + number.get("months", 0) * _MONTH_D + number.get("days", 0)
    try:
        rest = {name: number.get(name, 0.0) for name in ("weeks", "hours", "minutes", "seconds")}
        found = timedelta(days=days, **rest)
    except OverflowError:
        return FOREVER
    return -found if match["sign"] == "-" else min(found, FOREVER)


def iso(at: datetime) -> str:
    """As the node writes a time."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Timed:
    """An interval with its times.

    Attributes:
        number: of the interval.
        start, end: UTC; end is None where nothing says how long it lasts.
        payloads: as they were sent.
    """

    number: int
    start: datetime
    end: datetime | None
    payloads: Sequence[Mapping[str, Any]]


def timed(body: Mapping[str, Any], now: datetime) -> Iterator[Timed]:
    """The intervals of an event or of a report's resource, one after the other.

    Raises:
        ValueError: nothing says when an interval begins.
    """
    outer = body.get("intervalPeriod") or {}
    begin = (moment(outer["start"]) or now) if outer.get("start") else None
    for interval in body.get("intervals") or ():
        own = interval.get("intervalPeriod") or {}
        start = (moment(own["start"]) or now) if own.get("start") else begin
        lasting = own.get("duration") or outer.get("duration")
        if start is None:
            raise ValueError(f"nothing says when interval {interval['id']} begins: give intervalPeriod.start")
        end = start + length(lasting) if lasting else None
        yield Timed(interval["id"], start, end, interval["payloads"])
        begin = end


def span(event: Mapping[str, Any], now: datetime) -> tuple[datetime, datetime | None] | None:
    """From when to when an event is; None where nothing says it."""
    try:
        parts = list(timed(event, now))
    except ValueError:
        return None
    if not parts:
        return None
    start = min(part.start for part in parts)
    if event.get("duration"):
        return start, start + length(event["duration"])
    ends = [part.end for part in parts]
    return start, None if None in ends else max(end for end in ends if end is not None)
