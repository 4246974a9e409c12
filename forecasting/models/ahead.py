"""Values published ahead of time, as they were known at each of many issue times: weather, prices, profiles.

For each issue the newest run available then answers, older ones where it has gaps. Where none had been issued yet, as
in the months before the archive was begun, the first run that reaches back stands in: it was known when the model was
trained, so nothing looks ahead, though it is better than a forecast would have been.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import Known, Run
from forecasting.clock import HOUR_NS, Ns
from forecasting.weather.base import AT_THE_STAMP

Floats = NDArray[np.float64]
RUNS_TRIED = 3
LONGEST_BRIDGE_NS = 3 * HOUR_NS


def names(known: Known, sites: tuple[str, ...], not_these: frozenset[str] = frozenset()) -> dict[str, str]:
    """Variables of which a run is known, each with the first of the sites that has it."""
    found: dict[str, str] = {}
    for site in sites:
        for variable in known.variables(site):
            if variable not in found and variable not in not_these and len(known.issued(site, variable)):
                found[variable] = site
    return found


def values(known: Known, site: str, variable: str, issue_ns: Ns, middle_ns: Ns) -> Floats:
    """Values (I, H) at interval middles (I, H); NaN where no run says."""
    runs = known.runs(site, variable)
    found = np.full(middle_ns.shape, np.nan)
    if not runs:
        return found
    available = np.array([run.available_ns for run in runs])
    first = np.array([run.valid_ns[0] for run in runs])
    for i, issue in enumerate(issue_ns):
        usable = np.flatnonzero(available <= issue)[::-1][:RUNS_TRIED]
        if not len(usable):
            usable = np.flatnonzero(first <= middle_ns[i, -1])[:RUNS_TRIED]
        for run in usable:
            gaps = np.isnan(found[i])
            if not gaps.any():
                break
            found[i, gaps] = _at(runs[run], middle_ns[i, gaps], variable not in AT_THE_STAMP)
    return found


def _at(run: Run, at_ns: Ns, mean_before: bool) -> Floats:
    """Linear in time; a mean over the interval before its stamp counts at that interval's middle."""
    finite = np.isfinite(run.value)
    if finite.sum() < 2:
        return np.full(len(at_ns), np.nan)
    step = float(np.median(np.diff(run.valid_ns)))
    x = run.valid_ns[finite] - (step / 2 if mean_before else 0.0)
    at = at_ns.astype(np.float64)
    after = np.clip(np.searchsorted(x, at), 1, len(x) - 1)
    bridged = x[after] - x[after - 1] <= max(LONGEST_BRIDGE_NS, step)
    inside = (at >= x[0] - step) & (at <= x[-1] + step)
    return np.where(bridged & inside, np.interp(at, x, run.value[finite]), np.nan)
