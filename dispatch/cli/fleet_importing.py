"""What ``parkwatt fleet import`` does and tells: options and tables around :mod:`dispatch.fleet.importing`."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dispatch.errors import DataError
from dispatch.fleet.importing.found import StationMistakesError, write_mistakes
from dispatch.fleet.importing.mapping import StationMapping, read_mapping
from dispatch.fleet.importing.output import Changes, before, merged, rows_of, write
from dispatch.fleet.importing.parks import parks_of
from dispatch.fleet.importing.stations import Stations, Value, taken
from dispatch.fleet.importing.tables import StationTable, read_stations
from dispatch.fleet.table import TABLES

_NAMED = 8


@dataclass(frozen=True)
class Asked:
    """The options."""

    out: Path | None
    mistakes: Path | None
    json_file: Path | None
    check: bool = False
    skip_wrong: bool = False
    drop_gone: bool = False


def run_import(path: Path, mapping_file: Path, template: str | None, asked: Asked) -> None:
    """Read, check, write, say what came in.

    Raises:
        ParkwattError: mapping, park or list are wrong; the message lists what was found.
    """
    began = time.perf_counter()
    if asked.out is None and not asked.check:
        raise DataError("fleet import: give the table of sites with --out, or --check to write nothing")
    if asked.out is not None and asked.out.suffix not in TABLES:
        raise DataError(f"--out {asked.out}: accepted: a table that ends with {', '.join(TABLES)}")
    mapping = read_mapping(mapping_file)
    parks = parks_of(mapping, template, mapping_file.parent)
    table = read_stations(path, mapping)
    try:
        stations = taken(table, mapping, parks, skip_wrong=asked.skip_wrong)
    except StationMistakesError as error:
        if asked.mistakes is not None:
            write_mistakes(error.mistakes, asked.mistakes)
        raise
    out = asked.out or path
    old = {} if asked.out is None else before(asked.out)
    rows, changes = merged(old, rows_of(stations, out.parent), drop_gone=asked.drop_gone)
    if asked.mistakes is not None:
        write_mistakes(stations.mistakes, asked.mistakes)
    if asked.out is not None and not asked.check:
        write(rows, asked.out)
    if asked.json_file is not None:
        text = json.dumps(_as_json(table, mapping, stations, changes), indent=1, ensure_ascii=False)
        asked.json_file.write_text(text + "\n", encoding="utf-8")
    _say(Console(), table, mapping, stations, changes)
    where = (
        "nothing written" if asked.out is None or asked.check else f"table of sites: {asked.out} ({len(rows)} sites)"
    )
    Console().print(f"\n{where} ({time.perf_counter() - began:.1f} s)", markup=False, highlight=False, soft_wrap=True)


def _say(console: Console, table: StationTable, mapping: StationMapping, stations: Stations, changes: Changes) -> None:
    console.print(_columns(mapping, stations))
    for line in (*_counts(table, stations, changes), *stations.notes):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if stations.mistakes:
        shown = StationMistakesError(str(table.path), stations.mistakes)
        wrong = len({one.row for one in stations.mistakes})
        console.print(f"\nNot taken, {wrong} rows:\n{shown}", markup=False, highlight=False, soft_wrap=True)


def _columns(mapping: StationMapping, stations: Stations) -> Table:
    """A line for each column: where it went, how many stations say it, and its range or how many different ones."""
    table = Table(box=None, header_style="bold")
    for heading in ("column", "goes to", "given", "values"):
        table.add_column(heading, justify="right" if heading == "given" else "left", overflow="fold")
    entries = [(one.column, one.field, stations.fields[one.field]) for one in mapping.fields]
    entries += [(one.column, f"label {one.label}", stations.labels[one.label]) for one in mapping.labels]
    for column, name, values in entries:
        given = [value for value in values if value is not None]
        table.add_row(escape(column), escape(name), f"{len(given):,}", _range(given))
    return table


def _range(values: Sequence[Value]) -> str:
    numbers = [value for value in values if isinstance(value, float)]
    if numbers:
        return f"{min(numbers):g} to {max(numbers):g}, median {float(np.median(numbers)):g}"
    return f"{len(set(values)):,} different"


def _counts(table: StationTable, stations: Stations, changes: Changes) -> list[str]:
    """Where every row of the list and every site of the old table went."""
    said = [f"\n{len(table.row) + table.empty:,} rows ({table.how}): {len(stations.site):,} stations"]
    others = (
        (stations.repeated, "repeat another"), (stations.set_aside, "set aside for another row"),
        (stations.left_out, "left out by the mapping"), (table.empty, "empty"),
    )  # fmt: skip
    said += [f"  {count:,} {words}" for count, words in others if count]
    parks = sorted(set(stations.park))
    if len(parks) > 1:
        said += [f"  {stations.park.count(park):,} like {park}" for park in parks]
    said.append(f"{len(changes.new):,} new, {len(changes.changed):,} changed, {changes.same:,} as they were")
    if changes.columns:
        said.append("  changed: " + ", ".join(f"{name} of {count}" for name, count in changes.columns.items()))
    for sites, words in ((changes.kept, "not in the list, kept"), (changes.gone, "not in the list, taken out")):
        if sites:
            more = f" and {len(sites) - _NAMED} more" if len(sites) > _NAMED else ""
            said.append(f"{len(sites):,} {words}: {', '.join(sites[:_NAMED])}{more}")
    if stations.unused:
        said.append(f"Not in the mapping, so not taken: {', '.join(stations.unused)}")
    return said


def _as_json(table: StationTable, mapping: StationMapping, stations: Stations, changes: Changes) -> dict[str, Any]:
    given = {
        name: sum(value is not None for value in values)
        for name, values in (*stations.fields.items(), *((f"label.{k}", v) for k, v in stations.labels.items()))
    }
    return {
        "rows": len(table.row) + table.empty,
        "read_as": table.how,
        "stations": len(stations.site),
        "repeated": stations.repeated,
        "set_aside": stations.set_aside,
        "left_out": stations.left_out,
        "empty": table.empty,
        "wrong": len({one.row for one in stations.mistakes}),
        "given": given,
        "new": list(changes.new),
        "changed": list(changes.changed),
        "changed_columns": dict(changes.columns),
        "same": changes.same,
        "kept": list(changes.kept),
        "gone": list(changes.gone),
        "unused_columns": list(stations.unused),
        "notes": list(stations.notes),
        "columns": {one.column: one.field for one in mapping.fields},
    }
