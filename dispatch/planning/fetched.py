"""What the park's archive says of the series that its file names: facts, forecasts of services, own forecasts.

In order, for each step: what is published or measured by the moment of the plan is a fact; of what a service forecast
its value is the centre, and the errors of our own model around it the scenarios; beyond what the service reaches there
is our model alone, from the series' own past, jointly with wind, sun and loads; then what the file says to take
otherwise, which is told. A step that none of them knows is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dispatch import fed
from dispatch.errors import AlignmentError, DataError
from dispatch.fed import Spans
from dispatch.fields.series import Factor, Feed, feed_unit
from dispatch.signals import Array, Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.archive import Archive
    from forecasting.archive.known import Known
    from forecasting.forecast import Forecast
    from forecasting.targets import Target

Mask = NDArray[np.bool_]
_AROUND_S = 4 * 3600
_SPANS_SHOWN = 3


@dataclass(frozen=True)
class Said:
    """One series over a horizon as known at a moment, (T,) in its own unit, NaN where unknown.

    Attributes:
        fact: measured, or published for the step, as day-ahead prices are.
        ahead: the newest forecast of a service.
    """

    fact: Array
    ahead: Array

    @property
    def known(self) -> Array:
        """(T,) the fact, else the service's forecast."""
        return np.where(np.isfinite(self.fact), self.fact, self.ahead)

    def over(self, paths: Array, least: float) -> Array:
        """Own paths (S, T), the central one first, moved to what is known better; none falls below ``least``."""
        there = np.isfinite(self.ahead)
        moved = np.where(there, np.where(there, self.ahead, 0.0) + paths - paths[0], paths)
        there = np.isfinite(self.fact)
        return np.where(there, np.where(there, self.fact, 0.0), np.maximum(moved, least))


@dataclass(frozen=True)
class Fetched:
    """All series that a site reads from its archive.

    Attributes:
        paths: by name, (S, T) in the series' own unit; the first is the central path.
        site: the site with the central path, and what was before it, filled in.
        notes: where a value stands in for an unknown one.
    """

    paths: Mapping[str, Array]
    site: Site
    notes: tuple[str, ...] = ()

    def series(self, horizon: Horizon) -> dict[tuple[str, str], Array]:
        """Input series (S, step) of the assets that read them."""
        return fed.series(self.site.assets, horizon, self.paths)


