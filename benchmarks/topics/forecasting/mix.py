"""Carbon intensity computed from a generation mix, held against a published one of the same mix.

The published series (Wiesner et al. 2021, doi:10.1145/3464298.3493399) is ENTSO-E's generation and imports with the
factors of IPCC's Special Report on Renewables (2011, Table A.II.4, medians). Neighbours whose intensity is in the
set count with it; hours in which more than 5 % comes from elsewhere are not compared.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.datasets.registry import folder
from benchmarks.rows import Measured, row
from forecasting.intensity.mix import mix_intensity

SRREN_2011 = {
    "Biomass": 18.0,
    "Solar": 46.0,
    "Geothermal": 45.0,
    "Hydro": 4.0,
    "Wind": 12.0,
    "Nuclear": 16.0,
    "Fossil Gas": 469.0,
    "Fossil Oil": 840.0,
    "Fossil Hard coal": 1001.0,
}
NEIGHBOURS = {"FR": "fr", "GB": "gb", "DE": "ger"}  # in the set
INPUTS = ("benchmarks/topics/forecasting/mix.py", "forecasting/intensity")


def read(name: str) -> pd.DataFrame:
    table = pd.read_parquet(folder("gb_carbon_intensity") / f"{name}.parquet")
    table.index = pd.DatetimeIndex(pd.to_datetime(table.pop("time"), utc=True))
    return table[~table.index.duplicated()].sort_index()


def factor(source: str) -> float | None:
    return next((g for name, g in SRREN_2011.items() if source.startswith(name)), None)


def relative_error(country: str) -> float:
    """Mean absolute error over the mean, and nothing where the mix does not suffice."""
    mix, published = read(f"{country}_generation_mix_2020"), read(f"{country}_ci_2020")["ci_gco2_kwh"]
    known = {source: found for source in mix if (found := factor(source)) is not None}
    zones = [column for column in mix if len(column) == 2]
    own = {source: mix[source].to_numpy() for source in mix if source not in zones}
    of_zone = {zone: read(f"{NEIGHBOURS[zone]}_ci_2020")["ci_gco2_kwh"] for zone in zones if zone in NEIGHBOURS}
    computed, _ = mix_intensity(
        own,
        known,
        {zone: mix[zone].to_numpy() for zone in zones},
        {zone: series.reindex(mix.index, method="ffill").to_numpy() for zone, series in of_zone.items()},
    )
    expected = published.reindex(mix.index).to_numpy()
    both = np.isfinite(computed) & np.isfinite(expected)
    return float(np.abs(computed - expected)[both].mean() / expected[both].mean())


@row(
    "forecasting",
    name="carbon intensity from the generation mix, error against the published one (worse of GB and FR)",
    unit="%",
    bar="<= 5",
    inputs=INPUTS,
)
def intensity_from_mix() -> Measured:
    return Measured(100 * max(relative_error("gb"), relative_error("fr")))
