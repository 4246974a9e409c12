"""Who plans sites: many of one structure at once, or without a solver where that has failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from dispatch.errors import SolveError
from dispatch.fleet import independent
from dispatch.fleet.members import Member
from dispatch.fleet.outcomes import Outcome, schedule_blocks
from dispatch.fleet.run.planned import Tables, tables
from dispatch.fleet.template import mode_of
from dispatch.ladder.climb import climb
from dispatch.problem import Problem
from dispatch.signals import Horizon
from dispatch.solver.highs import Answer, Limits, Matrices


class Planner(Protocol):
    """Plans sites; a dataclass of settings, importable by name and picklable."""

    def __call__(self, members: Sequence[Member], references: Sequence[Member]) -> Tables:
        """Tables of all, in order. A site's plan must not depend on who is beside it, or was planned before.

        Args:
            references: a site of each structure that is the same for the whole fleet, to begin searches from.
        """
        ...


@dataclass(frozen=True)
class Independent:
    """Each site's own best plan."""

    horizon: Horizon
    limits: Limits = field(default_factory=Limits)

    def __call__(self, members: Sequence[Member], references: Sequence[Member]) -> Tables:
        """See :class:`Planner`."""
        made = independent.plan_chunk(independent.Chunk(self.horizon, tuple(members), tuple(references), self.limits))
        return {"sites": made.summary, "series": made.schedule}


@dataclass(frozen=True)
class Safely:
    """The plan that needs no solver: the site's own rules if they pass the audit, else its safe state."""

    horizon: Horizon

    def __call__(self, members: Sequence[Member], references: Sequence[Member]) -> Tables:
        """See :class:`Planner`; nothing begins from a reference."""
        del references
        outcomes, blocks = [], []
        for member in members:
            problem = Problem(member.site, member.inputs(self.horizon), mode_of(member.site))
            schedule = climb(problem, run=_refuse).schedule
            outcomes.append(Outcome.of_schedule(member.name, schedule))
            blocks.append(schedule_blocks(member.name, schedule))
        return tables(outcomes, blocks, self.horizon)


def _refuse(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
    del matrices, limits, named
    raise SolveError("not asked: the site had to be set apart")
