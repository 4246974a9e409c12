"""The rows of one series as parallel arrays: the form in which the archive holds them, in memory and on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from forecasting.clock import Ns

Floats = NDArray[np.float64]
MEASURED_NS = int(np.iinfo(np.int64).min)  # stands for "no issue time"; written as null


def curtailed_name(variable: str) -> str:
    """The series that says in which intervals a plant was held back: 1 it was, 0 it was not, NaN nobody knows."""
    return f"{variable}_curtailed"


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of one site and variable: parallel arrays, sorted by valid_time, issue_time, member, available_at."""

    issue_ns: Ns
    valid_ns: Ns
    available_ns: Ns
    member: NDArray[np.int32]
    value: Floats

    def __len__(self) -> int:
        return len(self.value)

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.integer] | slice) -> Rows:
        """The chosen rows (mask, positions or slice)."""
        return Rows(*(getattr(self, f.name)[chosen] for f in fields(self)))

    def joined(self, other: Rows) -> Rows:
        """Both sets of rows, sorted, each identical row once."""
        return concatenated([self, other]).sorted()

    def sorted(self) -> Rows:
        """The same rows in the order of the class, without repeated identical rows."""
        if self._in_order():
            return self
        rows = self.take(np.lexsort((self.value, self.available_ns, self.member, self.issue_ns, self.valid_ns)))
        same = np.ones(max(len(rows) - 1, 0), dtype=bool)
        for column in fields(rows):
            data = getattr(rows, column.name)
            equal = data[1:] == data[:-1]
            same &= equal | (np.isnan(data[1:]) & np.isnan(data[:-1])) if column.name == "value" else equal
        return rows.take(np.concatenate([[True], ~same])) if same.any() else rows

    def _in_order(self) -> bool:
        """Whether the rows rise strictly without looking at values: then there is nothing to sort or to drop.

        Looking takes a tenth of the time of sorting, and what comes from disk is in order nearly always.
        """
        tied = np.ones(max(len(self) - 1, 0), dtype=bool)
        for data in (self.valid_ns, self.issue_ns, self.member, self.available_ns):
            if (tied & (data[1:] < data[:-1])).any():
                return False
            tied &= data[1:] == data[:-1]
            if not tied.any():
                return True
        return not tied.any()


def concatenated(parts: Sequence[Rows]) -> Rows:
    """All rows one after the other, as they are."""
    if len(parts) == 1:
        return parts[0]
    nothing = np.empty(0, np.int64)
    all_parts = [Rows(nothing, nothing, nothing, np.empty(0, np.int32), np.empty(0)), *parts]
    return Rows(*(np.concatenate([getattr(rows, f.name) for rows in all_parts]) for f in fields(Rows)))
