"""Tables of markets: flexibility by site and block, meters of sites, prices, bids and awards as JSON or tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from dispatch.errors import DataError
from dispatch.fleet.offering import by_step
from dispatch.markets.awards import Award
from dispatch.markets.bids import Bid
from dispatch.markets.catalogue import model
from dispatch.markets.portfolio import Metered
from dispatch.markets.sustained import EnergyBand
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    import pandas as pd

    from dispatch.fields.flexible_devices import Devices
    from dispatch.flexibility.offers import Flexibility

FLEXIBILITY = ("site", "start", "way", "kw", "cost_per_kwh")
BAND = ("site", "start", "hours", "plan_kw", "least_kwh", "most_kwh")
STORES = ("charge_kw", "discharge_kw", "energy_kwh", "start_kwh")
_STORES_TOO = ("least_kwh", "end_least_kwh", "charge_efficiency", "discharge_efficiency")
_NET, _IN, _OUT = "net_import", "import", "export"


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name.

    Raises:
        DataError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DataError(f"--time-zone '{name}' is unknown; write an IANA name, like Europe/Berlin") from None


def date_of(option: str, text: str) -> date:
    """A day of an option.

    Raises:
        DataError: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise DataError(f"{option} '{text}' is not a date; write it like 2026-01-15") from None


