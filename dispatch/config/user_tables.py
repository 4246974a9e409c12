"""CSV and Parquet files that a park names: columns as they stand there, and what is wrong with them in words."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from dispatch.config.mistakes import near_miss
from forecasting.errors import ForecastError
from forecasting.importing.text import plain_numbers, separator_of, text_of

_PARQUET = {".parquet", ".pq"}


class Wrong(Exception):  # noqa: N818 - never leaves this package: it becomes a Problem
    """What is wrong with a file, under the field of the park's file that it is wrong for."""

    def __init__(self, field: str, message: str, accepted: str) -> None:
        super().__init__(message)
        self.field, self.message, self.accepted = field, message, accepted


def is_parquet(file: str | Path) -> bool:
    """By the ending of its name."""
    return Path(file).suffix.lower() in _PARQUET


def read_columns(file: Path, name: str, *, ragged: bool = False) -> dict[str, list[Any]]:
    """All columns by their names; text where the file is a CSV. Of a name that comes again the second is ``name.1``.

    Args:
        file: its path.
        name: what messages call it.
        ragged: rows may end early; what they lack is empty.

    Raises:
        Wrong: the file is not there or no table.
    """
    if not file.is_file():
        raise Wrong("file", f"there is no file '{name}' beside the park's file", "a CSV or Parquet file")
    return _parquet(file) if is_parquet(file) else _csv(file, name, ragged=ragged)


def _csv(file: Path, called: str, *, ragged: bool) -> dict[str, list[Any]]:
    try:
        text = text_of(file, f"'{called}'")
        table = list(csv.reader(StringIO(text), delimiter=separator_of(text.partition("\n")[0])))
    except (OSError, csv.Error, ForecastError) as error:
        found, _, accepted = str(error).partition("; accepted: ")
        raise Wrong("file", f"cannot be read: {found}", accepted or "a CSV or Parquet file") from None
    names = _distinct(table[0] if table else [])
    if ragged:
        table = [row + [""] * (len(names) - len(row)) if row else row for row in table]
    for number, row in enumerate(table[1:], 2):
        if row and len(row) != len(names):
            found = f"has rows of different length: row {number} has {len(row)} cells, the header {len(names)}"
            raise Wrong("file", found, "as many cells in each row as there are names")
    return {name: [row[place] for row in table[1:] if row] for place, name in enumerate(names)}


def _distinct(names: list[str]) -> list[str]:
    again: Counter[str] = Counter()
    made = []
    for name in names:
        made.append(f"{name}.{again[name]}" if again[name] else name)
        again[name] += 1
    return made


def _parquet(file: Path) -> dict[str, list[Any]]:
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    try:
        return dict(pq.read_table(file).to_pydict())
    except (OSError, ArrowException) as error:
        raise Wrong("file", f"is no Parquet table: {error}", "a CSV or Parquet file") from None


def require_column(columns: Mapping[str, Any], name: str, field: str, file: str) -> None:
    """A column is there.

    Raises:
        Wrong: it is not; the message says which are.
    """
    if name not in columns:
        raise Wrong(field, f"'{file}' has no column '{name}'", near_miss(name, list(columns)))


def with_points(column: list[Any], where: str) -> list[Any]:
    """A column's texts with decimal points; anything else as it is.

    Raises:
        Wrong: its commas may mean two things.
    """
    if not all(isinstance(cell, str) for cell in column):
        return column
    try:
        return list(plain_numbers(column))
    except ValueError as error:
        raise Wrong("column", f"{where}: {error}", "numbers without commas") from None


def as_number(cell: Any, where: str) -> float:
    """A cell's number, NaN where it is empty.

    Raises:
        Wrong: it is none.
    """
    text = "" if cell is None else str(cell).strip()
    accepted = "a number, or nothing where it is unknown"
    try:
        value = float(text) if text else math.nan
    except ValueError:
        raise Wrong("column", f"{where}: '{text}' is not a number", accepted) from None
    if math.isinf(value):
        raise Wrong("column", f"{where}: the value is infinite", accepted)
    return value
