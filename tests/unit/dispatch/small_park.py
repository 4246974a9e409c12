"""A park that is planned within a second: two weeks of history, so nothing is trained."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

PARK: dict[str, Any] = {
    "name": "small",
    "time_zone": "Europe/Berlin",
    "currency": "EUR",
    "latitude_deg": 52.5,
    "longitude_deg": 13.4,
    "buses": [{"name": "main"}, {"name": "hot", "carrier": "heat"}],
    "assets": [
        {"kind": "load", "name": "hall", "bus": "main", "history": {"file": "measured.csv", "column": "hall_kw"}},
        {
            "kind": "battery",
            "name": "store",
            "bus": "main",
            "energy_kwh": "100 kWh",
            "charge_kw": 50,
            "discharge_kw": 50,
        },
        {
            "kind": "grid_connection",
            "name": "pcc",
            "bus": "main",
            "import_kw": 400,
            "carbon_intensity_kg_per_kwh": 0.3,
            "tariff": {
                "name": "flat",
                "currency": "EUR",
                "components": [{"name": "energy", "basis": "energy", "price_per_kwh": 0.3, "source": "test"}],
            },
        },
    ],
    "planning": {"scenarios": 0, "step_minutes": 60},
}


def park(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(PARK) | changes


def write(folder: Path, content: dict[str, Any] | str | None = None) -> Path:
    """The park's file in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "park.yaml"
    text = content if isinstance(content, str) else yaml.safe_dump(content or park(), sort_keys=False)
    path.write_text(text, encoding="utf-8")
    return path


def measured(last_day: str, days: int = 14, column: str = "hall_kw") -> pd.DataFrame:
    """Hourly demand of whole local days up to and including the last one, times with offset."""
    end = pd.Timestamp(last_day, tz="Europe/Berlin") + pd.Timedelta(days=1)
    start = (pd.Timestamp(last_day) - pd.Timedelta(days=days - 1)).tz_localize("Europe/Berlin")
    index = pd.date_range(start.tz_convert("UTC"), end.tz_convert("UTC"), freq="1h", inclusive="left")
    local = index.tz_convert("Europe/Berlin")
    values = 80 + 60 * np.exp(-(((local.hour + 0.5 - 12) / 4) ** 2)) + np.arange(index.size) % 5
    return pd.DataFrame({"time": index.strftime("%Y-%m-%dT%H:%M:%SZ"), column: np.round(values, 2)})
