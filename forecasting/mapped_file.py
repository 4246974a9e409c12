"""One file as its mapping says: rows by series, or everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.clock import HOUR_NS, Ns
from forecasting.columns import MOST, Fault, faults, numbers, utc_times
from forecasting.errors import ForecastError
from forecasting.files import read_table
from forecasting.mapping import Files, Series
from forecasting.rows import MEASURED_NS, Rows, curtailed_name
from forecasting.units import unit_for
from forecasting.weather.base import CATALOGUE

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
DEFAULT_DELAY = "15min"
LEAD_NS = {"min": HOUR_NS // 60, "h": HOUR_NS, "d": 24 * HOUR_NS}


@dataclass(frozen=True)
class Mistake:
    """What is wrong in a file: the row as a person counts (the header of a CSV is row 1), the column, and why."""

    file: str
    row: int | None
    column: str | None
    text: str

    def __str__(self) -> str:
        row = "" if self.row is None else f", row {self.row}"
        column = "" if self.column is None else f", column {self.column!r}"
        return f"{self.file}{row}{column}: {self.text}"


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows of one series out of one column of one file, with the row (N,) that each stands in."""

    site: str
    variable: str
    file: str
    column: str
    rows: Rows
    row: Ids


@dataclass(frozen=True, eq=False)
class Read:
    """What one file gave."""

    pieces: tuple[Piece, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    unused: tuple[str, ...] = ()


@dataclass(eq=False)
class _File:
    """A file while it is read; mistakes are collected as they are met."""

    path: Path
    rule: Files
    zone: ZoneInfo
    table: pd.DataFrame
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def row_of_first(self) -> int:
        """The row of the first line of values, as a person counts."""
        return (1 if self.path.suffix.lower() in (".parquet", ".pq") else 2) + self.rule.skip_rows

    def tell(self, column: str | None, found: Sequence[Fault]) -> None:
        """Keep what is wrong in a column."""
        for fault in found:
            self.mistakes.append(Mistake(str(self.path), fault.row + self.row_of_first, column, fault.text))

    def times(self, name: str, within: Ids | None = None, form: str | None = None) -> Ns:
        """Nanoseconds (N,) of a column of times."""
        index, found = utc_times(self.table[name], self.zone, form=form, within=within)
        self.tell(name, found)
        return np.asarray(index.as_unit("ns").asi8, dtype=np.int64)

    def numbers(self, name: str, where: NDArray[np.bool_] | None = None) -> Floats:
        """Values (N,) of a column of numbers; only where the mask holds, if one is given, and NaN elsewhere."""
        at = np.arange(len(self.table)) if where is None else np.flatnonzero(where)
        values = np.full(len(self.table), np.nan)
        values[at], found = numbers(self.table[name].iloc[at], self.rule.missing)
        self.tell(name, [Fault(int(at[fault.row]), fault.text) for fault in found])
        return values

    def codes(self, name: str | None) -> tuple[Ids, list[str]]:
        """A column of names as numbers (N,) with the names; without a column one name for all."""
        if name is None:
            return np.zeros(len(self.table), dtype=np.int64), [""]
        column = self.table[name]
        self.tell(name, faults(np.asarray(column.isna()), column, lambda _: "is empty; every row needs a name"))
        code, unique = pd.factorize(column.astype(str))
        return np.asarray(code, dtype=np.int64), [str(one) for one in unique]


@dataclass(frozen=True, eq=False)
class _Stamps:
    """Of every row (N,): issue and valid time, availability where a column says it, member, number of its site."""

    issue_ns: Ns
    valid_ns: Ns
    available_ns: Ns | None
    member: NDArray[np.int32]
    site: Ids
    sites: list[str]


def read_mapped(path: Path, rule: Files, time_zone: str | None) -> Read:
    """Read one file; never raises for what a file can have wrong."""
    try:
        table = read_table(path, separator=rule.separator, decimal=rule.decimal, skip_rows=rule.skip_rows)
    except ForecastError as error:
        return Read(mistakes=(Mistake(str(path), None, None, str(error).removeprefix(f"{path}: ")),))
    table.columns = [str(name) for name in table.columns]
    file = _File(path, rule, ZoneInfo(rule.time_zone or time_zone or "UTC"), table)
    if (lacking := _lacking(file)) or not len(table):
        return Read(mistakes=tuple(lacking) or (Mistake(str(path), None, None, "holds no row below its header"),))
    _join_time_columns(file)
    if not (rule.time_zone or time_zone):
        _require_offsets(file)
    variable, names = file.codes(rule.variable_column)
    stamps = _stamps(file, variable)
    pieces: list[Piece] = []
    if not file.mistakes:
        for series in rule.series:
            pieces += _pieces(file, stamps, series, variable, names)
    return Read(tuple(pieces), tuple(file.mistakes), _unused(file, names))


def _columns(rule: Files, first: str) -> list[str]:
    """All columns that a rule names."""
    times = (rule.time_column,) if isinstance(rule.time_column, str) else rule.time_column
    found = [*(times or (() if rule.lead_column else (first,))), rule.lead_column, rule.site_column, rule.issue_column]
    found += [rule.available_column, rule.member_column, rule.variable_column, rule.value_column]
    if rule.variable_column is None:
        found += [series.column for series in rule.series]
        found += [series.curtailed.column for series in rule.series if series.curtailed]
    return list(dict.fromkeys(name for name in found if name))


def _lacking(file: _File) -> list[Mistake]:
    held = [str(name) for name in file.table.columns]
    return [
        Mistake(str(file.path), None, None, f"no column {name!r}; it has {held}")
        for name in _columns(file.rule, held[0])
        if name not in held
    ]


_TIME = "\0time"  # no file's column is called so


def _join_time_columns(file: _File) -> None:
    columns = file.rule.time_column
    if isinstance(columns, tuple):
        text = file.table[list(columns)].astype(str)
        file.table[_TIME] = text.agg(" ".join, axis=1) if len(columns) > 1 else text[columns[0]]


def _time_column(file: _File) -> str:
    columns = file.rule.time_column
    return _TIME if isinstance(columns, tuple) else columns or str(file.table.columns[0])


def _require_offsets(file: _File) -> None:
    """Without a zone every time must say its offset: UTC is no better guess than any other."""
    says = "has no offset, and the mapping no time_zone: give one, such as Asia/Shanghai"
    names = [file.rule.issue_column, file.rule.available_column]
    names += [None if file.rule.lead_column else _time_column(file)]
    for name in filter(None, names):
        column = file.table[name]
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            continue
        plain = np.asarray(~column.astype(str).str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True))
        if plain[:1].all():
            file.tell(name, faults(plain[:1], column[:1], lambda cell: f"{cell!r} {says}"))


