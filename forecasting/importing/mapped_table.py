"""A table that a mapping describes: its columns as names, numbers and times, and when each row holds.

Mistakes are collected as they are met, each with its file, row and column; nothing is raised for them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.archive.rows import MEASURED_NS
from forecasting.clock import HOUR_NS, Ns
from forecasting.importing.columns import NO_COMMA, PLAIN_TIME, Fault, faults, numbers, utc_times
from forecasting.importing.mapping import Files

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
LEAD_NS = {"min": HOUR_NS // 60, "h": HOUR_NS, "d": 24 * HOUR_NS}
MAPPED_TIME = f"{PLAIN_TIME}, or give its pattern in the mapping, such as time_format: '%d-%m-%Y %H:%M'"
MAPPED_COMMA = f"{NO_COMMA}, or give decimal: ',' in the mapping where it is the first of these"
TIME = "\0time"  # no file's column is called so


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


@dataclass(eq=False)
class MappedTable:
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
        column = self.table[name]
        index, found = utc_times(column, self.zone, form=form, within=within)
        if found and form is None and self.rule.time_format is not None:
            index, found = utc_times(column, self.zone, form=self.rule.time_format, within=within)
        self.tell(name, [Fault(fault.row, fault.text.replace(PLAIN_TIME, MAPPED_TIME)) for fault in found])
        return np.asarray(index.as_unit("ns").asi8, dtype=np.int64)

    def numbers(self, name: str, where: NDArray[np.bool_] | None = None) -> Floats:
        """Values (N,) of a column of numbers; only where the mask holds, if one is given, and NaN elsewhere."""
        at = np.arange(len(self.table)) if where is None else np.flatnonzero(where)
        values = np.full(len(self.table), np.nan)
        values[at], found = numbers(self.table[name].iloc[at], self.rule.missing)
        self.tell(name, [Fault(int(at[fault.row]), fault.text.replace(NO_COMMA, MAPPED_COMMA)) for fault in found])
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
class Stamps:
    """Of every row (N,): issue and valid time, availability where a column says it, member, number of its site."""

    issue_ns: Ns
    valid_ns: Ns
    available_ns: Ns | None
    member: NDArray[np.int32]
    site: Ids
    sites: list[str]


def named_columns(rule: Files, first: str) -> list[str]:
    """All columns that a rule names."""
    times = (rule.time_column,) if isinstance(rule.time_column, str) else rule.time_column
    found = [*(times or (() if rule.lead_column else (first,))), rule.lead_column, rule.site_column, rule.issue_column]
    found += [rule.available_column, rule.member_column, rule.variable_column, rule.value_column]
    if rule.variable_column is None:
        found += [series.column for series in rule.series]
        found += [series.curtailed.column for series in rule.series if series.curtailed]
    return list(dict.fromkeys(name for name in found if name))


def lacking(file: MappedTable) -> list[Mistake]:
    """One mistake for each column that the rule names and the file lacks."""
    held = [str(name) for name in file.table.columns]
    return [
        Mistake(str(file.path), None, None, f"no column {name!r}; it has {held}")
        for name in named_columns(file.rule, held[0])
        if name not in held
    ]


def join_time_columns(file: MappedTable) -> None:
    """Columns of date and time as one, where the rule names several."""
    columns = file.rule.time_column
    if isinstance(columns, tuple):
        text = file.table[list(columns)].astype(str)
        file.table[TIME] = text.agg(" ".join, axis=1) if len(columns) > 1 else text[columns[0]]


def time_column(file: MappedTable) -> str:
    """The column of times."""
    columns = file.rule.time_column
    return TIME if isinstance(columns, tuple) else columns or str(file.table.columns[0])


def require_offsets(file: MappedTable) -> None:
    """Without a zone every time must say its offset: UTC is no better guess than any other."""
    says = "has no offset, and the mapping no time_zone: give one, such as Asia/Shanghai"
    names = [file.rule.issue_column, file.rule.available_column]
    names += [None if file.rule.lead_column else time_column(file)]
    for name in filter(None, names):
        column = file.table[name]
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            continue
        plain = np.asarray(~column.astype(str).str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True))
        if plain[:1].all():
            file.tell(name, faults(plain[:1], column[:1], lambda cell: f"{cell!r} {says}"))


def stamps_of(file: MappedTable, variable: Ids) -> Stamps:
    """Times, members and sites of all rows; `variable` (N,) numbers the series of a long table."""
    rule = file.rule
    site, sites = file.codes(rule.site_column)
    if rule.site_in_name is not None:
        sites = [_site_in_name(file, rule.site_in_name)]
    issue = _issues(file)
    within = _group([site, variable, issue])
    if rule.lead_column is not None:
        lead = file.numbers(rule.lead_column)
        file.tell(rule.lead_column, faults(np.isnan(lead), lead.tolist(), lambda _: "the lead is missing"))
        valid = issue + np.round(np.nan_to_num(lead) * LEAD_NS[rule.lead_unit]).astype(np.int64)
    else:
        valid = file.times(time_column(file), within, rule.time_format)
    available = None
    if rule.available_column is not None:
        available = file.times(rule.available_column)
    return Stamps(issue, valid, available, _members(file), site, sites)


def _site_in_name(file: MappedTable, pattern: str) -> str:
    found = re.search(pattern, file.path.name)
    if found is not None and found[1]:
        return str(found[1])
    text = f"the name does not fit site_in_name {pattern!r}; write a regular expression with the site in parentheses"
    file.mistakes.append(Mistake(str(file.path), None, None, text))
    return ""


def _issues(file: MappedTable) -> Ns:
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


def _members(file: MappedTable) -> NDArray[np.int32]:
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
