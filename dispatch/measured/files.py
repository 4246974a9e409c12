"""Measured series of a park from a table of the user's, or from an archive as it was known at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dispatch.errors import DataError
from dispatch.measured.names import Key, Meaning, Readings, names, understood
from dispatch.signals import Array, Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.archive import Archive
    from forecasting.archive.known import Known

_NS = 1_000_000_000


def read_measured(
    site: Site, horizon: Horizon, file: Path, *, time_column: str | None = None, stamp: str = "start"
) -> Readings:
    """A CSV or Parquet table with a column for each series; times without an offset are on the park's clock.

    Args:
        time_column: the first column by default.
        stamp: does a time mark the start or the end of its step.

    Raises:
        DataError: the table cannot be read, or a name in it is not understood; the message says all of them.
    """
    from forecasting.errors import ForecastError
    from forecasting.importing.files import read_table

    try:
        table = read_table(file)
        column = time_column or str(table.columns[0])
        start_ns, step_ns = _clock(table, column, site.time_zone, file, stamp)
        given = [str(name) for name in table.columns if str(name) != column]
        meant, unused, wrong = understood(site, given)
        if wrong:
            raise DataError(f"{file}: " + "; ".join(wrong))
        if not meant:
            raise DataError(f"{file}: none of its columns ({', '.join(given[:8])}) is a series of '{site.name}'")
        raw = {name: _numbers(table, name, file) for name in meant}
    except ForecastError as error:
        raise DataError(str(error)) from error
    values = {meant[n].key: _on(horizon, start_ns, step_ns, raw[n], meant[n]) for n in meant}
    names = {meant[name].key: name for name in meant}
    sha = hashlib.sha256(file.read_bytes()).hexdigest()
    return Readings(horizon, values, names, unused, str(file), {"measured": sha})


def read_archived(site: Site, horizon: Horizon, folder: Path, as_of: pd.Timestamp | None = None) -> Readings:
    """Series of the park's place in an archive, under the same names, as known at ``as_of`` (by default: now at best).

    Raises:
        DataError: there is no archive, or nothing of this park in it.
    """
    import pandas as pd

    from forecasting.archive.store import Store
    from forecasting.errors import ForecastError

    assert site.archive is not None
    place = site.archive.site or site.name
    first, last = (pd.Timestamp(edge).tz_localize("UTC") for edge in horizon.edges[[0, -1]])
    try:
        store = Store.existing(folder / site.archive.folder)
        held = [name for one, name in store.series() if one == place]
        meant, unused, wrong = understood(site, held)
        if wrong:
            raise DataError(f"archive {site.archive.folder}: " + "; ".join(wrong))
        day = pd.Timedelta(days=1)
        known_at = pd.Timestamp.max.tz_localize("UTC") if as_of is None else as_of
        read = store.read(sites=place, variables=list(meant), first=first - day, last=last + day, known_by=known_at)
        known = read.as_of(known_at)
    except ForecastError as error:
        raise DataError(str(error)) from error
    if not meant:
        there = ", ".join(held[:8]) or "nothing"
        raise DataError(f"archive {site.archive.folder}: no series of '{place}' is one of this park's; it has {there}")
    at = "what is known by now" if as_of is None else f"as known at {as_of.isoformat()}"
    return _readings(known, place, meant, unused, horizon, f"archive {site.archive.folder}, {place}, {at}")


def known_readings(site: Site, horizon: Horizon, archive: Archive, as_of: datetime | None, source: str) -> Readings:
    """Likewise out of an archive that is read already, under the park's name.

    Args:
        as_of: as known then; by default as known in the end.
        source: where it was read, as a person would say it.

    Raises:
        DataError: a name in it is not understood, or none is one of this park's.
    """
    import pandas as pd

    known = archive.as_of(pd.Timestamp.max.tz_localize("UTC") if as_of is None else as_of)
    held = list(known.variables(site.name))
    # The power of an asset is a meter of it, too; of two series that say the same that of the meter counts.
    meanings, chosen = names(site), dict[Key, str]()
    for name in sorted(held, key=lambda one: "." not in one):
        if name in meanings:
            chosen.setdefault(meanings[name].key, name)
    twice = [name for name in held if name in meanings and name not in chosen.values()]
    meant, unused, wrong = understood(site, [name for name in held if name not in twice])
    if wrong:
        raise DataError("; ".join(wrong))
    if not meant:
        there = ", ".join(held[:8]) or "nothing"
        raise DataError(f"no series of '{site.name}' in this time is one of this park's meters; there is {there}")
    unused = (*unused, *twice)
    return _readings(known, site.name, meant, unused, horizon, source)


def _readings(
    known: Known, place: str, meant: Mapping[str, Meaning], unused: tuple[str, ...], horizon: Horizon, source: str
) -> Readings:
    values, hashes = _known_series(known, place, meant, horizon)
    return Readings(horizon, values, {one.key: name for name, one in meant.items()}, unused, source, hashes)


def joined(first: Readings, second: Readings) -> Readings:
    """Both, the first where both say something."""
    hashes = {**(second.hashes or {}), **(first.hashes or {})}
    said = [one.source for one in (first, second) if one.source]
    return Readings(
        first.horizon,
        {**second.values, **first.values},
        {**second.names, **first.names},
        (*first.unused, *second.unused),
        "; ".join(said),
        hashes,
    )


def _clock(table: pd.DataFrame, column: str, zone: str, file: Path, stamp: str) -> tuple[np.ndarray, int]:
    """Starts of the rows' intervals [ns] and their usual length."""
    from forecasting.importing.columns import utc_times
    from forecasting.importing.files import column_of, zone_of

    if stamp not in ("start", "end"):
        raise DataError(f"stamp '{stamp}' is unknown; accepted: start, end")
    index, wrong = utc_times(column_of(table, column, file), zone_of(zone, file))
    if wrong:
        raise DataError(f"{file}, row {wrong[0].row + 2}: {wrong[0].text}")
    ns = index.as_unit("ns").asi8
    if len(ns) < 2 or (np.diff(ns) <= 0).any():
        at = int(np.argmax(np.diff(ns) <= 0)) + 3 if len(ns) > 1 else 2
        raise DataError(f"{file}, row {at}: times of at least two rows are needed, each later than the one before")
    step = _usual(ns)
    return np.asarray(ns - (step if stamp == "end" else 0)), step


