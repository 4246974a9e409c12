"""Times that could be other ones: a departure, the end of a window, a planned outage, a minimum time, a switch-on.

Nothing is known here about any kind: whatever stands in an asset's fields as a moment, as hours of the clock or as
hours that must pass at least can be moved, and where on/off was given with the data, so can its switching. Of a window
and of a vehicle's stay each end moves by itself; what has a length of its own (an outage, an event) moves as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from dispatch.asset import Asset, Inputs
from dispatch.explain.moments import clock
from dispatch.loads.sessions import Session
from dispatch.loads.windows import Window
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.tariff import Tariff

Path = tuple[str | int, ...]

_CLOCK = re.compile(r"\d\d?:\d\d-\d\d?:\d\d")
_DAY_S = 86_400.0
_ENDS = {"first": "start", "last": "end"}
# Hours that somebody sets and could set lower, or higher; other hours are physics or the past.
_LESS = ("min_up_h", "min_down_h", "survival_h", "recovery_h", "plateau_hold_h", "notice_h")
_MORE = ("max_interruption_h", "rebound_h")
# Whose two ends somebody may move one by one.
_STAYS = (Window, Session)
_COMMITMENT = "commitment"


@dataclass(frozen=True)
class TimeChange:
    """A time of the park's file moved by some steps.

    Attributes:
        field: as a person calls it: ``departure of bus_7``.
        places: what stands where in the asset and moves together.
        by_s: how much later [s].
        before, after: as written.
    """

    asset: str
    field: str
    places: tuple[Path, ...]
    by_s: float
    before: str
    after: str

    def __str__(self) -> str:
        if self.before.endswith(" h"):
            verb = "raise" if self.by_s > 0 else "lower"
            return f"{verb} {self.field} of {self.asset} from {self.before.removesuffix(' h')} to {self.after}"
        return f"move {self.field} of {self.asset} from {self.before} to {self.after}"

    def apply(self, site: Site) -> Site:
        """The site with the time moved.

        Raises:
            ValueError: the park's file would not take it.
        """
        return site.model_copy(update={"assets": tuple(self._moved(asset) for asset in site.assets)})

    def told(self, inputs: Inputs) -> Inputs:
        """What was forecast and given stays as it is."""
        return inputs

    def _moved(self, asset: Asset) -> Asset:
        if asset.name != self.asset:
            return asset
        content: Any = asset.model_dump()
        for place in self.places:
            content = _put(content, place, self.by_s)
        try:
            return type(asset).model_validate(content)
        except ValidationError as error:
            raise ValueError(error.errors()[0]["msg"]) from None


@dataclass(frozen=True)
class SwitchChange:
    """A given switching on or off, moved from one step to another; ``before`` and ``after`` on the local clock."""

    asset: str
    step: int
    to: int
    on: bool
    before: str
    after: str

    def __str__(self) -> str:
        return f"switch {self.asset} {'on' if self.on else 'off'} at {self.after} instead of {self.before}"

    def apply(self, site: Site) -> Site:
        """The park's file stays as it is."""
        return site

    def told(self, inputs: Inputs) -> Inputs:
        """The given on/off with the switching moved."""
        key = self.asset, _COMMITMENT
        values = np.array(inputs.series[key], float)
        between = slice(*sorted((self.step, self.to)))
        values[:, between] = float(self.on) if self.to < self.step else 1.0 - float(self.on)
        return replace(inputs, series=dict(inputs.series) | {key: values})


Moved = TimeChange | SwitchChange


@dataclass(frozen=True)
class Movable:
    """A time that may be moved.

    Attributes:
        asset: whose it is.
        field: as a person calls it.
        places: what moves together.
        ways: 1 where it may be later, −1 where it may be earlier.
        values: as they stand at the places.
        lasts_s: of an end of a stay by the clock, how long the stay is: one end never passes the other.
        step: where it is a switching that was given, the step it is in.
        on: and is it one on.
    """

    asset: str
    field: str
    places: tuple[Path, ...] = ()
    ways: tuple[int, ...] = (1, -1)
    values: tuple[Any, ...] = ()
    lasts_s: float | None = None
    step: int = -1
    on: bool = True

    def moved(self, steps: int, horizon: Horizon) -> Moved:
        """The change by so many steps later.

        Raises:
            ValueError: there is no such time.
        """
        if self.step >= 0:
            to = self.step + steps
            if not 0 <= to < horizon.steps:
                raise ValueError("beyond the horizon")
            return SwitchChange(self.asset, self.step, to, self.on, clock(horizon, self.step), clock(horizon, to))
        by_s = steps * float(horizon.hours.min()) * 3600
        if self.lasts_s is not None and not 0 < self.lasts_s + (by_s if self._is_end else -by_s) < _DAY_S:
            raise ValueError("one end would pass the other")
        ends = [place[-1] for place in self.places]
        first = [written(v, e) for v, e in zip(self.values, ends, strict=True)]
        then = [written(_later(v, e, by_s), e) for v, e in zip(self.values, ends, strict=True)]
        if len(then) == 1 and then[0].rpartition(" ")[0] == first[0].rpartition(" ")[0]:
            then = [then[0].rpartition(" ")[2] if ":" in then[0] else then[0]]
        return TimeChange(self.asset, self.field, self.places, by_s, "–".join(first), "–".join(then))

    @property
    def _is_end(self) -> bool:
        """Does the stay last longer the later this end is?"""
        return self.field.startswith(("end", "departure"))

    def from_s(self, moments_s: Array, offset_s: float) -> float:
        """How far it is from the nearest of some moments [s]; hours that must pass are everywhere.

        Args:
            moments_s: since 1970.
            offset_s: by which the local clock is ahead.
        """
        if self.step >= 0 or not self.values:
            return 0.0
        ends = [place[-1] for place in self.places]
        return min(_from_s(v, end, moments_s, offset_s) for v, end in zip(self.values, ends, strict=True))


