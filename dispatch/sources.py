"""Everything a plan needs from outside, read once: histories, weather, the network. ``plan`` itself touches no file.

The clock, files and the network stop here. What comes out is an as-of archive, the network model and, where the data
already hold the day, what really happened (kept apart, for the comparison only).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dispatch.errors import DataError
from dispatch.series import FileSeries, Need, SimbenchSeries
from dispatch.signals import Array, Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.archive import Archive
    from forecasting.weather.base import WeatherProvider
    from grid_models.network import Network

_NAMEPLATE = {"W": 1e-3, "kW": 1.0, "MW": 1e3}


@dataclass(frozen=True)
class Sources:
    """What was read.

    Attributes:
        archive: measurements and weather with the times they became known.
        actual: by asset name, (T,) mean power that really came; only where the data hold the whole horizon.
        network: the network model, None without one.
        weather_site: name of the weather in the archive, None without weather.
        hashes: SHA-256 of each input, for the certificate.
        notes: what a reader should know about the data.
    """

    archive: Archive
    actual: Mapping[str, Array] = field(default_factory=dict)
    network: Network | None = None
    weather_site: str | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def gather(
    site: Site,
    horizon: Horizon,
    folder: Path,
    *,
    weather: WeatherProvider | None = None,
    now: pd.Timestamp | None = None,
    with_network: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> Sources:
    """Read all that ``site`` names.

    Args:
        folder: where relative file names start.
        weather: provider to ask for the horizon's weather, None for none.
        now: the time at which weather is asked for.
        with_network: load the grid model.

    Raises:
        DataError: something cannot be read; the message names asset and place.
    """
    from forecasting.archive import Archive

    archive, actual = Archive.empty(), {}
    hashes = {"site": _sha(site.model_dump_json().encode())}
    for asset in site.assets:
        for need in asset.needs:
            if need.history is None:
                continue
            progress(f"reading {asset.name}")
            index_end, step, values = _history(site, asset.name, need, folder)
            archive = archive.with_measurements(site.name, asset.name, index_end, values)
            hashes[f"history:{asset.name}"] = _sha(index_end.as_unit("s").asi8.tobytes() + values.tobytes())
            came = _mean_over(horizon, index_end, step, values)
            if came is not None:
                actual[asset.name] = came
    notes: tuple[str, ...] = ()
    weather_site = None
    if weather is not None:
        archive, notes = _weather(site, horizon, archive, weather, now, progress)
        weather_site = site.name
    network = None
    if site.grid is not None and with_network:
        progress(f"loading network {site.grid.network}")
        network = _network(site)
        hashes["network"] = network.content_hash
    return Sources(archive, actual, network, weather_site, hashes, notes)


def _history(site: Site, name: str, need: Need, folder: Path) -> tuple[pd.DatetimeIndex, pd.Timedelta, Array]:
    """Interval ends, step and mean power [kW] of a measured past."""
    from forecasting.errors import ForecastError

    try:
        if isinstance(need.history, SimbenchSeries):
            return _simbench(site, need, need.history)
        assert isinstance(need.history, FileSeries)
        return _file(site, need.history, folder)
    except (ForecastError, OSError) as error:
        raise DataError(f"asset '{name}': {error}") from error


def _simbench(site: Site, need: Need, history: SimbenchSeries) -> tuple[pd.DatetimeIndex, pd.Timedelta, Array]:
    import pandas as pd

    from forecasting import embedded

    names = (history.simbench,) if isinstance(history.simbench, str) else history.simbench
    profile = np.mean([embedded.profile(name) for name in names], axis=0)
    step = pd.Timedelta(minutes=15)
    if history.year_kwh is not None:
        scale = history.year_kwh / (float(profile.sum()) * embedded.STEP_H)
    elif np.isfinite(need.capacity_kw):
        scale = need.capacity_kw
    else:
        raise DataError(f"profile '{names[0]}' needs 'year_kwh' here: the asset has no rating to scale it to")
    # Measured profiles dip below zero by rounding only.
    return embedded.wall_clock_index(site.time_zone) + step, step, np.maximum(profile, 0) * scale


def _file(site: Site, history: FileSeries, folder: Path) -> tuple[pd.DatetimeIndex, pd.Timedelta, Array]:
    import pandas as pd

    from forecasting.files import read_series

    path = Path(history.file)
    series = read_series(
        path if path.is_absolute() else folder / path,
        history.column,
        time_column=history.time_column,
        time_zone=history.time_zone or site.time_zone,
        unit_scale=_NAMEPLATE[history.unit],
        stamp=history.stamp,
    )
    step = pd.Timedelta(np.median(np.diff(series.index.as_unit("ns").asi8)), unit="ns")
    return pd.DatetimeIndex(series.index) + step, step, series.to_numpy(dtype=np.float64)


def _mean_over(horizon: Horizon, index_end: pd.DatetimeIndex, step: pd.Timedelta, values: Array) -> Array | None:
    """(T,) mean power over the horizon's steps, exact for the series' own steps; None where data are missing."""
    ends = index_end.as_unit("s").asi8.astype(np.float64)
    edges = horizon.edges.astype("datetime64[s]").astype(np.float64)
    length_s = step.total_seconds()
    if edges[0] < ends[0] - length_s or edges[-1] > ends[-1]:
        return None
    inside = (ends > edges[0]) & (ends - length_s < edges[-1])
    gaps = np.diff(ends[inside], prepend=ends[inside][0] - length_s)
    if not np.isfinite(values[inside]).all() or (gaps > length_s * 1.5).any():
        return None
    energy = np.concatenate([[0.0], np.cumsum(np.nan_to_num(values) * length_s)])
    clock = np.concatenate([[ends[0] - length_s], ends])
    return np.asarray(np.diff(np.interp(edges, clock, energy)) / np.diff(edges))


def _weather(
    site: Site,
    horizon: Horizon,
    archive: Archive,
    provider: WeatherProvider,
    now: pd.Timestamp | None,
    progress: Callable[[str], None],
) -> tuple[Archive, tuple[str, ...]]:
    import pandas as pd

    from forecasting.errors import ForecastError
    from forecasting.weather.base import stored

    if site.latitude_deg is None or site.longitude_deg is None:
        raise DataError("weather needs 'latitude_deg' and 'longitude_deg' in the park's file")
    progress(f"asking {provider.name} for weather")
    edges = pd.DatetimeIndex(horizon.edges).tz_localize("UTC")
    asked = now if now is not None else pd.Timestamp(horizon.start)
    try:
        run = provider.fetch(site.latitude_deg, site.longitude_deg, edges[0], edges[-1], asked)
    except ForecastError as error:
        raise DataError(f"weather: {error}") from error
    return stored(archive, site.name, run), tuple(run.notes)


def _network(site: Site) -> Network:
    from grid_models import library
    from grid_models.errors import GridError

    assert site.grid is not None
    try:
        network = library.load(site.grid.network)
        network.bus_index(list(site.grid.bus_of.values()))
    except GridError as error:
        raise DataError(f"grid: {error}") from error
    return network


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def canonical(value: object) -> str:
    """JSON with sorted keys, for hashes and certificates."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