def moment_of(option: str, text: str, zone: str) -> datetime:
    """A time of an option; without an offset it is local.

    Raises:
        DataError: it is none.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise DataError(f"{option} '{text}' is not a time; write it like 2026-01-15T09:00") from None
    return at if at.utcoffset() is not None else at.replace(tzinfo=zone_of(zone))


def frame(path: Path) -> pd.DataFrame:
    """A CSV or Parquet table as it is.

    Raises:
        DataError: it cannot be read.
    """
    from forecasting.errors import ForecastError
    from forecasting.importing.files import read_table

    try:
        return read_table(path)
    except ForecastError as error:
        raise DataError(str(error)) from None


def _times(table: pd.DataFrame, column: str, zone: str, path: Path, within: Any = None) -> np.ndarray:
    """UTC seconds of a column."""
    from forecasting.importing.columns import utc_times

    if column not in table.columns:
        raise DataError(f"{path}: there is no column '{column}'; it has {', '.join(map(str, table.columns))}")
    index, wrong = utc_times(table[column], zone_of(zone), within=within)
    if wrong:
        raise DataError(f"{path}, row {wrong[0].row + 2}: {wrong[0].text}")
    return np.asarray(index.tz_localize(None).to_numpy().astype("datetime64[s]"))


def _numbers(table: pd.DataFrame, column: str, path: Path, *, whole: bool = True) -> Array:
    from forecasting.importing.columns import numbers

    if column not in table.columns:
        raise DataError(f"{path}: there is no column '{column}'; it has {', '.join(map(str, table.columns))}")
    found, wrong = numbers(table[column])
    if wrong:
        raise DataError(f"{path}, row {wrong[0].row + 2}, column '{column}': {wrong[0].text}")
    if whole and np.isnan(found).any():
        raise DataError(f"{path}, row {int(np.argmax(np.isnan(found))) + 2}: '{column}' is missing; accepted: a number")
    return found


def _horizon(starts: np.ndarray, zone: str, path: Path) -> Horizon:
    """Steps that begin at these times; the last is as long as the one before."""
    if not starts.size:
        raise DataError(f"{path}: holds no row below its header; accepted: a row for each step")
    if starts.size < 2:
        raise DataError(f"{path}: {starts.size} steps; at least two are needed to know how long they are")
    return Horizon(np.append(starts, starts[-1] + (starts[-1] - starts[-2])), zone)


def _grid(starts: np.ndarray, zone: str, path: Path, over: Horizon | None) -> Horizon:
    """Equal steps that hold all times, as long as the shortest distance between two of them."""
    if not starts.size:
        raise DataError(f"{path}: holds no row below its header; accepted: one or more of each step")
    each = np.unique(starts).astype(np.int64)
    if each.size < 2:
        raise DataError(f"{path}: {each.size} steps; at least two are needed to know how long they are")
    step = int(np.diff(each).min())
    if (odd := np.diff(each) % step != 0).any():
        at = np.datetime64(int(each[1:][odd][0]), "s")
        raise DataError(f"{path}: the step at {at} UTC does not fit those of {step // 60} min; accepted: equal steps")
    first, last = int(each[0]), int(each[-1]) + step
    if over is not None:
        begin, end = (int(edge) for edge in over.edges[[0, -1]].astype("datetime64[s]").astype(np.int64))
        first -= max(0, -((begin - first) // step)) * step
        last += max(0, -((last - end) // step)) * step
    return Horizon(np.arange(first, last + 1, step).astype("datetime64[s]"), zone)


def read_flexibility(
    path: Path, zone: str, over: Horizon | None = None
) -> tuple[tuple[str, ...], Horizon, tuple[Flexibility, ...]]:
    """Blocks of sites: rows of site, start, way (up or down), kw and cost_per_kwh; a step without a row has none.

    Args:
        over: periods that the steps are to cover, with steps that have no row where they begin later or end earlier.

    Raises:
        DataError: a column is missing, a value is none, or sites have other steps.
    """
    from dispatch.flexibility.offers import Flexibility

    table = frame(path)
    if missing := [name for name in FLEXIBILITY if name not in table.columns]:
        raise DataError(f"{path}: no column {', '.join(missing)}; accepted: {', '.join(FLEXIBILITY)}")
    names, site = np.unique(table["site"].astype(str), return_inverse=True)
    ways = table["way"].astype(str).to_numpy()
    if (wrong := ~np.isin(ways, ("up", "down"))).any():
        raise DataError(f"{path}, row {int(np.argmax(wrong)) + 2}: way is '{ways[wrong][0]}'; accepted: up, down")
    parts_of = [name for name in ("site", "way", "block") if name in table.columns]
    starts = _times(table, "start", zone, path, table.groupby(parts_of).ngroup().to_numpy())
    horizon = _grid(starts, zone, path, over)
    if over is not None and not ((starts >= over.edges[0]) & (starts < over.edges[-1])).any():
        own, asked = (_span(one) for one in (_grid(starts, zone, path, None), over))
        raise DataError(f"{path}: is of {own}, asked for is {asked}; accepted: rows of that time")
    step = np.searchsorted(horizon.edges[:-1], starts)
    kw, cost = (_numbers(table, name, path) for name in ("kw", "cost_per_kwh"))
    if (kw < 0).any():
        row = int(np.argmax(kw < 0))
        raise DataError(f"{path}, row {row + 2}: kw is {kw[row]:g}; accepted: 0 or more, the direction is its way")
    if "block" in parts_of and (twice := table.duplicated([*parts_of, "start"]).to_numpy()).any():
        row = int(np.argmax(twice))
        raise DataError(
            f"{path}, row {row + 2}: this block of '{table['site'].iloc[row]}' is there already; accepted: one"
        )
    offers = []
    for number in range(names.size):
        parts = []
        for way in ("up", "down"):
            mine = np.flatnonzero((site == number) & (ways == way))
            parts.append(by_step(step[mine], kw[mine], cost[mine], horizon.steps))
        offers.append(Flexibility(horizon.hours, parts[0][0], parts[1][0], parts[0][1], parts[1][1], about=str(path)))
    return tuple(map(str, names)), horizon, tuple(offers)


def read_bands(path: Path, zone: str, names: Sequence[str], steps: Horizon) -> tuple[EnergyBand, ...]:
    """Bands of energy of sites: rows of site, start, hours, plan_kw, least_kwh and most_kwh.

    Raises:
        DataError: a column or a site is missing.
    """
    table = frame(path)
    if missing := [name for name in BAND if name not in table.columns]:
        raise DataError(f"{path}: no column {', '.join(missing)}; accepted: {', '.join(BAND)}")
    site = table["site"].astype(str).to_numpy()
    if lacking := [name for name in names if name not in site]:
        raise DataError(f"{path}: no row of site '{lacking[0]}'; accepted: rows of every site that has blocks")
    starts = _times(table, "start", zone, path, np.unique(site, return_inverse=True)[1])
    hours, kw, least, most = (_numbers(table, name, path) for name in BAND[2:])
    bands: list[EnergyBand] = []
    for name in names:
        mine = np.array(sorted(np.flatnonzero(site == name), key=starts.__getitem__))
        plan = np.cumsum(kw[mine] * hours[mine])
        place = np.searchsorted(starts[mine], steps.edges[:-1], side="right") - 1
        bands.append(EnergyBand(*(np.append(0.0, own)[place + 1] for own in (plan, least[mine], most[mine]))))
    return tuple(bands)


def _span(steps: Horizon) -> str:
    first, last = steps.local_start[0], steps.local_start[-1]
    return f"{first:%Y-%m-%d}" if first.date() == last.date() else f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def read_metered(path: Path, zone: str, columns: Sequence[str] = ()) -> Metered:
    """Meters of sites: times first, then SITE.net_import_kw, or SITE.import_kw with SITE.export_kw, or SITE_kw.

    Args:
        columns: ``SITE=COLUMN`` for columns that are called otherwise.

    Raises:
        DataError: a column is not understood, or the table cannot be read.
    """
    table = frame(path)
    starts = _times(table, str(table.columns[0]), zone, path)
    steps = _horizon(starts, zone, path)
    renamed = dict(_pair(text) for text in columns)
    parts: dict[str, dict[str, Array]] = {}
    for name in map(str, table.columns[1:]):
        if renamed and name not in renamed.values():
            continue
        called = next((site for site, column in renamed.items() if column == name), None)
        stem, scale = _unit(name)
        site, _, what = stem.rpartition(".")
        way = _NET if what not in (_NET, _IN, _OUT) else what
        site = called or (site if what in (_NET, _IN, _OUT) else stem)
        if way in parts.setdefault(site, {}):
            raise DataError(f"{path}: two columns say the {way} of '{site}'; accepted: one")
        values = _numbers(table, name, path, whole=False)
        parts[site][way] = values * scale.scale / (steps.hours if scale.per_step else 1.0)
    if lost := sorted(set(renamed.values()) - set(map(str, table.columns))):
        raise DataError(f"{path}: there is no column '{lost[0]}'; it has {', '.join(map(str, table.columns))}")
    if not parts:
        raise DataError(f"{path}: there is no meter; accepted: columns such as site_1.net_import_kw")
    return Metered(tuple(parts), steps, np.array([_net(site, ways, path) for site, ways in parts.items()]))


def _pair(text: str) -> tuple[str, str]:
    site, equals, column = text.partition("=")
    if not equals or not site or not column:
        raise DataError(f"--column '{text}' is not understood; write it like site_1=Meter 17 kW")
    return site, column


def _unit(name: str) -> tuple[str, Any]:
    """A column's name without its unit, and the unit; kW where none is named."""
    from dispatch.measured.meters import Unit, units

    known = units("electricity")
    for ending in sorted(known, key=len, reverse=True):
        if name.lower().endswith(f"_{ending}"):
            return name[: -len(ending) - 1], known[ending]
    return name, Unit(1.0)


