"""A table of sites: a row for each, with what differs from the park that it is like."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dispatch.asset import Asset
from dispatch.config.mistakes import field_problems, near_miss, shown
from dispatch.errors import ConfigError, Problem
from dispatch.fleet.fields import SITE_FIELDS, changed, split
from dispatch.site import Site
from forecasting.errors import ForecastError
from forecasting.importing.text import separator_of, text_of

TABLES = (".parquet", ".pq", ".csv")
SITE, PARK, LABEL = "site", "park", "label."
# What makes the park another one, and not the same with other numbers: the park's file says that.
_OF_THE_PARK = ("name", "kind", "reactive")


@dataclass(frozen=True)
class Rows:
    """A table's cells; empty ones are None.

    Attributes:
        first: number of the first row, as its reader counts: a CSV's header is row 1.
    """

    path: Path
    columns: Mapping[str, Sequence[Any]]
    first: int

    @property
    def count(self) -> int:
        """Rows."""
        return len(self.columns[SITE])

    @property
    def parks(self) -> Sequence[str | None]:
        """(row,) the park that a site is like."""
        return self.columns.get(PARK) or [None] * self.count

    def place(self, row: int, column: str = "") -> str:
        """Where something stands."""
        where = f"{self.path}, row {row + self.first}"
        return f"{where}, {column}" if column else where

    def labels(self, row: int) -> dict[str, str | float]:
        """Master data of a row."""
        return {
            name.removeprefix(LABEL): values[row] for name, values in self._labels.items() if values[row] is not None
        }

    @cached_property
    def _labels(self) -> dict[str, Sequence[Any]]:
        return {name: values for name, values in self.columns.items() if name.startswith(LABEL)}

    @cached_property
    def changes(self) -> dict[str, Sequence[Any]]:
        """Columns that change something of the park."""
        return {n: v for n, v in self.columns.items() if n not in (SITE, PARK) and not n.startswith(LABEL)}


def read_rows(path: Path) -> Rows:
    """A Parquet or CSV table.

    Raises:
        ConfigError: it is missing, is no table, or has no column ``site``.
    """
    columns, first = _csv(path) if path.suffix == ".csv" else _parquet(path)
    if SITE not in columns:
        have = ", ".join(columns) or "none"
        problem = Problem(str(path), f"has no column '{SITE}'; it has {have}", "a table of sites, one row a site")
        raise ConfigError(str(path), [problem])
    return Rows(path, columns, first)


def _parquet(path: Path) -> tuple[dict[str, Sequence[Any]], int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        text = f"cannot be read as a table: {str(error).splitlines()[0]}"
        raise ConfigError(str(path), [Problem(str(path), text, "a Parquet table of sites")]) from None
    return {name: [_cell(v) for v in table[name].to_pylist()] for name in table.column_names}, 1


def _cell(value: Any) -> Any:
    return None if value is None or value != value or value == "" else value


def _csv(path: Path) -> tuple[dict[str, Sequence[Any]], int]:
    try:
        text = text_of(path)
        head, *rows = csv.reader(StringIO(text), delimiter=separator_of(text.partition("\n")[0]))
    except (OSError, ForecastError, ValueError, csv.Error) as error:
        text = f"cannot be read as a table: {str(error).splitlines()[0]}"
        raise ConfigError(str(path), [Problem(str(path), text, "a CSV table of sites, saved as UTF-8")]) from None
    names = [name.strip() for name in head]
    problems = [
        Problem(f"{path}, row {number}", f"has {len(row)} cells, the header {len(names)}", "a cell for each column")
        for number, row in enumerate(rows, 2)
        if row and len(row) != len(names)
    ]
    problems += [Problem(str(path), f"two columns are called '{n}'", "one") for n in set(names) if names.count(n) > 1]
    if problems:
        raise ConfigError(str(path), problems)
    cells = [[cell.strip() or None for cell in row] for row in rows if row]
    columns = {name: [row[at] for row in cells] for at, name in enumerate(names)}
    return {n: _numbers(v) if n.startswith(LABEL) else v for n, v in columns.items()}, 2


def _numbers(cells: list[str | None]) -> Sequence[str | float | None]:
    """A label is a number where all cells of its column are."""
    try:
        return [None if cell is None else float(cell) for cell in cells]
    except ValueError:
        return cells


def sites_of(
    table: Rows, parks: Mapping[str | None, Site | None], missing: Collection[str | None]
) -> tuple[dict[int, Site], list[Problem]]:
    """By row, its site; and all that is wrong with rows and columns.

    Args:
        table: the rows.
        parks: by what the table calls them; None where the park itself is wrong, which has been told.
        missing: what names no park at all.
    """
    likes = {name: _Like(site) for name, site in parks.items() if site is not None}
    problems = _column_problems(table, list(likes.values()))
    if problems:
        return {}, problems
    found: dict[int, Site] = {}
    for row in range(table.count):
        name, park = table.columns[SITE][row], table.parks[row]
        if name is None:
            problems.append(Problem(table.place(row, SITE), "is empty", "the site's name"))
        elif park in missing:
            problems.append(Problem(table.place(row, PARK), "is empty", "a park's file, or 'park' beside the table"))
        elif park in likes:
            site, wrong = likes[park].site(str(name), {n: v[row] for n, v in table.changes.items()})
            problems += [Problem(table.place(row, p.path), p.message, p.accepted) for p in wrong]
            if site is not None:
                found[row] = site
    return found, problems


def _column_problems(table: Rows, likes: Sequence[_Like]) -> list[Problem]:
    """Columns that are no field of any of the parks."""
    problems = []
    for column in table.changes if likes else ():
        asset, inside = split(column)
        place = f"{table.path}, column '{column}'"
        assets = sorted({name for like in likes for name in like.assets})
        if column in SITE_FIELDS:
            continue
        if not inside or asset not in assets:
            known = [SITE, PARK, *SITE_FIELDS, *(f"{name}.…" for name in assets), f"{LABEL}…"]
            problems.append(Problem(place, "is nothing that a site has", near_miss(column, known)))
        elif not any(like.takes(asset, inside) for like in likes):
            fields = sorted({f for like in likes for f in like.fields(asset)})
            problems.append(Problem(place, f"asset '{asset}' takes no {shown(inside)}", near_miss(inside, fields)))
    return problems


class _Like:
    """A park that rows are like; equal changes of an asset are checked once."""

    def __init__(self, park: Site) -> None:
        self.park = park
        self.assets = {asset.name: asset for asset in park.assets}
        self._made: dict[tuple[str, tuple[tuple[str, Any], ...]], Asset | list[Problem]] = {}

    def fields(self, asset: str) -> list[str]:
        """What a row may change of an asset."""
        if asset not in self.assets:
            return []
        one = self.assets[asset]
        return [name for name in type(one).model_fields if name not in (*_OF_THE_PARK, *one.bus_fields)]

    def takes(self, asset: str, inside: str) -> bool:
        """Is it a field of the asset, or inside one?"""
        return inside.split(".", maxsplit=1)[0] in self.fields(asset)

    def site(self, name: str, changes: Mapping[str, Any]) -> tuple[Site | None, list[Problem]]:
        """The park under another name with other values."""
        own: dict[str, Any] = {"name": name}
        by_asset: dict[str, dict[str, Any]] = {}
        for path, value in changes.items():
            asset, inside = split(path)
            if value is None:
                continue
            if not asset:
                own[inside] = value
            elif asset in self.assets:
                by_asset.setdefault(asset, {})[inside] = value
        problems: list[Problem] = []
        assets = []
        for own_asset in self.park.assets:
            made = self._changed(own_asset, by_asset.get(own_asset.name, {}))
            if isinstance(made, Asset):
                assets.append(made)
            else:
                problems += made
        if problems:
            return None, problems
        try:
            return changed(self.park, own | {"assets": tuple(assets)}), []
        except ValidationError as error:
            wrong = _told(error, {k: v for k, v in own.items() if k != "assets"}, Site, "")
            return None, [replace(p, path=SITE if p.path == "name" else p.path) for p in wrong]

    def _changed(self, asset: Asset, values: Mapping[str, Any]) -> Asset | list[Problem]:
        if not values:
            return asset
        key = asset.name, tuple(sorted(values.items()))
        if key not in self._made:
            try:
                self._made[key] = changed(asset, values)
            except ValidationError as error:
                self._made[key] = _told(error, values, type(asset), f"{asset.name}.")
        return self._made[key]


def _told(error: ValidationError, values: Mapping[str, Any], owner: type[Any], prefix: str) -> list[Problem]:
    """What is wrong with a row's values, by their columns; what is wrong between several is told of all of them."""
    found = []
    for problem in field_problems(error, values, owner):
        columns = [problem.path] if problem.path in values else sorted(values)
        place = ", ".join(f"{prefix}{column}" for column in columns)
        found.append(Problem(place, problem.message, problem.accepted))
    return found
