"""A fleet under what it shares by coordination: prices, column generation, two bounds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from dispatch.errors import SolveError
from dispatch.executor import Workplace
from dispatch.fleet.coordination import Settings, Structure, coordinate
from dispatch.fleet.coupling import Coupling
from dispatch.fleet.integer.plan import commit_fleet
from dispatch.fleet.shared.gathered import Gathered
from dispatch.fleet.shared.repair import without_both
from dispatch.fleet.shared.whole import Solution
from dispatch.highs import Limits


@dataclass(frozen=True)
class Coordination:
    """A method of :func:`~dispatch.fleet.shared.plan.plan_shared` for many sites.

    Sites with plant that is on or off keep its whole numbers.

    Attributes:
        settings: of the coordination; its gap is that of the limits, where there are any.
        place: where sites' problems are solved.
        is_relaxed: whole numbers may be anything between their bounds: for bounds and prices, not for plans.
    """

    settings: Settings = field(default_factory=Settings)
    place: Workplace | None = None
    is_relaxed: bool = False

    def __call__(self, fleet: Gathered, coupling: Coupling, limits: Limits | None = None) -> Solution:
        """The fleet's plan with both bounds.

        Raises:
            SolveError: a site has no plan, or a hard row is passed whatever the sites do; the message names it.
        """
        settings = self.settings if limits is None else replace(self.settings, gap=limits.gap)
        structures = [Structure(group.stack, group.entries) for group in fleet.groups]
        has_whole = not self.is_relaxed and any(group.stack.integer.any() for group in fleet.groups)
        found = (commit_fleet if has_whole else coordinate)(structures, coupling, settings, place=self.place)
        if found.breaches:
            raise SolveError("; ".join(one.text for one in found.breaches))
        solution = Solution(
            tuple(point for block in found.x for point in block),
            found.effect,
            found.y,
            found.price,
            found.money,
            found.lower,
            rounds=len(found.rounds),
            clock_fired=found.stopped == "deadline",
        )
        return solution if self.is_relaxed else without_both(fleet, solution, limits)
