"""Columns of the user's own files that prices, limits and the like name: read once, when the park's file is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from dispatch.config.mistakes import near_miss
from dispatch.config.user_tables import Wrong, as_number, read_columns, require_column, with_points
from dispatch.errors import Problem
from dispatch.fields.frozen import Frozen, rebuilt
from dispatch.fields.series import SignalFile, TableFile
from dispatch.loads.sessions import Session, SessionFile
from dispatch.signals import accepted_units, parse_quantity
from dispatch.site import Site

M = TypeVar("M", bound=Frozen)

_CLOCK = len("08:15:00")


def with_signal_files(site: Site, folder: Path) -> tuple[Site, list[Problem]]:
    """The site with every named column read, and what is wrong with those that cannot be."""
    return with_files(site, folder, site.time_zone)


def with_files(model: M, folder: Path, time_zone: str) -> tuple[M, list[Problem]]:
    """Likewise any model; naive times are of the time zone."""
    problems: list[Problem] = []
    reader = _Reader(folder, time_zone, problems)

    def change(value: Any, path: str) -> Any:
        if isinstance(value, SignalFile):
            return reader.read(value, path)
        if isinstance(value, TableFile):
            return reader.table(value, path)
        return reader.sessions(value, path) if isinstance(value, SessionFile) else None

    return rebuilt(model, change), problems


class _Reader:
    def __init__(self, folder: Path, time_zone: str, problems: list[Problem]) -> None:
        self._folder, self._zone, self._problems = folder, time_zone, problems

    def read(self, signal: SignalFile, path: str) -> SignalFile:
        """The column with its values; what is wrong becomes a problem at its place in the park's file."""
        try:
            factor = _factor(signal, path.rsplit(".", maxsplit=1)[-1])
            rows = _rows(self._folder / signal.file, signal)
            seconds, values = _series(rows, signal, ZoneInfo(signal.time_zone or self._zone))
        except Wrong as error:
            where = f"{path}.{error.field}" if error.field else path
            self._problems.append(Problem(where, error.message, error.accepted))
            return signal
        scaled = tuple(value * factor for value in values)
        return signal.model_copy(update={"seconds": seconds, "values": scaled})

    def table(self, table: TableFile, path: str) -> TableFile:
        """The table with its columns; what is wrong becomes a problem at its place in the park's file."""
        try:
            if table.names or table.values:
                raise Wrong("", "'names' and 'values' are read from the file", "the file")
            columns = read_columns(self._folder / table.file, table.file)
            values = tuple(_complete(name, column, table.file) for name, column in columns.items())
        except Wrong as error:
            self._problems.append(Problem(f"{path}.file" if error.field else path, error.message, error.accepted))
            return table
        return table.model_copy(update={"names": tuple(columns), "values": values})

    def sessions(self, named: SessionFile, path: str) -> SessionFile:
        """The file with its sessions; what is wrong becomes a problem at its place in the park's file."""
        try:
            if named.sessions:
                raise Wrong("", "'sessions' are read from the file", "file and what it needs")
            made = _sessions(self._folder / named.file, named, ZoneInfo(named.time_zone or self._zone))
        except Wrong as error:
            where = f"{path}.{error.field}" if error.field else path
            self._problems.append(Problem(where, error.message, error.accepted))
            return named
        return named.model_copy(update={"sessions": made})


