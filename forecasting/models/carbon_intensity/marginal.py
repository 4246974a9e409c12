"""Marginal carbon intensity ahead, from the measured mix: hours alike, of late, say what demand moves.

Nobody publishes what was marginal, so there is no series to learn from and none to score against: `intensity.marginal`
reads it off the changes of the mix. Of an interval ahead those hours count most that have its time of day, its kind of
day, and lie not long ago.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.archive import Known
from forecasting.clock import DAY_NS, HOUR_NS, Ns, utc_index
from forecasting.errors import ForecastError
from forecasting.intensity import marginal
from forecasting.intensity.base import VARIABLE
from forecasting.models.base import CannotForecast
from forecasting.models.untrained import Untrained
from forecasting.observed import means_over
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
PREFIX = "marginal"
MIX = ("generation_", "import_")
LEAST_HOURS = 14 * 24
MEMORY_DAYS = 150
# On the months before the last third of 2020, the share of squared errors that is gone against the average intensity:
# half-lives of 14, 30 and 60 days, Great Britain .695, .703, .697, France .213, .193, .174; widths of .7, 1 and 2 h,
# Great Britain .710, .703, .676. Few hours make ragged bands, so not the narrowest.
HALF_LIFE_DAYS = 30.0
WIDTH_H = 1.0
OTHER_KIND_OF_DAY = 0.3


@dataclass(frozen=True)
class MarginalIntensity(Untrained):
    """The model, for targets whose names begin with `marginal` and which are not measured themselves.

    `average` is the name of the average intensity at the target's site, beside `generation_…_mw` and `import_…_mw`.
    """

    average: str = VARIABLE
    name: str = "marginal_intensity"
    note: ClassVar[str] = (
        "estimated from changes of the measured mix: what was marginal is published nowhere, so it cannot be checked"
    )

    def one(self, known: Known, target: Target, place: Place, edges_ns: Ns, levels: Floats) -> Floats:
        """Quantiles (T, Q) [g/kWh]."""
        if not target.name.startswith(PREFIX):
            raise CannotForecast(f"{target.name}: is no marginal intensity")
        if np.isfinite(known.measurements(target.site, target.name).value).sum() >= LEAST_HOURS:
            raise CannotForecast(f"{target.name}: is measured itself, which says more")
        start_ns, found = self.past(known, target)
        weight = weights(start_ns, edges_ns, known.time_ns, target.place or place)
        per_hour = 1000 * marginal.quantiles(found, weight, levels)
        return np.clip(per_hour, *target.bounds)

    def past(self, known: Known, target: Target) -> tuple[Ns, marginal.Changes]:
        """Starts of the hours (N,) of the last months, and how the mix changed into each."""
        site = target.site
        mix = [name for name in known.variables(site) if name.startswith(MIX) and name.endswith("_mw")]
        last = known.time_ns // HOUR_NS * HOUR_NS
        edges = np.arange(last - MEMORY_DAYS * DAY_NS, last + 1, HOUR_NS)
        span = int(edges[0]), int(edges[-1])
        power = {name: means_over(known.measurements(site, name, within_ns=span), edges) for name in mix}
        average = means_over(known.measurements(site, self.average, within_ns=span), edges)
        try:
            found = marginal.changes(power, average)
        except ForecastError as error:
            raise CannotForecast(f"{target.name}: {error}; generation_…_mw of {site} is asked for") from error
        if (count := int(found.usable.sum())) < LEAST_HOURS:
            text = f"{count} hours of {site}'s mix and of its {self.average} are known; {LEAST_HOURS} are needed"
            raise CannotForecast(f"{target.name}: {text}")
        return edges[:-1], found


def weights(start_ns: Ns, edges_ns: Ns, now_ns: int, place: Place) -> Floats:
    """(T, N) how much hours that began at `start_ns` (N,) say of the intervals between edges (T+1)."""
    hour, off = _clock(start_ns + HOUR_NS // 2, place)
    then, then_off = _clock((edges_ns[:-1] + edges_ns[1:]) // 2, place)
    apart = np.abs(then[:, None] - hour)
    apart = np.minimum(apart, 24.0 - apart)
    alike = np.where(then_off[:, None] == off, 1.0, OTHER_KIND_OF_DAY)
    age = (now_ns - start_ns) / DAY_NS
    return np.asarray(np.exp(-0.5 * (apart / WIDTH_H) ** 2) * alike * 0.5 ** (age / HALF_LIFE_DAYS))


def _clock(at_ns: Ns, place: Place) -> tuple[Floats, NDArray[np.bool_]]:
    """Hour of the local day [h], and whether that is a day off."""
    local = utc_index(at_ns).tz_convert(place.time_zone)
    hour = np.asarray(local.hour + local.minute / 60, dtype=np.float64)
    holiday = local.tz_localize(None).normalize().isin(pd.DatetimeIndex(list(place.holidays)))
    return hour, np.asarray((local.dayofweek >= 5) | holiday)
