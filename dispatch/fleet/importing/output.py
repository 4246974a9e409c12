"""The table of sites: one row a site, as Parquet.

=====================  ======  ====================================================================================
column                 type    what
=====================  ======  ====================================================================================
``site``               string  name, all different
``park``               string  the park it is like: one that ships, or a path from this file's folder
``title``              string  and ``latitude_deg``, ``longitude_deg``, ``altitude_m``: of the park itself
``asset.field``        double  such as ``roof.peak_kw`` or ``works.history.year_kwh``, in the field's own unit
``label.name``         any     master data: text or number, kept beside the site
=====================  ======  ====================================================================================

Where a cell is null the site is as its park, or has no such label. Rows stand in the order of their names, so that the
same list gives the same bytes in whatever order it comes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dispatch.errors import DataError
from dispatch.fleet.fields import SITE_FIELDS
from dispatch.fleet.importing.stations import Stations

if TYPE_CHECKING:
    import pyarrow as pa

SITE, PARK, LABEL = "site", "park", "label."
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Changes:
    """What an import does to the table that was there before.

    Attributes:
        new, changed, same: sites of the list.
        kept: sites of the old table that the list does not hold, and that stay.
        gone: likewise, and that are taken out.
        columns: by name, how many sites have another value in it.
    """

    new: tuple[str, ...]
    changed: tuple[str, ...]
    same: int
    kept: tuple[str, ...]
    gone: tuple[str, ...]
    columns: Mapping[str, int]


def rows_of(stations: Stations, folder: Path) -> dict[str, dict[str, Any]]:
    """A row by site; parks by their path from ``folder``."""
    columns: dict[str, Sequence[Any]] = {PARK: [_beside(name, folder) for name in stations.park]}
    columns |= dict(stations.fields)
    columns |= {f"{LABEL}{name}": values for name, values in stations.labels.items()}
    return {
        site: {name: values[k] for name, values in columns.items() if values[k] is not None}
        for k, site in enumerate(stations.site)
    }


def _beside(park: str, folder: Path) -> str:
    path = Path(park)
    return Path(os.path.relpath(path, folder.resolve())).as_posix() if path.is_absolute() else park


def before(path: Path) -> dict[str, dict[str, Any]]:
    """The rows of a table of sites that is there already; none where it is not.

    Raises:
        DataError: the file is no such table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.exists():
        return {}
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read as a table of sites: {error}; give another file with --out") from None
    if not {SITE, PARK} <= set(table.column_names):
        raise DataError(f"{path}: is no table of sites: it has no column '{SITE}' or '{PARK}'; give another with --out")
    found = {}
    for row in table.to_pylist():
        found[row[SITE]] = {name: value for name, value in row.items() if value is not None and name != SITE}
    return found


def merged(old: Mapping[str, Row], new: Mapping[str, Row], *, drop_gone: bool) -> tuple[dict[str, Row], Changes]:
    """The table after an import: the list's rows in place of the old ones, the others kept unless told otherwise."""
    other = {site for site in new if site in old and old[site] != new[site]}
    columns: dict[str, int] = {}
    for site in other:
        for name in sorted({*old[site], *new[site]}):
            if old[site].get(name) != new[site].get(name):
                columns[name] = columns.get(name, 0) + 1
    missing = tuple(sorted(set(old) - set(new)))
    changes = Changes(
        tuple(sorted(set(new) - set(old))), tuple(sorted(other)), len(set(new) & set(old)) - len(other),
        () if drop_gone else missing, missing if drop_gone else (), dict(sorted(columns.items())),
    )  # fmt: skip
    rows = dict(new) if drop_gone else {**old, **new}
    return rows, changes


def table_of(rows: Mapping[str, Row]) -> pa.Table:
    """All rows by name; a column is of numbers where all its values are."""
    import pyarrow as pa

    names = sorted(rows)
    held = {name for row in rows.values() for name in row}
    fields = sorted(name for name in held if "." in name and not name.startswith(LABEL))
    labels = sorted(name for name in held if name.startswith(LABEL))
    order = [PARK, *(name for name in SITE_FIELDS if name in held), *fields, *labels]
    columns: dict[str, pa.Array] = {SITE: pa.array(names, pa.string())}
    for name in order:
        values = [rows[site].get(name) for site in names]
        is_number = all(isinstance(value, int | float) for value in values if value is not None)
        texts = values if is_number else [None if value is None else _text(value) for value in values]
        columns[name] = pa.array(texts, pa.float64() if is_number else pa.string())
    return pa.table(columns)


def _text(value: Any) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def write(rows: Mapping[str, Row], path: Path) -> None:
    """Beside its place first, then there at once: a reader sees the old table or the new one."""
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    pq.write_table(table_of(rows), part, compression="zstd")
    part.replace(path)
