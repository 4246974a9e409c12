"""Two farms under one made-up weather: runs once a day for two days ahead, with errors that grow with the lead."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.archive import Archive
from forecasting.targets import Place, Target

PLACE = Place(55.0, 9.0, "UTC")
FARMS = (Target("west", "wind", 2000.0, "west"), Target("east", "wind", 1000.0, "east"))
START = pd.Timestamp("2024-01-01T00:00Z")
LEADS_H = 48


def power_kw(capacity_kw: float, speed_m_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Nothing below 3 m/s, all from 12 m/s on, nothing above 25 m/s."""
    share = np.clip((speed_m_s**3 - 27) / (12**3 - 27), 0, 1)
    return capacity_kw * np.where(speed_m_s > 25, 0.0, share)


def weather(hours: int, seed: int = 0) -> NDArray[np.float64]:
    """Components (2, hours) [m/s] that come and go within a day or so."""
    rng = np.random.default_rng(seed)
    keep = np.exp(-1 / 18)
    noise = rng.standard_normal((2, hours)) * np.sqrt(1 - keep**2)
    state = np.zeros((2, hours))
    for k in range(1, hours):
        state[:, k] = keep * state[:, k - 1] + noise[:, k]
    return state * 5 + np.array([[4.0], [2.0]])


def archive(
    days: int = 60,
    heights: tuple[int, ...] = (10, 100),
    directions: bool = True,
    farms: tuple[Target, ...] = FARMS,
    seed: int = 0,
) -> Archive:
    """Measured powers up to `days` and runs of which the last is issued then; the eastern farm sees it 2 h later."""
    hours = 24 * days + LEADS_H
    truth = weather(hours + 1, seed)
    rng = np.random.default_rng(seed + 1)
    found = Archive.empty()
    end = pd.date_range(START + pd.Timedelta(hours=1), periods=24 * days, freq="1h")
    for late, farm in enumerate(farms):
        wind = np.roll(truth, 2 * late, axis=1)
        speed = np.hypot(*wind)
        found = found.with_measurements(
            farm.site, farm.name, end, power_kw(farm.capacity_kw, speed[1 : 24 * days + 1]), pd.Timedelta(0)
        )
        for day in range(days + 1):
            issue = START + pd.Timedelta(days=day)
            error = np.cumsum(rng.standard_normal((2, LEADS_H)), axis=1) * 0.15
            seen = wind[:, 24 * day + 1 : 24 * day + 1 + LEADS_H] + error[:, : hours - 24 * day]
            valid = pd.date_range(issue + pd.Timedelta(hours=1), periods=seen.shape[1], freq="1h")
            for height in heights:
                shrunk = seen * (height / 100) ** 0.15
                found = found.with_forecast(farm.site, f"wind_speed_{height}m", issue, issue, valid, np.hypot(*shrunk))
                if directions:
                    from_deg = np.rad2deg(np.arctan2(-shrunk[0], -shrunk[1])) % 360
                    found = found.with_forecast(farm.site, f"wind_direction_{height}m", issue, issue, valid, from_deg)
    return found


def issue(days: int = 60) -> pd.Timestamp:
    """When the last run was issued."""
    return START + pd.Timedelta(days=days)


def edges(days: int = 60, hours: int = 36, step: str = "1h") -> pd.DatetimeIndex:
    """A horizon from the last issue on."""
    return pd.date_range(issue(days), issue(days) + pd.Timedelta(hours=hours), freq=step)
