"""``parkwatt init``: a small park with comments and example data."""

from __future__ import annotations

from pathlib import Path

from dispatch.config.park import CONFIGS
from dispatch.errors import ConfigError, Problem

_DAYS = 42


def write_starter(folder: Path) -> list[Path]:
    """park.yaml (the shipped starter) and measured.csv (made-up example data that end today at midnight).

    Raises:
        ConfigError: the folder already holds one of the files; nothing is overwritten.
    """
    config, data = folder / "park.yaml", folder / "measured.csv"
    for path in (config, data):
        if path.exists():
            raise ConfigError(str(path), [Problem("file", "exists already", "a folder without a park")])
    folder.mkdir(parents=True, exist_ok=True)
    config.write_text((CONFIGS / "parks" / "starter.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    data.write_text(_example_data(), encoding="utf-8")
    return [config, data]


def _example_data() -> str:
    """Six weeks of quarter-hours: a working-day load and a PV array under changing clouds. Invented, seed fixed."""
    import numpy as np
    import pandas as pd

    end = pd.Timestamp.now(tz="Europe/Berlin").normalize()
    # Counted in UTC, so that a change of the clock neither drops nor doubles a quarter-hour.
    index = pd.date_range(end=end.tz_convert("UTC"), periods=_DAYS * 96, freq="15min", inclusive="left")
    local = index.tz_convert("Europe/Berlin")
    hour = local.hour + local.minute / 60
    random = np.random.default_rng(0)
    working = np.where(local.dayofweek < 5, 1.0, 0.35)
    load = 120 + working * 260 * np.exp(-(((hour - 12.5) / 4.5) ** 4)) + random.normal(0, 8, index.size)
    clouds = np.repeat(random.uniform(0.25, 1.0, _DAYS + 2), 96)[: index.size]
    pv = 400 * clouds * np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None) ** 1.3
    table = pd.DataFrame({"time": index.strftime("%Y-%m-%dT%H:%M:%SZ"), "load_kw": load.round(1), "pv_kw": pv.round(1)})
    return str(table.to_csv(index=False))
