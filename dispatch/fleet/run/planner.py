"""Who plans sites: one after the other by the ladder, or without a solver where that has failed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from dispatch.asset import Mode
from dispatch.errors import SolveError
from dispatch.fleet.members import Member, structure_of
from dispatch.fleet.run.planned import Planned, of_climb
from dispatch.highs import Answer, Limits, Matrices
from dispatch.ladder import climb
from dispatch.problem import Problem
from dispatch.signals import Horizon
from dispatch.site import Site


class Planner(Protocol):
    """Plans sites of one structure; a dataclass, importable by name and picklable."""

    def __call__(self, members: Sequence[Member]) -> Sequence[Planned]:
        """A plan for each, in order. A site's plan must not depend on who is beside it, or was before."""
        ...


@dataclass(frozen=True)
class ByLadder:
    """Each site's best schedule that passes the audit, from one compiled problem for all of a structure."""

    horizon: Horizon
    limits: Limits = Limits()

    def __call__(self, members: Sequence[Member]) -> list[Planned]:
        """See :class:`Planner`."""
        problem = _template(_Key(structure_of(members[0].site), members[0], self.horizon))
        plans = []
        for member in members:
            problem.update(member.inputs(self.horizon), site=member.site)
            plans.append(of_climb(member.name, member.site.currency, climb(problem, self.limits)))
        return plans


@dataclass(frozen=True)
class Safely:
    """The plan that needs no solver: the site's own rules if they pass the audit, else its safe state."""

    horizon: Horizon

    def __call__(self, members: Sequence[Member]) -> list[Planned]:
        """See :class:`Planner`."""
        plans = []
        for member in members:
            problem = Problem(member.site, member.inputs(self.horizon), _mode(member.site))
            plans.append(of_climb(member.name, member.site.currency, climb(problem, run=_refuse)))
        return plans


def _refuse(matrices: Matrices, limits: Limits, **named: Any) -> Answer:
    del matrices, limits, named
    raise SolveError("not asked: the site had to be set apart")


@dataclass(frozen=True)
class _Key:
    """A structure over a horizon; the member it is built with makes no difference."""

    structure: Hashable
    member: Member
    horizon: Horizon

    def __hash__(self) -> int:
        return hash((repr(self.structure), self.horizon.edges.tobytes()))

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, _Key) and repr(self.structure) == repr(other.structure)
        return same and self.horizon.edges.tobytes() == other.horizon.edges.tobytes()  # type: ignore[union-attr]


@lru_cache(maxsize=4)
def _template(key: _Key) -> Problem:
    """One compiled problem in this worker."""
    site = key.member.site
    return Problem(site, key.member.inputs(key.horizon), _mode(site), template=True)


def _mode(site: Site) -> Mode:
    return Mode(site.planning.commitment, formulation=site.planning.formulation)
