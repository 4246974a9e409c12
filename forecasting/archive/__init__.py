"""Everything measured or forecast, with the moment each value became known.

One long table, UTC, valid_time at the END of the interval a value is the mean of:

    site, variable, issue_time (null for a measurement), valid_time, available_at, member, value

`Archive.as_of(t)` is the only door to models: it shows rows with available_at <= t and nothing else. The
table is kept as one set of arrays per (site, variable), so a year of quarter-hours is filtered in
milliseconds. An archive never changes; `with_…` gives a new one that shares the untouched arrays.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from forecasting.archive.known import Ensemble, Known, Measured, Run
from forecasting.archive.rows import MEASURED_NS, Rows
from forecasting.clock import Ns, index_ns, instant_ns, utc_text
from forecasting.errors import ForecastError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MEASURED_NS", "Archive", "Ensemble", "Known", "Measured", "Rows", "Run"]

Time: TypeAlias = dt.datetime | str  # pandas.Timestamp is a datetime
DEFAULT_DELAY = pd.Timedelta(minutes=15)


@dataclass(frozen=True, eq=False)
class Archive:
    """Immutable store of measurements and forecasts; see the module docstring for the table."""

    _rows: Mapping[tuple[str, str], Rows] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def empty(cls) -> Archive:
        """An archive without rows."""
        return cls()

    @classmethod
    def of_rows(cls, rows: Mapping[tuple[str, str], Rows]) -> Archive:
        """An archive of rows by (site, variable), sorted as their class says."""
        return cls(MappingProxyType({key: found for key, found in rows.items() if len(found)}))

    def rows(self) -> Mapping[tuple[str, str], Rows]:
        """All rows by (site, variable), for what stores or shows them; models see them through `as_of`."""
        return self._rows

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._rows.values())

    def __reduce__(self) -> tuple[type[Archive], tuple[dict[tuple[str, str], Rows]]]:
        """A read-only view of a mapping cannot be sent to another process; the mapping can."""
        return Archive, (dict(self._rows),)

    def as_of(self, time: Time) -> Known:
        """What was known at an instant: rows with available_at <= time."""
        return Known(instant_ns(time, "as_of time"), self._rows)

    def with_measurements(
        self,
        site: str,
        variable: str,
        index_end: pd.DatetimeIndex,
        values: ArrayLike,
        delay: pd.Timedelta = DEFAULT_DELAY,
    ) -> Archive:
        """Add a measured series.

        Values (N,) are means over the intervals ENDING at index_end (N,), known `delay` later.

        NaN is kept and means missing. Raises ForecastError for a wrong length, an infinite value or a
        negative delay.
        """
        place = f"{site}/{variable}"
        end_ns = index_ns(index_end, f"{place}: index_end")
        delay_ns = int(pd.Timedelta(delay).as_unit("ns").value)
        if delay_ns < 0:
            raise ForecastError(
                f"{place}: delay {delay} is negative; a measurement is known after its interval at the earliest"
            )
        return self._with(site, variable, np.full(len(end_ns), MEASURED_NS), end_ns, end_ns + delay_ns, values, 0)

    def with_forecast(
        self,
        site: str,
        variable: str,
        issue_time: Time,
        available_at: Time,
        valid_time: pd.DatetimeIndex,
        values: ArrayLike,
        member: int = 0,
    ) -> Archive:
        """Add one issued forecast: values (N,) for the times valid_time (N,), usable from available_at on."""
        place = f"{site}/{variable}"
        valid_ns = index_ns(valid_time, f"{place}: valid_time")
        issue_ns = instant_ns(issue_time, f"{place}: issue_time")
        known_ns = instant_ns(available_at, f"{place}: available_at")
        if known_ns < issue_ns:
            raise ForecastError(f"{place}: available_at {utc_text(known_ns)} is before issue_time {utc_text(issue_ns)}")
        count = len(valid_ns)
        return self._with(site, variable, np.full(count, issue_ns), valid_ns, np.full(count, known_ns), values, member)

    def _with(
        self, site: str, variable: str, issue: Ns, valid: Ns, available: Ns, values: ArrayLike, member: int
    ) -> Archive:
        value = np.array(values, dtype=np.float64)
        if value.shape != valid.shape:
            raise ForecastError(
                f"{site}/{variable}: {value.size} values for {valid.size} times; give one value per time"
            )
        if np.isinf(value).any():
            at = int(np.argmax(np.isinf(value)))
            raise ForecastError(
                f"{site}/{variable} at {utc_text(int(valid[at]))}: {value[at]} is not a number; use NaN for missing"
            )
        rows = Rows(issue, valid, available, np.full(len(value), member, np.int32), value).sorted()
        return self._plus({(site, variable): rows})

    def _plus(self, more: Mapping[tuple[str, str], Rows]) -> Archive:
        merged = dict(self._rows)
        for key, rows in more.items():
            merged[key] = merged[key].joined(rows) if key in merged else rows
        return Archive(MappingProxyType(merged))

    def merge(self, other: Archive) -> Archive:
        """The rows of both archives, each identical row once."""
        return self._plus(other._rows)

    def table(self) -> pa.Table:
        """The long table in Arrow form, sorted by site, variable, valid_time; deterministic."""
        import pyarrow as pa

        keys = sorted(self._rows)
        sizes = [len(self._rows[key]) for key in keys]
        columns: dict[str, pa.Array] = {}
        for position, name in enumerate(("site", "variable")):
            codes = np.repeat(np.arange(len(keys), dtype=np.int32), sizes)
            names = pa.array([key[position] for key in keys], pa.string())
            columns[name] = names.take(pa.array(codes)).dictionary_encode()
        for column, source in (
            ("issue_time", "issue_ns"),
            ("valid_time", "valid_ns"),
            ("available_at", "available_ns"),
        ):
            data = np.concatenate([np.empty(0, np.int64), *(getattr(self._rows[key], source) for key in keys)])
            nulls = data == MEASURED_NS if column == "issue_time" else None
            columns[column] = pa.array(data, pa.int64(), mask=nulls).cast(pa.timestamp("ns", tz="UTC"))
        columns["member"] = pa.array(np.concatenate([np.empty(0, np.int32), *(self._rows[key].member for key in keys)]))
        columns["value"] = pa.array(np.concatenate([np.empty(0), *(self._rows[key].value for key in keys)]))
        return pa.table(columns)

    def write(self, path: Path | str) -> None:
        """Write the long table as one Parquet file."""
        import pyarrow.parquet as pq

        pq.write_table(self.table(), Path(path), compression="zstd")

    @classmethod
    def read(cls, path: Path | str) -> Archive:
        """Read what `write` wrote; raises ForecastError for a missing file or column."""
        import pyarrow.parquet as pq

        if not Path(path).is_file():
            raise ForecastError(f"archive {path}: no such file")
        table = pq.read_table(Path(path))
        needed = ("site", "variable", "issue_time", "valid_time", "available_at", "member", "value")
        if missing := [name for name in needed if name not in table.column_names]:
            raise ForecastError(
                f"archive {path}: no column {missing}; it has {table.column_names}, needed are {list(needed)}"
            )
        return cls()._plus(_groups(table))


def _groups(table: pa.Table) -> dict[tuple[str, str], Rows]:
    import pyarrow as pa
    import pyarrow.compute as pc

    site, variable = (table[name].cast(pa.string()).to_numpy(zero_copy_only=False) for name in ("site", "variable"))
    keys, group = np.unique(np.stack([site, variable]).astype(str), axis=1, return_inverse=True)
    stamps = []
    for name in ("issue_time", "valid_time", "available_at"):
        ns = table[name].cast(pa.timestamp("ns", tz="UTC")).cast(pa.int64())
        stamps.append(pc.fill_null(ns, MEASURED_NS).to_numpy().astype(np.int64))
    value = table["value"].cast(pa.float64()).to_numpy()
    rows = Rows(stamps[0], stamps[1], stamps[2], table["member"].to_numpy().astype(np.int32), value)
    return {(str(keys[0, g]), str(keys[1, g])): rows.take(group.ravel() == g).sorted() for g in range(keys.shape[1])}
