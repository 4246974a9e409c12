"""A fleet under what it shares by coordination: prices, column generation, two bounds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from dispatch.errors import SolveError
from dispatch.executor import Workplace
from dispatch.fleet.coordination import Settings, Structure, coordinate
from dispatch.fleet.coordination.coordinate import Tell
from dispatch.fleet.coupling import Coupling
from dispatch.fleet.integer.plan import commit_fleet
from dispatch.fleet.shared.gathered import Gathered
from dispatch.fleet.shared.repair import used_together, without_both
from dispatch.fleet.shared.whole import Solution
from dispatch.solver.highs import Limits

_MOST_ROUNDS = 4


@dataclass(frozen=True)
class Coordination:
    """A method of :func:`~dispatch.fleet.shared.plan.plan_shared` for many sites.

    Sites with plant that is on or off keep its whole numbers.

    Attributes:
        settings: of the coordination; its gap is that of the limits, where there are any.
        place: where sites' problems are solved.
        is_relaxed: whole numbers may be anything between their bounds: for bounds and prices, not for plans.
        tell: hears of every round.
    """

    settings: Settings = field(default_factory=Settings)
    place: Workplace | None = None
    is_relaxed: bool = False
    tell: Tell | None = None

    def __call__(self, fleet: Gathered, coupling: Coupling, limits: Limits | None = None) -> Solution:
        """The fleet's plan with both bounds.

        Raises:
            SolveError: a site has no plan, or a hard row is passed whatever the sites do; the message names it.
        """
        settings = self.settings if limits is None else replace(self.settings, gap=limits.gap)
        whole = tuple(group.stack.integer & (not self.is_relaxed) for group in fleet.groups)
        mixed = self._solved(fleet, coupling, settings, whole)
        if self.is_relaxed:
            return mixed
        best, apart = without_both(fleet, mixed, limits)
        for _ in range(_MOST_ROUNDS):
            if apart and best.gap <= settings.gap:
                break
            more = tuple(own | new for own, new in zip(whole, used_together(fleet, mixed), strict=True))
            if all(np.array_equal(o, m) for o, m in zip(whole, more, strict=True)):
                break
            # Taking flows apart afterwards costs too much, or cannot be: their switches are whole from the start, then.
            whole = more
            mixed = self._solved(fleet, coupling, settings, whole)
            found, is_apart = without_both(fleet, mixed, limits)
            is_better = is_apart > apart or (is_apart == apart and found.objective <= best.objective)
            # Mixes whose flows ran together were no plans: of their rounds the lower bound alone stands.
            history = (*(replace(one, upper=np.inf) for one in best.history), *found.history)
            bound = max(best.bound, found.bound)
            best, apart = (found, is_apart) if is_better else (best, apart)
            best = replace(best, bound=bound, history=history, rounds=len(history))
        return best

    def _solved(
        self, fleet: Gathered, coupling: Coupling, settings: Settings, whole: tuple[np.ndarray, ...]
    ) -> Solution:
        """Mixes of plans in which some columns are whole numbers."""
        structures = [
            Structure(replace(group.stack, integer=own), group.entries)
            for group, own in zip(fleet.groups, whole, strict=True)
        ]
        has_whole = any(own.any() for own in whole)
        found = (commit_fleet if has_whole else coordinate)(
            structures, coupling, settings, place=self.place, tell=self.tell
        )
        if found.breaches:
            raise SolveError("; ".join(one.text for one in found.breaches))
        return Solution(
            tuple(point for block in found.x for point in block),
            found.effect,
            found.y,
            found.price,
            found.money,
            found.lower,
            rounds=len(found.rounds),
            clock_fired=found.stopped == "deadline",
            history=found.rounds,
        )
