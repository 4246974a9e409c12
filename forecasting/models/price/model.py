"""The model of day-ahead prices: a mix of members for each market and lead day, calibrated on its own last year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting import steps as grids
from forecasting.archive.known import Known
from forecasting.clock import HOUR_NS, Ns, utc_text
from forecasting.learners import levels as dense
from forecasting.models.base import CannotForecast
from forecasting.models.price import averaging, profile
from forecasting.models.price.days import Days, Series, known_days, local_hours, prices
from forecasting.models.price.mix import Mix, Record
from forecasting.steps import Grid
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
VERSION = "1"
SHOWN_DAYS = 182  # of forecasts from which the bands are learnt
LEAST_DAYS = 70  # of prices: 28 to learn from, 20 to tell errors, and the lags
LONGEST_LEAD = 17


@dataclass(frozen=True)
class PriceModel:
    """Day-ahead prices from their own past and whatever is forecast at the target's weather sites, or its own site.

    The first day without prices is forecast by `mix`; days after it, whose demand and wind are less known, by its
    members without trees.
    """

    mix: Mix = field(default_factory=Mix)
    shown_days: int = SHOWN_DAYS
    name: str = "price"

    def first_shown(self, row: int, lead: int) -> int:
        """The first row of days that bears on the band of a row."""
        return max(row - self.shown_days - averaging.reach(lead), 0)

    def train(
        self, known: Known, targets: Sequence[Target], place: Place, horizon_ns: Ns, levels: Floats
    ) -> TrainedPrice:
        """Forecast each market's last days as they could have been, for every lead day of the horizon."""
        levels = dense.checked(levels)
        edges_ns = known.time_ns + horizon_ns
        records: dict[str, dict[int, Record]] = {}
        about: dict[str, Any] = {}
        for target in targets:
            market = Market(self, target, target.place or place)
            series = prices(known, target)
            wanted = market.days_of(edges_ns)
            last = market.last_known(known, series, int(wanted[-1]))
            leads = sorted({int(day) - last for day in wanted if day > last})
            records[target.name] = {}
            for lead in leads:
                days = market.table(known, series, last + lead)
                record = market.mix_of(lead, leads).forecast(days, market.first_shown(days, lead), lead)
                records[target.name][lead] = record.until(last + 1)
            about[target.name] = market.card(series, market.table(known, series, last), leads)
        card = {"model": self.name, "version": VERSION, "trained_at": utc_text(known.time_ns), "targets": about}
        return TrainedPrice(self, tuple(targets), place, levels, records, card)


@dataclass(frozen=True)
class Market:
    """One target where it stands."""

    model: PriceModel
    target: Target
    place: Place

    def days_of(self, edges_ns: Ns) -> Ints:
        """Local days that a horizon touches."""
        ends = np.array([edges_ns[0], edges_ns[-1] - 1])
        first, last = local_hours(ends, self.place)[0]
        return np.arange(first, last + 1)

    def last_known(self, known: Known, series: Series, day: int) -> int:
        """The last day whose prices are known."""
        days = known_days(known, self.target, self.place, series, day)
        count = int(np.isfinite(days.price).all(axis=1).sum())
        if count < LEAST_DAYS:
            raise CannotForecast(f"{self.target.name}: {count} days of prices; {LEAST_DAYS} are needed")
        return days.last_known

    def table(self, known: Known, series: Series, day: int) -> Days:
        """All days up to one."""
        return known_days(known, self.target, self.place, series, day)

    def first_shown(self, days: Days, lead: int) -> int:
        """Row of the first day that the band of the last day is learnt from."""
        return self.model.first_shown(len(days.number) - 1, lead)

    def mix_of(self, lead: int, leads: Sequence[int]) -> Mix:
        """The mix for one lead of several."""
        return self.model.mix if lead == min(leads) else Mix(self.model.mix.members, ())

    def card(self, series: Series, days: Days, leads: Sequence[int]) -> dict[str, Any]:
        """What was learnt from."""
        return {
            "members": self.model.mix.names,
            "lead_days": tuple(leads),
            "inputs": tuple(days.exogenous),
            "first_price": utc_text(int(series.start_ns[0])),
            "last_price": utc_text(int(series.start_ns[-1]) + series.step_ns),
            "days": int(np.isfinite(days.price).all(axis=1).sum()),
        }


@dataclass(frozen=True, eq=False)
class TrainedPrice:
    """What the members said of each market's days, by lead; recalibrated on whatever is known when it is asked."""

    model: PriceModel
    targets: tuple[Target, ...]
    place: Place
    levels: Floats
    records: Mapping[str, Mapping[int, Record]]
    card: Mapping[str, Any]

    def quantiles(self, known: Known, edges_ns: Ns) -> Mapping[str, Floats]:
        """See `Trained`. Prices that are published already are certain."""
        return {target.name: self._of(known, target, edges_ns) for target in self.targets}

    def _of(self, known: Known, target: Target, edges_ns: Ns) -> Floats:
        """Quantiles (T, Q) of one market."""
        market = Market(self.model, target, target.place or self.place)
        series = prices(known, target)
        first = int(edges_ns[0]) // series.step_ns * series.step_ns
        grid = Grid(first, series.step_ns, -(-(int(edges_ns[-1]) - first) // series.step_ns))
        start = grid.start_of(np.arange(grid.count))
        day, hour = local_hours(start, market.place)
        found = np.full((grid.count, len(self.levels)), np.nan)
        last = market.last_known(known, series, int(day[-1]))
        leads = [int(number) - last for number in np.unique(day) if number > last]
        shape = profile.of(series, market.place) if series.step_ns < HOUR_NS else None
        for lead in leads:
            hourly = self._day(known, market, series, last + lead, lead)
            inside = day == last + lead
            found[inside] = hourly[hour[inside]]
            if shape is not None:
                found[inside] = shape.finer(found[inside], hour[inside], start[inside], self.levels)
        _, ours, theirs = np.intersect1d(start, series.start_ns, assume_unique=True, return_indices=True)
        found[ours] = series.value[theirs][:, None]
        if np.isnan(found).any():
            at = utc_text(int(start[np.isnan(found).any(axis=1)][0]))
            raise CannotForecast(f"{target.name}: too little is known to forecast {at}")
        mixed: Floats = grids.overlap(grid, np.arange(grid.count), edges_ns) @ found
        return np.asarray(np.sort(np.clip(mixed, *target.bounds), axis=1))

    def _day(self, known: Known, market: Market, series: Series, number: int, lead: int) -> Floats:
        """Quantiles (24, Q) of one local day."""
        if lead > LONGEST_LEAD:
            raise CannotForecast(f"{market.target.name}: the last prices are {lead} days older than what is asked for")
        days = market.table(known, series, number)
        kept = self.records[market.target.name]
        record = market.mix_of(lead, sorted(kept) or [lead]).forecast(
            days, market.first_shown(days, lead), lead, kept.get(lead)
        )
        price = days.price[record.first - int(days.number[0]) :]
        made = averaging.average(record.said, price, lead)
        row = np.array([len(price) - 1])
        return np.asarray(averaging.quantiles(made, price, lead, self.levels, row, self.model.shown_days)[0])
