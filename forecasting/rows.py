"""The rows of one series as parallel arrays: the form in which the archive holds them, in memory and on disk."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from forecasting.clock import Ns

Floats = NDArray[np.float64]
MEASURED_NS = int(np.iinfo(np.int64).min)  # stands for "no issue time"; written as null


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

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Rows:
        """The chosen rows (mask or positions)."""
        return Rows(*(getattr(self, f.name)[chosen] for f in fields(self)))

    def joined(self, other: Rows) -> Rows:
        """Both sets of rows, sorted, each identical row once."""
        both = Rows(*(np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)))
        return both.sorted()

    def sorted(self) -> Rows:
        """The same rows in the order of the class, without repeated identical rows."""
        keys = (self.value, self.available_ns, self.member, self.issue_ns, self.valid_ns)
        rows = self.take(np.lexsort(keys))
        same = np.ones(max(len(rows) - 1, 0), dtype=bool)
        for column in fields(rows):
            data = getattr(rows, column.name)
            equal = data[1:] == data[:-1]
            same &= equal | (np.isnan(data[1:]) & np.isnan(data[:-1])) if column.name == "value" else equal
        return rows.take(np.concatenate([[True], ~same])) if same.any() else rows
