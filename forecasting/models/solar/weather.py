"""Forecast weather at any instants, each from the latest run that was known at an instant of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import Known
from forecasting.clock import HOUR_NS, Ns
from forecasting.weather.base import BEFORE_THE_STAMP

Floats = NDArray[np.float64]
OLDER_RUNS = 2  # asked where the latest has gaps or ends early
BRIDGED_NS = 3 * HOUR_NS
ROOM_NS = 100 * 24 * HOUR_NS  # between the runs on one axis: no run reaches so far
SECOND_NS = 1_000_000_000


@dataclass(frozen=True, eq=False)
class Runs:
    """All runs of one variable on one axis: run number · room + time since its issue [s], rising, finite values."""

    issue_ns: Ns
    known_from_ns: Ns  # least availability of this and all later runs, so that it can be searched
    axis_s: Floats
    value: Floats
    half_step_s: float

    def at(self, issue_ns: Ns, middle_ns: Ns) -> Floats:
        """Values at the middles from the latest run known at issue (both broadcast), older ones in its gaps.

        Where none was known yet, as before an archive was begun, the first run that reaches back stands in: it is
        known now, so nothing looks ahead.
        """
        shape = np.broadcast_shapes(issue_ns.shape, middle_ns.shape)
        middle, issue = np.broadcast_to(middle_ns, shape), np.broadcast_to(issue_ns, shape)
        found = np.full(shape, np.nan)
        if not len(self.value):
            return found
        latest = np.searchsorted(self.known_from_ns, issue, side="right") - 1
        begun = latest >= 0
        for older in range(OLDER_RUNS + 1):
            run = np.where(begun, latest - older, older)
            gap = np.isnan(found) & (run >= 0) & (run < len(self.issue_ns))
            if not gap.any():
                break
            found[gap] = self._interpolated(run[gap], middle[gap])
        return found

    def _interpolated(self, run: NDArray[np.intp], middle_ns: Ns) -> Floats:
        """Linear in time within a run (N,); no bridge over more than 3 h, half a step of reach beyond its ends."""
        room = ROOM_NS // SECOND_NS
        at = run * float(room) + (middle_ns - self.issue_ns[run]) / SECOND_NS
        after = np.searchsorted(self.axis_s, at)
        left, right = np.maximum(after - 1, 0), np.minimum(after, len(self.axis_s) - 1)  # alike beyond the last
        whose_left, whose_right = (np.round(self.axis_s[side] / room) == run for side in (left, right))
        gap_s = self.axis_s[right] - self.axis_s[left]
        inside = whose_left & whose_right & (left < right) & (gap_s <= BRIDGED_NS / SECOND_NS)
        share = np.clip((at - self.axis_s[left]) / np.where(gap_s > 0, gap_s, 1.0), 0.0, 1.0)
        value = self.value[left] + share * (self.value[right] - self.value[left])
        found = np.where(inside, value, np.nan)
        for side, own in ((left, whose_left), (right, whose_right)):
            near = np.isnan(found) & own & (np.abs(at - self.axis_s[side]) <= self.half_step_s + 1e-6)
            found = np.where(near, self.value[side], found)
        return np.asarray(found)


def runs_of(known: Known, site: str, variable: str) -> Runs:
    """Every visible run of a variable; a mean over the interval before its stamp counts at that interval's middle."""
    rows = known.issued(site, variable)
    rows = rows.take(np.isfinite(rows.value))
    nothing = np.empty(0, np.int64)
    if not len(rows):
        return Runs(nothing, nothing, np.empty(0), np.empty(0), 0.0)
    order = np.lexsort((rows.available_ns, rows.valid_ns, rows.issue_ns))
    rows = rows.take(order)
    last = np.concatenate([(np.diff(rows.valid_ns) != 0) | (np.diff(rows.issue_ns) != 0), [True]])
    rows = rows.take(last)  # of a value issued twice the latest counts
    issue, run = np.unique(rows.issue_ns, return_inverse=True)
    available = np.full(len(issue), np.iinfo(np.int64).min)
    np.maximum.at(available, run, rows.available_ns)
    steps = np.diff(rows.valid_ns)[np.diff(run) == 0]
    half = int(np.median(steps)) // 2 if len(steps) else 0
    middle = rows.valid_ns - (half if variable in BEFORE_THE_STAMP else 0)
    axis = run * float(ROOM_NS // SECOND_NS) + (middle - issue[run]) / SECOND_NS
    known_from = np.minimum.accumulate(available[::-1])[::-1]
    return Runs(issue, known_from, axis, rows.value, half / SECOND_NS)


@dataclass(frozen=True, eq=False)
class Weather:
    """What was forecast, as known at one time; each variable is put on its axis once, however many plants ask."""

    known: Known
    _runs: dict[tuple[str, str], Runs] = field(default_factory=dict)

    def runs(self, site: str, variable: str) -> Runs:
        """All runs of a variable."""
        if (site, variable) not in self._runs:
            self._runs[site, variable] = runs_of(self.known, site, variable)
        return self._runs[site, variable]

    def columns_at(
        self, sites: tuple[str, ...], names: tuple[str, ...], issue_ns: Ns, middle_ns: Ns
    ) -> dict[str, Floats]:
        """Variables at middles (I, H), known at issues (I, 1).

        Each from the first site that knows it, others in its gaps; a variable that no site has is left out.
        """
        found: dict[str, Floats] = {}
        for name in names:
            for site in sites:
                if name in found and not np.isnan(found[name]).any():
                    break
                runs = self.runs(site, name)
                if not len(runs.value):
                    continue
                value = runs.at(issue_ns, middle_ns)
                found[name] = np.where(np.isnan(found[name]), value, found[name]) if name in found else value
        return found
