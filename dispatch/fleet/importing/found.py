"""What is wrong with a list of stations and what is worth a look: collected with row and column, never raised early."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dispatch.errors import ConfigError, Problem

_NAMED = 5  # rows named of one mistake in one column
_MOST = 60


@dataclass(frozen=True)
class Mistake:
    """One cell, or row, or the list as a whole (no row): what was found and what would be accepted."""

    row: int | None
    column: str | None
    value: str
    message: str
    accepted: str = ""

    @property
    def place(self) -> str:
        """Row and column in words."""
        parts = [f"row {self.row}"] * (self.row is not None) + [f"column '{self.column}'"] * (self.column is not None)
        return ", ".join(parts) or "file"

    @property
    def problem(self) -> Problem:
        """The same for the list of an error."""
        found = f" (found '{self.value}')" if self.value else ""
        return Problem(self.place, self.message + found, self.accepted)


@dataclass
class Findings:
    """Mistakes by the position of their row, and notes."""

    mistakes: list[Mistake] = field(default_factory=list)
    wrong: set[int] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    @property
    def by_row(self) -> tuple[Mistake, ...]:
        """All mistakes in the order of their rows."""
        return tuple(sorted(self.mistakes, key=lambda one: one.row or 0))

    def tell(self, position: int | None, mistake: Mistake) -> None:
        """Keep a mistake, once."""
        if position is not None:
            self.wrong.add(position)
        self.mistakes.append(mistake)


class StationMistakesError(ConfigError):
    """A list cannot be taken as it is; ``mistakes`` are all that were found, the message names some of each sort."""

    def __init__(self, source: str, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(source, _shortened(self.mistakes))
        count, shown = len(self.mistakes), len(self.problems)
        if shown < count:
            head = f"{source}: {count} mistakes, the first of each sort\n"
            self.args = (head + "\n".join(f"  {problem}" for problem in self.problems),)


def _shortened(mistakes: Iterable[Mistake]) -> list[Problem]:
    """The first few of each mistake in each column, then how many more there are."""
    sorts: dict[tuple[str | None, str], list[Mistake]] = {}
    for one in mistakes:
        sorts.setdefault((one.column, one.message), []).append(one)
    shown: list[Problem] = []
    for (column, message), group in sorts.items():
        shown += [one.problem for one in group[:_NAMED]]
        if len(group) > _NAMED:
            place = f"column '{column}'" if column is not None else "file"
            shown.append(Problem(place, f"and {len(group) - _NAMED} more rows: {message}"))
    return [*shown[:_MOST], Problem("file", f"and {len(shown) - _MOST} more lines")] if len(shown) > _MOST else shown


def write_mistakes(mistakes: Sequence[Mistake], path: Path) -> None:
    """All of them as CSV, with the row and column of the user's file; spreadsheets read its UTF-8 by the mark."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("row", "column", "value", "problem", "accepted"))
        for one in mistakes:
            cells = ("" if one.row is None else one.row, one.column or "", one.value, one.message, one.accepted)
            writer.writerow(cells)