@dataclass(frozen=True)
class Reader:
    """Reads what a site's file names, as known at a moment; None: as known in the end."""

    site: Site
    archive: Archive
    moment: datetime | None

    @cached_property
    def asked(self) -> dict[str, Feed]:
        """The series that the site names, by name."""
        return fed.feeds(self.site)

    def said(self, name: str, horizon: Horizon) -> Said:
        """What is known of one series."""
        from forecasting.archive.known import Measured
        from forecasting.observed import means_over

        known = self._known()
        edges_ns = horizon.edges.astype("datetime64[ns]").astype(np.int64)
        window_ns = int(edges_ns[0]) - _AROUND_S * 10**9, int(edges_ns[-1]) + _AROUND_S * 10**9
        measured = means_over(known.measurements(self.site.name, name, within_ns=window_ns), edges_ns)
        rows = known.issued(self.site.name, name, within_ns=window_ns)
        rows = rows.take(np.isfinite(rows.value))
        # Runs come oldest first, so of the values of one interval the last is the newest.
        ends, last = np.unique(rows.valid_ns[::-1], return_index=True)
        newest = len(rows) - 1 - last
        ahead = means_over(Measured(ends, rows.available_ns[newest], rows.value[newest]), edges_ns)
        if feed_unit(name).kind == "price":
            return Said(np.where(np.isfinite(measured), measured, ahead), np.full(horizon.steps, np.nan))
        return Said(measured, ahead)

    def open(self, horizon: Horizon) -> tuple[Target, ...]:
        """Series that are not facts throughout the horizon, as targets of a forecast."""
        from forecasting.targets import Target

        return tuple(
            Target(name, feed_unit(name).kind, np.inf, self.site.name, optional=True)
            for name in self.asked
            if not np.isfinite(self.said(name, horizon).fact).all()
        )

    def anchored(self, horizon: Horizon, forecast: Forecast) -> Forecast:
        """Our own forecast, moved to what is known better: it has no width where there are facts."""
        moved: dict[str, dict[str, Array]] = {"central": {}, "quantiles": {}, "scenarios": {}}
        for name in (name for name in self.asked if name in forecast.names):
            levels = len(forecast.levels)
            rows = np.vstack([forecast.central[name], forecast.quantiles[name].T, forecast.scenarios[name]])
            better = self.said(name, horizon).over(rows, least_of(name))
            moved["central"][name] = better[0]
            moved["quantiles"][name] = np.ascontiguousarray(better[1 : 1 + levels].T)
            moved["scenarios"][name] = better[1 + levels :]
        changes: dict[str, Any] = {field: {**getattr(forecast, field), **values} for field, values in moved.items()}
        return replace(forecast, **changes)

    def fetched(self, horizon: Horizon, forecast: Forecast | None, scenarios: int) -> Fetched:
        """Paths of all series: a central one, and ``scenarios`` beside it.

        Args:
            forecast: joint quantiles and scenarios of series that are no facts, as `anchored`; it may lack some.

        Raises:
            DataError: some steps are unknown, and the file says nothing of what to take instead.
        """
        paths: dict[str, Array] = {}
        notes: list[str] = []
        for name, feed in self.asked.items():
            path = self._path(self.said(name, horizon), name, forecast, scenarios)
            lacking = np.asarray(~np.isfinite(path).all(axis=0))
            if lacking.any():
                path[:, lacking] = self._instead(name, feed, horizon, lacking)
                notes.append(_stood_in(name, feed, horizon, lacking))
            paths[name] = path
        before = {name: self._before(name, horizon) for name in paths}
        spans = {n: s.before(Spans.steps(horizon, paths[n][0])) for n, s in before.items()}
        return Fetched(paths, fed.filled(self.site, spans), tuple(notes))

    def _path(self, said: Said, name: str, forecast: Forecast | None, scenarios: int) -> Array:
        """(1 + S, T) the central path and its scenarios, NaN where nothing is known."""
        central = np.tile(said.known, (1 + scenarios, 1))
        if forecast is None or name not in forecast.names:
            return central
        own = forecast.central[name]
        return np.vstack([own, forecast.scenarios[name]]) if scenarios else np.array(own[None, :])

    def _instead(self, name: str, feed: Feed, horizon: Horizon, lacking: Mask) -> float:
        """What the file says to take, in the series' own unit.

        Raises:
            DataError: it says nothing.
        """
        if feed.fallback is not None:
            return feed.fallback / (feed_unit(name).scale * (feed.exchange_rate or 1.0))
        held = ", ".join(self._known().series_names()[:8]) or "nothing"
        count = f"{int(lacking.sum())} of {horizon.steps} steps"
        raise DataError(
            f"feed '{name}': nothing is known of {_when(horizon, lacking)} ({count}), and its past is too short to "
            f"forecast it from; run 'parkwatt fetch', or write 'otherwise' beside the feed with what to take instead. "
            f"The archive knew {held}"
        )

    def _before(self, name: str, horizon: Horizon) -> Spans:
        """What was in the days before, for what is expected of the month from days that are over."""
        planning = self.site.planning
        first = horizon.local_start[0]
        begin = first.replace(hour=0, minute=0, second=0) - timedelta(days=planning.rest_of_month_days + 1)
        try:
            past = Horizon.between(begin, first, horizon.time_zone, planning.step_minutes)
        except AlignmentError:
            return Spans(np.zeros(0), np.zeros(0), np.zeros(0))
        return Spans.steps(past, self.said(name, past).fact)

    def _known(self) -> Known:
        import pandas as pd

        moment = pd.Timestamp.max.tz_localize("UTC") if self.moment is None else pd.Timestamp(self.moment)
        return self.archive.as_of(_utc(moment))


def least_of(name: str) -> float:
    """The least value that a series can have: prices fall below zero, carbon does not."""
    return 0.0 if feed_unit(name).kind == "intensity" else -np.inf


def settled(site: Site, horizon: Horizon, archive: Archive) -> Site:
    """The site with what really came of all series over a horizon filled in, for what is settled on it.

    Raises:
        DataError: some steps are unknown, and the file says nothing of what to take instead.
    """
    reader = Reader(site, archive, None)
    return reader.fetched(horizon, None, 0).site if reader.asked else site


def _utc(moment: pd.Timestamp) -> pd.Timestamp:
    return moment.tz_convert("UTC")


def _stood_in(name: str, feed: Feed, horizon: Horizon, lacking: Mask) -> str:
    """Which steps hold a stand-in, and what it is."""
    entry = f" ({feed.otherwise.entry or feed.otherwise.source})" if isinstance(feed.otherwise, Factor) else ""
    when = "throughout" if lacking.all() else f"at {_when(horizon, lacking)}"
    return f"{name}: nothing was known {when}, so {feed.fallback:g}{entry} stands in, as the park's file says"


def _when(horizon: Horizon, steps: Mask) -> str:
    """Spans of steps on the local clock, the first few."""
    marks = np.flatnonzero(np.diff(np.concatenate([[0], steps.astype(int), [0]])))
    spans = []
    for first, last in zip(marks[::2], marks[1::2] - 1, strict=True):
        start, end = horizon.local_start[first], horizon.local_end[last]
        until = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%Y-%m-%d %H:%M}"
        spans.append(f"{start:%Y-%m-%d %H:%M} to {until}")
    return ", ".join(spans[:_SPANS_SHOWN]) + (f" and {len(spans) - _SPANS_SHOWN} more" * (len(spans) > _SPANS_SHOWN))
