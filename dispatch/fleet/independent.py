"""Sites planned each by itself, many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dispatch.errors import SolveError
from dispatch.fleet.members import Member
from dispatch.highs import Limits
from dispatch.signals import Horizon

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
    limits: Limits = Limits()


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
    raise SolveError(f"{len(chunk.members)} sites cannot be planned yet")