def _stamps(file: _File, variable: Ids) -> _Stamps:
    rule = file.rule
    site, sites = file.codes(rule.site_column)
    issue = _issues(file)
    within = _group([site, variable, issue])
    if rule.lead_column is not None:
        lead = file.numbers(rule.lead_column)
        file.tell(rule.lead_column, faults(np.isnan(lead), lead.tolist(), lambda _: "the lead is missing"))
        valid = issue + np.round(np.nan_to_num(lead) * LEAD_NS[rule.lead_unit]).astype(np.int64)
    else:
        valid = file.times(_time_column(file), within, rule.time_format)
    available = None
    if rule.available_column is not None:
        available = file.times(rule.available_column)
    return _Stamps(issue, valid, available, _members(file), site, sites)


def _issues(file: _File) -> Ns:
    rule, count = file.rule, len(file.table)
    if rule.issue_column is not None:
        return file.times(rule.issue_column)
    if rule.issue_in_name is None:
        return np.full(count, MEASURED_NS)
    try:
        named = datetime.strptime(file.path.name, rule.issue_in_name)  # noqa: DTZ007 - the zone is the file's
    except ValueError:
        text = f"the name does not fit issue_in_name {rule.issue_in_name!r}; write a strptime pattern of the whole name"
        file.mistakes.append(Mistake(str(file.path), None, None, text))
        return np.zeros(count, dtype=np.int64)
    stamp = pd.Timestamp(named)
    stamp = stamp if stamp.tzinfo is not None else stamp.tz_localize(file.zone)
    return np.full(count, stamp.as_unit("ns").value)


