"""Bids: drawn up from what a fleet can do, held against the product before the market does it, sent, withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends
from starlette.responses import Response

from dispatch.errors import ConfigError, DataError, Problem
from dispatch.fleet.offering import offered
from dispatch.markets.awards import Award, AwardPeriod, profile
from dispatch.markets.bids import Bid as MarketBid
from dispatch.markets.bids import BidPeriod, bid_of, last_gate, require, starts_of
from dispatch.markets.calendar import periods, stamp
from dispatch.markets.catalogue import product as product_of
from dispatch.markets.product import Product
from dispatch.service.errors import ConflictError, Fault, InvalidError, at_field
from dispatch.service.http.call import Call, Reply, allowed
from dispatch.service.http.cursor import Page, Paging, paging
from dispatch.service.http.problem import problems
from dispatch.service.routes import shown
from dispatch.service.routes.flexibility import require_own
from dispatch.service.schemas.bids import Bid, BidAsked
from dispatch.service.schemas.values import BidId, Name
from dispatch.service.store import Tx, bids, fleet_results, fleets
from dispatch.service.store.fleet_results import Result
from dispatch.service.work import held
from dispatch.signals import Horizon

router = APIRouter(tags=["bids"])
Reads = Annotated[Call, Depends(allowed("markets:read"))]
Writes = Annotated[Call, Depends(allowed("markets:write"))]
Pages = Annotated[Paging, Depends(paging)]


@router.post(
    "/fleets/{fleet}/bids", name="create", summary="Draw up a bid", status_code=201, response_model=Bid,
    responses=problems(404, 409),
)  # fmt: skip
def post(fleet: Name, body: BidAsked, call: Writes) -> Response:
    """A draft, that the product's rules and gates allow now.

    Its curve is what the fleet's blocks cost, kept up over each period and rounded against us, or the periods given.
    All its periods are possible together, beside what the fleet has sold of any product: a curve of the costs is
    clipped to that, and says why; periods given are refused, with what is left.
    """

    def work(tx: Tx) -> Reply:
        fleets.get(tx, fleet)
        found = require_own(tx, fleet, body.flexibility)
        day = body.day or date.fromisoformat(found.summary["day"])
        product = _product(body, day, found.summary["currency"])
        bid, left_out_kw = _made(tx, body, found, product, day)
        _require(bid, body, product, tx.now)
        beside, clipped = held.beside(tx, found, bid, product), None
        if body.periods is not None:
            held.require_left(beside, bid)
        _require_followed(bid, body, product, beside.room.steps)
        if body.periods is None:
            bid, clipped = held.clipped(beside, bid)
        kept = bids.create(tx, {**_row(fleet, body.flexibility, bid, product, left_out_kw), "clipped": clipped})
        return Reply(201, document(kept), {"Location": f"{shown.API}/bids/{kept.id}"})

    return call.once(work)


def _product(body: BidAsked, day: date, currency: str) -> Product:
    """The product, if it can be sold by the fleet and carried out by its plans.

    Raises:
        InvalidError: it cannot.
    """
    try:
        product = product_of(body.product, day)
    except DataError as error:
        raise at_field(error, "/product", body.product) from None
    if product.currency != currency:
        message = f"is paid in {product.currency}, the fleet's sites count in {currency}"
        fault = Fault("/product", message, product.name, f"a product in {currency}")
        raise InvalidError("Costs in one currency are no prices in another.", (fault,))
    if product.not_planned:
        fault = Fault("/product", product.not_planned, product.name, "a product of energy or response")
        raise InvalidError("An award of capacity could not be carried out.", (fault,))
    if body.side not in product.sides:
        text = f"{product.name} cannot be bid {body.side}"
        raise InvalidError(f"{text}.", (Fault("/side", text, body.side, " or ".join(product.sides)),))
    if body.holding_per_kw_h:
        fault = Fault("/holding_per_kw_h", f"{product.name} does not pay for capacity", accepted="0")
        raise InvalidError("Nothing is kept ready.", (fault,))
    return product


def _made(tx: Tx, body: BidAsked, found: Result, product: Product, day: date) -> tuple[MarketBid, float]:
    """The bid, and how many kW a period are there and not in it.

    Raises:
        DataError: there is nothing to bid.
    """
    if body.periods is not None:
        curve = tuple(BidPeriod.model_validate(one.model_dump()) for one in body.periods)
        expires = last_gate(product, day, [one.start for one in curve])
        given = {"product": product.name, "day": day, "side": body.side, "portfolio": body.portfolio}
        return MarketBid(**given, periods=curve, expires_at=expires), 0.0
    if "blocks" not in found.files:
        raise DataError(f"flexibility '{found.id}' was asked for without blocks; accepted: one with costs")
    envelope, blocks = (fleet_results.read_table(tx, found, name) for name in ("envelope", "blocks"))
    made = offered(envelope, blocks, found.summary["time_zone"])
    over = _within(periods(product, day), body, product, made.steps)
    curves = made.curves(product, day, (body.side,), body.holding_per_kw_h, over=over)
    bid = bid_of(curves[0], product, day, body.portfolio)
    if not bid.periods:
        least = f"{product.quantity_min_kw:g} kW"
        beyond = "".join(f". {note}" for note in found.summary.get("notes", ()))
        raise DataError(f"nothing to bid: in no period the {len(made.names)} sites have {least} all along{beyond}")
    return bid, float(curves[0].left_out_kw.mean())


def _within(over: Horizon, body: BidAsked, product: Product, known: Horizon) -> Horizon:
    """The periods of a day that begin from when to when is asked for.

    Raises:
        InvalidError: there is none, or one of them is not known of the fleet.
    """
    starts = over.local_start
    first, last = body.start or starts[0], body.end or over.local_end[-1]
    if body.start and body.end and last <= first:
        fault = Fault("/end", "is not after the start", last.isoformat(), f"later than {first.isoformat()}")
        raise InvalidError("There is no period to bid for.", (fault,))
    kept = np.flatnonzero([first <= start < last for start in starts])
    if not kept.size:
        place = "/start" if body.start else "/end"
        fault = Fault(place, "leaves no period of the day", accepted=starts_of(product, over))
        raise InvalidError("There is no period to bid for.", (fault,))
    made = Horizon(over.edges[kept[0] : kept[-1] + 2], over.time_zone)
    if made.edges[0] < known.edges[0] or made.edges[-1] > known.edges[-1]:
        span = f"{known.local_start[0].isoformat()} to {known.local_end[-1].isoformat()}"
        accepted = f"periods from {span}, chosen by start and end"
        fault = Fault("/flexibility", f"is not known for all periods of the day of {product.name}", accepted=accepted)
        raise InvalidError("Nobody knows what the fleet can do then.", (fault,))
    return made


def _require(bid: MarketBid, body: BidAsked, product: Product, at: datetime) -> None:
    """Refuse what the market would refuse, at the fields of the body that say it.

    Raises:
        ConfigError: lists all that is wrong.
    """
    try:
        require(bid, product, at)
    except ConfigError as error:
        raise ConfigError(error.source, [_placed(each, body) for each in error.problems]) from None


def _require_followed(bid: MarketBid, body: BidAsked, product: Product, steps: Horizon) -> None:
    """Refuse a bid that no plan could follow if all of it were won.

    Raises:
        InvalidError: it changes within a step of the sites' plans.
    """
    whole = [AwardPeriod(start=one.start, quantity_kw=one.quantity_kw, price=0.0) for one in bid.periods]
    try:
        profile(Award(product=bid.product, day=bid.day, side=bid.side, periods=tuple(whole)), product, steps)
    except DataError as error:
        raise at_field(error, "/periods" if body.periods is not None else "/start", None) from None


def _placed(problem: Problem, body: BidAsked) -> Problem:
    """A gate is the day's, or the product's where no day is asked for; a curve of the costs is the flexibility's."""
    if problem.path == "gate":
        return replace(problem, path="product" if body.day is None else "day", message=f"gate {problem.message}")
    if problem.path == "day" and body.day is None:
        return replace(problem, path="product")
    if problem.path.startswith("periods") and body.periods is None:
        return replace(problem, path="flexibility", message=f"{problem.path} {problem.message}")
    return problem