def _usual(ns: np.ndarray) -> int:
    """The most frequent distance of times; an hour of a single one."""
    if len(ns) < 2:
        return 3600 * _NS
    gaps, counts = np.unique(np.diff(ns), return_counts=True)
    return int(gaps[np.argmax(counts)])


def _numbers(table: pd.DataFrame, name: str, file: Path) -> Array:
    from forecasting.importing.columns import numbers

    found, wrong = numbers(table[name])
    if wrong:
        raise DataError(f"{file}, row {wrong[0].row + 2}, column '{name}': {wrong[0].text}")
    return found


def _on(horizon: Horizon, start_ns: np.ndarray, step_ns: int, raw: Array, meaning: Meaning) -> Array:
    """A column in its unit on the horizon's steps; content on its edges."""
    scale = meaning.unit.scale / (step_ns / 3600 / _NS if meaning.unit.per_step else 1.0)
    edges_ns = horizon.edges.astype("datetime64[ns]").astype(np.int64)
    if meaning.key.quantity == "content":
        return _at(edges_ns, start_ns + step_ns, raw * scale)
    return _mean(edges_ns, start_ns, step_ns, raw * scale)


def _at(edges_ns: np.ndarray, end_ns: np.ndarray, values: Array) -> Array:
    """(T + 1,) what a step ends with, at the edges; NaN where no step ends."""
    if not len(end_ns):
        return np.full(len(edges_ns), np.nan)
    place = np.minimum(np.searchsorted(end_ns, edges_ns), len(end_ns) - 1)
    return np.asarray(np.where(end_ns[place] == edges_ns, values[place], np.nan))


