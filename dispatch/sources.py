"""Everything a plan needs from outside, read once: histories, weather, the network. ``plan`` itself touches no file.

The clock, files and the network stop here. What comes out is an as-of archive, the network model and, where the data
already hold the day, what really happened (kept apart, for the comparison only).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dispatch import fed
from dispatch.errors import DataError, NoForecastError
from dispatch.fields.grid import Grid
from dispatch.fields.series import FileSeries, Need, SimbenchSeries, feed_unit
from dispatch.network.asked import contradictions
from dispatch.planning.came import first_gap, mean_over, wrong_sign
from dispatch.planning.fetched import Reader
from dispatch.planning.out_of_service import taught
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.weather_runs import asked_run, run_hash, with_run

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.archive import Archive
    from forecasting.archive.store import Store
    from forecasting.weather.base import WeatherProvider
    from grid_models.network import Network

_BEHIND_INTENSITY = ("carbon_intensity_", "generation_", "import_")
_NAMEPLATE = {"W": 1e-3, "kW": 1.0, "MW": 1e3}


@dataclass(frozen=True)
class Sources:
    """What was read.

    Attributes:
        archive: measurements and weather with the times they became known.
        actual: by asset name, (T,) mean power that really came; only where the data hold the whole horizon. Likewise by
            name of the series what came of those that are fetched, in their own unit.
        network: the network model, None without one.
        weather: names of weather in the archive, the best first.
        hashes: SHA-256 of each input, for the certificate.
        notes: what a reader should know about the data.
        lacking: by asset name, why there is a series and nothing of it in ``actual``.
    """

    archive: Archive
    actual: Mapping[str, Array] = field(default_factory=dict)
    network: Network | None = None
    weather: tuple[str, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)

    @property
    def weather_site(self) -> str | None:
        """Name of the best weather in the archive, None without weather."""
        return self.weather[0] if self.weather else None


def gather(
    site: Site,
    horizon: Horizon,
    folder: Path,
    *,
    weather: WeatherProvider | None = None,
    now: pd.Timestamp | None = None,
    archive: Archive | None = None,
    told: Collection[str] = (),
    with_network: bool = True,
    place: str = "",
    progress: Callable[[str], None] = lambda _: None,
) -> Sources:
    """Read all that ``site`` names.

    Args:
        folder: where relative file names start.
        weather: provider to ask for the horizon's weather, None for none.
        now: the time at which weather is asked for.
        archive: what is read already, under the park's name: histories by its assets' names, fetched series, runs of
            weather; the park's own archive is not looked at then.
        told: assets of which somebody else says what will come, so that nothing has to be known of them.
        with_network: load the grid model.
        place: what a given archive is called in messages; the park's name by default.

    Raises:
        DataError: something cannot be read; the message names asset and place.
    """
    kept = _kept(site, horizon, folder, progress) if archive is None else _given(site, archive, place or site.name)
    # Whoever hands an archive over has no command line to ask for weather on.
    asking = "weather (--weather open-meteo)" if archive is None else "weather"
    _require_something_to_learn_from(site, kept, told, asking, with_weather=weather is not None)
    archive, hashes, actual, lacking = _measured(site, horizon, folder, kept, progress)
    hashes = {"site": _sha(site.model_dump_json().encode()), **hashes}
    notes: tuple[str, ...] = ()
    names = () if kept is None else kept.weather_names
    if kept is not None:
        archive, hashes = archive.merge(kept.weather), hashes | _rows_hashes(kept.weather)
        archive, hashes = archive.merge(kept.fetched), hashes | _rows_hashes(kept.fetched)
        actual |= _came(site, horizon, archive)
    if weather is not None:
        run = asked_run(site, horizon, weather, now, progress)
        if isinstance(run, Exception):
            _require_something_to_learn_from(site, kept, told, f"weather that answers: {run}", with_weather=False)
            notes = (f"{run}; the forecast without it stands in",)
        else:
            archive, notes, names = with_run(archive, site, run), tuple(run.notes), (site.name, *names)
            hashes["weather"] = run_hash(run)
    network = None
    if site.grid is not None and with_network:
        progress(f"loading network {site.grid.network}")
        network = _network(site.grid, folder)
        hashes["network"] = network.content_hash
        notes = (*notes, *(f"network: {text}" for text in network.notes))
    return Sources(archive, actual, network, names, hashes, notes, lacking)


def user_errors() -> tuple[type[Exception], ...]:
    """What the packages below raise for a user's data; any of them can be shown as one message."""
    from forecasting.errors import ForecastError
    from grid_models.errors import GridError

    return ForecastError, GridError


