"""Entries of the journal as tables, kept in memory once they were decoded: an entry never changes.

Many small requests are many entries, and every read and every late value looks at all of a time: to decode 500 of them
took 70 ms, to find them here takes one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROWS = 1_000_000  # about 100 MB


class Decoded:
    """Tables by the entry's id; those not asked for longest go first."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self._most, self._rows = most_rows, 0
        self._tables: OrderedDict[str, pa.Table] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, ids: Sequence[str], read: Callable[[list[str]], Mapping[str, pa.Table]]) -> list[pa.Table]:
        """The tables of these entries, in this order; ``read`` decodes those that are not here."""
        with self._lock:
            found = {id_: self._tables[id_] for id_ in ids if id_ in self._tables}
            for id_ in found:
                self._tables.move_to_end(id_)
        if missing := [id_ for id_ in ids if id_ not in found]:
            fresh = read(missing)
            found |= fresh
            self._keep(fresh)
        return [found[id_] for id_ in ids]

    def _keep(self, fresh: Mapping[str, pa.Table]) -> None:
        with self._lock:
            for id_, table in fresh.items():
                if id_ not in self._tables:
                    self._tables[id_] = table
                    self._rows += table.num_rows
            while self._rows > self._most:
                _, gone = self._tables.popitem(last=False)
                self._rows -= gone.num_rows
