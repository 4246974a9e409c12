"""What is forecast of many sites by one model that learns from all of them, where they allow it.

A model of its own for each site learns the same things again and again. Sites that are measured for most of a year,
without weather of their own and forecast at one moment, share one (:mod:`forecasting.fleet`); the others are forecast
each by itself: of five weeks a shared model says twice the error (decision 51).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from dispatch.errors import DataError
from dispatch.outlook import place_of, targets_of
from dispatch.signals import Array, Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    from dispatch.fleet.read import Listed
    from dispatch.fleet.run.reading import When
    from dispatch.sources import Sources
    from forecasting.archive.rows import Rows
    from forecasting.targets import Target

FEWEST = 10  # sites: a model of few learns hardly more than one of each
LEAST_DAYS = 300  # of measurements of each series
_KINDS = ("load", "pv", "wind", "net_load")


@dataclass(frozen=True, eq=False)
class _Joining:
    """A site that may share a model: its targets under names that no other has, and what was measured of them."""

    site: Site
    targets: tuple[Target, ...]
    rows: Mapping[tuple[str, str], Rows]


def issue_of(site: Site, horizon: Horizon, when: When) -> datetime:
    """When a site's plan is made."""
    return min(horizon.start - timedelta(hours=site.planning.issue_before_h), when.issue)


def shared_paths(
    wanted: Sequence[Listed],
    horizon: Horizon,
    when: When,
    sources: Sequence[Sources],
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, dict[str, Array]]:
    """By site and asset, (1, T) the middle of what is forecast; only of sites that share a model."""
    groups: dict[datetime, list[_Joining]] = {}
    for one, own in zip(wanted, sources, strict=True):
        issue = issue_of(one.site, horizon, when)
        if (found := _joining(one.site, own, horizon, issue)) is not None:
            groups.setdefault(issue, []).append(found)
    out: dict[str, dict[str, Array]] = {}
    for issue, joined in groups.items():
        if len(joined) >= FEWEST:
            progress(f"one model learns from {len(joined)} sites")
            out |= _forecast(joined, horizon, issue)
    return out


def _joining(site: Site, sources: Sources, horizon: Horizon, issue: datetime) -> _Joining | None:
    """None: the site is forecast by itself."""
    from forecasting.archive.rows import curtailed_name

    targets = targets_of(site, sources.weather)
    if not targets or sources.weather or any(target.kind not in _KINDS for target in targets):
        return None
    try:
        place = place_of(site)
    except DataError:
        return None
    named, rows, held = [], {}, sources.archive.rows()
    for target in targets:
        measured = held.get((site.name, target.name))
        if measured is None or not _is_long(measured, horizon, issue):
            return None
        name = f"{site.name}/{target.name}"
        named.append(replace(target, name=name, place=place))
        rows[site.name, name] = measured
        if (curtailed := held.get((site.name, curtailed_name(target.name)))) is not None:
            rows[site.name, curtailed_name(name)] = curtailed
    return _Joining(site, tuple(named), rows)


def _is_long(measured: Rows, horizon: Horizon, issue: datetime) -> bool:
    """Is enough known of a series, in steps no longer than the horizon's?"""
    from forecasting.clock import DAY_NS

    known = (measured.available_ns <= issue.timestamp() * 1e9) & np.isfinite(measured.value)
    ends = np.unique(measured.valid_ns[known])
    if ends.size < 2:
        return False
    step_ns = float(np.median(np.diff(ends)))
    return bool(step_ns <= horizon.hours.min() * 3.6e12 and ends.size * step_ns >= LEAST_DAYS * DAY_NS)


def _forecast(joined: Sequence[_Joining], horizon: Horizon, issue: datetime) -> dict[str, dict[str, Array]]:
    """Nothing where the sites cannot share a model after all."""
    import pandas as pd

    from forecasting.archive import Archive
    from forecasting.clock import DAY_NS
    from forecasting.errors import ForecastError
    from forecasting.fleet import Fleet, forecast_fleet
    from forecasting.quantiles import LEVELS

    archive = Archive.of_rows({key: rows for one in joined for key, rows in one.rows.items()})
    targets = [target for one in joined for target in one.targets]
    at, edges = pd.Timestamp(issue), pd.DatetimeIndex(horizon.edges).tz_localize("UTC")
    edges_ns = horizon.edges.astype("datetime64[ns]").astype(np.int64)
    # What is held out for calibration is a share of the history: days before the first value are none.
    first_ns = min(int(rows.valid_ns[np.isfinite(rows.value)].min()) for one in joined for rows in one.rows.values())
    days = min(Fleet().history_days, max((at.value - first_ns) // DAY_NS, 1))
    try:
        trained = Fleet(history_days=days).train(
            archive.as_of(at), targets, place_of(joined[0].site), edges_ns - at.value, LEVELS
        )
        found = forecast_fleet(trained, archive, at, edges, scenarios=1)
    except ForecastError:
        return {}
    return {
        one.site.name: {t.name.removeprefix(f"{one.site.name}/"): found.central[t.name][None] for t in one.targets}
        for one in joined
    }
