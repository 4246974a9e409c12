"""The job that plans all sites of a fleet: each by itself, or together under what they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import fsum
from typing import TYPE_CHECKING, Any

from dispatch.errors import DataError, ParkwattError, SolveError
from dispatch.fleet.independent import Chunk, plan_chunk
from dispatch.fleet.members import Member, references
from dispatch.fleet.outcomes import Blocks, Outcome, schedule_blocks, schedule_table, summary_table
from dispatch.fleet.run import CHUNK
from dispatch.fleet.run.planned import plain
from dispatch.fleet.shared.coordinated import Coordination
from dispatch.fleet.shared.model import read_shared
from dispatch.fleet.shared.plan import MOST_WHOLE, plan_shared
from dispatch.fleet.shared.written import columns_table
from dispatch.plan import Background, Plan
from dispatch.planning.outlook import Told
from dispatch.service.store import fleet_results, fleet_schedules, known_series
from dispatch.service.store.fleet_results import Content
from dispatch.service.store.fleet_schedules import SiteSchedule
from dispatch.service.store.jobs import Job
from dispatch.service.store.transaction import Tx
from dispatch.service.work import fleet_day, promised, reserve
from dispatch.service.work.fleet_day import DEADLINE_S, FleetDay, Progress
from dispatch.service.work.fleet_forecast import summary
from dispatch.service.work.site_schedules import schedules
from dispatch.solver.highs import Limits
from dispatch.stopgap import stopgap

if TYPE_CHECKING:
    import pyarrow as pa

    from dispatch.fleet.coordination.rounds import Round

__all__ = ["DEADLINE_S", "commit", "floor", "prepare", "run"]
_NONE = "none"


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Plans of sites, before they are written."""

    content: Content
    day: FleetDay
    schedules: tuple[SiteSchedule, ...]


def prepare(tx: Tx, job: Job) -> FleetDay:
    """The sites, with their measurements or an earlier forecast, held to what awards have fixed."""
    return fleet_day.prepare(tx, job.request).keeping(tx)


def run(asked: FleetDay, progress: Progress) -> Outcomes:
    """Plan all sites."""
    members = asked.members(progress)
    some = fleet_day.usable(members)
    if asked.shared:
        return _together(asked, members, some, progress)
    parts = []
    for first in range(0, len(some), CHUNK):
        parts.append(plan_chunk(Chunk(asked.horizon, some[first : first + CHUNK], references(some), Limits(asked.gap))))
        progress(f"planned {min(first + CHUNK, len(some))} of {len(some)} sites")
    sites, series = (_joined([getattr(part, name) for part in parts]) for name in ("summary", "schedule"))
    return _outcomes(asked, members, {"sites": sites, "series": series}, {"coordinated": False})


def _together(asked: FleetDay, members: Sequence[Member], some: Sequence[Member], progress: Progress) -> Outcomes:
    names, labels = [member.name for member in some], [member.labels for member in some]
    shared = read_shared(list(asked.shared), names, labels, f"fleet {asked.fleet}")

    def told(found: Round) -> None:
        progress(f"round {found.number}: costs at least {found.lower:,.2f}")

    method = Coordination(tell=told) if len(some) > MOST_WHOLE else None
    progress(f"planning {len(some)} sites under {len(shared)} shared things")
    made = plan_shared(some, shared, asked.horizon, limits=Limits(gap=asked.gap), method=method)
    if not made.passed:
        raise SolveError("the plan does not pass its audit")
    tables = {
        "sites": summary_table([Outcome.of_schedule(name, made.schedules[name]) for name in names]),
        "series": schedule_table(names, [schedule_blocks(n, s) for n, s in made.schedules.items()], asked.horizon),
        "shared": columns_table(made.uses.table()),
    }
    told_too = {"coordinated": True, "gap": float(made.solution.gap), "notes": made.words()}
    return _outcomes(asked, members, tables, told_too)


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    import pyarrow as pa

    return pa.concat_tables([plain(table) for table in tables])