def movable(site: Site, inputs: Inputs, assets: set[str], given: bool) -> Iterator[Movable]:
    """Times of these assets; ``given``: was on/off given with the data."""
    for asset in site.assets:
        if asset.name not in assets:
            continue
        for name in type(asset).model_fields:
            yield from _within(asset.name, name, getattr(asset, name), (name,))
        if given and (asset.name, _COMMITMENT) in inputs.series:
            yield from _switchings(asset.name, inputs.series[asset.name, _COMMITMENT])


def _switchings(asset: str, values: Array) -> Iterator[Movable]:
    """Every switching within the horizon, and what stands at its start, which may have come too early."""
    on = np.round(values[0]) > 0
    yield Movable(asset, _COMMITMENT, ways=(1,), step=0, on=bool(on[0]))
    for step in np.flatnonzero(np.diff(on.astype(int))) + 1:
        yield Movable(asset, _COMMITMENT, step=int(step), on=bool(on[step]))


def _within(asset: str, field: str, value: Any, path: Path) -> Iterator[Movable]:
    """Times in a field, however deep."""
    if field in _LESS + _MORE and isinstance(value, float) and value > 0:
        yield Movable(asset, field, ((*path, ""),), (-1,) if field in _LESS else (1,), (value,))
    elif isinstance(value, datetime | time):
        yield Movable(asset, field, ((*path, ""),), values=(value,))
    elif isinstance(value, str) and _CLOCK.fullmatch(value):
        first, last = (time.fromisoformat(f"{written(value, end):0>5}".replace("24:00", "00:00")) for end in _ENDS)
        for end, words in _ENDS.items():
            yield Movable(asset, f"{words} of {field}", ((*path, end),), values=(value,), lasts_s=_lasts_s(first, last))
    elif isinstance(value, tuple):
        for place, one in enumerate(value):
            yield from _within(asset, field, one, (*path, place))
    elif isinstance(value, BaseModel) and not isinstance(value, Tariff):
        yield from _of_model(asset, field, value, path)


def _of_model(asset: str, field: str, value: BaseModel, path: Path) -> Iterator[Movable]:
    times = {name: v for name in type(value).model_fields if isinstance(v := getattr(value, name), datetime | time)}
    if len(times) == 2 and not isinstance(value, _STAYS):
        yield Movable(asset, field, tuple((*path, name, "") for name in times), values=tuple(times.values()))
        return
    owner = getattr(value, "name", "") or field
    lasts_s = _lasts_s(*times.values()) if len(times) == 2 else None
    for name in type(value).model_fields:
        inner = getattr(value, name)
        words = (
            name if isinstance(inner, tuple | BaseModel) else field if isinstance(inner, str) else f"{name} of {owner}"
        )
        for found in _within(asset, words, inner, (*path, name)):
            yield replace(found, lasts_s=lasts_s) if name in times else found


def _lasts_s(first: Any, last: Any) -> float | None:
    """How long a stay between two times of the clock is [s]; None between dates, which never wrap round."""
    if isinstance(first, datetime):
        return None
    begin, end = (moment.hour * 3600 + moment.minute * 60 + moment.second for moment in (first, last))
    return float(end - begin if end > begin else end - begin + _DAY_S)


def _put(content: Any, place: Path, by_s: float) -> Any:
    """The content with what stands at a place moved."""
    if len(place) == 1:
        return _later(content, place[0], by_s)
    if isinstance(content, dict):
        return content | {place[0]: _put(content[place[0]], place[1:], by_s)}
    return tuple(_put(one, place[1:], by_s) if n == place[0] else one for n, one in enumerate(content))


def _later(value: Any, end: str | int, by_s: float) -> Any:
    """A time so many seconds later; hours so much longer.

    Raises:
        ValueError: there is no such time.
    """
    if isinstance(value, float):
        if value + by_s / 3600 < 0:
            raise ValueError("hours below none")
        return value + by_s / 3600
    if isinstance(value, datetime):
        return value + timedelta(seconds=by_s)
    if isinstance(value, time):
        return (datetime.combine(date(2000, 1, 1), value) + timedelta(seconds=by_s)).time()
    first, _, last = value.partition("-")
    if end == "first":
        return f"{_clocked(first, by_s)}-{last}"
    return f"{first}-{_clocked(last, by_s)}"


def _clocked(text: str, by_s: float) -> str:
    hour, _, minute = text.partition(":")
    minutes = int(hour) * 60 + int(minute) + round(by_s / 60)
    if not 0 <= minutes <= 1440:
        raise ValueError(f"{minutes} minutes are no time of a day")
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def written(value: Any, end: str | int) -> str:
    """A time as a person writes it."""
    if isinstance(value, float):
        return f"{value:g} h"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return str(value.partition("-")[0 if end == "first" else 2])


def _from_s(value: Any, end: str | int, moments_s: Array, offset_s: float) -> float:
    if isinstance(value, float):
        return 0.0
    if isinstance(value, datetime):
        return float(np.abs(moments_s - value.timestamp()).min())
    hour, _, minute = written(value, end).partition(":")
    apart = np.abs((moments_s + offset_s) % _DAY_S - (int(hour) * 3600 + int(minute) * 60))
    return float(np.minimum(apart, _DAY_S - apart).min())
