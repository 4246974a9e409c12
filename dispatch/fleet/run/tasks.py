"""What runs in a worker: plan a chunk and write it. The same chunk again writes the same bytes."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.fleet.run.asked import Chunk
from dispatch.fleet.run.planned import tables
from dispatch.fleet.run.planner import Planner
from dispatch.fleet.run.store import Done, Store, UnwrittenError


@dataclass(frozen=True)
class Unwritten:
    """The plans are there and the disk would not take them; no fault of the sites."""

    text: str


@dataclass(frozen=True)
class PlanChunk:
    """Plans a chunk's sites and keeps them.

    Attributes:
        failed: why its sites had to be set apart; empty for a chunk like any other.
    """

    planner: Planner
    store: Store
    failed: str = ""

    def __call__(self, chunk: Chunk) -> Done | Unwritten:
        """The chunk's mark, once it is on the disk."""
        plans = self.planner(chunk.members)
        if [plan.name for plan in plans] != [member.name for member in chunk.members]:
            raise RuntimeError("the planner did not give each site its plan")
        if self.failed:
            plans = [plan.set_apart(self.failed) for plan in plans]
        try:
            return self.store.write(chunk.name, chunk.inputs, tables(plans))
        except UnwrittenError as error:
            return Unwritten(str(error))
