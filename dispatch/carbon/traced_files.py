"""A traced year, written to Parquet while it runs: one row a step, one row group a part.

Columns: ``time``, "intensity/<node>", "load/<node>" and "branch_loss/<branch>" as they are traced (kg/kWh and kg/h of
flows in kW), "held_kg/<store>" at the end of the step, ``sources_kg`` and ``left_over_kg``. Steps without a solution
are missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from dispatch.carbon.store_tracing import TracedStores
from dispatch.errors import AlignmentError


class TracedFile:
    """A Parquet file of traced parts, in order; until it is closed it is called ``path`` + ".part".

    Args:
        path: of the file.
        nodes, branches, stores: their names, in the order of the arrays.
    """

    def __init__(self, path: Path, nodes: Sequence[str], branches: Sequence[str], stores: Sequence[str]) -> None:
        import pyarrow as pa

        self._path, self._part, self._writer = path, path.with_name(path.name + ".part"), None
        self._sizes = len(nodes), len(branches), len(stores)
        named = [f"intensity/{node}" for node in nodes] + [f"load/{node}" for node in nodes]
        named += [f"branch_loss/{branch}" for branch in branches] + [f"held_kg/{store}" for store in stores]
        fields = [pa.field("time", pa.timestamp("us"))]
        fields += [pa.field(name, pa.float64()) for name in (*named, "sources_kg", "left_over_kg")]
        self._schema = pa.schema(fields)

    def __enter__(self) -> Self:
        import pyarrow.parquet as pq

        self._writer = pq.ParquetWriter(self._part, self._schema, use_dictionary=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
        if kind is None:
            self._part.replace(self._path)

    def write(self, start: ArrayLike, part: TracedStores) -> None:
        """One part, its steps beginning at ``start`` (T,), as one row group.

        Raises:
            AlignmentError: other nodes, branches, stores or steps than were named.
        """
        import pyarrow as pa

        times = np.asarray(start, dtype="datetime64[us]")
        rows = part.traced.intensity, part.traced.branch_loss, part.held.carbon_kg
        found = tuple(len(values) for values in rows)
        if found != self._sizes or times.shape != part.hours.shape:
            raise AlignmentError(
                f"{found} nodes, branches and stores in {times.size} steps; accepted: {self._sizes} "
                f"in {part.hours.size}"
            )
        columns: list[Any] = [pa.array(times)]
        for values in (part.traced.intensity, part.traced.load, part.traced.branch_loss, part.held.carbon_kg[:, 1:]):
            columns += [pa.array(row, from_pandas=True) for row in values]
        columns += [pa.array(row, from_pandas=True) for row in (part.sources_kg, part.left_over_kg)]
        if self._writer is not None:
            self._writer.write_batch(pa.record_batch(columns, schema=self._schema))