def _mean(edges_ns: np.ndarray, start_ns: np.ndarray, step_ns: int, values: Array) -> Array:
    """(T,) means over the steps, exact for the series' own intervals; NaN where one is not known throughout."""
    out = np.full(len(edges_ns) - 1, np.nan)
    known = np.isfinite(values)
    if not known.any():
        return out
    start, value = start_ns[known], values[known]
    # Areas in seconds from the first edge keep the sums exact enough over a year.
    clock = np.ravel(np.column_stack([start, start + step_ns]) - edges_ns[0]) / _NS
    area = np.ravel(np.column_stack([np.zeros_like(value), value * step_ns / _NS]))
    length = np.ravel(np.column_stack([np.zeros_like(value), np.full_like(value, step_ns / _NS)]))
    at = (edges_ns - edges_ns[0]) / _NS
    order = np.maximum.accumulate(clock)
    energy, covered = (np.diff(np.interp(at, order, np.cumsum(part))) for part in (area, length))
    span = np.diff(at)
    whole = covered > span * (1 - 1e-9)
    out[whole] = (energy / span)[whole]
    return out


def fetched_factors(
    site: Site, readings: Readings, folder: Path, as_of: pd.Timestamp | None, *, wanted: bool
) -> tuple[Site, Readings]:
    """The park with what its feeds were, as known at a time; and readings with or without fetched intensities.

    What 'parkwatt fetch' brought stands under the park's name. Where the park's file names a feed it is filled in; the
    series carbon_intensity_g_per_kwh stands for all connections only where it is ``wanted``, or in the user's table.

    Raises:
        DataError: nothing was fetched, or steps of the period are unknown.
    """
    from dispatch import fed
    from dispatch.planning.fetched import Reader
    from forecasting.archive.store import Store
    from forecasting.errors import ForecastError

    average = Key("intensity", "average")
    if readings.source.startswith("archive") and not wanted:
        kept = {key: values for key, values in readings.values.items() if key != average}
        readings = replace(readings, values=kept)
    if not wanted and not fed.feeds(site):
        return site, readings
    if site.archive is None:
        raise DataError(f"'{site.name}' names no archive, so nothing was fetched for it: give --factors file")
    try:
        read = Store.existing(folder / site.archive.folder).read(sites=site.name, known_by=as_of)
        if fed.feeds(site):
            moment = None if as_of is None else as_of.to_pydatetime()
            site = Reader(site, read, moment).fetched(readings.horizon, None, 0).site
    except ForecastError as error:
        raise DataError(str(error)) from error
    if wanted and average not in readings.values:
        readings = joined(readings, _signals(site, readings.horizon, read, as_of))
    return site, readings


def _signals(site: Site, horizon: Horizon, read: Archive, as_of: pd.Timestamp | None) -> Readings:
    """Intensities of the grid that were fetched for the park."""
    import pandas as pd

    known = read.as_of(pd.Timestamp.max.tz_localize("UTC") if as_of is None else as_of)
    meant, _, _ = understood(site, list(known.variables(site.name)))
    wanted = {name: one for name, one in meant.items() if one.key.quantity == "intensity"}
    if not any(one.key.of == "average" for one in wanted.values()):
        raise DataError(
            f"no carbon_intensity_g_per_kwh of '{site.name}' is in the archive; run 'parkwatt fetch', or --factors file"
        )
    values, hashes = _known_series(known, site.name, wanted, horizon)
    names = {one.key: name for name, one in wanted.items()}
    return Readings(horizon, values, names, (), f"what was fetched for '{site.name}'", hashes)


def _known_series(
    known: Known, place: str, meant: Mapping[str, Meaning], horizon: Horizon
) -> tuple[dict[Key, Array], dict[str, str]]:
    """Values on the horizon by key, and hashes of what was read."""
    values, hashes = {}, {}
    for name, meaning in meant.items():
        series = known.measurements(place, name)
        end_ns = np.asarray(series.end_ns, dtype=np.int64)
        hashes[f"archive:{place}/{name}"] = hashlib.sha256(end_ns.tobytes() + series.value.tobytes()).hexdigest()
        step_ns = _usual(end_ns)
        values[meaning.key] = _on(horizon, end_ns - step_ns, step_ns, np.asarray(series.value), meaning)
    return values, hashes
