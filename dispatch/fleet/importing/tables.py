"""A list of stations as text: CSV, workbook or Parquet, every cell as it is written."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from dispatch.errors import DataError
from dispatch.fleet.importing.mapping import StationMapping
from forecasting.errors import ForecastError
from forecasting.importing.text import encoding_of

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = (".csv", ".txt", ".xlsx", ".parquet", ".pq")


@dataclass(frozen=True, eq=False)
class StationTable:
    """Cells as text, empty ones as "".

    Attributes:
        row: (N,) of each line, as a person counts in the file.
        how: what was read, in words: encoding, sheet.
        empty: lines without anything, left out.
    """

    path: Path
    cells: pd.DataFrame
    row: tuple[int, ...]
    how: str
    empty: int

    def find(self, name: str) -> str | None:
        """The column of that name; spaces, line breaks and full-width letters do not count."""
        wanted = _plain(name)
        found = [str(column) for column in self.cells.columns if _plain(str(column)) == wanted]
        return found[0] if found else None


def read_stations(path: Path, mapping: StationMapping) -> StationTable:
    """Read a list.

    Raises:
        DataError: it is missing, or no table that can be read.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise DataError(f"{path}: ending '{path.suffix}' is unknown; accepted: {', '.join(ENDINGS)}")
    if ending in (".parquet", ".pq"):
        frame, how = _parquet(path), "Parquet"
    else:
        frame, how = _workbook(path, mapping) if ending == ".xlsx" else _csv(path, mapping)
    frame.columns = [str(name).strip() for name in frame.columns]
    if twice := sorted({name for name in frame.columns if list(frame.columns).count(name) > 1}):
        raise DataError(f"{path}: two columns are called '{twice[0]}'; rename one")
    first = 1 if ending in (".parquet", ".pq") else 2 + mapping.skip_rows
    filled = (frame != "").any(axis=1)
    rows = tuple(int(k) + first for k in filled.to_numpy().nonzero()[0])
    if not rows:
        raise DataError(f"{path}: holds no row below its header")
    return StationTable(path, frame[filled].reset_index(drop=True), rows, how, int((~filled).sum()))


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split())


def _csv(path: Path, mapping: StationMapping) -> tuple[pd.DataFrame, str]:
    import pandas as pd

    encoding = mapping.encoding or _encoding(path)
    try:
        with path.open(encoding=encoding, newline="") as lines:
            header = next(islice(lines, mapping.skip_rows, None), "")
        separator = mapping.separator or max(",;\t|", key=header.count)
        frame = pd.read_csv(
            path,
            sep=separator,
            skiprows=mapping.skip_rows,
            encoding=encoding,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, LookupError) as error:
        raise DataError(f"{path}: not a table: {error}") from None
    return frame.apply(lambda column: column.str.strip()), f"encoding {encoding.removesuffix('-sig')}"


def _encoding(path: Path) -> str:
    """The encoding in which the whole file is text."""
    try:
        return encoding_of(path.read_bytes(), str(path))
    except ForecastError as error:
        raise DataError(f"{error}, or its encoding in the mapping") from None


def _workbook(path: Path, mapping: StationMapping) -> tuple[pd.DataFrame, str]:
    from zipfile import BadZipFile

    import pandas as pd

    try:
        with pd.ExcelFile(path, engine="openpyxl") as book:
            names = [str(name) for name in book.sheet_names]
            sheet = mapping.sheet or names[0]
            if sheet not in names:
                raise DataError(f"{path}: no sheet '{sheet}'; it has {', '.join(names)}")
            frame = book.parse(sheet, skiprows=mapping.skip_rows, dtype=object, keep_default_na=False)
    except (OSError, ValueError, KeyError, BadZipFile) as error:  # what openpyxl says of a file that is no workbook
        raise DataError(f"{path}: not a workbook: {error}") from None
    return _as_text(frame), f"sheet '{sheet}'"


def _parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except ValueError as error:  # Arrow's errors
        raise DataError(f"{path}: not a Parquet table: {error}") from None
    return _as_text(frame)


def _as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers as they would be written: 3.0 of a workbook is 3, and what is not there is empty."""

    def cell(value: object) -> str:
        if value is None or value != value:
            return ""
        return f"{value:.15g}" if isinstance(value, float) else str(value).strip()

    return frame.map(cell)
