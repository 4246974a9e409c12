"""A park that buys at day-ahead prices and counts the carbon of the hour, both fetched into its archive."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dispatch.signals import Horizon
from forecasting.archive import Archive
from forecasting.archive.store import Store
from tests.unit.dispatch.small_park import measured, park, write

PRICE, INTENSITY = "day_ahead_price_eur_per_mwh", "carbon_intensity_g_per_kwh"
DAY = Horizon.local_day(date(2024, 3, 30), "Europe/Berlin", 60)
START = pd.Timestamp("2024-03-29T23:00Z")  # local midnight
PUBLISHED = pd.Timestamp("2024-03-29T12:00Z")
ISSUED = pd.Timestamp("2024-03-29T17:00Z")
HOURS = np.arange(24)
PRICES = 50.0 + 40.0 * np.cos((HOURS - 19) / 24 * 2 * np.pi)
GRAMS = 300.0 + 150.0 * np.sin(HOURS / 24 * 2 * np.pi)


def ends(first: pd.Timestamp, hours: int) -> pd.DatetimeIndex:
    return pd.date_range(first + pd.Timedelta("1h"), periods=hours, freq="1h")


def fetched(price_hours: int = 24, days_measured: int = 0, forecast_hours: int = 24) -> Archive:
    """Prices of the day as published, carbon as measured before it and as a service forecasts it."""
    archive = Archive.empty()
    if price_hours:
        archive = archive.with_forecast(
            "small", PRICE, PUBLISHED, PUBLISHED, ends(START, price_hours), PRICES[:price_hours]
        )
    if days_measured:
        first = START - pd.Timedelta(days=days_measured)
        random = np.random.default_rng(1)
        values = np.tile(GRAMS, days_measured + 1) + 20 * random.standard_normal(24 * (days_measured + 1))
        at = ends(first, values.size)
        archive = archive.with_measurements("small", INTENSITY, at, values, pd.Timedelta("30min"))
    if forecast_hours:
        issue = ISSUED - pd.Timedelta("1h")
        at, values = ends(START, forecast_hours), GRAMS[:forecast_hours]
        archive = archive.with_forecast("small", INTENSITY, issue, issue, at, values)
    return archive


def content(price: Any = "feed", intensity: Any = "feed", **changes: Any) -> dict[str, Any]:
    made = park(archive={"folder": "held"}, **changes)
    made["planning"] = {"scenarios": 2, "step_minutes": 60, "issue_before_h": 6} | changes.get("planning", {})
    pcc = made["assets"][2]
    pcc["carbon_intensity_kg_per_kwh"] = intensity
    pcc["tariff"]["components"] = [
        {"name": "market", "basis": "energy", "price_per_kwh": price, "source": "exchange"},
        {"name": "network", "basis": "energy", "price_per_kwh": 0.08, "source": "test"},
    ]
    return made


def held(folder: Path, archive: Archive, **changes: Any) -> Path:
    """The park's file with its history beside it, and an archive that holds this."""
    measured("2024-03-30").to_csv(folder / "measured.csv", index=False)
    Store(folder / "held").append(archive, now=pd.Timestamp("2024-04-02T00:00Z"))
    return write(folder, content(**changes))
