"""Files that a park names and a plan will read: whether they are there, have their columns, and hold numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dispatch.config.documents import read_document
from dispatch.config.doubts import Measured, doubts
from dispatch.config.park import Reading, find_config
from dispatch.config.user_tables import Wrong, as_number, is_parquet, read_columns, require_column, with_points
from dispatch.errors import ConfigError, Problem
from dispatch.fields.series import FileSeries
from dispatch.site import Site

# What a plan takes for missing too.
_MISSING: set[str | None] = {
    "#N/A",
    "#NA",
    "-1.#IND",
    "1.#IND",
    "-NaN",
    "-nan",
    "<NA>",
    "N/A",
    "NA",
    "NULL",
    "NaN",
    "None",
    "n/a",
    "nan",
}
_MISSING |= {"null", None}


def require_files(site: Site, name: str | Path) -> tuple[str, ...]:
    """Look into the data files that a park names; gives what is readable there and in the park, and hard to believe.

    Times are looked at when it is planned.

    Raises:
        ConfigError: files or columns are missing, or hold no numbers; lists all of it with the lines that name them.
    """
    path = find_config(name, "parks")
    reading = Reading(read_document(path, str(name)), path.parent)
    reading.expanded()
    files = _Files(path.parent)
    problems = [*files.problems(site), *_archive_problems(site, path.parent)]
    if problems:
        located = [reading.located(problem) for problem in problems]
        raise ConfigError(str(name), sorted(located, key=lambda p: (p.line or 0, p.path)))
    return tuple(str(reading.located(one)) for one in doubts(site, files.measured))


class _Files:
    """Tables, each read once however many assets name it; ``measured`` fills as they are looked at."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: dict[str, dict[str, list[Any]]] = {}
        self.measured: list[Measured] = []

    def problems(self, site: Site) -> Iterator[Problem]:
        for index, asset in enumerate(site.assets):
            for need in asset.needs:
                if isinstance(need.history, FileSeries):
                    try:
                        values = self._values(need.history)
                    except Wrong as error:
                        field = f".{error.field}" if error.field else ""
                        yield Problem(f"assets[{index}].history{field}", error.message, error.accepted)
                    else:
                        self.measured.append(Measured(index, asset, need, need.history, values))

    def _values(self, history: FileSeries) -> tuple[float, ...]:
        if history.file not in self._tables:
            self._tables[history.file] = read_columns(self._folder / history.file, history.file, ragged=True)
        table = self._tables[history.file]
        if history.time_column is not None and not is_parquet(history.file):  # there it may be the index
            require_column(table, history.time_column, "time_column", history.file)
        require_column(table, history.column, "column", history.file)
        named = ["" if cell in _MISSING else cell for cell in table[history.column]]
        cells = with_points(named, f"column '{history.column}' of '{history.file}'")
        where = f"of column '{history.column}' in '{history.file}'"
        return tuple(as_number(cell, f"row {row} {where}") for row, cell in enumerate(cells, 2))


def _archive_problems(site: Site, folder: Path) -> Iterator[Problem]:
    if site.archive is not None and not _is_folder(folder / site.archive.folder):
        text = f"there is no folder '{site.archive.folder}' beside the park's file"
        yield Problem("archive.folder", text, "a folder that 'parkwatt archive import' has filled")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # such as a name longer than the file system allows
        return False
