"""The files of a fleet planned under what it shares: sites, plans, shared things, owners' shares, work moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dispatch.fleet.outcomes import Outcome, schedule_blocks, schedule_table, summary_table
from dispatch.fleet.run.store import write_table, write_text
from dispatch.fleet.shared.coordinated import Coordination
from dispatch.fleet.shared.files import SharedFleet
from dispatch.fleet.shared.kinds.movable_work import MovableWork
from dispatch.fleet.shared.kinds.park import Park
from dispatch.fleet.shared.owners import CostShares, by_prices, by_shapley, game
from dispatch.fleet.shared.plan import MOST_WHOLE, SharedPlan, plan_shared
from dispatch.fleet.shared.space import Moved, moved
from dispatch.solver.highs import Limits

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, eq=False)
class Answered:
    """A fleet's file, planned.

    Attributes:
        shares: by park, what its owners pay by each rule.
        work: what moving it saves; None where none is shared.
    """

    fleet: SharedFleet
    plan: SharedPlan
    shares: Mapping[str, tuple[CostShares, ...]]
    work: Moved | None

    def words(self) -> list[str]:
        """All of it in short."""
        told = [f"{name}: {line}" for name, rules in self.shares.items() for one in rules for line in one.words()]
        return [*self.plan.words(), *(self.work.words() if self.work else []), *told]

    def write(self, folder: Path) -> None:
        """Tables as Parquet, what is to be said as text.

        Raises:
            UnwrittenError: the folder cannot be written to.
        """
        names, schedules = self.plan.fleet.scope.names, self.plan.schedules
        blocks = [schedule_blocks(name, schedule) for name, schedule in schedules.items()]
        write_table(folder / "series.parquet", schedule_table(names, blocks, self.fleet.horizon))
        outcomes = [Outcome.of_schedule(name, schedules[name]) for name in names]
        write_table(folder / "sites.parquet", summary_table(outcomes))
        write_table(folder / "shared.parquet", columns_table(self.plan.uses.table()))
        for name, rules in self.shares.items():
            write_table(folder / f"owners_{name}.parquet", columns_table(_stacked([one.table() for one in rules])))
        if self.work is not None:
            write_table(folder / "work.parquet", columns_table(self.work.table()))
        write_text(folder / "said.txt", "\n".join(self.words()) + "\n")


def answer(fleet: SharedFleet, coordination: Coordination | None = None) -> Answered:
    """Plan a fleet's file, with all that can be said of what is shared.

    Raises:
        SolveError: nothing keeps all hard limits.
    """
    limits, given = Limits(gap=fleet.file.gap), (fleet.members, fleet.shared)
    method = coordination if len(fleet.members) > MOST_WHOLE else None
    plan = plan_shared(*given, fleet.horizon, limits=limits, method=method)
    shares = {}
    for park in (thing for thing in fleet.shared if isinstance(thing, Park)):
        worth = game(*given, park, fleet.horizon, limits=limits, plan=plan)
        shares[park.name] = (by_prices(plan, park, worth), by_shapley(plan, park, worth))
    moves = any(isinstance(thing, MovableWork) for thing in fleet.shared)
    work = moved(*given, plan, limits=limits, method=method) if moves else None
    return Answered(fleet, plan, shares, work)


def _stacked(tables: Sequence[dict[str, list[Any]]]) -> dict[str, list[Any]]:
    return {name: [value for table in tables for value in table[name]] for name in tables[0]}


def columns_table(columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """Numbers stay numbers where all are missing."""
    import pyarrow as pa

    texts = {name: all(isinstance(value, str | None) for value in values) for name, values in columns.items()}
    empty = {name: all(value is None for value in values) for name, values in columns.items()}
    kinds = {n: pa.string() if texts[n] and (not empty[n] or n == "start") else pa.float64() for n in columns}
    return pa.table({name: pa.array(values, kinds[name]) for name, values in columns.items()})