def _members(file: _File) -> NDArray[np.int32]:
    name = file.rule.member_column
    if name is None:
        return np.zeros(len(file.table), dtype=np.int32)
    member = file.numbers(name)
    wrong = ~(np.isfinite(member) & (member >= 0) & (member == np.round(member)))
    file.tell(name, faults(wrong, file.table[name], lambda cell: f"{cell!r} is no member; give a whole number from 0"))
    return cast("NDArray[np.int32]", np.where(wrong, 0, member).astype(np.int32))


def _group(keys: Sequence[NDArray[np.int64]]) -> Ids:
    """Number of the group of rows that share all keys."""
    ids = np.zeros(len(keys[0]), dtype=np.int64)
    for key in keys:
        code = np.unique(key, return_inverse=True)[1].ravel()
        ids = np.unique(ids * (int(code.max(initial=0)) + 1) + code, return_inverse=True)[1].ravel()
    return ids


def _pieces(file: _File, stamps: _Stamps, series: Series, variable: Ids, names: list[str]) -> list[Piece]:
    """The rows of one series of the mapping, by site."""
    rule = file.rule
    column = rule.value_column or series.column
    if rule.variable_column is None:
        chosen = np.ones(len(variable), dtype=bool)
    else:
        chosen = variable == (names.index(series.column) if series.column in names else -1)
    if not chosen.any():
        return []
    values = file.numbers(column, chosen)
    flags = _curtailed(file, series)
    found: list[Piece] = []
    for number, name in enumerate(stamps.sites):
        at = np.flatnonzero(chosen & (stamps.site == number))
        if not len(at):
            continue
        site = series.site or rule.site or rule.sites.get(name, name)
        rows = _rows(file, stamps, series, at, values, column)
        row = at + file.row_of_first
        found.append(Piece(site, series.variable, str(file.path), column, rows, row))
        if flags is not None and series.curtailed is not None:
            held_back = Rows(rows.issue_ns, rows.valid_ns, rows.available_ns, rows.member, flags[at])
            flag = curtailed_name(series.variable)
            found.append(Piece(site, flag, str(file.path), series.curtailed.column, held_back, row))
    return found


def _curtailed(file: _File, series: Series) -> Floats | None:
    """1 where the logs say that the plant was held back, 0 where not, NaN where they say nothing."""
    if series.curtailed is None:
        return None
    cells = file.table[series.curtailed.column]
    number = pd.to_numeric(cells, errors="coerce")
    text = cells.astype(str).str.strip()
    values = series.curtailed.values
    said = np.asarray(text.isin([str(value) for value in values]))
    said |= np.asarray(number.isin([value for value in values if isinstance(value, float)]))
    return np.where(cells.isna(), np.nan, said.astype(np.float64))


def _rows(file: _File, stamps: _Stamps, series: Series, at: Ids, values: Floats, column: str) -> Rows:
    rule = file.rule
    valid, issue, member = stamps.valid_ns[at], stamps.issue_ns[at], stamps.member[at] + np.int32(series.member)
    unit = unit_for(series.unit, series.variable)
    step = _step_ns(file, valid, issue, member) if unit.per_step or _stamps_start(rule) or not rule.runs else 0
    _require_grid(file, at, valid, step)
    factor = unit.scale * series.scale * (-1.0 if series.sign == "reversed" else 1.0)
    value = values[at] * (factor / (step / HOUR_NS) if unit.per_step and step else factor) + unit.offset
    _require_believable(file, series, at, values, value, column)
    if _stamps_start(rule):
        valid = valid + step
    available = _available(file, stamps, series, at, valid)
    return Rows(issue, valid, available, member, value)


def _stamps_start(rule: Files) -> bool:
    return (rule.stamp or ("end" if rule.runs else "start")) == "start"


