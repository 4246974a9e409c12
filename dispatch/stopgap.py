"""A plan where there is no time left for forecasting and solving: bounded work in NumPy, audited, its rung named.

What will come is taken to be what came at the same time of a day before, the newest that is known as a whole; where
nothing was measured, what the plan before expected, also of an asset that has another name since. Readings that cannot
be count as missing, as in forecasts. Of sun and wind nothing is counted on where neither is known, and of demand
nothing is assumed: without a value there is no plan. Then the rungs of the ladder that need no solver decide: the plan
before, the park's rules, the safe state. Of the network such a plan proves nothing, and says so.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from dispatch.asset import Inputs, Mode
from dispatch.errors import DataError
from dispatch.fields.series import Need
from dispatch.ladder.climb import unsolved
from dispatch.ladder.earlier import EarlierPlan, overlap
from dispatch.plan import Background, Plan
from dispatch.planning.certificate import certificate
from dispatch.planning.fetched import Fetched, Reader
from dispatch.planning.outlook import Outlook, measured_steps
from dispatch.problem import Problem
from dispatch.signals import Array, Horizon, days_before
from dispatch.site import Site

if TYPE_CHECKING:
    from forecasting.archive import Archive
    from forecasting.archive.known import Known

_DAYS_BACK = 8
_NOT_PROVED = "This plan was made without a solver and was not held against the network."


def stopgap(
    site: Site,
    horizon: Horizon,
    archive: Archive,
    issue_time: datetime,
    *,
    reason: str,
    background: Background = Background(),  # noqa: B008 - frozen
) -> Plan:
    """The best plan for ``horizon`` that takes neither a forecaster nor a solver.

    Args:
        reason: why there is none of either, for the plan's proof.
        background: what it goes on from, and what a reader should know of its inputs.

    Raises:
        DataError: nothing is known of a demand, or of a price.
        SolveError: not even the safe state passes the audit, its own limits named.
    """
    needs = {asset.name: need for asset in site.assets for need in asset.needs}
    expecting = _Expecting(site, horizon, archive, round(issue_time.timestamp()), background)
    paths = {name: expecting.path(name, need) for name, need in needs.items()}
    reader = Reader(site, archive, issue_time)
    fetched = reader.fetched(horizon, None, 0) if reader.asked else Fetched({}, site)
    series = fetched.site.known_series(horizon) | fetched.series(horizon)
    series |= {(name, need.quantity): paths[name] for name, need in needs.items()}
    inputs = Inputs(horizon, 1, series, background.state)
    outlook = Outlook(inputs, np.ones(1), None, needs, fetched.site, fetched.notes, fetched.paths)
    problem = Problem(fetched.site, inputs, Mode(site.planning.commitment, formulation=site.planning.formulation))
    climbed = unsolved(problem, background.last_good, reason)
    said = certificate(fetched.site, issue_time, outlook, climbed.schedule, climbed.audit, None, background.hashes)
    notes = (*background.notes, *fetched.notes, *expecting.notes, *([_NOT_PROVED] if site.grid is not None else ()))
    found = fetched.site, horizon, issue_time, outlook, climbed.schedule, climbed.audit
    return Plan(*found, grid=None, outcomes=(), actual={}, certificate=said, notes=notes, problem=problem)


class _Expecting:
    """What is expected of each need, and where it was taken from."""

    def __init__(self, site: Site, horizon: Horizon, archive: Archive, moment_s: int, background: Background) -> None:
        self.site, self.horizon = site, horizon
        self.moment_s, self.background = moment_s, background
        self.notes: list[str] = []
        self.known = self._plausible(archive)

    def _plausible(self, archive: Archive) -> Known:
        """What was known, without readings that cannot be; a series whose sign is reversed is left out whole."""
        import pandas as pd

        from forecasting.errors import ForecastError
        from forecasting.plausible import plausible
        from forecasting.targets import Target

        known = archive.as_of(pd.Timestamp(self.moment_s, unit="s", tz="UTC"))
        for asset in self.site.assets:
            for need in asset.needs:
                try:
                    known, told = plausible(known, [Target(asset.name, need.kind, need.capacity_kw, self.site.name)])
                    self.notes += told.get(asset.name, ())
                except ForecastError as error:
                    self.notes.append(str(error))
                    known = known.without(sites=self.site.name, variables=asset.name)
        return known

    def path(self, name: str, need: Need) -> Array:
        """(1, T) mean power.

        Raises:
            DataError: nothing is known of a demand.
        """
        told = self.background.told.paths.get(name)
        if told is not None:
            return np.asarray(told[:1], float)
        for days in range(1, _DAYS_BACK + 1):
            came = self._came(name, days)
            if np.isfinite(came).all():
                self.notes.append(f"{name}: taken to be as {days} d before, for there was no time to forecast it")
                return np.clip(came, 0.0, need.capacity_kw)[None, :]
        before = self.background.last_good
        if before is not None and (name, need.quantity) in before.inputs:
            self.notes.append(f"{name}: taken to be as the plan before expected it")
            return _of_before(before, self.horizon, (name, need.quantity))
        if before is not None and (old := self._renamed(name, need, before)) is not None:
            self.notes.append(f"{name}: taken to be as the plan before expected '{old}', which the park has no more")
            return _of_before(before, self.horizon, (old, need.quantity))
        if need.kind in ("wind", "pv"):
            self.notes.append(f"{name}: nothing is known of it, so nothing of it is counted on")
            return np.zeros((1, self.horizon.steps))
        raise DataError(f"'{name}' was measured on none of {_DAYS_BACK} days before, and no plan before expected it")

    def _came(self, name: str, days: int) -> Array:
        """(T,) mean power at the same times of the clock so many days before; NaN where not all of it is known."""
        edges, zone = self.horizon.edges.astype("datetime64[s]").astype(np.int64), self.horizon.time_zone
        starts = days_before(edges[:-1], days, zone)
        ends = starts + np.diff(edges)
        # Where clocks change the steps of the day before have gaps, or lie above each other.
        cells = np.unique(np.concatenate([starts, ends]))
        there = replace(self.horizon, edges=cells.astype("datetime64[s]"))
        mean = measured_steps(self.known, self.site.name, name, there, self.moment_s)
        energy = np.concatenate([[0.0], np.cumsum(mean * np.diff(cells))])
        first, last = np.searchsorted(cells, starts), np.searchsorted(cells, ends)
        return np.asarray((energy[last] - energy[first]) / (ends - starts))

    def _renamed(self, name: str, need: Need, before: EarlierPlan) -> str | None:
        """What the plan before called it: the one asset of its kind that is gone, where one alone is new."""
        kinds = {asset.name: asset.kind for asset in self.site.assets}
        there = set(before.names.get(kinds[name], ()))
        new = [other for other, kind in kinds.items() if kind == kinds[name] and other not in there]
        gone = [old for old in there if old not in kinds and (old, need.quantity) in before.inputs]
        return gone[0] if new == [name] and len(gone) == 1 else None


def _of_before(before: EarlierPlan, horizon: Horizon, key: tuple[str, str]) -> Array:
    values = before.inputs[key]
    wide = np.broadcast_to(values, (1, before.horizon.steps))
    return np.asarray(wide @ overlap(before.horizon, horizon))
