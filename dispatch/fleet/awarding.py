"""An award carried out: sites planned again around it, so that what they give together is what was awarded.

In awarded steps the fleet's net draw is its plan's less (up) or more (down) the award; all other steps are free, so
that stores fill again. Up to some dozen sites are one program, the cheapest way for all of them. More are planned in
groups, each with the part that merit order gives to its sites; what a group cannot give, the next is asked for, round
after round until nothing is missed or nobody gives more. Where something stays missed and all plant has a closed form,
:func:`dispatch.markets.disaggregation.share_where` says whether anything nearer is possible, and why not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dispatch.fields.series import Interval
from dispatch.fleet.flexing.sites import shedding_per_kwh
from dispatch.fleet.members import Member
from dispatch.fleet.outcomes import Blocks, Outcome, schedule_blocks, schedule_table, summary_table
from dispatch.fleet.shared.base import Shared
from dispatch.fleet.shared.kinds.award import Award as SharedAward
from dispatch.fleet.shared.plan import MOST_WHOLE, plan_shared
from dispatch.fleet.shared.recount import recounted
from dispatch.flexibility import Refusal, behind, site_devices
from dispatch.markets.disaggregation import share_where
from dispatch.markets.product import Side
from dispatch.signals import Array, Horizon
from dispatch.solver.highs import Limits

if TYPE_CHECKING:
    import pyarrow as pa

GROUP = 25
_DEAR_PER_KWH = 500.0
_GAP = 1e-6
_ROUNDS = 4
_NOTHING = 1e-9  # of an award: what a program's rows leave beside the plan of a site that does nothing
_KEPT = 1e-6  # of an award: rounding of a program's rows, which the set-points take up


@dataclass(frozen=True, eq=False)
class Wanted:
    """An award as a fleet is asked for it.

    Attributes:
        side: up or down.
        plan_kw: (N, T) net draw without the award.
        asked_kw: (T,) of all together; 0 where nothing is awarded.
        shares_kw: (N, T) in merit order: where groups begin.
    """

    side: Side
    plan_kw: Array
    asked_kw: Array
    shares_kw: Array

    @property
    def sign(self) -> float:
        """Of the award in net draw."""
        return -1.0 if self.side == "up" else 1.0

    @property
    def at(self) -> np.ndarray:
        """(T,) awarded steps."""
        return self.asked_kw > 0


@dataclass(frozen=True, eq=False)
class Awarded:
    """What becomes of it.

    Attributes:
        names: (N,) sites.
        given_kw: (N, T) set-points: what each gives in the award's direction beside its plan, 0 in other steps. In any
            step a site may go against the award where another then gives more.
        net_kw: (N, T) net draw of the new schedules.
        missed_kw: (T,) of the award that nobody can give.
        schedule, summary: tables as those of a fleet's plan.
        refusals: why something is missed, as inequalities that hold for all that is possible.
    """

    names: tuple[str, ...]
    given_kw: Array
    net_kw: Array
    missed_kw: Array
    schedule: pa.Table
    summary: pa.Table
    refusals: tuple[Refusal, ...] = ()

    @property
    def feasible(self) -> bool:
        """Is all of it given?"""
        return not self.missed_kw.any()


def carry_out(
    members: Sequence[Member],
    horizon: Horizon,
    wanted: Wanted,
    shared: Sequence[Shared] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> Awarded:
    """Plan sites around an award; one of nothing moves no site, and leaves each with the plan that it has.

    Args:
        members: N sites and what is known of them.
        shared: what they share beside the award; they are then planned all together.

    Raises:
        ConfigError: sites count in several currencies, or something shared does not fit them.
        SolveError: a site has no plan at all.
    """
    if not wanted.at.any():
        tables = schedule_table((), (), horizon), summary_table(())
        return Awarded(_names(members), np.zeros_like(wanted.plan_kw), wanted.plan_kw, wanted.asked_kw, *tables)
    run = _Run(tuple(members), horizon, tuple(shared), progress)
    missed = run.rounds(wanted, wanted.shares_kw)
    refusals: tuple[Refusal, ...] = ()
    if missed.any() and (exact := _exact(members, horizon, wanted)) is not None:
        refusals, shares = exact
        if not refusals:
            missed = run.rounds(wanted, shares)
    return run.result(wanted, missed, refusals)


def _exact(members: Sequence[Member], horizon: Horizon, wanted: Wanted) -> tuple[tuple[Refusal, ...], Array] | None:
    """Why the award is not possible and what each site would do; None where plant has no closed form."""
    found = [site_devices(member.site, member.inputs(horizon)) for member in members]
    if not all(one.whole for one in found):
        return None
    devices, connections = behind(found)
    total = wanted.plan_kw.sum(axis=0) + wanted.sign * wanted.asked_kw
    made = share_where(devices, total, wanted.at, connections)
    net = connections.sums(made.power_kw[:-1])
    return made.refusals, np.where(wanted.at, wanted.sign * (net - wanted.plan_kw), 0.0)


class _Run:
    """Groups with their newest plans."""

    def __init__(
        self,
        members: tuple[Member, ...],
        horizon: Horizon,
        shared: tuple[Shared, ...],
        progress: Callable[[str], None],
    ) -> None:
        self.members, self.horizon, self.shared, self.progress = members, horizon, shared, progress
        count = len(members)
        alone = bool(shared) or count <= MOST_WHOLE
        # Every so many-th: merit order leaves no group with all that is cheap.
        groups = 1 if alone else -(-count // GROUP)
        self.groups = [np.arange(count)[first::groups] for first in range(groups)]
        self.net_kw = np.zeros((count, horizon.steps))
        self.outcomes: dict[str, Outcome] = {}
        self.blocks: dict[str, Blocks] = {}

    def rounds(self, wanted: Wanted, shares_kw: Array) -> Array:
        """(T,) what is missed after all have been asked as often as it helps."""
        parts = [shares_kw[group].sum(axis=0) for group in self.groups]
        asked = wanted.asked_kw
        carried = asked - np.sum(parts, axis=0)
        for number in range(_ROUNDS):
            before = carried
            for place, group in enumerate(self.groups):
                if number and not carried.any():
                    break
                parts[place] = parts[place] + carried
                self._plan(wanted, group, parts[place])
                given = self._given(wanted)[group].sum(axis=0)
                carried = np.where(np.abs(parts[place] - given) > _KEPT * (1 + asked), parts[place] - given, 0.0)
                parts[place] = given
                done = sum(own.size for own in self.groups[: place + 1])
                self.progress(f"planned {done} of {len(self.members)} sites around the award")
            is_all = len(self.groups) == 1 or not carried.any()
            if is_all or (number and carried.sum() >= before.sum() * (1 - _KEPT)):
                break
        return np.asarray(np.maximum(carried, 0.0))

    def _plan(self, wanted: Wanted, group: np.ndarray, part_kw: Array) -> None:
        """One group with its part of the award."""
        members = [self.members[n] for n in group]
        net = wanted.plan_kw[group].sum(axis=0) + wanted.sign * part_kw
        dear = max([shedding_per_kwh(m.site) or 0.0 for m in members], default=0.0) or _DEAR_PER_KWH
        price = np.where(wanted.at, dear, 0.0)
        award = SharedAward(
            name=_free_name({one.name for one in self.shared}),
            net_export_kw=_signal(np.where(wanted.at, -net, 0.0), self.horizon),
            short_price_per_kwh=_signal(price, self.horizon),
            long_price_per_kwh=_signal(-price, self.horizon),
        )
        made = plan_shared(members, [*self.shared, award], self.horizon, limits=Limits(gap=_GAP))
        steps = made.fleet.scope.entries["net_import_kw"]
        self.net_kw[group] = recounted(made.fleet, made.schedules)[:, steps]
        for name, schedule in made.schedules.items():
            self.outcomes[name] = Outcome.of_schedule(name, schedule)
            self.blocks[name] = schedule_blocks(name, schedule)

    def _given(self, wanted: Wanted) -> Array:
        return np.asarray(np.where(wanted.at, wanted.sign * (self.net_kw - wanted.plan_kw), 0.0))

    def result(self, wanted: Wanted, missed: Array, refusals: tuple[Refusal, ...]) -> Awarded:
        """With set-points that add up to what is given of the award, to the last bit but one."""
        given = self._given(wanted)
        # A site that has no part stays without one: rounding alone would tell it to go against the award.
        given = np.where(np.abs(given) > _NOTHING * (1 + wanted.asked_kw), given, 0.0)
        rounding = np.where(wanted.at, wanted.asked_kw - missed - given.sum(axis=0), 0.0)
        weight = np.where(given.any(axis=0), np.abs(given), 1.0)
        given = np.where(wanted.at, given + rounding * weight / weight.sum(axis=0), 0.0)
        names = _names(self.members)
        schedule = schedule_table(names, [self.blocks[name] for name in names], self.horizon)
        summary = summary_table([self.outcomes[name] for name in names])
        return Awarded(names, given, self.net_kw, missed, schedule, summary, refusals)


def _names(members: Sequence[Member]) -> tuple[str, ...]:
    return tuple(member.name for member in members)


def _free_name(taken: set[str]) -> str:
    return next(name for name in ("award", *(f"award_{n}" for n in range(len(taken) + 1))) if name not in taken)


def _signal(values: Array, horizon: Horizon) -> tuple[Interval, ...]:
    edges = [datetime.fromtimestamp(int(edge), UTC) for edge in horizon.edges.astype("datetime64[s]").astype(np.int64)]
    return tuple(
        Interval(start=start, end=end, value=float(value))
        for (start, end), value in zip(pairwise(edges), values, strict=True)
    )
