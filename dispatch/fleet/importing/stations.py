"""A list of stations as sites of a fleet: every cell read, every row checked against the park it is like."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dispatch.config.mistakes import near_miss
from dispatch.errors import ConfigError, Problem
from dispatch.fleet.fields import SITE_FIELDS, split
from dispatch.fleet.importing.found import Findings, Mistake, StationMistakesError
from dispatch.fleet.importing.mapping import MappedField, MappedLabel, StationMapping
from dispatch.fleet.importing.parks import Like, mapping_problems
from dispatch.fleet.importing.tables import StationTable
from dispatch.fleet.importing.units import factor, number

Value = float | str | None
_NAME = re.compile(r"[A-Za-z0-9_\-]+")
_FAR = 100.0
_RANGES = {"latitude_deg": (-90.0, 90.0), "longitude_deg": (-180.0, 180.0)}


@dataclass(frozen=True)
class Stations:
    """Stations that can be planned, in the order of the list.

    Attributes:
        site: their names.
        park: the park that each is like, as the table of sites names it.
        fields, labels: a column each; None where a station is as its park, or has no such label.
        row: in the user's file.
        repeated: rows that said again what another had said.
        set_aside: rows that contradicted another and do not count.
        left_out: rows that the mapping leaves out.
        notes: what is worth a look.
        mistakes: of rows that were left out because they are wrong.
    """

    site: tuple[str, ...]
    park: tuple[str, ...]
    fields: Mapping[str, tuple[Value, ...]]
    labels: Mapping[str, tuple[Value, ...]]
    row: tuple[int, ...]
    repeated: int = 0
    set_aside: int = 0
    left_out: int = 0
    notes: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    unused: tuple[str, ...] = ()


@dataclass
class _Reading:
    """A list while it is read; positions count the rows that are not left out."""

    table: StationTable
    mapping: StationMapping
    parks: Mapping[str, Like]
    keep: np.ndarray
    found: Findings = field(default_factory=Findings)
    written: dict[str, list[str]] = field(default_factory=dict)

    def cells(self, column: str) -> list[str]:
        """Cells of a column, those that stand for missing as ""."""
        name = self.table.find(column)
        stand_ins = {f"{one:g}" if isinstance(one, float) else one for one in self.mapping.missing}
        values = self.table.cells[name].to_numpy()[self.keep].tolist()
        return ["" if value in stand_ins else value for value in values]

    def tell(self, at: int, column: str | None, value: str, message: str, accepted: str = "") -> None:
        row = self.table.row[int(self.keep[at])]
        self.found.tell(at, Mistake(row, column, value, message, accepted))


def taken(table: StationTable, mapping: StationMapping, parks: Mapping[str, Like], *, skip_wrong: bool) -> Stations:
    """Stations of a list.

    Args:
        skip_wrong: rows with mistakes are left out, with their mistakes in the answer; else they end the import.

    Raises:
        ConfigError: mapping, parks and list do not fit together, or rows are wrong; names everything.
    """
    _require_columns(table, mapping, parks)
    keep, left_out = _kept(table, mapping)
    reading = _Reading(table, mapping, parks, keep)
    names, likes = _names(reading), _likes(reading)
    fields = {one.field: _field(reading, one) for one in mapping.fields}
    labels = {one.label: _label(reading, one) for one in mapping.labels}
    _require_places(reading, fields)
    _require_fitting(reading, likes, fields)
    counted, repeated, aside = _counted(
        reading, names, likes, {**fields, **{f"label.{k}": v for k, v in labels.items()}}
    )
    if reading.found.mistakes and not skip_wrong:
        raise StationMistakesError(str(table.path), reading.found.by_row)
    good = [at for at in counted if at not in reading.found.wrong]
    if not good:
        raise StationMistakesError(str(table.path), reading.found.by_row or [_nothing(left_out)])
    _note_far(reading, fields, good)
    _note_places(reading, fields, good)
    unused = tuple(c for c in table.cells.columns if c not in {table.find(name) for name in mapping.columns})
    return Stations(
        tuple(names[at] for at in good), tuple(parks[likes[at]].named for at in good),
        {name: tuple(column[at] for at in good) for name, column in fields.items()},
        {name: tuple(column[at] for at in good) for name, column in labels.items()},
        tuple(table.row[int(keep[at])] for at in good),
        repeated, aside, left_out, tuple(reading.found.notes), reading.found.by_row, unused,
    )  # fmt: skip


def _nothing(left_out: int) -> Mistake:
    return Mistake(None, None, "", f"holds no station: {left_out} rows are left out by leave_out")


def _require_columns(table: StationTable, mapping: StationMapping, parks: Mapping[str, Like]) -> None:
    held = [str(name) for name in table.cells.columns]
    missing = [name for name in mapping.columns if table.find(name) is None]
    found = [Problem("columns", f"the list has no column '{name}'", near_miss(name, held)) for name in missing]
    if problems := [*mapping_problems(mapping, parks), *found]:
        raise ConfigError(str(table.path), problems)


def _kept(table: StationTable, mapping: StationMapping) -> tuple[np.ndarray, int]:
    out = np.zeros(len(table.row), dtype=bool)
    for rule in mapping.leave_out:
        values = [f"{one:g}" if isinstance(one, float) else one for one in rule.values]
        out |= table.cells[table.find(rule.column)].isin(values).to_numpy()
    return np.flatnonzero(~out), int(out.sum())


def _names(reading: _Reading) -> list[str]:
    column, mapped = reading.mapping.site_column, reading.mapping.sites
    names = [mapped.get(cell, cell) for cell in reading.cells(column)]
    accepted = "letters, digits, '_' and '-'; a name in other letters goes into title, or under sites in the mapping"
    for at, name in enumerate(names):
        if not name:
            reading.tell(at, column, "", "the station has no name", accepted)
        elif not _NAME.fullmatch(name):
            reading.tell(at, column, name, "is no name of a site", accepted)
    return names


def _likes(reading: _Reading) -> list[str]:
    """The word by which each row's park is found."""
    column, parks = reading.mapping.park_column, reading.parks
    if column is None:
        return [""] * len(reading.keep)
    words = reading.cells(column)
    known = [word for word in parks if word]
    for at, word in enumerate(words):
        if word not in parks:
            message = "is none of the parks" if word else "which park is the station like?"
            reading.tell(at, column, word, message, near_miss(word, known))
    return words


