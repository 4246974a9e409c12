"""One file as its mapping says: rows by series, or everything that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.archive.rows import Rows, curtailed_name
from forecasting.clock import HOUR_NS, Ns
from forecasting.errors import ForecastError
from forecasting.importing import mapped_table
from forecasting.importing.columns import MOST, Fault, faults
from forecasting.importing.files import read_table
from forecasting.importing.mapped_table import Floats, Ids, MappedTable, Mistake, Stamps
from forecasting.importing.mapping import Files, Series
from forecasting.importing.units import unit_for
from forecasting.weather_variables import CATALOGUE

DEFAULT_DELAY = "15min"
GLITCH_SHARE = 0.05  # of a column's values: more than that is a unit or a sign


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows of one series out of one column of one file, with the row (N,) that each stands in.

    `set_aside` counts the rows that contradicted others and do not count, as the mapping says.
    """

    site: str
    variable: str
    file: str
    column: str
    rows: Rows
    row: Ids
    set_aside: int = 0


@dataclass(frozen=True, eq=False)
class Read:
    """What one file gave."""

    pieces: tuple[Piece, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    unused: tuple[str, ...] = ()


def read_mapped(path: Path, rule: Files, time_zone: str | None) -> Read:
    """Read one file; never raises for what a file can have wrong."""
    try:
        table = read_table(path, separator=rule.separator, decimal=rule.decimal, skip_rows=rule.skip_rows)
    except ForecastError as error:
        return Read(mistakes=(Mistake(str(path), None, None, str(error).removeprefix(f"{path}: ")),))
    table.columns = [str(name) for name in table.columns]
    file = MappedTable(path, rule, ZoneInfo(rule.time_zone or time_zone or "UTC"), table)
    if (lacking := mapped_table.lacking(file)) or not len(table):
        return Read(mistakes=tuple(lacking) or (Mistake(str(path), None, None, "holds no row below its header"),))
    mapped_table.join_time_columns(file)
    if not (rule.time_zone or time_zone):
        mapped_table.require_offsets(file)
    variable, names = file.codes(rule.variable_column)
    stamps = mapped_table.stamps_of(file, variable)
    pieces: list[Piece] = []
    if not file.mistakes:
        for series in rule.series:
            pieces += _pieces(file, stamps, series, variable, names)
    return Read(tuple(pieces), tuple(file.mistakes), _unused(file, names))


def _pieces(file: MappedTable, stamps: Stamps, series: Series, variable: Ids, names: list[str]) -> list[Piece]:
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
        kept = _kept(rows, rule.repeated)
        row, aside = (at + file.row_of_first)[kept], len(at) - len(kept)
        found.append(Piece(site, series.variable, str(file.path), column, rows.take(kept), row, aside))
        if flags is not None and series.curtailed is not None:
            held_back = Rows(rows.issue_ns, rows.valid_ns, rows.available_ns, rows.member, flags[at]).take(kept)
            flag = curtailed_name(series.variable)
            found.append(Piece(site, flag, str(file.path), series.curtailed.column, held_back, row))
    return found


def _kept(rows: Rows, repeated: str) -> Ids:
    """Positions of the rows that count: all, or of those about the same time the first or the last."""
    if repeated == "refuse":
        return np.arange(len(rows))
    keys = {"valid": rows.valid_ns, "issue": rows.issue_ns, "member": rows.member, "available": rows.available_ns}
    frame = pd.DataFrame(keys)
    return np.flatnonzero(~np.asarray(frame.duplicated(keep="first" if repeated == "first" else "last")))


def _curtailed(file: MappedTable, series: Series) -> Floats | None:
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


def _rows(file: MappedTable, stamps: Stamps, series: Series, at: Ids, values: Floats, column: str) -> Rows:
    rule = file.rule
    valid, issue, member = stamps.valid_ns[at], stamps.issue_ns[at], stamps.member[at] + np.int32(series.member)
    unit = unit_for(series.unit, series.variable)
    step = _step_ns(file, valid, issue, member) if unit.per_step or _stamps_start(rule) or not rule.runs else 0
    _require_grid(file, at, valid, step)
    factor = unit.scale * series.scale * (-1.0 if series.sign == "reversed" else 1.0)
    value = values[at] * (factor / (step / HOUR_NS) if unit.per_step and step else factor) + unit.offset
    value = _believable(file, series, at, values, value, column)
    if _stamps_start(rule):
        valid = valid + step
    available = _available(file, stamps, series, at, valid)
    return Rows(issue, valid, available, member, value)


def _stamps_start(rule: Files) -> bool:
    return (rule.stamp or ("end" if rule.runs else "start")) == "start"


def _step_ns(file: MappedTable, valid: Ns, issue: Ns, member: NDArray[np.int32]) -> int:
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


def _require_grid(file: MappedTable, at: Ids, valid: Ns, step: int) -> None:
    """Measurements stand on one grid: a time beside it is a slip of the logger, and averages over it would be wrong."""
    if file.rule.runs or step <= 0:
        return
    phase, counts = np.unique(valid % step, return_counts=True)
    off = valid % step != phase[np.argmax(counts)]
    if off.any():
        name = mapped_table.time_column(file)
        cells = file.table[name].iloc[at[off][: MOST + 1]]
        says = f"is off the {step / 60e9:g}-min steps of its series; resample it first"
        told = [Fault(int(row), f"{cell!r} {says}") for row, cell in zip(at[off][:MOST], cells, strict=False)]
        if off.sum() > MOST:
            told.append(Fault(int(at[off][MOST]), f"and {int(off.sum()) - MOST} more such rows from here on"))
        file.tell(None if name == mapped_table.TIME else name, [one for one in told if not _is_told(file, one)])


def _is_told(file: MappedTable, fault: Fault) -> bool:
    return any(m.row == fault.row + file.row_of_first and m.text == fault.text for m in file.mistakes)


def _believable(file: MappedTable, series: Series, at: Ids, raw: Floats, value: Floats, column: str) -> Floats:
    """Values (M,) of weather within what is possible, those that miss it by a hair on its bounds; else mistakes."""
    weather = CATALOGUE.get(series.variable)
    if weather is None:
        return value
    value = weather.within(value)
    if series.impossible == "missing" and weather.beyond(value).mean() <= GLITCH_SHARE:
        return np.where(weather.beyond(value), np.nan, value)
    wrong = np.zeros(len(raw), dtype=bool)
    wrong[at] = weather.beyond(value)
    if wrong.any():
        bounds = f"{weather.least:g} … {weather.most:g} {weather.unit}"
        become = np.full(len(raw), np.nan)
        become[at] = value
        cells = [f"{b:g}" if a == b else f"{a:g} becomes {b:g}" for a, b in zip(raw[wrong], become[wrong], strict=True)]
        full = np.full(len(raw), None, dtype=object)
        full[wrong] = cells
        says = f"{weather.unit}, which no {series.variable} is ({bounds}); look at unit, scale and sign, or give "
        says += "missing, or impossible: missing"
        file.tell(column, faults(wrong, full.tolist(), lambda cell: f"{cell} {says}"))
    return value


def _available(file: MappedTable, stamps: Stamps, series: Series, at: Ids, valid: Ns) -> Ns:
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


def _unused(file: MappedTable, names: list[str]) -> tuple[str, ...]:
    """What the file holds and the mapping does not name."""
    named = mapped_table.named_columns(file.rule, str(file.table.columns[0]))
    columns = [str(name) for name in file.table.columns if name not in named and name != mapped_table.TIME]
    if file.rule.variable_column is None:
        return tuple(columns)
    wanted = {series.column for series in file.rule.series}
    return (*columns, *(f"{file.rule.variable_column}={name}" for name in names if name not in wanted))