def _row(fleet: str, flexibility: str, bid: MarketBid, product: Product, left_out_kw: float) -> dict[str, object]:
    over = periods(product, bid.day)
    last = stamp(max(one.start for one in bid.periods))
    return {
        "fleet": fleet,
        "flexibility": flexibility,
        "product": bid.product,
        "day": bid.day.isoformat(),
        "side": bid.side,
        "portfolio": bid.portfolio,
        "body": bid.model_dump(mode="json"),
        "left_out_kw": left_out_kw,
        "expires_at": last_gate(product, bid.day, [one.start for one in bid.periods]),
        "delivered_by": over.local_end[int(np.searchsorted(over.edges.astype("datetime64[s]"), last))],
    }


def document(found: bids.Bid) -> Bid:
    """A bid as it is answered."""
    same = ("id", "fleet", "flexibility", "state", "product", "day", "side", "portfolio", "left_out_kw")
    times = ("expires_at", "created", "submitted", "award", "clipped")
    values = {name: getattr(found, name) for name in (*same, *times)}
    unit = product_of(found.product, found.day).price_unit
    return Bid.model_validate({**values, "price_unit": unit, "periods": found.body["periods"]})


@router.get(
    "/fleets/{fleet}/bids", name="list_of_fleet", summary="Bids of a fleet, the newest first",
    response_model=Page[Bid], responses=problems(404),
)  # fmt: skip
def list_of_fleet(fleet: Name, call: Reads, pages: Pages) -> Response:
    """In pages."""

    def work(tx: Tx) -> Page[Bid]:
        fleets.get(tx, fleet)
        found = bids.listed(tx, fleet=fleet, before=pages.after(call) or "", limit=pages.limit + 1)
        return pages.page(call, found, document, lambda one: one.id)

    return call.read(work)