@dataclass(frozen=True)
class _Kept:
    """What the park's archive holds of it: histories and fetched series under its name, weather, where it was."""

    measured: Archive
    weather: Archive
    fetched: Archive
    series: tuple[str, ...]
    place: str
    weather_names: tuple[str, ...] = ()

    def has(self, site: str, name: str) -> bool:
        """Whether an asset has its history there."""
        return (site, name) in self.measured.rows()


def _kept(site: Site, horizon: Horizon, folder: Path, progress: Callable[[str], None]) -> _Kept | None:
    """Histories and weather of the park's archive, with the times they became known.

    Raises:
        DataError: there is no archive, or no such weather in it.
    """
    if site.archive is None:
        return None
    from forecasting.archive import Archive
    from forecasting.archive.rows import curtailed_name
    from forecasting.archive.store import Store
    from forecasting.errors import ForecastError

    asked, place = site.archive, site.archive.site or site.name
    needed = [asset.name for asset in site.assets for need in asset.needs if need.history is None]
    wanted = {*needed, *(curtailed_name(name) for name in needed)}
    last = str(np.datetime_as_string(horizon.edges[-1] + np.timedelta64(1, "D"), timezone="UTC"))
    progress(f"reading the archive {asked.folder}")
    try:
        store = Store.existing(folder / asked.folder)
        held = store.series()
        if unknown := [name for name in asked.weather if name not in {one for one, _ in held}]:
            sites = ", ".join(sorted({one for one, _ in held})) or "nothing"
            raise DataError(f"archive.weather: '{unknown[0]}' is not in the archive; it has {sites}")
        read = store.read(sites=place, variables=wanted, last=last)
        weather = store.read(sites=asked.weather, last=last)
        fetched = _fetched(store, site, place, last)
    except ForecastError as error:
        raise DataError(str(error)) from error
    measured = Archive.of_rows({(site.name, name): rows for (_, name), rows in read.rows().items()})
    return _Kept(measured, weather, fetched, tuple(f"{one}/{name}" for one, name in held), place, asked.weather)


def _given(site: Site, archive: Archive, place: str) -> _Kept:
    """An archive that is read already, by what the park takes from it."""
    from forecasting.archive import Archive
    from forecasting.archive.rows import MEASURED_NS, curtailed_name

    needed = {asset.name for asset in site.assets for need in asset.needs}
    needed |= {curtailed_name(name) for name in needed}
    named = set(fed.feeds(site))
    named |= {n for _, n in archive.rows() if named and n.startswith(_BEHIND_INTENSITY)}
    own = {key: rows for key, rows in archive.rows().items() if key[0] == site.name}
    measured, fetched = ({k: rows for k, rows in own.items() if k[1] in names} for names in (needed, named))
    runs = {k: r for k, r in own.items() if k[1] not in needed | named and (r.issue_ns != MEASURED_NS).any()}
    series = tuple(f"{place if one == site.name else one}/{name}" for one, name in sorted(archive.rows()))
    weather = (site.name,) if runs else ()
    return _Kept(Archive.of_rows(measured), Archive.of_rows(runs), Archive.of_rows(fetched), series, place, weather)


def _fetched(store: Store, site: Site, place: str, last: str) -> Archive:
    """The series that the park's file names as feeds, under the park's name; 'fetch' stores them there.

    With an intensity comes the mix behind it, which forecasts read.
    """
    from forecasting.archive import Archive

    named = set(fed.feeds(site))
    if not named:
        return Archive.empty()
    if any(feed_unit(name).kind == "intensity" for name in named):
        named |= {name for _, name in store.series() if name.startswith(_BEHIND_INTENSITY)}
    own = store.read(sites=site.name, variables=named, last=last)
    others = named - {name for _, name in own.rows()}
    read = store.read(sites=place, variables=others, last=last) if others and place != site.name else Archive.empty()
    return own.merge(Archive.of_rows({(site.name, name): rows for (_, name), rows in read.rows().items()}))


def _came(site: Site, horizon: Horizon, archive: Archive) -> dict[str, Array]:
    """What really came of fetched series, as known in the end, where that is known of the whole horizon."""
    reader = Reader(site, archive, None)
    facts = {name: reader.said(name, horizon).fact for name in reader.asked}
    return {name: fact for name, fact in facts.items() if np.isfinite(fact).all()}


