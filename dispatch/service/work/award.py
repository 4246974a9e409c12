"""The job that carries an award out: each site's part, its schedule planned around it, or why it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.fleet.awarding import Awarded, Wanted, carry_out
from dispatch.fleet.members import Member
from dispatch.fleet.offering import Offered, offered
from dispatch.fleet.run.planned import plain
from dispatch.fleet.shared.model import read_shared
from dispatch.markets.awards import Award, begun_at, profile, span
from dispatch.markets.calendar import periods
from dispatch.markets.catalogue import product as product_of
from dispatch.markets.curves import cells, merit
from dispatch.markets.product import Product
from dispatch.service.errors import ConflictError, UnavailableError
from dispatch.service.store import bids, fleet_results, fleet_schedules
from dispatch.service.store.fleet_results import Content
from dispatch.service.store.fleet_schedules import SiteSchedule
from dispatch.service.store.jobs import Job
from dispatch.service.store.schedules import promises_of
from dispatch.service.store.transaction import Tx
from dispatch.service.work import fleet_day, sites_now
from dispatch.service.work.fleet_day import DEADLINE_S, FleetDay, Progress
from dispatch.service.work.fleet_forecast import summary
from dispatch.service.work.promised import Kept
from dispatch.service.work.site_schedules import schedules
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ATTEMPTS", "DEADLINE_S", "commit", "floor", "prepare", "run"]
ATTEMPTS = 6  # of awards of the same sites that workers carry out at once one goes on, and the others begin again


@dataclass(frozen=True, eq=False)
class Asked:
    """An award, and the flexibility that it was bid from.

    Attributes:
        promised: sites and the schedules of the awards beside which it is planned.
        changed: sites that are not any more what was offered, and why: they have no part.
    """

    day: FleetDay
    award: Award
    envelope: pa.Table
    blocks: pa.Table
    kept: Mapping[str, Kept]
    promised: frozenset[tuple[str, str]]
    changed: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What becomes of it, before it is written.

    Attributes:
        promised: sites and the schedules of the awards beside which it was planned.
    """

    content: Content
    day: FleetDay
    schedules: tuple[SiteSchedule, ...]
    promised: frozenset[tuple[str, str]] = frozenset()


def prepare(tx: Tx, job: Job) -> Asked:
    """The award, and the sites as the bid had them, but those whose plant is another now.

    Raises:
        ConflictError: sites that share something can only be planned all together, and some are changed; or all are;
            or a period has begun while the award waited.
    """
    bid = bids.get(tx, job.request["bid"])
    found = fleet_results.require(tx, "flexibility", bid.flexibility)
    envelope, blocks = (fleet_results.read_table(tx, found, name) for name in ("envelope", "blocks"))
    day = fleet_day.again(tx, found)
    changed = sites_now.changed(tx, day)
    if changed and (day.shared or len(changed) == len(day.sites)):
        told = "; ".join(f"'{site}' {reason}" for site, reason in changed.items())
        raise ConflictError(f"the sites of bid '{bid.id}' cannot be planned together as they were offered: {told}")
    day, (envelope, blocks) = sites_now.without(day, changed, (envelope, blocks))
    award = Award.model_validate(job.request["award"])
    for _, one in begun_at(award, tx.now):
        raise ConflictError(f"the period from {one.start.isoformat()} began before the award could be carried out")
    return Asked(day, award, envelope, blocks, day.promised(tx), _others(tx, day), changed)


def _others(tx: Tx, day: FleetDay) -> frozenset[tuple[str, str]]:
    """Sites and the schedules that hold in awards of theirs in the steps of a day."""
    found = promises_of(tx, tuple(day.by_site), *day.span)
    return frozenset((site, one.schedule) for site, some in found.items() for one in some)


def run(asked: Asked, progress: Progress) -> Outcome:
    """Plan the sites around the award."""
    product, award = product_of(asked.award.product, asked.award.day), asked.award
    made = offered(asked.envelope, asked.blocks, asked.day.horizon.time_zone)
    by_name = {member.name: member for member in fleet_day.usable(asked.day.members(progress))}
    members = _held([by_name[name] for name in made.names], asked, profile(award, product, made.steps) > 0)
    labels = [member.labels for member in members]
    shared = read_shared(list(asked.day.shared), made.names, labels, "fleet") if asked.day.shared else ()
    wanted = _wanted(made, award, product, asked.kept)
    carried = carry_out(members, made.steps, wanted, shared, progress)
    told = {**summary(asked.day, members), **_told(asked, carried, wanted, product)}
    tables = {
        "setpoints": setpoints_table(carried, wanted, made.steps),
        "series": plain(carried.schedule),
        "sites": plain(carried.summary),
    }
    # What cannot be delivered changes no site's schedule, and neither does an award of nothing.
    parts = schedules(members, made.steps, tables["sites"], tables["series"]) if carried.feasible else ()
    content = Content(told, tables, {}, "done" if carried.feasible else "infeasible")
    return Outcome(content, asked.day, parts, asked.promised)


def _held(members: list[Member], asked: Asked, at: np.ndarray) -> list[Member]:
    """Sites held to what earlier awards have fixed, but where this one moves them from there."""
    horizon = asked.day.horizon
    return [replace(one, site=asked.kept[one.name].on(one.site, horizon, at)) for one in members]


