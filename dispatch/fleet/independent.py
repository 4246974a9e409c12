"""Sites planned each by itself, many at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dispatch.errors import DataError, NotATemplateError
from dispatch.fleet.members import Member, structure_of
from dispatch.fleet.outcomes import Blocks, Outcome, schedule_table, summary_table
from dispatch.fleet.planner import Planner, each
from dispatch.fleet.template import mode_of
from dispatch.ladder.climb import climb
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.solver.highs import Limits

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Chunk:
    """Sites that are planned by one task.

    Attributes:
        horizon: the steps, the same for all.
        members: the sites.
        references: a site of each structure, from the whole fleet and not from the chunk: searches begin from its
            plan, so that a site's plan is the same in every chunk. A structure that has none takes its first site.
        limits: when a site's search ends.
    """

    horizon: Horizon
    members: tuple[Member, ...]
    references: tuple[Member, ...] = ()
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Planned:
    """What became of a chunk.

    Attributes:
        schedule: long: site, asset, series, step, start, value; one row per value, sites in the chunk's order.
        summary: one row per site: site, quality, objective, bound, gap, money, co2_kg, penalty, reason.
    """

    schedule: pa.Table
    summary: pa.Table


def plan_chunk(chunk: Chunk) -> Planned:
    """Plans of all sites of a chunk; importable by name, with picklable argument and answer.

    A site that the solver fails goes down the ladder; one that has no plan at all, or lacks an input, has a row in the
    summary with quality ``none`` and the reason, and nothing in the schedule.
    """
    order = tuple(member.name for member in chunk.members)
    groups: dict[Hashable, list[Member]] = {}
    for member in chunk.members:
        groups.setdefault(structure_of(member.site), []).append(member)
    known = {structure_of(member.site): member for member in chunk.references}
    outcomes: dict[str, Outcome] = {}
    blocks: list[Blocks] = []
    for structure, members in groups.items():
        made, own = _group(chunk, known.get(structure), members)
        outcomes |= {outcome.site: outcome for outcome in made}
        blocks += own
    return Planned(schedule_table(order, blocks, chunk.horizon), summary_table([outcomes[name] for name in order]))


def _group(chunk: Chunk, reference: Member | None, members: list[Member]) -> tuple[list[Outcome], list[Blocks]]:
    """Plans of sites of one structure. A reference that lacks an input leaves the search to begin from another."""
    for candidate in [*([reference] if reference else []), *members]:
        try:
            with _PLANNERS.lent(candidate, chunk.horizon, chunk.limits) as planner:
                return planner.plan(members)
        except NotATemplateError:  # each site has a problem of its own
            break
        except DataError:
            continue
    return each(members, lambda member: _by_itself(member, chunk))


def _by_itself(member: Member, chunk: Chunk) -> Schedule:
    inputs = member.inputs(chunk.horizon)
    return climb(Problem(member.site, inputs, mode_of(member.site)), chunk.limits).schedule


class _Planners:
    """Planners nobody plans with now, at most so many; those not asked for longest go first.

    A planner is lent to one thread at a time: to plan is to write into its problem.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._idle: OrderedDict[str, Planner] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def lent(self, reference: Member, horizon: Horizon, limits: Limits) -> Iterator[Planner]:
        """The planner that begins from a reference; kept, as compiling one takes as long as planning tens of sites."""
        key = f"{reference.digest()} {horizon.edges.tobytes().hex()} {horizon.time_zone} {limits}"
        with self._lock:
            planner = self._idle.pop(key, None)
        planner = planner or Planner(reference, horizon, limits)
        yield planner  # one that failed is not kept
        with self._lock:
            self._idle[key] = planner
            while len(self._idle) > self._most:
                self._idle.popitem(last=False)


_PLANNERS = _Planners(32)
