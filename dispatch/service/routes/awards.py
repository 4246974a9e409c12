"""Awards: what a market took of a bid, carried out by the fleet's sites, and what was delivered so far."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends
from starlette.responses import Response

from dispatch.markets.alongside import without
from dispatch.markets.awards import Award as MarketAward
from dispatch.markets.awards import begun_at, require
from dispatch.markets.bids import Bid as MarketBid
from dispatch.markets.calendar import local, periods, stamp
from dispatch.markets.catalogue import product as product_of
from dispatch.markets.product import Product
from dispatch.markets.underway import Underway, on_steps, underway
from dispatch.service.errors import ConflictError, Fault, InvalidError
from dispatch.service.http.call import Call, Reply, allowed
from dispatch.service.http.cursor import Page, Paging, paging
from dispatch.service.http.problem import problems
from dispatch.service.routes import shown
from dispatch.service.schemas.bids import Award, AwardAsked, Delivery
from dispatch.service.schemas.values import Accepted, AwardId, BidId
from dispatch.service.store import Tx, bids, fleet_results, metering
from dispatch.service.store.fleet_results import Result
from dispatch.service.work import alongside

router = APIRouter(tags=["awards"])
Reads = Annotated[Call, Depends(allowed("markets:read"))]
Meters = Annotated[Call, Depends(allowed("markets:read", "measurements:read"))]
Asks = Annotated[Call, Depends(allowed("markets:write", "measurements:read", "plans:write"))]
Pages = Annotated[Paging, Depends(paging)]
_HOUR_S = 3600


@router.post(
    "/bids/{bid}/awards", name="create", summary="Carry out what the market took of a bid",
    status_code=202, response_model=Accepted, responses=problems(404, 409, 429),
)  # fmt: skip
def post(bid: BidId, body: AwardAsked, call: Asks) -> Response:
    """Held against the bid and the clock at once; then each site gets its part, and a schedule planned around it.

    Where the sites cannot give all of it nothing is changed, and the answer says why, and what is nearest. Nobody can
    be told any more what to do in a period that has begun: an award of one is refused.
    """

    def work(tx: Tx) -> Reply:
        found = bids.get(tx, bid)
        bids.require(found, "submitted")
        shown.require_no_award(tx, found.id)
        product = product_of(found.product, found.day)
        same = {"product": found.product, "day": found.day, "side": found.side, "portfolio": found.portfolio}
        award = MarketAward.model_validate({**same, "periods": [one.model_dump() for one in body.periods]})
        require(award, MarketBid.model_validate(found.body), product)
        _require_ahead(award, product, found, tx.now)
        request = {"bid": bid, "award": award.model_dump(mode="json")}
        return shown.accepted(fleet_results.submit(tx, "award", found.fleet, request, parent=bid))

    return call.once(work)


def _require_ahead(award: MarketAward, product: Product, bid: bids.Bid, now: datetime) -> None:
    """Refuse periods that have begun.

    Raises:
        InvalidError: names each, and which are still ahead.
    """
    begun = list(begun_at(award, now))
    if not begun:
        return
    starts = (datetime.fromisoformat(one["start"]) for one in bid.body["periods"])
    ahead = [_on_clock(start, product) for start in sorted(starts) if start > now]
    later = f"periods of the bid from {ahead[0]} to that from {ahead[-1]}, or 0 kW" if ahead else "0 kW: none is ahead"
    message = f"the period has begun: it is {_on_clock(now, product)}"
    faults = [Fault(f"/periods/{place}/start", message, _on_clock(one.start, product), later) for place, one in begun]
    raise InvalidError("No site can be told any more what to do in periods that have begun.", tuple(faults))


def _on_clock(at: datetime, product: Product) -> str:
    return local(stamp(at), product.time_zone).isoformat()


def document(found: Result) -> Award:
    """An award as it is answered."""
    own = found.request["award"]
    given = {name: own[name] for name in ("product", "day", "side", "periods")}
    return shown.document(Award, found, bid=found.parent, **given)


@router.get(
    "/bids/{bid}/awards", name="list_of_bid", summary="Awards of a bid, the newest first",
    response_model=Page[Award], responses=problems(404),
)  # fmt: skip
def list_of_bid(bid: BidId, call: Reads, pages: Pages) -> Response:
    """In pages."""

    def work(tx: Tx) -> Page[Award]:
        bids.get(tx, bid)
        found = fleet_results.listed(tx, "award", parent=bid, before=pages.after(call) or "", limit=pages.limit + 1)
        return pages.page(call, found, document, lambda one: one.id)

    return call.read(work)


@router.get("/awards", name="list", summary="All awards, the newest first", response_model=Page[Award])
def list_all(call: Reads, pages: Pages) -> Response:
    """In pages."""

    def work(tx: Tx) -> Page[Award]:
        found = fleet_results.listed(tx, "award", before=pages.after(call) or "", limit=pages.limit + 1)
        return pages.page(call, found, document, lambda one: one.id)

    return call.read(work)


@router.get("/awards/{award}", name="get", summary="An award", response_model=Award,
            responses=problems(404))  # fmt: skip
def get(award: AwardId, call: Reads) -> Response:
    """How it is carried out; or why it cannot be, and what is nearest."""
    return call.read(lambda tx: document(fleet_results.get(tx, "award", award)))


@router.get(
    "/awards/{award}/delivery", name="delivery", summary="What was delivered so far",
    response_model=Delivery, responses=problems(404, 409),
)  # fmt: skip
def get_delivery(award: AwardId, call: Meters) -> Response:
    """Net import that was measured against the plan without the award; money follows the baseline of a settlement."""

    def work(tx: Tx) -> Delivery:
        found = fleet_results.require(tx, "award", award)
        if found.state != "done":
            raise ConflictError(f"award '{award}' is {found.state}: it is not carried out")
        return _delivery(tx, found)

    return call.read(work)


def _delivery(tx: Tx, found: Result) -> Delivery:
    own = MarketAward.model_validate(found.request["award"])
    product = product_of(own.product, own.day)
    table = fleet_results.read_table(tx, found, "setpoints")
    sites = tuple(dict.fromkeys(table["site"].to_pylist()))
    over = periods(product, own.day)
    start, end = over.start, over.local_end[-1].astimezone(UTC)
    longest_s = 60 * product.period_minutes
    zone, unknown_s = found.summary["time_zone"], min(longest_s, _HOUR_S)
    metered = metering.metered(tx, sites, start, end, zone, longest_s, unknown_s)
    rows = [table[name].to_numpy(zero_copy_only=False).reshape(len(sites), -1)
            for name in ("start", "end", "plan_net_import_kw", "given_kw")]  # fmt: skip
    edges = np.append(rows[0][0], rows[1][0, -1]).astype("datetime64[s]")
    plan, given = (on_steps(values, edges, metered.steps.edges) for values in rows[2:])
    more = alongside.awards_of(tx, sites, start, end, found.id)
    others = alongside.others(tx, more, sites, own.day, metered.steps)
    # The plan without the award is one with those that were carried out before it.
    plan = without(plan, [one for one in others if one.award < found.id])
    return _told(found, tx.now, sites, underway(own, product, plan, metered, given, others))


def _told(found: Result, now: datetime, sites: Sequence[str], made: Underway) -> Delivery:
    whole = np.isfinite(made.short_kw)
    rows: list[dict[str, Any]] = [
        {
            "start": _moment(made.start[n]),
            "end": _moment(made.end[n]),
            "award_kw": float(made.award_kw[n]),
            "delivered_kw": _known(made.delivered_kw[n]),
            "short_kw": _known(made.short_kw[n]),
            "sites_metered": int(made.metered[n]),
        }
        for n in range(made.start.size)
    ]
    hours = np.where(whole, made.hours, 0.0)
    over = made.end.astype("datetime64[s]") <= stamp(now)
    silent = np.flatnonzero(~made.known[:, over].all(axis=1))
    return Delivery.model_validate({
        "award": found.id,
        "at": now.replace(microsecond=0),
        "sites": len(sites),
        "silent": [sites[int(n)] for n in silent],
        "periods": rows,
        "awarded_kwh": float(made.award_kw @ hours),
        "delivered_kwh": float(np.where(whole, made.delivered_kw, 0.0) @ hours),
        "deficiency_kwh": float(np.where(whole, made.short_kw, 0.0) @ hours),
    })  # fmt: skip


def _moment(edge: np.datetime64) -> datetime:
    return datetime.fromtimestamp(int(edge.astype("datetime64[s]").astype(np.int64)), UTC)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


_TABLE = {**shown.TABLE_RESPONSE, **problems(404, 406, 409)}


@router.get("/awards/{award}/setpoints", name="setpoints", summary="What each site is to give", responses=_TABLE)
def get_setpoints(award: AwardId, call: Reads) -> Response:
    """By site and step, with its plan without the award and its net draw with it; as JSON, Arrow or CSV."""
    return shown.table(call, "award", award, "setpoints")


@router.get("/awards/{award}/series", name="series", summary="Schedules around an award", responses=_TABLE)
def get_series(award: AwardId, call: Reads) -> Response:
    """All published series of all sites; as JSON, Arrow or CSV."""
    return shown.table(call, "award", award, "series")


@router.get("/awards/{award}/sites", name="sites", summary="Sites around an award", responses=_TABLE)
def get_sites(award: AwardId, call: Reads) -> Response:
    """What the plan of each came to; as JSON, Arrow or CSV."""
    return shown.table(call, "award", award, "sites")
