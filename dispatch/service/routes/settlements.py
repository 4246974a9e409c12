"""Settlements: meters against a baseline, in money, and whose it is."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from dispatch.errors import DataError
from dispatch.markets import portfolio
from dispatch.markets.awards import Award
from dispatch.markets.baselines.methods import method as method_of
from dispatch.markets.catalogue import product as product_of
from dispatch.service.errors import ConflictError, Fault, InvalidError, at_field
from dispatch.service.http.call import Call, Reply, allowed
from dispatch.service.http.cursor import Page, Paging, paging
from dispatch.service.http.problem import problems
from dispatch.service.routes import shown
from dispatch.service.schemas.bids import Settlement, SettlementAsked
from dispatch.service.schemas.values import Accepted, AwardId, SettlementId
from dispatch.service.store import Tx, fleet_results
from dispatch.service.store.fleet_results import Result
from dispatch.service.work import settlement

router = APIRouter(tags=["settlements"])
Reads = Annotated[Call, Depends(allowed("markets:read"))]
Asks = Annotated[Call, Depends(allowed("markets:write", "measurements:read"))]
Pages = Annotated[Paging, Depends(paging)]


@router.post(
    "/awards/{award}/settlements", name="create", summary="Settle an award", status_code=202,
    response_model=Accepted, responses=problems(404, 409, 429),
)  # fmt: skip
def post(award: AwardId, body: SettlementAsked, call: Asks) -> Response:
    """By a baseline that is named, with the sites' meters (net_import_kw) of the days before and of the day itself."""
    _require_method(body.baseline)

    def work(tx: Tx) -> Reply:
        found = fleet_results.require(tx, "award", award)
        if found.state != "done":
            raise ConflictError(f"award '{award}' is {found.state}: it is not carried out")
        _require_prices(found, body)
        request = {**body.model_dump(mode="json"), "award": award}
        return shown.accepted(fleet_results.submit(tx, "settlement", found.fleet, request, parent=award))

    return call.once(work)


def _require_method(name: str) -> None:
    """A baseline that the service can make.

    Raises:
        InvalidError: there is none of that name, or it needs more than meters.
    """
    try:
        method = method_of(name)
    except DataError as error:
        raise at_field(error, "/baseline", name) from None
    if method.wants_temperature or method.wants_control:
        what = "temperatures" if method.wants_temperature else "a control group"
        message = f"baseline {method.name} needs {what}, which the service has not"
        fault = Fault("/baseline", message, name, "another method")
        raise InvalidError(f"{message}; accepted: another method", (fault,))


def _require_prices(found: Result, body: SettlementAsked) -> None:
    """What the product's rules need beside meters, and nothing that they have no use for.

    Raises:
        ConfigError: lists all that is wrong.
        DataError: nothing was awarded.
    """
    award = Award.model_validate(found.request["award"])
    product = product_of(award.product, award.day)
    given = [one.model_dump(mode="json") for one in body.periods]
    settlement.prices_of(product, portfolio.asked(product, [award]), given)


def _document(tx: Tx, found: Result) -> Settlement:
    asked = {"baseline": found.request["baseline"], "split_by": found.request["split_by"]}
    before, after = fleet_results.around(tx, found)
    return shown.document(Settlement, found, award=found.parent, supersedes=before, superseded_by=after, **asked)


@router.get(
    "/awards/{award}/settlements", name="list_of_award",
    summary="Settlements of an award, the newest first", response_model=Page[Settlement], responses=problems(404),
)  # fmt: skip
def list_of_award(award: AwardId, call: Reads, pages: Pages) -> Response:
    """In pages."""

    def work(tx: Tx) -> Page[Settlement]:
        fleet_results.get(tx, "award", award)
        before = pages.after(call) or ""
        found = fleet_results.listed(tx, "settlement", parent=award, before=before, limit=pages.limit + 1)
        return pages.page(call, found, lambda one: _document(tx, one), lambda one: one.id)

    return call.read(work)


@router.get(
    "/settlements", name="list", summary="Settlements that count, the newest first",
    response_model=Page[Settlement],
)  # fmt: skip
def list_all(
    call: Reads,
    pages: Pages,
    superseded: Annotated[bool, Query(description="Those too that a later one of their award replaces")] = False,
) -> Response:
    """In pages; of an award that was settled again only the latest, so that revenues add up."""

    def work(tx: Tx) -> Page[Settlement]:
        before = pages.after(call) or ""
        found = fleet_results.listed(tx, "settlement", before=before, limit=pages.limit + 1, replaced=superseded)
        return pages.page(call, found, lambda one: _document(tx, one), lambda one: one.id)

    return call.read(work)


@router.get(
    "/settlements/{settlement}", name="get", summary="A settlement", response_model=Settlement,
    responses=problems(404),
)  # fmt: skip
def get(settlement: SettlementId, call: Reads) -> Response:
    """Revenue by line and by site, to the cent."""
    return call.read(lambda tx: _document(tx, fleet_results.get(tx, "settlement", settlement)))


@router.get(
    "/settlements/{settlement}/page", name="get_page", summary="A settlement with pictures",
    responses={**shown.PAGE_RESPONSE, **problems(404, 409)},
)  # fmt: skip
def get_page(settlement: SettlementId, call: Reads) -> Response:
    """HTML that needs no network."""
    return shown.page(call, "settlement", settlement)


@router.get(
    "/settlements/{settlement}/{table}", name="get_table",
    summary="Invoice, deliveries, split, or what each site gave",
    responses={**shown.TABLE_RESPONSE, **problems(404, 406, 409)},
)  # fmt: skip
def get_table(
    settlement: SettlementId, table: Literal["invoice", "deliveries", "split", "sites"], call: Reads
) -> Response:
    """As JSON, Arrow or CSV; amounts are exact decimals in Arrow."""
    return shown.table(call, "settlement", settlement, table)
