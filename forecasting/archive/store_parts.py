"""The files of an archive on disk: Parquet parts, and the list of those that count.

    archive.json                              which parts there are: replaced by rename, so old or new, never between
    rows/site=NAME/year=2023/CONTENT.parquet  rows of one site whose valid_time lies in that year (UTC)

A part is named after its content, is written beside its place and renamed into it, and never changes. Parts that
no list names any more are swept when the next import begins, so that whoever reads by an older list still finds them.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from forecasting.archive.rows import MEASURED_NS, Rows, concatenated
from forecasting.clock import Ns
from forecasting.errors import ForecastError

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
LIST = "archive.json"
ROWS = "rows"
# Rows of a row group: of a part with many variables a reader of one decodes a few groups, not all.
GROUP_ROWS = 1 << 16
# Times rise by whole steps, so their differences are nearly nothing: 2.3 bytes a row, where dictionaries take 11 and
# are read in twice the time.
_WRITTEN: Mapping[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": ["variable", "member", "value"],
    "column_encoding": dict.fromkeys(("issue_time", "valid_time", "available_at"), "DELTA_BINARY_PACKED"),
}
_TIMES = (("issue_time", "issue_ns"), ("valid_time", "valid_ns"), ("available_at", "available_ns"))


@dataclass(frozen=True, order=True)
class Part:
    """One file: its site, year and name, and what is in it, so that it need not be opened to be left out."""

    site: str
    year: int
    file: str
    rows: int
    first_ns: int  # of valid_time
    last_ns: int
    known_ns: int  # the earliest available_at
    variables: tuple[str, ...]

    def path(self, folder: Path) -> Path:
        """Where it lies."""
        return folder / ROWS / f"site={quote(self.site, safe='')}" / f"year={self.year}" / self.file


@dataclass(frozen=True)
class Wanted:
    """What is to be read: these variables (None: all), valid times and availabilities in [first, last] and up to."""

    variables: frozenset[str] | None = None
    first_ns: int = MEASURED_NS + 1
    last_ns: int = int(np.iinfo(np.int64).max)
    known_by_ns: int = int(np.iinfo(np.int64).max)

    def concerns(self, part: Part) -> bool:
        """Whether a part may hold any of it."""
        if self.variables is not None and self.variables.isdisjoint(part.variables):
            return False
        return part.first_ns <= self.last_ns and part.last_ns >= self.first_ns and part.known_ns <= self.known_by_ns


def listed(folder: Path) -> tuple[Part, ...]:
    """The parts that count; none where there is no archive yet."""
    path = folder / LIST
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (ValueError, NotADirectoryError) as error:
        raise ForecastError(f"archive {path}: is not the list of an archive's files ({error})") from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        found = raw.get("format") if isinstance(raw, dict) else type(raw).__name__
        raise ForecastError(f"archive {path}: format {found!r} is not known; this version reads format {FORMAT}")
    return tuple(Part(**entry | {"variables": tuple(entry["variables"])}) for entry in raw["parts"])


def commit(folder: Path, parts: Collection[Part]) -> None:
    """Make these the parts that count, at once."""
    content = {"format": FORMAT, "parts": [asdict(part) for part in sorted(parts)]}
    _put(folder / LIST, json.dumps(content, ensure_ascii=False, indent=0).encode())


def sweep(folder: Path, parts: Collection[Part]) -> None:
    """Remove what an import that was stopped, or a merge, has left behind."""
    wanted = {part.path(folder) for part in parts}
    for path in [*(folder / ROWS).glob("site=*/year=*/*"), *folder.glob(".*.part")]:
        if path not in wanted:
            path.unlink()


def _put(path: Path, content: bytes) -> None:
    """A file with its content or not at all, whatever ends the process or the machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_part(folder: Path, site: str, year: int, series: Mapping[str, Rows]) -> Part:
    """Write the rows of a site and year, each variable in its own row groups; not counted until `commit` lists it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink, digest = pa.BufferOutputStream(), hashlib.blake2b(repr((site, year)).encode())
    with pq.ParquetWriter(sink, _schema(), **_WRITTEN) as writer:
        for name in sorted(series):
            digest.update(repr((name, len(series[name]))).encode())
            for field in fields(Rows):
                digest.update(np.ascontiguousarray(getattr(series[name], field.name)).data)
            writer.write_table(_table(name, series[name]), row_group_size=GROUP_ROWS)
    valid = [(int(rows.valid_ns.min()), int(rows.valid_ns.max())) for rows in series.values()]
    part = Part(
        site,
        year,
        f"{digest.hexdigest()[:24]}.parquet",
        sum(len(rows) for rows in series.values()),
        min(first for first, _ in valid),
        max(last for _, last in valid),
        min(int(rows.available_ns.min()) for rows in series.values()),
        tuple(sorted(series)),
    )
    _put(part.path(folder), sink.getvalue().to_pybytes())
    return part


def _schema() -> pa.Schema:
    import pyarrow as pa

    times = [(name, pa.timestamp("ns", tz="UTC")) for name, _ in _TIMES]
    return pa.schema([("variable", pa.string()), *times, ("member", pa.int32()), ("value", pa.float64())])


def _table(variable: str, rows: Rows) -> pa.Table:
    import pyarrow as pa

    columns = [pa.repeat(pa.scalar(variable), len(rows))]
    for name, source in _TIMES:
        data = getattr(rows, source)
        nulls = data == MEASURED_NS if name == "issue_time" else None
        columns.append(pa.array(data, pa.int64(), mask=nulls).cast(pa.timestamp("ns", tz="UTC")))
    columns += [pa.array(rows.member), pa.array(rows.value)]
    return pa.Table.from_arrays(columns, schema=_schema())


def read_parts(folder: Path, parts: Collection[Part], wanted: Wanted) -> dict[str, Rows]:
    """Rows of one site by variable; what is not wanted is left out by file, by row group, then by row."""
    import pyarrow as pa

    found: dict[str, list[Rows]] = {}
    for part in sorted(parts):
        if not wanted.concerns(part):
            continue
        try:
            for name, rows in _read_part(part.path(folder), wanted):
                found.setdefault(name, []).append(rows)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise ForecastError(f"archive {folder}: {part.file} cannot be read: {error}") from error
    return {name: concatenated(rows).sorted() for name, rows in sorted(found.items())}


def _read_part(path: Path, wanted: Wanted) -> Iterator[tuple[str, Rows]]:
    """Rows by variable. The variable's own column is not decoded: every row group has one value of it."""
    import pyarrow.dataset as ds
    from pyarrow.fs import LocalFileSystem

    whole = ds.ParquetFileFormat().make_fragment(str(path), filesystem=LocalFileSystem())
    test = _filter(wanted)
    part = whole if test is None else whole.subset(test, schema=_schema())
    groups = part.row_groups
    if not groups:
        return
    table = part.to_table(schema=_schema(), columns=[*(name for name, _ in _TIMES), "member", "value"])
    times = [_ns(table[name]) for name, _ in _TIMES]
    rows = Rows(times[0], times[1], times[2], table["member"].to_numpy(), table["value"].to_numpy())
    ends = np.cumsum([group.num_rows for group in groups])
    names = [group.statistics["variable"]["min"] for group in groups]
    for name, of_name in groupby(range(len(groups)), names.__getitem__):
        at = list(of_name)
        one = rows.take(slice(int(ends[at[0]] - groups[at[0]].num_rows), int(ends[at[-1]])))
        inside = (one.valid_ns >= wanted.first_ns) & (one.valid_ns <= wanted.last_ns)
        inside &= one.available_ns <= wanted.known_by_ns
        if inside.any():
            yield name, one if inside.all() else one.take(inside)


def _filter(wanted: Wanted) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    def moment(ns: int) -> Any:
        return pa.scalar(ns, pa.timestamp("ns", tz="UTC"))

    everything, tests = Wanted(), []
    if wanted.variables is not None:
        tests.append(pc.field("variable").isin(sorted(wanted.variables)))
    if wanted.first_ns > everything.first_ns:
        tests.append(pc.field("valid_time") >= moment(wanted.first_ns))
    if wanted.last_ns < everything.last_ns:
        tests.append(pc.field("valid_time") <= moment(wanted.last_ns))
    if wanted.known_by_ns < everything.known_by_ns:
        tests.append(pc.field("available_at") <= moment(wanted.known_by_ns))
    found = None
    for test in tests:
        found = test if found is None else found & test
    return found


def _ns(column: Any) -> Ns:
    import pyarrow as pa
    import pyarrow.compute as pc

    return np.asarray(pc.fill_null(column.cast(pa.int64()), MEASURED_NS).to_numpy(), dtype=np.int64)
