"""Everything a plan needs from outside, read once: histories, weather, the network. ``plan`` itself touches no file.

The clock, files and the network stop here. What comes out is an as-of archive, the network model and, where the data
already hold the day, what really happened (kept apart, for the comparison only).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dispatch.errors import DataError
from dispatch.grid import Grid
from dispatch.series import FileSeries, Need, SimbenchSeries
from dispatch.signals import Array, Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.archive import Archive
    from forecasting.weather.base import WeatherProvider, WeatherRun
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
    _require_something_to_learn_from(site, with_weather=weather is not None)
    archive, hashes, actual = _measured(site, horizon, folder, progress)
    hashes = {"site": _sha(site.model_dump_json().encode()), **hashes}
    notes: tuple[str, ...] = ()
    weather_site = None
    if weather is not None:
        run = _weather(site, horizon, weather, now, progress)
        archive, notes, weather_site = _stored(archive, site, run), tuple(run.notes), site.name
        hashes["weather"] = _weather_hash(run)
    network = None
    if site.grid is not None and with_network:
        progress(f"loading network {site.grid.network}")
        network = _network(site.grid, folder)
        hashes["network"] = network.content_hash
    return Sources(archive, actual, network, weather_site, hashes, notes)


def user_errors() -> tuple[type[Exception], ...]:
    """What the packages below raise for a user's data; any of them can be shown as one message."""
    from forecasting.errors import ForecastError
    from grid_models.errors import GridError

    return ForecastError, GridError


def _require_something_to_learn_from(site: Site, *, with_weather: bool) -> None:
    """Say before anything slow starts which assets can not be forecast, and what would help.

    Raises:
        DataError: names every such asset.
    """
    lacking = []
    for asset in site.assets:
        for need in asset.needs:
            if need.history is not None:
                continue
            if need.kind == "load":
                lacking.append(
                    f"'{asset.name}' has no history, and demand does not follow from weather: give 'history'"
                )
            elif not with_weather:
                lacking.append(f"'{asset.name}' has no history: give 'history', or weather (--weather open-meteo)")
            elif need.kind == "wind" and not need.physics.get("turbine"):
                lacking.append(f"'{asset.name}' has neither history nor a 'turbine' for its power curve: give one")
    if lacking:
        raise DataError("nothing to forecast from: asset " + "; asset ".join(lacking))


def _measured(
    site: Site, horizon: Horizon, folder: Path, progress: Callable[[str], None]
) -> tuple[Archive, dict[str, str], dict[str, Array]]:
    """All histories: archive, hashes, and what really came over the horizon."""
    from forecasting.archive import Archive

    archive, hashes, actual = Archive.empty(), {}, {}
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
                actual[asset.name] = np.maximum(came, 0.0)  # a plant's stand-by draw is no power available
    return archive, hashes, actual


def _history(site: Site, name: str, need: Need, folder: Path) -> tuple[pd.DatetimeIndex, pd.Timedelta, Array]:
    """Interval ends, step and mean power [kW] of a measured past."""
    from forecasting.errors import ForecastError

    try:
        if isinstance(need.history, SimbenchSeries):
            return _simbench(site, need, need.history)
        assert isinstance(need.history, FileSeries)
        return _file(site, need.history, folder)
    except ForecastError as error:
        raise DataError(f"asset '{name}': {error}") from error
    except OSError as error:
        raise DataError(f"asset '{name}': {error.filename}: {error.strerror or error}") from error


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
    step = pd.Timedelta(series.index[1] - series.index[0])
    index_end = pd.DatetimeIndex(series.index) + (step if history.stamp == "start" else pd.Timedelta(0))
    return index_end, step, series.to_numpy(dtype=np.float64)


def _mean_over(horizon: Horizon, index_end: pd.DatetimeIndex, step: pd.Timedelta, values: Array) -> Array | None:
    """(T,) mean power over the horizon's steps, exact for the series' own steps; None where data are missing."""
    ends = index_end.as_unit("s").asi8.astype(np.float64)
    edges = horizon.edges.astype("datetime64[s]").astype(np.float64)
    starts = ends - step.total_seconds()
    inside = (ends > edges[0]) & (starts < edges[-1])
    covered_s = np.minimum(ends[inside], edges[-1]) - np.maximum(starts[inside], edges[0])
    if covered_s.sum() < edges[-1] - edges[0] or not np.isfinite(values[inside]).all():
        return None
    energy = np.concatenate([[0.0], np.cumsum(values[inside] * step.total_seconds())])
    clock = np.append(starts[inside], ends[inside][-1])
    return np.asarray(np.diff(np.interp(edges, clock, energy)) / np.diff(edges))


def _weather(
    site: Site,
    horizon: Horizon,
    provider: WeatherProvider,
    now: pd.Timestamp | None,
    progress: Callable[[str], None],
) -> WeatherRun:
    import pandas as pd

    from forecasting.errors import ForecastError

    if site.latitude_deg is None or site.longitude_deg is None:
        raise DataError("weather needs 'latitude_deg' and 'longitude_deg' in the park's file")
    progress(f"asking {provider.name} for weather")
    edges = pd.DatetimeIndex(horizon.edges).tz_localize("UTC")
    asked = now if now is not None else pd.Timestamp(horizon.start)
    try:
        return provider.fetch(site.latitude_deg, site.longitude_deg, edges[0], edges[-1], asked)
    except ForecastError as error:
        raise DataError(str(error)) from error
    except OSError as error:  # the folder of kept runs
        raise DataError(f"weather: {error.filename}: {error.strerror or error}") from error


def _stored(archive: Archive, site: Site, run: WeatherRun) -> Archive:
    from forecasting.errors import ForecastError
    from forecasting.weather.base import stored

    try:
        return stored(archive, site.name, run)
    except ForecastError as error:
        raise DataError(str(error)) from error


def _weather_hash(run: WeatherRun) -> str:
    content = [run.issue_time.isoformat().encode(), run.valid_time.as_unit("s").asi8.tobytes()]
    for name in sorted(run.columns):
        content += [name.encode(), np.asarray(run.columns[name], np.float64).tobytes()]
    return _sha(b"".join(content))


def _network(grid: Grid, folder: Path) -> Network:
    from grid_models import library
    from grid_models.errors import GridError

    kind, _, name = grid.network.partition(":")
    spec = f"{kind}:{folder / name}" if kind in ("file", "feeder") else grid.network
    try:
        network = library.load(spec)
        network.bus_index(list(grid.bus_of.values()))
    except GridError as error:
        raise DataError(f"grid: {error}") from error
    return network


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
