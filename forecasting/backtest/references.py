"""What every forecast is held against: the usual value of the hour, the last value, and the cleverer of both.

    climatology          quantiles of the past at the same time of day, days of about this season
    persistence          wind: the last known value; otherwise the value at the same time of the last known day
    smart persistence    c(t) + ρ_lead · (departure of persistence from its own usual value), ρ fitted by lead

with c the mean at that time of day. The third is the reference of Nielsen et al. 1998 (Wind Energy 1(1)) with a daily
cycle: no better one can be had from the last value and the usual value alone. A time of day is that of the local clock,
but for wind and pv, which know the sun's alone. Both kinds of persistence get their
quantiles from their own past errors at the same lead. Loads keep working days and other days apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import Known
from forecasting.clock import DAY_NS, Ns, utc_index, utc_text
from forecasting.features import by_calendar
from forecasting.local_days import LocalDays
from forecasting.models.base import CannotForecast
from forecasting.observed import means_over
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
SEASON_DAYS = 45
FEWEST_DAYS = 7
ERRORS_OF_DAYS = 90
BY_LAST_VALUE = ("wind", "intensity")


@dataclass(frozen=True, eq=False)
class Past:
    """Known means on a grid of equal steps that ends at the issue: end of each (N,), value (N,), NaN unknown."""

    end_ns: Ns
    value: Floats
    step_ns: int

    @property
    def per_day(self) -> int:
        """Steps of a day."""
        return round(DAY_NS / self.step_ns)


def past(known: Known, target: Target, edges_ns: Ns) -> Past:
    """The series of a target on the steps of the horizon, continued backwards.

    Raises:
        CannotForecast: nothing is known, or the steps of the horizon differ or do not divide a day.
    """
    steps = np.diff(edges_ns)
    step = int(steps[0])
    if np.ptp(steps) or DAY_NS % step:
        raise CannotForecast(f"{target.name}: references need equal steps that divide a day")
    measured = known.measurements(target.site, target.name)
    if len(measured.end_ns) < 2:
        raise CannotForecast(f"{target.name}: nothing measured is known at {utc_text(known.time_ns)}")
    last = int(edges_ns[0]) - (int(edges_ns[0]) - known.time_ns) // step * step
    count = max((last - int(measured.end_ns.min())) // step, 0)
    edges = last - np.arange(count, -1, -1, dtype=np.int64) * step
    return Past(edges[1:], means_over(measured, edges), step)


def day_types(end_ns: Ns, step_ns: int, target: Target, place: Place) -> NDArray[np.int64]:
    """What kind of day (N,) an interval lies in: 1 for weekends and holidays of loads and prices, else 0."""
    if target.kind not in ("load", "net_load", "price"):
        return np.zeros(len(end_ns), np.int64)
    where = target.place or place
    local = utc_index(end_ns - step_ns // 2).tz_convert(where.time_zone)
    holidays = np.isin(local.strftime("%Y-%m-%d").to_numpy(), list(where.holidays))
    return np.asarray((local.weekday >= 5) | holidays, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class _Asked:
    """References of some targets; they learn nothing that they cannot read anew at every issue."""

    name: str
    targets: tuple[Target, ...]
    place: Place
    levels: Floats
    card: Mapping[str, Any] = field(default_factory=dict)

    def quantiles(self, known: Known, edges_ns: Ns) -> dict[str, Floats]:
        """See `Trained`."""
        found = {}
        for target in self.targets:
            seen = past(known, target, edges_ns)
            low, high = target.bounds
            if self.name == CLIMATOLOGY:
                made = _climatology(seen, edges_ns, target, self.place, self.levels)
            else:
                made = _persistence(seen, edges_ns, target, self.place, self.levels, smart=self.name == SMART)
            found[target.name] = np.sort(np.clip(made, low, high), axis=1)
        return found


@dataclass(frozen=True)
class Reference:
    """A reference by its name, as a model of a backtest."""

    name: str

    def train(
        self,
        known: Known,  # noqa: ARG002 - the protocol's; nothing is learnt
        targets: Sequence[Target],
        place: Place,
        horizon_ns: Ns,  # noqa: ARG002 - likewise
        levels: Floats,
    ) -> _Asked:
        """See `Model`."""
        return _Asked(self.name, tuple(targets), place, levels, {"model": self.name})


def _clock(seen: Past, end_ns: Ns, target: Target, place: Place) -> LocalDays:
    """The clock of days back over the steps of the past and on to the last of the intervals asked for."""
    last = max(int(end_ns[-1]), int(seen.end_ns[-1]))
    start = seen.end_ns[0] + seen.step_ns * np.arange(-1, (last - int(seen.end_ns[0])) // seen.step_ns)
    zone = (target.place or place).time_zone if by_calendar(target) else None
    return LocalDays.of(start, seen.step_ns, zone)


def _usual(seen: Past, end_ns: Ns, target: Target, place: Place) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """For each interval asked (T,) the positions (T, D) of the past at its time of day, and which of them count."""
    back = (end_ns[:, None] - seen.end_ns[-1]) // seen.step_ns
    if not len(seen.value):
        raise CannotForecast(f"{target.name}: nothing is known before the issue")
    clock = _clock(seen, end_ns, target, place)
    days = np.arange(1, max(len(seen.value) // seen.per_day, 1) + 1)
    first = -(-np.maximum(back, 1) // seen.per_day)
    position, _ = clock.before(len(seen.value) - 1 + back, first + days[None, :] - 1)
    inside = (position >= 0) & (position < len(seen.value))
    position = np.clip(position, 0, len(seen.value) - 1)
    alike = (
        day_types(seen.end_ns, seen.step_ns, target, place)[position]
        == (day_types(end_ns, seen.step_ns, target, place)[:, None])
    )
    apart = (end_ns[:, None] - seen.end_ns[position]) / DAY_NS % 365.25
    season = np.minimum(apart, 365.25 - apart) <= SEASON_DAYS
    use = inside & np.isfinite(seen.value[position])
    for wish in (season & alike, alike, season):
        enough = (use & wish).sum(axis=1) >= FEWEST_DAYS
        if enough.all():
            return position, use & wish
    if use.any(axis=1).all():
        return position, use
    raise CannotForecast(f"{target.name}: at some time of day nothing was ever measured")


def _climatology(seen: Past, edges_ns: Ns, target: Target, place: Place, levels: Floats) -> Floats:
    position, use = _usual(seen, edges_ns[1:], target, place)
    held = np.where(use, seen.value[position], np.nan)
    return np.asarray(np.nanquantile(held, levels, axis=1).T)


def _sources(clock: LocalDays, ends: NDArray[np.int64], issue: NDArray[np.int64], target: Target) -> NDArray[np.int64]:
    """Positions (…, T) that persistence reads for intervals at positions `ends` (…, T), with the last known `issue`."""
    if target.kind in BY_LAST_VALUE:
        return np.broadcast_to(issue, ends.shape)
    days = -(-np.maximum(ends - issue, 1) // clock.per_day)
    return clock.before(ends, days + (clock.before(ends, days)[1] > issue))[1]  # a day of 23 hours reaches too far


def _persistence(seen: Past, edges_ns: Ns, target: Target, place: Place, levels: Floats, *, smart: bool) -> Floats:
    """Quantiles from the errors that the same rule made at the same leads, issued at the same time on past days."""
    known = np.flatnonzero(np.isfinite(seen.value))
    if not len(known):
        raise CannotForecast(f"{target.name}: nothing is known before the issue")
    last = int(known[-1])
    ahead = len(seen.value) - 1 + (edges_ns[1:] - seen.end_ns[-1]) // seen.step_ns
    days = np.arange(1, ERRORS_OF_DAYS + 1)
    clock = _clock(seen, edges_ns, target, place)
    ends = clock.before(ahead[None, :], days[:, None])[1]
    issue = clock.before(np.array(last), days)[1][:, None]
    sources = _sources(clock, ends, issue, target)
    use = (ends <= last) & (sources >= 0) & (issue >= 0)
    came, told = (np.where(use & (at >= 0), seen.value[np.clip(at, 0, last)], np.nan) for at in (ends, sources))
    now = _filled(seen.value, last)[_sources(clock, ahead, np.array(last), target)]
    if smart:
        told, now = _towards_usual(seen, clock, ahead, target, came, told, now)
    errors = came - told
    if (np.isfinite(errors).sum(axis=0) < FEWEST_DAYS).any():
        pooled = errors[np.isfinite(errors)]
        if len(pooled) < FEWEST_DAYS:
            raise CannotForecast(f"{target.name}: persistence has no past errors to learn its spread from")
        return np.asarray(now[:, None] + np.quantile(pooled, levels))
    return np.asarray(now[:, None] + np.nanquantile(errors, levels, axis=0).T)


def _filled(values: Floats, last: int) -> Floats:
    """Each unknown value as the last known one before it; NaN before the first."""
    at = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(len(values)), -1))
    return np.where(at >= 0, values[np.maximum(at, 0)], np.nan)[: last + 1]


def _towards_usual(
    seen: Past, clock: LocalDays, ahead: NDArray[np.int64], target: Target, came: Floats, told: Floats, now: Floats
) -> tuple[Floats, Floats]:
    """Past and present persistence (D, T), (T,), drawn towards the usual value by what its departures were worth."""
    slot = clock.slot(np.arange(len(seen.value)))
    known = np.flatnonzero(np.isfinite(seen.value))
    recent = np.arange(len(seen.value)) >= len(seen.value) - ERRORS_OF_DAYS * seen.per_day
    there = np.isfinite(seen.value) & recent
    total = np.bincount(slot[there], weights=seen.value[there], minlength=seen.per_day)
    usual = total / np.maximum(np.bincount(slot[there], minlength=seen.per_day), 1)
    at = usual[clock.slot(ahead)]
    source = usual[slot[known[-1]]] if target.kind in BY_LAST_VALUE else at
    before, after = told - source, came - at
    both = np.isfinite(before) & np.isfinite(after)
    product = np.where(both, before * after, 0).sum(axis=0)
    square = np.where(both, before**2, 0).sum(axis=0)
    share = np.clip(product / np.where(square > 0, square, 1), 0, 1)
    return at + share * before, at + share * (now - source)


CLIMATOLOGY, PERSISTENCE, SMART = "climatology", "persistence", "smart persistence"
REFERENCES = (Reference(CLIMATOLOGY), Reference(PERSISTENCE), Reference(SMART))
