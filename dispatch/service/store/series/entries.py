"""What never changes, kept in memory once it was read: entries of the journal, and small Parquet parts.

Many small requests are many entries, and every read and every late value looks at all of a time: to decode 500 of them
took 70 ms, to find them here takes one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROWS = 1_000_000  # about 100 MB


class Sized(Protocol):
    """Something with rows."""

    @property
    def num_rows(self) -> int:
        """How many."""


T = TypeVar("T", bound=Sized)


class Kept(Generic[T]):
    """What was read, by its id; those not asked for longest go first."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self._most, self._rows = most_rows, 0
        self._kept: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, ids: Sequence[str], read: Callable[[list[str]], Mapping[str, T]]) -> list[T]:
        """What has these ids, in this order; ``read`` brings those that are not here."""
        with self._lock:
            found = {id_: self._kept[id_] for id_ in ids if id_ in self._kept}
            for id_ in found:
                self._kept.move_to_end(id_)
        if missing := [id_ for id_ in ids if id_ not in found]:
            fresh = read(missing)
            found |= fresh
            self._keep(fresh)
        return [found[id_] for id_ in ids]

    def _keep(self, fresh: Mapping[str, T]) -> None:
        with self._lock:
            for id_, one in fresh.items():
                if id_ not in self._kept:
                    self._kept[id_] = one
                    self._rows += one.num_rows
            while self._rows > self._most:
                _, gone = self._kept.popitem(last=False)
                self._rows -= gone.num_rows


@dataclass(frozen=True, eq=False)
class PartRows:
    """The rows of a Parquet part, by site."""

    by_site: Mapping[str, pa.Table]
    num_rows: int

    @classmethod
    def of(cls, table: pa.Table) -> Self:
        """Of a table that is sorted by site, as parts are written."""
        import pyarrow.compute as pc

        runs = pc.run_end_encode(table["site"].combine_chunks())
        ends = runs.run_ends.to_pylist()
        starts = [0, *ends][:-1]
        by_site = {
            site: table.slice(start, end - start)
            for site, start, end in zip(runs.values.to_pylist(), starts, ends, strict=True)
        }
        return cls(by_site, table.num_rows)
