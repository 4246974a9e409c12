"""What is known of the sites' day, from one long table: site, asset, quantity, time, value.

A value is the mean over the step that begins at its time. What a site lacks is missing for that site alone, when it is
planned; what is written wrong is told for the whole table at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from dispatch.config.mistakes import near_miss
from dispatch.errors import ConfigError, Problem
from dispatch.signals import Array, Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("site", "asset", "quantity", "time", "value")
_FEW = 20
Series = dict[tuple[str, str], Array]


def read_inputs(path: Path, sites: Sequence[Site], horizon: Horizon, time_zone: str | None = None) -> dict[str, Series]:
    """By site, (1, T) series by (asset, quantity); steps of which the table says nothing are NaN.

    Args:
        path: Parquet or CSV.
        sites: of the fleet.
        horizon: the steps; other times are left out.
        time_zone: of times that are written without one; default: the horizon's.

    Raises:
        ConfigError: the table cannot be read, names what no site has, or says something twice or between steps.
    """
    table = _table(path)
    long = _Long.of(table, horizon, time_zone or horizon.time_zone, path)
    problems = [*long.problems(path), *_unknown(path, long, {site.name: site for site in sites})]
    if problems:
        raise ConfigError(str(path), problems)
    return long.series()


@dataclass(frozen=True)
class _Long:
    """The rows that lie in the horizon.

    Attributes:
        keys: (key,) site, asset and quantity of each series.
        key, step, value: (row,); a step is −1 where a time lies between two.
        row: (row,) in the file.
        times: (row,) seconds, UTC.
        steps: of the horizon.
        first: number of the first row, as its reader counts: a CSV's header is row 1.
    """

    keys: Sequence[tuple[str, str, str]]
    key: np.ndarray
    step: np.ndarray
    value: Array
    row: np.ndarray
    times: np.ndarray
    steps: int
    first: int

    @classmethod
    def of(cls, table: pa.Table, horizon: Horizon, zone: str, path: Path) -> _Long:
        times = _seconds(table["time"], zone, path)
        edges = horizon.edges.astype("datetime64[s]").astype(np.int64)
        inside = np.flatnonzero((times >= edges[0]) & (times < edges[-1]))
        at = np.searchsorted(edges[:-1], times[inside])
        exact = (at < edges.size - 1) & (edges[np.minimum(at, edges.size - 2)] == times[inside])
        words, codes = zip(*(_codes(table[name]) for name in COLUMNS[:3]), strict=True)
        sizes = [len(own) for own in words]
        mixed = np.ravel_multi_index([code[inside] for code in codes], sizes) if inside.size else np.zeros(0, np.int64)
        found, key = np.unique(mixed, return_inverse=True)
        places = np.unravel_index(found, sizes) if found.size else ([], [], [])
        keys = [tuple(own[i] for own, i in zip(words, place, strict=True)) for place in zip(*places, strict=True)]
        value = table["value"].to_numpy(zero_copy_only=False).astype(np.float64)[inside]
        return cls(keys, key, np.where(exact, at, -1), value, inside, times[inside], horizon.steps, _first(path))

    def problems(self, path: Path) -> Iterator[Problem]:
        """Times between steps, and what is said twice."""
        accepted = "the start of a step of the horizon"
        for n in np.flatnonzero(self.step < 0)[:_FEW]:
            moment = np.datetime64(int(self.times[n]), "s")
            yield Problem(
                f"{path}, row {self.row[n] + self.first}, time", f"{moment} UTC lies between two steps", accepted
            )
        good = np.flatnonzero(self.step >= 0)
        place = self.key[good].astype(np.int64) * self.steps + self.step[good]
        _, first = np.unique(place, return_index=True)
        for n in np.setdiff1d(good, good[first])[:_FEW]:
            site, asset, quantity = self.keys[self.key[n]]
            text = f"'{site}', '{asset}', {quantity} has a value for this time already"
            yield Problem(f"{path}, row {self.row[n] + self.first}", text, "one value for each step")

    def series(self) -> dict[str, Series]:
        """By site."""
        values = np.full((len(self.keys), self.steps), np.nan)
        values[self.key, self.step] = self.value
        out: dict[str, Series] = {}
        for (site, asset, quantity), own in zip(self.keys, values, strict=True):
            out.setdefault(site, {})[asset, quantity] = own[None, :]
        return out


def _table(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    try:
        table = pa_csv.read_csv(path) if path.suffix == ".csv" else pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        text = f"cannot be read as a table: {str(error).splitlines()[0]}"
        raise ConfigError(str(path), [Problem(str(path), text, f"columns {', '.join(COLUMNS)}")]) from None
    lacking = [name for name in COLUMNS if name not in table.column_names]
    if lacking:
        text = f"has no column {', '.join(lacking)}; it has {', '.join(table.column_names)}"
        raise ConfigError(str(path), [Problem(str(path), text, f"columns {', '.join(COLUMNS)}")])
    if not table.num_rows:
        problem = Problem(str(path), "holds no row below its header", f"rows of {', '.join(COLUMNS)}")
        raise ConfigError(str(path), [problem])
    if not pa.types.is_floating(table["value"].type) and not pa.types.is_integer(table["value"].type):
        raise ConfigError(str(path), [_no_number(path, table["value"])])
    return table


def _first(path: Path) -> int:
    return 2 if path.suffix == ".csv" else 1


def _no_number(path: Path, column: Any) -> Problem:
    """The first cell that keeps a column from being numbers."""
    for row, cell in enumerate(column.to_pylist()):
        try:
            float(cell or "nan")
        except (TypeError, ValueError):
            place = f"{path}, row {row + _first(path)}, value"
            return Problem(place, f"'{cell}' is no number", "a number in the quantity's unit")
    return Problem(f"{path}, column 'value'", f"holds {column.type} values", "numbers in the quantity's unit")


def _codes(column: Any) -> tuple[list[str], np.ndarray]:
    """Distinct words, and (row,) which."""
    import pyarrow as pa

    whole = column.cast(pa.string()).combine_chunks().dictionary_encode()
    if whole.null_count:
        whole = whole.fill_null("")
    return [word or "" for word in whole.dictionary.to_pylist()], whole.indices.to_numpy(zero_copy_only=False)


def _seconds(column: Any, zone: str, path: Path) -> np.ndarray:
    """(row,) seconds, UTC."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            import pandas as pd

            parsed = pd.to_datetime(column.to_pandas(), format="ISO8601", utc=_has_zone(column))
            column = pa.chunked_array([pa.array(parsed)])
        if not pa.types.is_timestamp(column.type):
            raise ValueError(f"holds {column.type}")
        if column.type.tz is None:
            column = pc.assume_timezone(column, str(ZoneInfo(zone)), ambiguous="earliest", nonexistent="earliest")
        if column.null_count:
            raise ValueError("has empty cells")
        return np.asarray(column.cast(pa.timestamp("s", tz="UTC"), safe=False).cast(pa.int64()).to_numpy())
    except (ValueError, pa.ArrowException) as error:
        text = f"is not read as times: {str(error).splitlines()[0]}"
        accepted = "times like 2024-05-16T00:15+08:00, or timestamps"
        raise ConfigError(str(path), [Problem(f"{path}, column 'time'", text, accepted)]) from None


