"""Two days of a small park over a change of the clock and of the month, planned within seconds."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dispatch.config.park import load_site
from dispatch.replay import Case, Settings
from dispatch.signals import Horizon
from dispatch.sources import gather
from tests.unit.dispatch.small_park import measured, park, write

FIRST, LAST = date(2024, 3, 31), date(2024, 4, 1)  # 23 and 24 hours
FAST = ("rule_based", "day_ahead", "rolling", "perfect")


WISHES = [
    {"clean_share_min": 0.2, "over": "day", "penalty_per_kwh": 0.05},
    {"direct_share_min": 0.4, "over": "day", "penalty_per_kwh": 0.03},
]


def replayed_park(**rolling: Any) -> dict[str, Any]:
    """Demand, PV, a store, a unit with minimum times, and a bill with hours and a demand charge."""
    content = park(
        planning={
            "scenarios": 2,
            "step_minutes": 60,
            "rolling": {"scenarios_every_h": 8.0, "window_h": 26.0, **rolling},
        }
    )
    content["wishes"] = WISHES
    content["assets"][2]["tariff"]["components"] = [
        {
            "name": "day",
            "basis": "energy",
            "price_per_kwh": 0.35,
            "calendar": {"hours": ["07:00-21:00"]},
            "source": "t",
        },
        {
            "name": "night",
            "basis": "energy",
            "price_per_kwh": 0.1,
            "calendar": {"hours": ["00:00-07:00", "21:00-24:00"]},
            "source": "t",
        },
        {"name": "demand", "basis": "demand", "price_per_kw_month": 2.0, "source": "t"},
    ]
    content["assets"].append(
        {
            "kind": "pv",
            "name": "roof",
            "bus": "main",
            "peak_kw": 60,
            "tilt_deg": 15,
            "azimuth_deg": 180,
            "history": {"file": "measured.csv", "column": "roof_kw"},
        }
    )
    unit = {"min_kw": 15, "max_kw": 60, "cost_per_kwh": 0.28, "start_cost": 1.0, "min_up_h": 3, "min_down_h": 2}
    content["assets"].append({"kind": "thermal", "name": "genset", "bus": "main", **unit})
    return content


def history(last_day: str = "2024-04-01", days: int = 17, seed: int = 1) -> pd.DataFrame:
    """Demand and PV that no usual day foresees."""
    table = measured(last_day, days)
    random, count = np.random.default_rng(seed), len(table)
    hour = pd.DatetimeIndex(table["time"]).hour.to_numpy()
    table["hall_kw"] = (table["hall_kw"] * np.repeat(random.uniform(0.7, 1.4, count // 6 + 1), 6)[:count]).round(2)
    clouds = np.repeat(random.uniform(0.2, 1.0, count // 8 + 1), 8)[:count]
    table["roof_kw"] = (55 * clouds * np.clip(np.sin((hour - 5) / 12 * np.pi), 0, None)).round(2)
    return table


def folder_with_park(folder: Path, **rolling: Any) -> Path:
    """The park's file with its data beside it."""
    path = write(folder, replayed_park(**rolling))
    history().to_csv(folder / "measured.csv", index=False)
    return path


def case(folder: Path, methods: tuple[str, ...] = FAST, every_h: float = 3.0, **rolling: Any) -> Case:
    path = folder_with_park(folder, **rolling)
    site = load_site(path)
    span = Horizon.local_day(FIRST, site.time_zone, 60, days=(LAST - FIRST).days + 1)
    sources = gather(site, span, folder)
    return Case(site, span, sources.actual, sources.archive, Settings(every_h=every_h, methods=methods))