def _field(reading: _Reading, one: MappedField) -> list[Value]:
    cells = reading.written[one.field] = reading.cells(one.column)
    if one.required:
        for at, cell in enumerate(cells):
            if not cell:
                reading.tell(at, one.column, "", "is empty", f"a value of {one.field}; it is required")
    if any(like.is_text(one.field) for like in reading.parks.values()):
        return [cell or None for cell in cells]
    values = _numbers(reading, one.column, cells, one.field, factor(one.unit, one.field) * one.scale)
    low, high = _range(one)
    for at, value in enumerate(values):
        if isinstance(value, float) and not low <= value <= high:
            reading.tell(
                at, one.column, _found(cells[at], value), f"is out of range for {one.field}", f"{low:g} to {high:g}"
            )
    return values


def _found(cell: str, value: float | str) -> str:
    return cell if isinstance(value, str) or f"{value:g}" == cell else f"{cell}, which is {value:g}"


def _range(one: MappedField) -> tuple[float, float]:
    low, high = _RANGES.get(one.field, (-np.inf, np.inf))
    return max(low, -np.inf if one.least is None else one.least), min(high, np.inf if one.most is None else one.most)


def _label(reading: _Reading, one: MappedLabel) -> list[Value]:
    cells = reading.cells(one.column)
    if one.required:
        for at, cell in enumerate(cells):
            if not cell:
                reading.tell(at, one.column, "", "is empty", f"a value of label '{one.label}'; it is required")
    if not one.is_number:
        return [cell or None for cell in cells]
    return _numbers(reading, one.column, cells, one.label, 0.01 if one.unit == "%" else 1.0)


def _numbers(reading: _Reading, column: str, cells: Sequence[str], name: str, times: float) -> list[Value]:
    """Cells as numbers; each different one is read once."""
    known: dict[str, float | str | None] = {"": None}
    values: list[Value] = []
    for at, cell in enumerate(cells):
        if cell not in known:
            try:
                known[cell] = number(cell, name, times, reading.mapping.decimal)
            except ValueError as error:
                known[cell] = str(error)
        value = known[cell]
        if isinstance(value, str):
            reading.tell(at, column, cell, "is not a number that fits", f"a number, or one with its unit; {value}")
            value = None
        values.append(value)
    return values


def _require_places(reading: _Reading, fields: Mapping[str, Sequence[Value]]) -> None:
    columns = {one.field: one.column for one in reading.mapping.fields}
    if not set(_RANGES) <= set(fields):
        return
    column = columns["latitude_deg"]
    for at, (lat, lon) in enumerate(zip(fields["latitude_deg"], fields["longitude_deg"], strict=True)):
        if at in reading.found.wrong:
            continue
        if (lat is None) != (lon is None):
            reading.tell(at, column, "", "only one of latitude and longitude is given", "both, or neither")
        elif lat == 0 and lon == 0:
            reading.tell(at, column, "0, 0", "lies in the sea off Africa", "the place, or two empty cells")


