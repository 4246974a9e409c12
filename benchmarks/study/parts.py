"""One Parquet part per cell, written whole or not at all, with what it depends on in its metadata."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.study.cells import Cell
from benchmarks.study.measure import Figures
from benchmarks.study.metrics import METRICS, PARTS

if TYPE_CHECKING:
    import pyarrow as pa

KEY, NOTES = b"study.key", b"study.notes"
COLUMNS = (*(name for name, metric in METRICS.items() if metric.fold != "ratio"), *PARTS)
"""Figures that are kept: shares as the sums that they are made of."""


def table(cell: Cell, rows: Sequence[tuple[str, Figures]]) -> pa.Table:
    """One row per day. The seed is empty where the method depends on none."""
    import pyarrow as pa

    named = {
        "case": pa.array([cell.stretch.case] * len(rows), pa.string()),
        "method": pa.array([cell.method] * len(rows), pa.string()),
        "seed": pa.array([cell.seed] * len(rows), pa.int64()),
        "first_day": pa.array([cell.stretch.first_day.isoformat()] * len(rows), pa.string()),
        "day": pa.array([day for day, _ in rows], pa.string()),
    }
    units = {name: METRICS[name].unit if name in METRICS else "kWh" for name in COLUMNS}
    named |= {name: pa.array([figures.get(name) for _, figures in rows], pa.float64()) for name in COLUMNS}
    fields = [pa.field(name, a.type, metadata={"unit": units.get(name, "")}) for name, a in named.items()]
    return pa.Table.from_arrays(list(named.values()), schema=pa.schema(fields))


def encoded(made: pa.Table, ingredients: Mapping[str, str], notes: Sequence[str]) -> bytes:
    """The part's bytes; the same for the same values."""
    import pyarrow.parquet as pq

    told = {KEY: json.dumps(dict(ingredients), sort_keys=True), NOTES: json.dumps(list(notes), ensure_ascii=False)}
    buffer = io.BytesIO()
    pq.write_table(made.replace_schema_metadata(told), buffer, compression="zstd")
    return buffer.getvalue()


def keep(path: Path, content: bytes) -> None:
    """Write beside the place and move there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.part")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def ingredients(path: Path) -> dict[str, str] | None:
    """What a kept part depends on; None where there is none that can be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata: dict[bytes, bytes] = pq.read_schema(path).metadata or {}
        found: dict[str, str] = json.loads(metadata[KEY])
    except (OSError, KeyError, ValueError, pa.ArrowException):
        return None
    return found


def read(path: Path) -> tuple[Any, list[str]]:
    """The part's table and notes."""
    import pyarrow.parquet as pq

    made = pq.read_table(path)
    notes: list[str] = json.loads(made.schema.metadata[NOTES])
    return made.replace_schema_metadata(None), notes
