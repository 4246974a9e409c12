"""Archived weather, as it was known at each of many issue times, at the middles of given intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import Known, Run
from forecasting.clock import HOUR_NS, Ns
from forecasting.weather.base import BEFORE_THE_STAMP, VARIABLES

Floats = NDArray[np.float64]
RUNS_TRIED = 3  # the latest run, then older ones where it has gaps or ends early


@dataclass(frozen=True, eq=False)
class Weather:
    """columns[name] (I, H) for I issues and H intervals; hindcast (I,) where only a later run could answer."""

    columns: dict[str, Floats]
    hindcast: NDArray[np.bool_]


def weather_at(known: Known, site: str | None, issue_ns: Ns, middle_ns: Ns) -> Weather | None:
    """Weather at interval middles (I, H) from the runs available at each issue (I,).

    None where the archive has none.

    Where no run had been issued yet, as in the months before the archive was begun, the first run that
    reaches back to those hours stands in: it was known at `known.time_ns`, so nothing looks ahead, but it is
    better than a forecast would have been; `hindcast` says so.
    """
    if site is None:
        return None
    columns, hindcast = {}, np.zeros(len(issue_ns), dtype=bool)
    for name in VARIABLES:
        runs = known.runs(site, name)
        if not runs:
            continue
        turns = name.startswith("wind_direction")
        columns[name], late = _column(runs, issue_ns, middle_ns, mean_before=name in BEFORE_THE_STAMP, turns=turns)
        hindcast |= late
    return Weather(columns, hindcast) if columns else None


def _column(
    runs: tuple[Run, ...], issue_ns: Ns, middle_ns: Ns, *, mean_before: bool, turns: bool
) -> tuple[Floats, NDArray[np.bool_]]:
    values = np.full(middle_ns.shape, np.nan)
    hindcast = np.zeros(len(issue_ns), dtype=bool)
    available = np.array([run.available_ns for run in runs])
    for i, issue in enumerate(issue_ns):
        usable = np.flatnonzero(available <= issue)[::-1][:RUNS_TRIED]
        hindcast[i] = len(usable) == 0
        for run in usable if len(usable) else range(min(RUNS_TRIED, len(runs))):
            gaps = np.isnan(values[i])
            if not gaps.any():
                break
            values[i, gaps] = interpolated(runs[run], middle_ns[i, gaps], mean_before=mean_before, turns=turns)
    return values, hindcast & np.isfinite(values).any(axis=1)


def interpolated(run: Run, at_ns: Ns, *, mean_before: bool, turns: bool) -> Floats:
    """Linear in time; a mean over the preceding interval counts at that interval's middle.

    A direction `turns` the shorter way round, so that between 350° and 10° lies north. No bridge over gaps above 3 h.
    """
    valid = run.valid_ns.astype(np.float64)
    if mean_before and len(valid) > 1:
        valid = valid - np.median(np.diff(valid)) / 2
    finite = np.isfinite(run.value)
    if finite.sum() < 2:
        return np.full(len(at_ns), np.nan)
    x, at = valid[finite], at_ns.astype(np.float64)
    edge = 0.5 * float(np.median(np.diff(x)))  # a mean's middle is half a step from the edge of the run
    value = run.value[finite]
    found = np.interp(at, x, np.unwrap(value, period=360.0)) % 360.0 if turns else np.interp(at, x, value)
    after = np.clip(np.searchsorted(x, at), 1, len(x) - 1)
    bridged = x[after] - x[after - 1] <= 3 * HOUR_NS
    inside = (at >= x[0] - edge) & (at <= x[-1] + edge)
    return np.where(bridged & inside, found, np.nan)