def _sessions(file: Path, named: SessionFile, zone: ZoneInfo) -> tuple[Session, ...]:
    columns = read_columns(file, named.file)
    for name in columns:
        if name not in Session.model_fields:
            accepted = near_miss(name, list(Session.model_fields))
            raise Wrong("file", f"'{named.file}' has a column '{name}' that means nothing here", accepted)
    columns = {name: with_points(cells, f"column '{name}' of '{named.file}'") for name, cells in columns.items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if not rows:
        raise Wrong("file", f"'{named.file}' holds no session", "a row for each session")
    return tuple(_session(row, f"row {n} of '{named.file}'", zone) for n, row in enumerate(rows, 2))


def _session(row: dict[str, Any], where: str, zone: ZoneInfo) -> Session:
    """A row as a session; what it leaves empty has its default."""
    filled = {name: value for name, value in row.items() if not _is_empty(value)}
    for name in ("arrival", "departure"):
        moment = filled.get(name)
        if isinstance(moment, str):
            with suppress(ValueError):  # the session's own check says what is wrong with it
                moment = datetime.fromisoformat(moment.strip()) if len(moment.strip()) > _CLOCK else moment
        if isinstance(moment, datetime):
            filled[name] = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    try:
        return Session.model_validate(filled)
    except ValidationError as error:
        first = error.errors()[0]
        field = f"{first['loc'][0]}: " if first["loc"] else ""
        accepted = "columns " + ", ".join(Session.model_fields)
        raise Wrong("file", f"{where}: {field}{first['msg']}", accepted) from None


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _factor(signal: SignalFile, field: str) -> float:
    if signal.seconds or signal.values:
        raise Wrong("", "'seconds' and 'values' are read from the file", "file, column and what they need")
    if signal.unit is None:
        return 1.0
    try:
        return parse_quantity(field, f"1 {signal.unit}")
    except ValueError:
        raise Wrong("unit", f"'{signal.unit}' does not fit {field}", accepted_units(field)) from None


def _rows(file: Path, signal: SignalFile) -> Iterator[tuple[int, Any, Any]]:
    """Row, time and value as they stand in the file."""
    columns = read_columns(file, signal.file)
    time_column = signal.time_column or next(iter(columns), "")
    for field, name in (("column", signal.column), ("time_column", time_column)):
        require_column(columns, name, field, signal.file)
    values = with_points(columns[signal.column], f"column '{signal.column}' of '{signal.file}'")
    for number, pair in enumerate(zip(columns[time_column], values, strict=True), 2):
        yield (number, *pair)


def _complete(name: str, column: list[Any], file: str) -> tuple[float, ...]:
    """A column in which every row has a number."""
    cells = with_points(column, f"column '{name}' of '{file}'")
    values = tuple(as_number(value, f"row {row} of column '{name}' in '{file}'") for row, value in enumerate(cells, 2))
    if not values or any(math.isnan(value) for value in values):
        raise Wrong("file", f"column '{name}' of '{file}' lacks a number", "a number in every row")
    return values


def _series(
    rows: Iterator[tuple[int, Any, Any]], signal: SignalFile, zone: ZoneInfo
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    seconds: list[float] = []
    values: list[float] = []
    for number, moment, value in rows:
        at = _seconds(moment, zone, seconds[-1] if seconds else -math.inf, f"row {number} of '{signal.file}'")
        seconds.append(at)
        values.append(as_number(value, f"row {number} of '{signal.file}'"))
    if len(seconds) < 2:
        raise Wrong("file", f"'{signal.file}' holds fewer than two rows", "a row for each step of time")
    return tuple(seconds), tuple(values)


def _seconds(text: Any, zone: ZoneInfo, before: float, where: str) -> float:
    try:
        moment = text if isinstance(text, datetime) else datetime.fromisoformat(str(text).strip())
    except ValueError:
        raise Wrong("time_column", f"{where}: '{text}' is no time", "times like 2016-10-14T06:00+02:00") from None
    if moment.tzinfo is not None:
        found = [moment.timestamp()]
    else:
        # In the hour that the clock repeats in autumn, the second of two equal times is the later one.
        found = [moment.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1)]
        if datetime.fromtimestamp(found[0], UTC).astimezone(zone).replace(tzinfo=None) != moment:
            raise Wrong("time_column", f"{where}: {moment} is skipped by the clock", "times that exist, or an offset")
    later = [at for at in found if at > before]
    if not later:
        raise Wrong("time_column", f"{where}: {text} is not later than the row before", "rows in order of time")
    return later[0]
