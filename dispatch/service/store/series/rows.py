"""Measurements as they come, coded by site, series and source, and what becomes of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

Ints: TypeAlias = NDArray[np.int64]
COLUMNS = ("site", "series", "source", "time", "value")
KEY = ("site", "series", "source")
NAMES_MAX = 20_000  # of a column in one request


class Verdict(IntEnum):
    """What became of a row.

    ``late``: taken, for a time before the last that was held; ``restated``: taken, in place of another value for the
    same time, which is kept with the time it was received; ``duplicate``: held already.
    """

    accepted = 0
    late = 1
    restated = 2
    duplicate = 3
    rejected = 4


TAKEN = (Verdict.accepted, Verdict.late, Verdict.restated)


@dataclass(frozen=True)
class Rejection:
    """A row that is not taken: its place in the request, the field, why, and what would be taken."""

    index: int
    field: str
    message: str
    accepted: str = ""


@dataclass(frozen=True)
class Receipt:
    """What became of an append.

    Attributes:
        verdicts: of each row.
        rejections: of those rejected, in order.
        is_taken: whether the other rows were taken.
        received: the moment under which they are kept.
    """

    verdicts: NDArray[np.int8]
    rejections: tuple[Rejection, ...]
    is_taken: bool
    received: datetime

    def count(self, verdict: Verdict) -> int:
        """How many rows have a verdict."""
        return int((self.verdicts == verdict).sum())

    @property
    def taken(self) -> int:
        """How many rows are kept of it now that were not before."""
        return int(np.isin(self.verdicts, TAKEN).sum()) if self.is_taken else 0


@dataclass(eq=False)
class Coded:
    """Rows with names as numbers.

    Attributes:
        names: site, series and source: the different ones.
        codes: by the same, (row,) the place in ``names``; −1 where it is missing.
        time_us: (row,) end of the interval, µs since 1970; ``NO_TIME`` where it is missing.
        value: (row,) NaN where nobody knows.
    """

    names: dict[str, list[str]]
    codes: dict[str, Ints]
    time_us: Ints
    value: NDArray[np.float64]
    verdict: NDArray[np.int8] = field(init=False)
    rejections: dict[int, Rejection] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.verdict = np.zeros(len(self.time_us), dtype=np.int8)

    def __len__(self) -> int:
        return len(self.time_us)

    def reject(
        self, chosen: NDArray[np.bool_], field_name: str, message: str | Callable[[int], str], accepted: str = ""
    ) -> None:
        """Reject rows that are not rejected yet; the message may be made of a row's place."""
        for index in np.flatnonzero(chosen & self.good).tolist():
            text = message if isinstance(message, str) else message(index)
            self.rejections[index] = Rejection(index, field_name, text, accepted)
        self.verdict[chosen] = Verdict.rejected

    @property
    def good(self) -> NDArray[np.bool_]:
        """(row,) which are not rejected."""
        good: NDArray[np.bool_] = self.verdict != Verdict.rejected
        return good

    def keys(self) -> tuple[Ints, list[tuple[str, str, str]]]:
        """(row,) number of the row's (site, series, source), and those; rejected rows have −1."""
        sizes = [max(len(self.names[name]), 1) for name in KEY]
        number = np.zeros(len(self), dtype=np.int64)
        for name, size in zip(KEY, sizes, strict=True):
            number = number * size + self.codes[name]
        place = np.full(len(self), -1, dtype=np.int64)
        found, place[self.good] = np.unique(number[self.good], return_inverse=True)
        site, rest = np.divmod(found, sizes[1] * sizes[2])
        series, source = np.divmod(rest, sizes[2])
        coded_keys = dict(zip(KEY, (site, series, source), strict=True))
        columns = [[self.names[name][code] for code in codes] for name, codes in coded_keys.items()]
        return place, list(zip(*columns, strict=True))

    def table(self, chosen: NDArray[np.bool_]) -> pa.Table:
        """The chosen rows in Arrow form."""
        import pyarrow as pa

        at = np.flatnonzero(chosen)
        columns: dict[str, Any] = {}
        for name in KEY:
            words = pa.array(self.names[name], pa.string())
            columns[name] = pa.DictionaryArray.from_arrays(pa.array(self.codes[name][at], pa.int32()), words)
        columns["time"] = pa.array(self.time_us[at], pa.int64()).cast(TIME())
        value = self.value[at]
        columns["value"] = pa.array(value, pa.float64(), mask=np.isnan(value))
        return pa.table(columns)


NO_TIME = int(np.iinfo(np.int64).min)


def TIME() -> pa.DataType:  # noqa: N802 - a constant, but for the import of pyarrow
    """How a moment stands in Arrow."""
    import pyarrow as pa

    return pa.timestamp("us", tz="UTC")


def coded(rows: pa.Table) -> Coded:
    """Rows as they came: site, series, time (with a zone), value and, if they say it, source.

    Raises:
        ValueError: a column is missing, unknown or of a wrong type; says all of it.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if wrong := list(_column_problems(rows)):
        raise ValueError("; ".join(wrong))
    names: dict[str, list[str]] = {}
    codes: dict[str, Ints] = {}
    for name in KEY:
        column = rows[name] if name in rows.column_names else pa.repeat(pa.scalar("", pa.string()), len(rows))
        text = column.cast(pa.string())
        words = (text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text).dictionary_encode()
        if len(words.dictionary) > NAMES_MAX:
            raise ValueError(f"more than {NAMES_MAX} different names in column '{name}'; send them in parts")
        names[name] = words.dictionary.to_pylist()
        codes[name] = pc.fill_null(words.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    if "source" in rows.column_names and (codes["source"] < 0).any():
        codes["source"] = _with_empty(names["source"], codes["source"])
    # Finer times are cut to microseconds; coarser ones are held against what a microsecond can count to, or 1e13 s
    # would come out as some other time.
    moments = rows["time"].cast(TIME(), safe=rows["time"].type.unit != "ns").cast(pa.int64())
    time_us = pc.fill_null(moments, NO_TIME).to_numpy().astype(np.int64)
    value = rows["value"].cast(pa.float64()).to_numpy().astype(np.float64)  # null becomes NaN
    return Coded(names, codes, time_us, value)


def _with_empty(names: list[str], codes: Ints) -> Ints:
    """No source is the source without a name."""
    if "" not in names:
        names.append("")
    return np.where(codes < 0, names.index(""), codes)


def _column_problems(rows: pa.Table) -> Iterator[str]:
    import pyarrow as pa

    for name in ("site", "series", "time", "value"):
        if name not in rows.column_names:
            yield f"there is no column '{name}'"
    for name, kind in zip(rows.column_names, rows.schema.types, strict=True):
        bare = kind.value_type if pa.types.is_dictionary(kind) else kind
        is_text = pa.types.is_string(bare) or pa.types.is_large_string(bare) or pa.types.is_string_view(bare)
        if name not in COLUMNS:
            yield f"'{name}' is no column; accepted: {', '.join(COLUMNS)}"
        elif rows.column_names.count(name) > 1:
            yield f"there are two columns '{name}'"
        elif name in KEY and not (is_text or pa.types.is_null(bare)):
            yield f"column '{name}' is {kind}, not text"
        elif name == "time" and not (pa.types.is_timestamp(kind) and kind.tz):
            yield f"column 'time' is {kind}, not a timestamp with a time zone"
        elif name == "value" and not (_is_number(kind) or pa.types.is_null(kind)):
            yield f"column 'value' is {kind}, not a number"


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