def _net(site: str, ways: dict[str, Array], path: Path) -> Array:
    if _NET in ways:
        if len(ways) > 1:
            raise DataError(f"{path}: '{site}' has a net import beside others; accepted: one of them")
        return ways[_NET]
    if _IN not in ways:
        raise DataError(f"{path}: '{site}' has an export and no import; accepted: both, or a net import")
    return ways[_IN] - ways.get(_OUT, np.zeros_like(ways[_IN]))


def read_bid(path: Path) -> Bid:
    """A bid as JSON."""
    found: Bid = model(Bid, _json(path), str(path))
    return found


def read_award(path: Path, bid: Bid | None = None, zone: str = "UTC") -> Award:
    """An award as JSON, or as a table of start, quantity_kw and price for a bid that is given.

    Raises:
        ConfigError, DataError: it is no award.
    """
    if path.suffix.lower() == ".json":
        found: Award = model(Award, _json(path), str(path))
        return found
    if bid is None:
        raise DataError(
            f"{path}: an award as a table needs its bid; accepted: the award as JSON, as 'fleet award' writes it"
        )
    table = frame(path)
    starts = _times(table, "start", zone, path).astype(np.int64)
    kw, price = (_numbers(table, name, path) for name in ("quantity_kw", "price"))
    clock = zone_of(zone)
    rows = [
        {"start": datetime.fromtimestamp(int(s), clock), "quantity_kw": float(q), "price": float(p)}
        for s, q, p in zip(starts, kw, price, strict=True)
    ]
    if "energy_price_per_kwh" in table.columns:
        for row, value in zip(rows, _numbers(table, "energy_price_per_kwh", path), strict=True):
            row["energy_price_per_kwh"] = float(value)
    raw = {"product": bid.product, "day": bid.day, "side": bid.side, "portfolio": bid.portfolio, "periods": rows}
    made: Award = model(Award, raw, str(path))
    return made


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: is no JSON: {error}") from None