def _outcomes(
    asked: FleetDay, members: Sequence[Member], tables: dict[str, pa.Table], told: dict[str, Any]
) -> Outcomes:
    tables = {name: plain(table) for name, table in tables.items()}
    rows = tables["sites"].to_pylist()
    currency = {member.name: member.site.currency for member in members}
    money: dict[str, list[float]] = {}
    for row in rows:
        money.setdefault(currency[row["site"]], []).append(row["money"] or 0.0)
    said = {
        **summary(asked, members),
        "qualities": dict(Counter(row["quality"] for row in rows)),
        "money": {name: fsum(values) for name, values in money.items()},
        "co2_kg": fsum(row["co2_kg"] or 0.0 for row in rows),
        "penalty": fsum(row["penalty"] or 0.0 for row in rows),
        **told,
    }
    left_out = [{"site": row["site"], "reason": row["reason"]} for row in rows if row["quality"] == _NONE]
    said["left_out"] = [*said["left_out"], *left_out]
    content = Content(said, {**tables, **asked.tables(members)}, {})
    return Outcomes(content, asked, schedules(members, asked.horizon, tables["sites"], tables["series"]))


def floor(asked: FleetDay, reason: str) -> Outcomes | None:
    """Each site's rules or safe state, made in a process that is ended where it hangs; shared limits are not kept."""
    members: list[Member] = []
    outcomes: list[Outcome] = []
    blocks: list[Blocks] = []
    for first in range(0, len(asked.sites), CHUNK):
        part = asked.part(slice(first, first + CHUNK))
        try:
            made = reserve.answer(by_rules, part, reason)
        except SolveError as error:
            made = [Member(one.site, {}, labels=one.labels, failure=str(error)) for one in part.sites], [], []
        members += made[0]
        outcomes += made[1]
        blocks += made[2]
    if not outcomes:
        return None
    names = [outcome.site for outcome in outcomes]
    tables = {"sites": summary_table(outcomes), "series": schedule_table(names, blocks, asked.horizon)}
    told = {"coordinated": False, "notes": [f"planned by rules: {reason}"]}
    return _outcomes(replace(asked, kept={}), members, tables, told)


def by_rules(
    asked: FleetDay, reason: str, improved: Callable[[Any], None] | None = None
) -> tuple[list[Member], list[Outcome], list[Blocks]]:
    """Without forecaster and solver: of what was forecast before, else of what came on a day before."""
    del improved
    members, outcomes, blocks = [], [], []
    for place, one in enumerate(asked.sites):
        try:
            made = _by_rules(asked, place, reason)
        except ParkwattError as error:
            members.append(Member(one.site, {}, labels=one.labels, failure=str(error)))
            continue
        members.append(Member(made.site, dict(made.outlook.inputs.series), labels=one.labels))
        outcomes.append(Outcome.of_schedule(one.site.name, made.schedule))
        blocks.append(schedule_blocks(one.site.name, made.schedule))
    return members, outcomes, blocks


def _by_rules(asked: FleetDay, place: int, reason: str) -> Plan:
    site, sources, told = promised.without(asked.sites[place].site), known_series.nothing(), Told()
    if asked.sources is not None:
        sources = asked.sources[place]
    if asked.known is not None:
        member = asked.known.member(asked.sites[place], asked.horizon)
        if member.failure:
            raise DataError(member.failure)
        needs = [(asset.name, need.quantity) for asset in member.site.assets for need in asset.needs]
        site, told = (
            promised.without(member.site),
            Told({asset: member.series[asset, quantity] for asset, quantity in needs}),
        )
    background = Background(told=told)
    return stopgap(site, asked.horizon, sources.archive, asked.when.issue, reason=reason, background=background)


def commit(tx: Tx, job: Job, outcome: Outcomes) -> dict[str, Any]:
    """Keep the tables, and a schedule for each site."""
    made = str(job.request["result"])
    files = fleet_results.write(tx, made, outcome.content)
    common = {**outcome.day.common(job, "fleet"), "kept": {n: one.awards for n, one in outcome.day.kept.items()}}
    ids = fleet_schedules.keep(tx, outcome.schedules, outcome.day.by_site, common, outcome.day.span)
    return {
        "href": f"/api/v1/fleet-plans/{made}",
        "files": {fleet_results.ARROW: files["sites"]},
        "schedules": ids,
    }
