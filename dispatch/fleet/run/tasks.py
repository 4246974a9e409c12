"""What runs in a worker: plan a chunk and write it. The same chunk again writes the same bytes."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.errors import ContractError, SolveError
from dispatch.fleet.members import Member
from dispatch.fleet.run.asked import Chunk
from dispatch.fleet.run.planned import NONE, Tables, plain, with_column
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
        references: by structure, the site that searches begin from.
        failed: why its sites had to be set apart; empty for a chunk like any other.
    """

    planner: Planner
    store: Store
    references: dict[str, Member]
    failed: str = ""

    def __call__(self, chunk: Chunk) -> Done | Unwritten:
        """The chunk's mark, once it is on the disk.

        Raises:
            SolveError: a site has no plan; the message carries the reason.
        """
        tables = planned(self.planner, chunk, self.references)
        return keep(self.store, chunk, tables, self.failed)


@dataclass(frozen=True)
class TryChunk:
    """Plans a chunk's sites and forgets them: can it be done?"""

    planner: Planner

    def __call__(self, chunk: Chunk) -> None:
        """Raises or kills its worker where it cannot."""
        planned(self.planner, chunk, {chunk.structure: chunk.members[0]})


def planned(planner: Planner, chunk: Chunk, references: dict[str, Member]) -> Tables:
    """The tables of a chunk's sites.

    Raises:
        SolveError: a site has no plan; the message carries the reason.
    """
    reference = references.get(chunk.structure)
    tables = planner(chunk.members, () if reference is None else (reference,))
    sites = tables["sites"]
    if sites["site"].to_pylist() != [member.name for member in chunk.members]:
        raise ContractError("the planner did not give each site its plan")
    none = [row["reason"] for row in sites.to_pylist() if row["quality"] == NONE]
    if none:
        raise SolveError(none[0])
    return tables


def keep(store: Store, chunk: Chunk, tables: Tables, failed: str = "") -> Done | Unwritten:
    """Write a chunk's tables, with the sites' currencies and why they were set apart."""
    named = with_column(tables, "currency", [member.site.currency for member in chunk.members])
    named = with_column(named, "failed", [failed] * len(chunk.members))
    try:
        return store.write(chunk.name, chunk.inputs, {name: plain(table) for name, table in named.items()})
    except UnwrittenError as error:
        return Unwritten(str(error))
