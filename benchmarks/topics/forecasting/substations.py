"""Photovoltaics behind the meter: the solar part of substations' net loads, found without looking at it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from benchmarks.datasets import openstef_substations
from benchmarks.rows import CannotMeasure, Measured, row
from forecasting.net_load_separation import split

INPUTS = (
    "forecasting/net_load_separation.py",
    "forecasting/physics.py",
    "benchmarks/datasets/openstef_substations.py",
    "benchmarks/topics/forecasting/substations.py",
)


@dataclass(frozen=True)
class Score:
    """Of one substation: RMSE over the part's peak, that of scaled irradiance, correlation with the truth."""

    nrmse: float
    plain_nrmse: float
    correlation: float


@lru_cache(maxsize=1)
def scores() -> tuple[Score, ...]:
    """Substations with a metered solar part that can be one. Both ways are told its peak, and share the clock found."""
    found = []
    for station in openstef_substations.load().usable:
        if "solar" not in station.has:
            continue
        peak = float(np.nanmax(station.solar_kw))
        parts = split(
            station.net_kw, station.end, station.place, station.ghi_w_m2, station.wind_m_s, solar_peak_kw=peak
        )
        per_hour = round(3600 / (station.end[1] - station.end[0]).total_seconds())
        plain = np.roll(station.ghi_w_m2 / 1000 * peak, round(parts.shift_h * per_hour))
        use = np.isfinite(parts.solar_kw) & np.isfinite(station.solar_kw) & np.isfinite(plain)
        truth = station.solar_kw[use]
        error = [float(np.sqrt(np.mean((part[use] - truth) ** 2))) / peak for part in (parts.solar_kw, plain)]
        found.append(Score(error[0], error[1], float(np.corrcoef(parts.solar_kw[use], truth)[0, 1])))
    if not found:
        raise CannotMeasure("no substation with a metered solar part")
    return tuple(found)


@row("forecasting", name="substations: solar part from net load and weather, nRMSE, mean", unit="of its peak",
     bar="< 0.135", inputs=INPUTS)  # fmt: skip
def solar_part() -> Measured:
    """Beside it irradiance scaled to the same peak, on the clock that the net load shows."""
    return Measured(
        float(np.mean([score.nrmse for score in scores()])), float(np.mean([score.plain_nrmse for score in scores()]))
    )


@row("forecasting", name="substations: solar part from net load and weather, least correlation", unit="",
     bar="> 0.88", inputs=INPUTS)  # fmt: skip
def solar_correlation() -> float:
    return min(score.correlation for score in scores())