def _require_something_to_learn_from(
    site: Site, kept: _Kept | None, told: Collection[str], asking: str, *, with_weather: bool
) -> None:
    """Say before anything slow starts which assets can not be forecast, and what would help.

    Raises:
        NoForecastError: names every such asset.
    """
    lacking = []
    with_weather |= kept is not None and len(kept.weather) > 0
    for asset in (asset for asset in site.assets if asset.name not in told):
        for need in asset.needs:
            if need.history is not None or (kept is not None and kept.has(site.name, asset.name)):
                continue
            if need.kind == "load":
                lacking.append(
                    f"'{asset.name}' has no history, and demand does not follow from weather: give 'history'"
                )
            elif not with_weather:
                lacking.append(f"'{asset.name}' has no history: give 'history', or {asking}")
            elif need.kind == "wind" and not need.physics.get("turbine"):
                lacking.append(f"'{asset.name}' has neither history nor a 'turbine' or 'power_curve': give one")
    if lacking:
        raise NoForecastError("nothing to forecast from: asset " + "; asset ".join(lacking) + _looked_for(kept))


def _looked_for(kept: _Kept | None) -> str:
    if kept is None:
        return ""
    some = ", ".join(kept.series[:12]) + (" …" if len(kept.series) > 12 else "") or "nothing"
    return f". The archive was asked for series of '{kept.place}' with the assets' names; it has {some}"


def _measured(
    site: Site, horizon: Horizon, folder: Path, kept: _Kept | None, progress: Callable[[str], None]
) -> tuple[Archive, dict[str, str], dict[str, Array], dict[str, str]]:
    """All histories: archive, hashes, what really came over the horizon, and why it is not known."""
    from forecasting.archive import Archive

    archive, hashes, actual, lacking = Archive.empty(), {}, {}, {}
    if kept is not None:
        archive, hashes = kept.measured, _rows_hashes(kept.measured)
    for asset in site.assets:
        for need in asset.needs:
            if need.history is not None:
                progress(f"reading {asset.name}")
                index_end, step, values = _history(site, asset.name, need, folder)
                learnt = taught(asset, site.time_zone, index_end, step, values) if asset.out_of_service else values
                archive = archive.with_measurements(site.name, asset.name, index_end, learnt)
                hashes[f"history:{asset.name}"] = _sha(index_end.as_unit("s").asi8.tobytes() + values.tobytes())
            elif kept is not None and kept.has(site.name, asset.name):
                index_end, step, values = _last_known(kept.measured, site.name, asset.name)
            else:
                continue
            came = mean_over(horizon, index_end, step, values)
            if came is None:
                lacking[asset.name] = first_gap(horizon, index_end, step, values)
            elif need.kind == "load" and (why := wrong_sign(horizon, came)):
                lacking[asset.name] = why
            else:
                actual[asset.name] = np.maximum(came, 0.0)  # a plant's stand-by draw is no power available
    return archive, hashes, actual, lacking


def _last_known(archive: Archive, site: str, name: str) -> tuple[pd.DatetimeIndex, pd.Timedelta, Array]:
    """Interval ends, step and the values that were known in the end."""
    import pandas as pd

    known = archive.as_of(pd.Timestamp.max.tz_localize("UTC")).measurements(site, name)
    index = pd.DatetimeIndex(pd.to_datetime(known.end_ns, utc=True, unit="ns"))
    gaps, counts = np.unique(np.diff(known.end_ns), return_counts=True)
    step = int(gaps[np.argmax(counts)]) if gaps.size else 0
    return index, pd.Timedelta(step, unit="ns"), known.value


def _rows_hashes(archive: Archive) -> dict[str, str]:
    """Of each series of the archive, all that it says: also when it became known."""
    return {
        f"archive:{site}/{name}": _sha(
            b"".join(np.ascontiguousarray(data).tobytes() for data in (rows.valid_ns, rows.issue_ns, rows.available_ns))
            + rows.value.tobytes()
        )
        for (site, name), rows in sorted(archive.rows().items())
    }


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

    from forecasting.importing.files import read_series
    from forecasting.regular import intervals

    path = Path(history.file)
    series = read_series(
        path if path.is_absolute() else folder / path,
        history.column,
        time_column=history.time_column,
        time_zone=history.time_zone or site.time_zone,
        unit_scale=_NAMEPLATE[history.unit],
        stamp=history.stamp,
        uneven=True,
    )
    meter = intervals(pd.DatetimeIndex(series.index).as_unit("ns").asi8)
    step = series.index[1] - series.index[0] if meter is None else pd.Timedelta(meter.step_ns, unit="ns")
    index_end = pd.DatetimeIndex(series.index) + (step if series.index.name == "interval_start" else pd.Timedelta(0))
    return index_end, step, series.to_numpy(dtype=np.float64)


def _network(grid: Grid, folder: Path) -> Network:
    from grid_models import library
    from grid_models.errors import GridError

    kind, _, name = grid.network.partition(":")
    spec = f"{kind}:{folder / name}" if kind in ("file", "feeder") else grid.network
    try:
        network = library.load(spec)
    except GridError as error:
        raise DataError(f"grid: {error}") from error
    if found := list(contradictions(grid, network)):
        raise DataError("\n  ".join(found))
    return network


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