def _has_zone(column: Any) -> bool:
    first = str(column[0]) if len(column) else ""
    return first.endswith("Z") or "+" in first[10:] or "-" in first[10:]


def _unknown(path: Path, long: _Long, sites: Mapping[str, Site]) -> Iterator[Problem]:
    """Sites, assets and quantities that the fleet has not, each with its first row; the first of them."""
    told = 0
    for n, (site, asset, quantity) in enumerate(long.keys):
        problem = _unfit(site, asset, quantity, sites)
        if problem is None:
            continue
        row = int(long.row[np.flatnonzero(long.key == n)[0]]) + long.first
        yield Problem(f"{path}, row {row}, {problem[0]}", problem[1], problem[2])
        told += 1
        if told == _FEW:
            return


def _unfit(site: str, asset: str, quantity: str, sites: Mapping[str, Site]) -> tuple[str, str, str] | None:
    if site not in sites:
        return "site", f"there is no site '{site}'", near_miss(site, list(sites)[:_FEW])
    assets = {one.name: one for one in sites[site].assets}
    if asset not in assets:
        return "asset", f"site '{site}' has no asset '{asset}'", near_miss(asset, list(assets))
    known = [need.quantity for need in assets[asset].needs]
    if quantity not in known:
        text = f"asset '{asset}' of '{site}' asks for no '{quantity}'"
        return "quantity", text, near_miss(quantity, known, "nothing")
    return None