def _wanted(made: Offered, award: Award, product: Product, kept: Mapping[str, Kept]) -> Wanted:
    """The award step by step beside plans and earlier awards, shared out in merit order as far as that goes."""
    assert made.plan_kw is not None
    fixed = np.stack([kept[name].total_kw(made.steps.steps) for name in made.names])
    plan = np.where(np.isfinite(fixed), fixed, made.plan_kw)
    asked = profile(award, product, made.steps)
    shares = np.zeros_like(plan)
    if (over := span(award, product)) is not None:
        order = merit(made.kept_up(over), award.side)
        shares = order.shares(np.minimum(asked, order.most_kw), len(made.names))
    return Wanted(award.side, plan, asked, shares)


def _told(asked: Asked, made: Awarded, wanted: Wanted, product: Product) -> dict[str, Any]:
    steps, given = asked.day.horizon, made.given_kw.sum(axis=0)
    off = np.abs(given - (wanted.asked_kw - made.missed_kw)).max(initial=0.0)
    starts = [start.isoformat() for start in steps.local_start]
    return {
        "left_out": [{"site": site, "reason": reason} for site, reason in asked.changed.items()],
        "feasible": made.feasible,
        "awarded_kwh": float(wanted.asked_kw @ steps.hours),
        "missed_kwh": float(made.missed_kw @ steps.hours),
        "off_kw": float(off),
        "nearest": [] if made.feasible else _nearest(asked.award, product, wanted.asked_kw - made.missed_kw, steps),
        "certificate": [
            {
                "text": f"the award {one.told(steps)}",
                "steps": [starts[step] for step in one.steps],
                "asked_kwh": one.asked_kwh,
                "limit_kwh": one.limit_kwh,
            }
            for one in made.refusals
        ],
    }


def _nearest(award: Award, product: Product, given_kw: Array, steps: Horizon) -> list[dict[str, Any]]:
    """Period by period what the fleet can give of the award, in the product's steps."""
    over = span(award, product)
    assert over is not None  # nothing is not too much
    asked = award.quantity_kw(product)[np.isin(periods(product, award.day).edges[:-1], over.edges[:-1])]
    pieces = cells(steps, over)
    energy = np.bincount(pieces.period, given_kw[pieces.step] * pieces.hours, over.steps)
    kw = np.floor(energy / over.hours / product.quantity_step_kw + 1e-9) * product.quantity_step_kw
    return [
        {
            "start": over.local_start[place].isoformat(),
            "awarded_kw": float(asked[place]),
            "nearest_kw": float(min(max(kw[place], 0.0), asked[place])),
        }
        for place in np.flatnonzero(asked > 0)
    ]


def setpoints_table(made: Awarded, wanted: Wanted, steps: Horizon) -> pa.Table:
    """A row per site and step: what it gives of the award, its plan without and its net draw with it."""
    import pyarrow as pa

    count, stamp = len(made.names), pa.timestamp("s", "UTC")
    edges = steps.edges.astype("datetime64[s]")
    return pa.table({
        "site": np.repeat(np.array(made.names, object), steps.steps),
        "start": pa.array(np.tile(edges[:-1], count), stamp),
        "end": pa.array(np.tile(edges[1:], count), stamp),
        "given_kw": made.given_kw.ravel(),
        "plan_net_import_kw": wanted.plan_kw.ravel(),
        "net_import_kw": np.where(wanted.at, wanted.plan_kw + wanted.sign * made.given_kw, made.net_kw).ravel(),
    })  # fmt: skip


def floor(asked: Asked, reason: str) -> None:
    """An award is not carried out by rule: nobody would know whether it can be."""
    del asked, reason


def _promised(award: Award) -> list[tuple[str, str]]:
    """Start and end of the awarded periods: what is planned later does not hold in them."""
    product = product_of(award.product, award.day)
    made = periods(product, award.day)
    asked = np.flatnonzero(award.quantity_kw(product) > 0)
    return [(made.local_start[place].isoformat(), made.local_end[place].isoformat()) for place in asked]


def commit(tx: Tx, job: Job, outcome: Outcome) -> dict[str, Any]:
    """Keep the set-points and schedules; the bid is won.

    Raises:
        UnavailableError: another worker carried out an award of one of the sites meanwhile; it is planned again.
    """
    made = str(job.request["result"])
    feasible = bool(outcome.content.summary["feasible"])
    ids: Mapping[str, str] = {}
    if feasible:
        bids.award(tx, bids.get(tx, job.request["bid"]), made)
    if outcome.schedules:
        if _others(tx, outcome.day) != outcome.promised:
            raise UnavailableError("Another award of these sites was carried out meanwhile: this one is planned again.")
        # An award is later than every plan that was made before it, whenever its forecast was made.
        common = {**outcome.day.common(job, "award"), "issued": tx.now}
        common["request"] = {**common["request"], "promised": _promised(Award.model_validate(job.request["award"]))}
        ids = fleet_schedules.keep(tx, outcome.schedules, outcome.day.by_site, common, outcome.day.span)
    outcome.content.summary["schedules"] = dict(ids)
    files = fleet_results.write(tx, made, outcome.content)
    return {
        "href": f"/api/v1/awards/{made}",
        "feasible": feasible,
        "files": {fleet_results.ARROW: files["setpoints"]},
    }