def _require_fitting(reading: _Reading, likes: Sequence[str], fields: Mapping[str, Sequence[Value]]) -> None:
    """Numbers of each asset, together, as its own model takes them."""
    columns = {one.field: one.column for one in reading.mapping.fields}
    by_asset: dict[str, list[str]] = {}
    for path in fields:
        if path not in SITE_FIELDS:
            by_asset.setdefault(split(path)[0], []).append(path)
    for asset, paths in by_asset.items():
        inside = [split(path)[1] for path in paths]
        for at, values in enumerate(zip(*(fields[path] for path in paths), strict=True)):
            like = reading.parks.get(likes[at])
            given = tuple((name, v) for name, v in zip(inside, values, strict=True) if v is not None)
            if like is None or not given or at in reading.found.wrong:
                continue
            _hold(reading, at, like, asset, given, {name: columns[p] for name, p in zip(inside, paths, strict=True)})


def _hold(
    reading: _Reading,
    at: int,
    like: Like,
    asset: str,
    given: tuple[tuple[str, float | str], ...],
    columns: Mapping[str, str],
) -> None:
    cell = {name: _found(reading.written[f"{asset}.{name}"][at], value) for name, value in given}
    if lacking := [name for name, _ in given if name not in like.fields.get(asset, {})]:
        name = lacking[0]
        message = f"park '{like.site.name}' has no {asset}.{name}"
        reading.tell(at, columns[name], cell[name], message, "an empty cell, or a park that has it (park_column)")
        return
    for path, message, accepted in like.wrong(asset, given):
        where = columns.get(path, ", ".join(columns[name] for name, _ in given))
        value = cell.get(path, ", ".join(cell.values()))
        reading.tell(at, where, value, f"{asset}{'.' if path else ''}{path}: {message}", accepted)


def _counted(
    reading: _Reading, names: Sequence[str], likes: Sequence[str], columns: Mapping[str, Sequence[Value]]
) -> tuple[list[int], int, int]:
    """Positions that count: of equal rows one, of contradicting ones as the mapping says."""
    first: dict[str, int] = {}
    repeated = aside = 0
    rule = reading.mapping.repeated
    for at, name in enumerate(names):
        if not name or name not in first:
            first[name or f"\0{at}"] = at
            continue
        before = first[name]
        differ = [c for c, values in columns.items() if values[at] != values[before]]
        differ += ["park"] * (likes[at] != likes[before])
        if not differ:
            repeated += 1
        elif rule == "refuse":
            row = reading.table.row[int(reading.keep[before])]
            accepted = "one row a station, or repeated: first or last in the mapping"
            found = f"{name}, in row {row} with another {differ[0]}"
            reading.tell(at, reading.mapping.site_column, found, "is said twice, in different words", accepted)
            reading.found.wrong.add(before)  # which of the two is right nobody can say
        else:
            aside += 1
            first[name] = at if rule == "last" else before
    return sorted(first.values()), repeated, aside


def _note_far(reading: _Reading, fields: Mapping[str, Sequence[Value]], good: Sequence[int]) -> None:
    """Numbers a hundred times larger or smaller than the usual one: often another unit in some rows."""
    for path, column in fields.items():
        there = [(at, v) for at in good if isinstance(v := column[at], float) and v > 0]
        if path in SITE_FIELDS or len(there) < 5:
            continue
        middle = float(np.median([value for _, value in there]))
        far = [at for at, v in there if not middle / _FAR <= v <= middle * _FAR]
        _note(reading, far, f"{path}: {{}} a hundred times off the usual {middle:g}; look at the unit")


def _note_places(reading: _Reading, fields: Mapping[str, Sequence[Value]], good: Sequence[int]) -> None:
    if not set(_RANGES) <= set(fields):
        return
    seen: dict[tuple[Value, Value], int] = {}
    again: list[int] = []
    for at in good:
        place = fields["latitude_deg"][at], fields["longitude_deg"][at]
        if place[0] is not None and seen.setdefault(place, at) != at:
            again.append(at)
    _note(reading, again, "places: {} where another station is, to the last digit")


def _note(reading: _Reading, which: Sequence[int], says: str) -> None:
    if which:
        rows = [str(reading.table.row[int(reading.keep[at])]) for at in which[:5]]
        more = f" and {len(which) - 5} more" if len(which) > 5 else ""
        lies = "rows" if len(which) > 1 else "row"
        verb = "lie" if len(which) > 1 else "lies"
        reading.found.notes.append(says.format(f"{lies} {', '.join(rows)}{more} {verb}"))
