"""What runs in a worker: plan a chunk and write it. The same chunk again writes the same bytes."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.errors import ContractError, SolveError
from dispatch.fleet.run.asked import Chunk
from dispatch.fleet.run.planned import NONE, Tables, with_column
from dispatch.fleet.run.planner import Planner
from dispatch.fleet.run.store import Done, Store, UnwrittenError


@dataclass(frozen=True)
class Unwritten:
    """The plans are there and the disk would not take them; no fault of the sites."""

    text: str


@dataclass(frozen=True)
class PlanChunk:
    """Plans a chunk's sites and keeps them; a site without any plan makes it fail.

    Attributes:
        failed: why its sites had to be set apart; empty for a chunk like any other.
    """

    planner: Planner
    store: Store
    failed: str = ""

    def __call__(self, chunk: Chunk) -> Done | Unwritten:
        """The chunk's mark, once it is on the disk.

        Raises:
            SolveError: a site has no plan; the message carries the reason.
        """
        tables = self.planner(chunk.members)
        sites = tables["sites"]
        if sites["site"].to_pylist() != [member.name for member in chunk.members]:
            raise ContractError("the planner did not give each site its plan")
        none = [row["reason"] for row in sites.to_pylist() if row["quality"] == NONE]
        if none:
            raise SolveError(none[0])
        return keep(self.store, chunk, tables, self.failed)


def keep(store: Store, chunk: Chunk, tables: Tables, failed: str = "") -> Done | Unwritten:
    """Write a chunk's tables, with the sites' currencies and why they were set apart."""
    named = with_column(tables, "currency", [member.site.currency for member in chunk.members])
    try:
        return store.write(chunk.name, chunk.inputs, with_column(named, "failed", [failed] * len(chunk.members)))
    except UnwrittenError as error:
        return Unwritten(str(error))
