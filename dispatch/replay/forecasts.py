"""What a plan at a moment may know: the newest forecast issued by then, corrected by the last known measurements.

A forecast trains models and takes seconds, a plan a tenth of one, so they keep different hours. Between two issues the
error of the last known hour is carried on, dying away with lead time:

    wind, load:  f'(τ) = f(τ) + e · exp(−τ / T)        e: mean of measured − forecast over the last known hour
    PV:          f'(τ) = f(τ) · (1 + (r − 1) exp(−τ / T))   r: measured over forecast then, so that night stays night

Both read the archive as of the moment of the plan, so nothing of them can look ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dispatch import fed
from dispatch.errors import DataError
from dispatch.planning.fetched import Reader, least_of
from dispatch.planning.outlook import look_ahead, measured_until
from dispatch.replay.case import Case, Issued, midnight
from dispatch.signals import Array, Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    from forecasting.archive import Archive

# How long an error lasts: its autocorrelation falls to 1/e in about this time [h].
_LASTS_H = {"wind": 5.0, "pv": 2.0, "load": 3.0}
_LAST_HOUR_S = 3600
_MOST_RATIO = 2.0
_LIGHT = 0.02
_PER_CHUNK = 7


@dataclass(frozen=True)
class Issue:
    """A forecast to be made: when, and until when it must reach; seconds UTC."""

    issue_s: int
    end_s: int


@dataclass(frozen=True)
class Forecaster:
    """Makes forecasts; a value that can be sent to a worker."""

    site: Site
    archive: Archive
    step_s: int
    weather_site: str | tuple[str, ...] | None = None

    def __call__(self, issues: Sequence[Issue]) -> list[Issued]:
        """One after the other; each is made from nothing but the archive as of its issue."""
        return [self.issue(issue) for issue in issues]

    def issue(self, issue: Issue) -> Issued:
        """One forecast with what was known at its issue."""
        edges = np.arange(issue.issue_s, issue.end_s + 1, self.step_s, dtype=np.int64).astype("datetime64[s]")
        horizon = Horizon(edges, self.site.time_zone)
        moment = datetime.fromtimestamp(issue.issue_s, UTC)
        outlook = look_ahead(self.site, horizon, self.archive, moment, weather_site=self.weather_site)
        series = {name: outlook.inputs.series[name, need.quantity] for name, need in outlook.needs.items()}
        paths = series | dict(outlook.fetched)
        return Issued(
            issue.issue_s,
            issue.issue_s,
            {name: values[0] for name, values in paths.items()},
            {name: values[1:] for name, values in paths.items()},
            outlook.weights,
        )


def issues(case: Case) -> list[Issue]:
    """When forecasts are issued: ``issue_before_h`` ahead of each midnight, and between those as often as asked.

    Each reaches as far as the last plan that reads it, and the first plan of its day.
    """
    before = timedelta(hours=case.site.planning.issue_before_h).total_seconds()
    rolling = case.site.planning.rolling
    window, every = (round(h * 3600) for h in (rolling.window_h, rolling.forecast_every_h))
    zone, days = case.span.time_zone, [day for day, _, _ in case.days]
    nights = [midnight(day, zone) for day in [*days, *(days[-1] + timedelta(days=n) for n in (1, 2))]]
    out = []
    for night, following in pairwise(nights):
        moments = range(round(night - before), round(following - before), every)
        out += [Issue(m, max(night, min(m + every, round(following - before))) + window) for m in moments]
    return [issue for issue in out if issue.issue_s < nights[-2]]


def chunks(case: Case) -> list[tuple[str, list[Issue]]]:
    """The forecasts in pieces of a size that nothing but their number decides."""
    wanted = issues(case)
    return [
        (f"{datetime.fromtimestamp(part[0].issue_s, UTC):%Y-%m-%dT%H%MZ}", part)
        for part in (wanted[i : i + _PER_CHUNK] for i in range(0, len(wanted), _PER_CHUNK))
    ]


def newest(case: Case, moment_s: int, horizon: Horizon) -> Issued:
    """The newest forecast issued by a moment that reaches over the horizon.

    Raises:
        DataError: there is none.
    """
    first, last = (int(edge) for edge in horizon.edges[[0, -1]].astype("datetime64[s]").astype(np.int64))
    for issued in reversed(case.issued):
        steps = next(iter(issued.central.values())).size if issued.central else 0
        if issued.issue_s <= moment_s and issued.start_s <= first and issued.start_s + steps * case.step_s >= last:
            return issued
    raise DataError(
        f"no forecast known at {datetime.fromtimestamp(moment_s, UTC):%Y-%m-%d %H:%M} UTC reaches the window"
    )


def expected(
    case: Case, moment_s: int, horizon: Horizon, *, scenarios: bool, corrected: bool
) -> tuple[dict[tuple[str, str], Array], Array]:
    """Series (1 or 1 + S, T) of all needs over the horizon as known at the moment, and the scenarios' weights.

    Of fetched series the same, with what has been published or measured since the forecast was issued.
    """
    if not case.needs and not case.feeds:
        return {}, np.ones(1)
    issued = newest(case, moment_s, horizon)
    start_s = int(horizon.edges[0].astype("datetime64[s]").astype(np.int64))
    first = (start_s - issued.start_s) // case.step_s
    part = slice(first, first + horizon.steps)
    change = _correction(case, issued, moment_s, horizon) if corrected else {}
    series = {}
    for name, need in case.needs.items():
        paths = np.vstack([issued.central[name][None, part], issued.paths[name][: None if scenarios else 0, part]])
        moved = change[name](paths) if name in change else paths
        series[name, need.quantity] = np.clip(moved, 0.0, need.capacity_kw)
    reader = Reader(case.site, case.archive, datetime.fromtimestamp(moment_s, UTC))
    fetched = {}
    for name in (n for n in case.feeds if n in issued.central):
        paths = np.vstack([issued.central[name][None, part], issued.paths[name][: None if scenarios else 0, part]])
        fetched[name] = reader.said(name, horizon).over(paths, least_of(name))
    series |= fed.series(case.site.assets, horizon, fetched)
    return series, issued.weights if scenarios else np.ones(1)


def _correction(case: Case, issued: Issued, moment_s: int, horizon: Horizon) -> dict[str, Callable[[Array], Array]]:
    """By asset name, what the last known hour does to paths (S, T)."""
    middles = horizon.edges[:-1].astype("datetime64[s]").astype(np.int64) + case.step_s / 2
    out: dict[str, Callable[[Array], Array]] = {}
    for name, need in case.needs.items():
        ends_s, values = measured_until(case.archive, case.site.name, name, moment_s, moment_s - 2 * _LAST_HOUR_S)
        if not ends_s.size:
            continue
        recent = ends_s > ends_s[-1] - _LAST_HOUR_S
        step = (ends_s[recent] - 1 - issued.start_s) // case.step_s
        inside = (step >= 0) & (step < issued.central[name].size) & np.isfinite(values[recent])
        if not inside.any():
            continue
        came, thought = values[recent][inside].mean(), issued.central[name][step[inside]].mean()
        fading = np.exp(-np.maximum(middles - ends_s[-1], 0) / 3600 / _LASTS_H[need.kind])
        out[name] = (
            _pv(came, thought, fading, need.capacity_kw) if need.kind == "pv" else _added(came - thought, fading)
        )
    return out


def _added(error_kw: float, fading: Array) -> Callable[[Array], Array]:
    return lambda paths: paths + error_kw * fading


def _pv(came_kw: float, thought_kw: float, fading: Array, capacity_kw: float) -> Callable[[Array], Array]:
    """By ratio; none at dusk and dawn, where a ratio of two small numbers says nothing."""
    if thought_kw < _LIGHT * capacity_kw:
        return lambda paths: paths
    ratio = min(came_kw / thought_kw, _MOST_RATIO)
    return lambda paths: paths * (1 + (ratio - 1) * fading)
