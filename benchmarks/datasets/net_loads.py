"""Net loads that are the sum of what was measured apart: a PVOD plant behind the meter of a load of the embedded year.

The power of each plant is that of PVOD, with its weather product and protocol. The load is a German one of 2016 on the
same wall clock, weekday and season (whole periods of 52 weeks apart), of a peak `LOAD_OVER_PLANT` times the plant's:
the load and the sky over it were not measured at one place, so heat and cloud do not move this load.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.datasets import pvod
from forecasting.archive import Archive
from forecasting.clock import DAY_NS, MINUTE_NS, Ns
from forecasting.embedded import profile
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
LOADS = ("G3-M_pload", "G0-M_pload", "G2-A_pload")
LOAD_OVER_PLANT, LIMIT_OVER_PLANT = 1.2, 3.0
FIRST_MONDAY_NS = int(pd.Timestamp("2016-01-04").value)
YEAR_NS = 52 * 7 * DAY_NS
BEFORE_MONDAY = 3 * 96  # quarter-hours of the profile before its first Monday


@dataclass(frozen=True, eq=False)
class NetLoads:
    """Targets with their archive, the protocol of PVOD, and the true load and sun (N,) of each at interval ends."""

    archive: Archive
    targets: tuple[Target, ...]
    place: Place
    train_until_ns: int
    issues_ns: Ns
    horizon_ns: Ns


def load_kw(name: str, end_ns: Ns, peak_kw: float) -> Floats:
    """A load of the embedded year (N,) in quarter-hours that end then, by the wall clock of PVOD's zone."""
    start_ns = end_ns - 15 * MINUTE_NS + pvod.LOCAL_NS
    since_monday = np.round((start_ns - FIRST_MONDAY_NS) % YEAR_NS / (15 * MINUTE_NS)).astype(np.int64)
    whole = profile(name)
    return whole[(BEFORE_MONDAY + since_monday) % len(whole)] / float(whole.max()) * peak_kw


def load() -> NetLoads:
    """As many plants as there are loads, in the order of the file."""
    data = pvod.load()
    archive, targets = data.archive, []
    for name, plant in zip(LOADS, data.targets, strict=False):
        rows = archive.rows()[plant.site, plant.name]
        net = load_kw(name, rows.valid_ns, LOAD_OVER_PLANT * plant.capacity_kw) - rows.value
        known = pd.to_datetime(rows.valid_ns, utc=True)
        archive = archive.with_measurements(plant.site, f"net {plant.name}", known, net, pd.Timedelta(0))
        targets.append(
            Target(
                f"net {plant.name}",
                "net_load",
                LIMIT_OVER_PLANT * plant.capacity_kw,
                plant.site,
                weather=plant.weather,
                place=plant.place,
            )
        )
    hidden = {key: rows for key, rows in archive.rows().items() if key not in {(t.site, t.name) for t in data.targets}}
    return NetLoads(
        Archive.of_rows(hidden), tuple(targets), data.place, data.train_until_ns, data.issues_ns, data.horizon_ns
    )
