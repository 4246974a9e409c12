"""Many files into rows of the archive, as a mapping says: all of them, or a list of everything that is wrong.

`read_files` reads and checks; nothing is stored before all files are right. What it gives goes to `Store.append`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forecasting.archive import Archive
from forecasting.archive.rows import MEASURED_NS, Rows, concatenated
from forecasting.clock import utc_text
from forecasting.errors import ForecastError
from forecasting.importing.mapped_file import Piece, Read, read_mapped
from forecasting.importing.mapped_table import Mistake
from forecasting.importing.mapping import Files, ImportMapping
from forecasting.importing.wind_components import with_speeds

MOST_SHOWN = 40
SAME_PAIRS_SHOWN = 3


class ImportMistakesError(ForecastError):
    """Files cannot be imported; `mistakes` are all that were found."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        self.mistakes = mistakes
        lines = [str(mistake) for mistake in mistakes[:MOST_SHOWN]]
        if len(mistakes) > MOST_SHOWN:
            lines.append(f"… and {len(mistakes) - MOST_SHOWN} more")
        count = len(mistakes)
        super().__init__(f"nothing was imported: {count} mistake{'s' if count != 1 else ''}\n  " + "\n  ".join(lines))


@dataclass(frozen=True, eq=False)
class Incoming:
    """What the files hold.

    Attributes:
        archive: all rows.
        repeated: by series, rows that came more than once and were equal.
        set_aside: by series, rows that contradicted others and do not count, where the mapping says which does.
        files: those that were read.
        unused: by file, columns (or names of a long table) that the mapping does not name.
    """

    archive: Archive
    repeated: Mapping[tuple[str, str], int]
    set_aside: Mapping[tuple[str, str], int]
    files: tuple[Path, ...]
    unused: Mapping[Path, tuple[str, ...]]


def read_files(
    mapping: ImportMapping,
    folder: Path | str,
    progress: Callable[[str, float], None] = lambda _text, _share: None,
) -> Incoming:
    """All files of a mapping; relative paths start at `folder`.

    Raises ImportMistakesError with every mistake found, each with its file, row, column and value.
    """
    mistakes: list[Mistake] = []
    found = [(path, rule) for rule in mapping.files for path in _paths(rule, Path(folder), mistakes)]
    read: list[tuple[Path, Read]] = []
    for number, (path, rule) in enumerate(found):
        progress(f"reading {path.name}", number / len(found))
        one = read_mapped(path, rule, mapping.time_zone)
        mistakes += one.mistakes
        read.append((path, one))
    pieces: dict[tuple[str, str], list[Piece]] = {}
    for _, one in read:
        for piece in one.pieces:
            pieces.setdefault((piece.site, piece.variable), []).append(piece)
    rows, repeated, aside = {}, {}, {}
    for key, parts in sorted(pieces.items()):
        together = concatenated([part.rows for part in parts])
        rows[key] = together.sorted()
        repeated[key] = len(together) - len(rows[key])
        if dropped := sum(part.set_aside for part in parts):
            aside[key] = dropped
        mistakes += _contradictions(together, parts)
    whole, wrong = with_speeds(rows)
    mistakes += [Mistake("components of wind", None, None, text) for text in wrong]
    if mistakes:
        raise ImportMistakesError(tuple(dict.fromkeys(mistakes)))
    unused = {path: one.unused for path, one in read if one.unused}
    return Incoming(Archive.of_rows(whole), repeated, aside, tuple(path for path, _ in found), unused)


def _paths(rule: Files, folder: Path, mistakes: list[Mistake]) -> list[Path]:
    """Files of all patterns, each once; a pattern that no file fits is a mistake."""
    found: dict[Path, None] = {}
    for pattern in (rule.files,) if isinstance(rule.files, str) else rule.files:
        path = Path(pattern)
        base, rest = (Path(path.anchor), path.relative_to(path.anchor)) if path.is_absolute() else (folder, path)
        fitting = sorted(one for one in base.glob(str(rest)) if one.is_file())
        if not fitting:
            mistakes.append(Mistake(pattern, None, None, f"no file in {folder} fits; give a path or a pattern"))
        found |= dict.fromkeys(fitting)
    return list(found)


def _contradictions(rows: Rows, parts: list[Piece]) -> list[Mistake]:
    """Rows that say two things about one interval, issue, member and availability, with the places of both."""
    keys = (rows.available_ns, rows.member, rows.issue_ns, rows.valid_ns)
    order = np.lexsort(keys)
    tied = np.ones(max(len(order) - 1, 0), dtype=bool)
    for key in keys:
        tied &= key[order][1:] == key[order][:-1]
    value = rows.value[order]
    tied &= ~((value[1:] == value[:-1]) | (np.isnan(value[1:]) & np.isnan(value[:-1])))
    pairs = np.flatnonzero(tied)
    found = [_contradiction(rows, parts, int(order[at]), int(order[at + 1])) for at in pairs[:SAME_PAIRS_SHOWN]]
    if len(pairs) > SAME_PAIRS_SHOWN:
        text = f"and {len(pairs) - SAME_PAIRS_SHOWN} more pairs of rows that contradict each other"
        found.append(Mistake(parts[0].file, None, parts[0].column, text))
    return found


def _contradiction(rows: Rows, parts: list[Piece], one: int, other: int) -> Mistake:
    ends = np.cumsum([len(part.rows) for part in parts])
    places = []
    for at in sorted((one, other)):
        part = parts[int(np.searchsorted(ends, at, side="right"))]
        places.append((part, int(part.row[at - (ends[parts.index(part)] - len(part.rows))])))
    (first, first_row), (second, second_row) = places
    a, b = sorted((one, other))
    issue = int(rows.issue_ns[a])
    run = "" if issue == MEASURED_NS else f" of the run of {utc_text(issue)}"
    elsewhere = f"row {first_row}" if first.file == second.file else f"{first.file}, row {first_row}"
    text = (
        f"{first.site}/{first.variable} at {utc_text(int(rows.valid_ns[b]))}{run}: {rows.value[b]:g}, but {elsewhere} "
        f"says {rows.value[a]:g}; remove one, say which counts (repeated), or give a restated value its own "
        "available_column"
    )
    return Mistake(second.file, second_row, second.column, text)