def read_setpoints(path: Path, zone: str, sites: Sequence[str], steps: Horizon) -> Array:
    """(N, T) set-points of sites: rows of site, start and kw; NaN where none is named.

    Raises:
        DataError: a site is not metered, or a time is no step of the meters.
    """
    table = frame(path)
    if "site" not in table.columns:
        raise DataError(f"{path}: there is no column 'site'; accepted: site, start, kw")
    place = {name: number for number, name in enumerate(sites)}
    names = table["site"].astype(str)
    if lost := sorted(set(names) - set(sites)):
        raise DataError(f"{path}: '{lost[0]}' has no meter; accepted: {', '.join(sites[:8])}")
    starts = _times(table, "start", zone, path, table.groupby("site").ngroup().to_numpy())
    at = np.searchsorted(steps.edges[:-1], starts)
    off = (at >= steps.steps) | (steps.edges[np.minimum(at, steps.steps)] != starts)
    if off.any():
        raise DataError(
            f"{path}, row {int(np.argmax(off)) + 2}: no step of the meters begins then; accepted: their steps"
        )
    out = np.full((len(sites), steps.steps), np.nan)
    out[np.array([place[name] for name in names], dtype=np.intp), at] = _numbers(table, "kw", path)
    return out


def read_series(path: Path, zone: str, column: str, start: np.ndarray, end: np.ndarray) -> Array:
    """(P,) means of a column over periods.

    Raises:
        DataError: it is missing there.
    """
    from dispatch.markets.delivery import by_period

    table = frame(path)
    starts = _times(table, str(table.columns[0]), zone, path)
    found = by_period(_numbers(table, column, path, whole=False), _horizon(starts, zone, path), start, end)
    if np.isnan(found).any():
        raise DataError(f"{path}: '{column}' is missing at {start[np.argmax(np.isnan(found))]} UTC; accepted: a number")
    return found


def file_and_column(option: str, text: str) -> tuple[Path, str]:
    """``FILE:COLUMN`` of an option.

    Raises:
        DataError: it is not written so.
    """
    file, colon, column = text.rpartition(":")
    if not colon or not file or not column:
        raise DataError(f"{option} '{text}' is not understood; write FILE:COLUMN, like prices.csv:price_per_kwh")
    return Path(file), column


def read_stores(path: Path, sites: Sequence[str], steps: Horizon) -> Devices:
    """Sites as stores, in the order of ``sites``: a row for each.

    Raises:
        DataError: a column or a site is missing, or a value is none.
    """
    from dispatch.flexibility import storage

    table = frame(path)
    if missing := [name for name in ("site", *STORES) if name not in table.columns]:
        raise DataError(f"{path}: no column {', '.join(missing)}; accepted: site, {', '.join(STORES)}")
    names = table["site"].astype(str).tolist()
    if sorted(names) != sorted(sites):
        odd = sorted(set(names) ^ set(sites)) or names
        raise DataError(f"{path}: '{odd[0]}' is not in both tables once; accepted: each site of the flexibility, once")
    order = [names.index(site) for site in sites]
    given = {name: _numbers(table, name, path)[order] for name in (*STORES, *_STORES_TOO) if name in table.columns}
    return storage(steps.hours, names=sites, **given)
