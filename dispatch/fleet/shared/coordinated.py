"""A fleet under what it shares by coordination: prices, column generation, two bounds; whole numbers relaxed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from dispatch.errors import SolveError
from dispatch.executor import Workplace
from dispatch.fleet.coordination import Settings, Structure, coordinate
from dispatch.fleet.coupling import Coupling
from dispatch.fleet.shared.gathered import Gathered
from dispatch.fleet.shared.whole import Solution
from dispatch.highs import Limits


@dataclass(frozen=True)
class Coordination:
    """A method of :func:`~dispatch.fleet.shared.plan.plan_shared` for many sites.

    Attributes:
        settings: of the coordination; its gap is that of the limits, where there are any.
        place: where sites' problems are solved.
    """

    settings: Settings = field(default_factory=Settings)
    place: Workplace | None = None

    def __call__(self, fleet: Gathered, coupling: Coupling, limits: Limits | None = None) -> Solution:
        """The fleet's plan with both bounds.

        Raises:
            SolveError: a site has no plan, or a hard row is passed whatever the sites do; the message names it.
        """
        settings = self.settings if limits is None else replace(self.settings, gap=limits.gap)
        structures = [Structure(group.stack, group.entries) for group in fleet.groups]
        found = coordinate(structures, coupling, settings, place=self.place)
        if found.breaches:
            raise SolveError("; ".join(one.text for one in found.breaches))
        points = tuple(point for block in found.x for point in block)
        late = found.stopped == "deadline"
        return Solution(
            points,
            found.effect,
            found.y,
            found.price,
            found.money,
            found.lower,
            rounds=len(found.rounds),
            clock_fired=late,
        )