def _step_ns(file: _File, valid: Ns, issue: Ns, member: NDArray[np.int32]) -> int:
    """Length of an interval: as the mapping says, else the most frequent distance inside a run; 0 where unknown."""
    if file.rule.step is not None:
        return int(pd.Timedelta(file.rule.step).as_unit("ns").value)
    order = np.lexsort((valid, member, issue))
    ahead = np.diff(valid[order])[(np.diff(issue[order]) == 0) & (np.diff(member[order]) == 0)]
    ahead = ahead[ahead > 0]
    if len(ahead):
        steps, counts = np.unique(ahead, return_counts=True)
        return int(steps[np.argmax(counts)])
    text = "one time alone does not say how long its interval is; give step, such as 15min"
    if text not in {mistake.text for mistake in file.mistakes}:
        file.mistakes.append(Mistake(str(file.path), None, None, text))
    return 0


def _require_grid(file: _File, at: Ids, valid: Ns, step: int) -> None:
    """Measurements stand on one grid: a time beside it is a slip of the logger, and averages over it would be wrong."""
    if file.rule.runs or step <= 0:
        return
    phase, counts = np.unique(valid % step, return_counts=True)
    off = valid % step != phase[np.argmax(counts)]
    if off.any():
        name = _time_column(file)
        cells = file.table[name].iloc[at[off][: MOST + 1]]
        says = f"is off the {step / 60e9:g}-min steps of its series; resample it first"
        told = [Fault(int(row), f"{cell!r} {says}") for row, cell in zip(at[off][:MOST], cells, strict=False)]
        if off.sum() > MOST:
            told.append(Fault(int(at[off][MOST]), f"and {int(off.sum()) - MOST} more such rows from here on"))
        file.tell(None if name == _TIME else name, [one for one in told if not _is_told(file, one)])


def _is_told(file: _File, fault: Fault) -> bool:
    return any(m.row == fault.row + file.row_of_first and m.text == fault.text for m in file.mistakes)


def _require_believable(file: _File, series: Series, at: Ids, raw: Floats, value: Floats, column: str) -> None:
    weather = CATALOGUE.get(series.variable)
    if weather is None:
        return
    wrong = np.zeros(len(raw), dtype=bool)
    wrong[at] = (value < weather.least) | (value > weather.most)
    if wrong.any():
        bounds = f"{weather.least:g} … {weather.most:g} {weather.unit}"
        become = np.full(len(raw), np.nan)
        become[at] = value
        cells = [f"{a:g} becomes {b:g}" for a, b in zip(raw[wrong], become[wrong], strict=True)]
        full = np.full(len(raw), None, dtype=object)
        full[wrong] = cells
        says = f"{weather.unit}, which no {series.variable} is ({bounds}); look at unit, scale and sign, or at missing"
        file.tell(column, faults(wrong, full.tolist(), lambda cell: f"{cell} {says}"))


def _available(file: _File, stamps: _Stamps, series: Series, at: Ids, valid: Ns) -> Ns:
    """Since when each row was known; a column that says it before it could be is a mistake."""
    start = stamps.issue_ns[at] if file.rule.runs else valid
    column = file.rule.available_column
    if stamps.available_ns is None or column is None or series.available_after is not None:
        after = series.available_after or file.rule.available_after or DEFAULT_DELAY
        return start + int(pd.Timedelta(after).as_unit("ns").value)
    available = stamps.available_ns[at]
    early = np.zeros(len(file.table), dtype=bool)
    early[at] = available < start
    event = "its run was issued" if file.rule.runs else "its interval had ended"
    found = faults(early, file.table[column], lambda cell: f"{cell!r} is before {event}; nothing is known so early")
    file.tell(column, [one for one in found if not _is_told(file, one)])
    return available


def _unused(file: _File, names: list[str]) -> tuple[str, ...]:
    """What the file holds and the mapping does not name."""
    named = _columns(file.rule, str(file.table.columns[0]))
    columns = [str(name) for name in file.table.columns if name not in named and name != _TIME]
    if file.rule.variable_column is None:
        return tuple(columns)
    wanted = {series.column for series in file.rule.series}
    return (*columns, *(f"{file.rule.variable_column}={name}" for name in names if name not in wanted))