@router.get("/bids", name="list", summary="All bids, the newest first", response_model=Page[Bid])
def list_all(call: Reads, pages: Pages) -> Response:
    """In pages."""

    def work(tx: Tx) -> Page[Bid]:
        found = bids.listed(tx, before=pages.after(call) or "", limit=pages.limit + 1)
        return pages.page(call, found, document, lambda one: one.id)

    return call.read(work)


@router.get("/bids/{bid}", name="get", summary="A bid", response_model=Bid, responses=problems(404))
def get(bid: BidId, call: Reads) -> Response:
    """With its state at this moment."""
    return call.read(lambda tx: document(bids.get(tx, bid)))


@router.post(
    "/bids/{bid}:submit", name="submit", summary="Say that a bid has been sent", response_model=Bid,
    responses=problems(404, 409),
)  # fmt: skip
def submit(bid: BidId, call: Writes) -> Response:
    """Refused where the product's rules or a closed gate refuse it now, or what is left of the fleet is less."""

    def change(tx: Tx, found: bids.Bid) -> bids.Bid:
        bids.require(found, "draft")
        own, product = MarketBid.model_validate(found.body), product_of(found.product, found.day)
        require(own, product, tx.now)
        flexibility = fleet_results.require(tx, "flexibility", found.flexibility)
        try:
            held.require_left(held.beside(tx, flexibility, own, product, found.id), own)
        except InvalidError as error:  # nothing is wrong with the request: others were faster
            raise ConflictError(error.detail, error.faults) from None
        return bids.submit(tx, found)

    return _changed(call, bid, change)


@router.post(
    "/bids/{bid}:withdraw", name="withdraw", summary="Withdraw a bid", response_model=Bid,
    responses=problems(404, 409),
)  # fmt: skip
def withdraw(bid: BidId, call: Writes) -> Response:
    """A draft, or a submitted one whose gate has not closed and of which no award is being carried out."""

    def change(tx: Tx, found: bids.Bid) -> bids.Bid:
        shown.require_no_award(tx, found.id)
        return bids.withdraw(tx, found)

    return _changed(call, bid, change)


def _changed(call: Call, bid: str, change: Callable[[Tx, bids.Bid], bids.Bid]) -> Response:
    return call.once(lambda tx: Reply(200, document(change(tx, bids.get(tx, bid)))))
