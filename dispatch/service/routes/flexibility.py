"""What fleets can do beside their plans, and whether they can follow a profile."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from starlette.responses import Response

from dispatch.service.errors import Fault, InvalidError
from dispatch.service.http.call import Call, Reply, allowed
from dispatch.service.http.cursor import Page, Paging, paging
from dispatch.service.http.problem import problems
from dispatch.service.routes import shown
from dispatch.service.routes.fleets import require_usable
from dispatch.service.schemas.flexibility import Evaluation, Flexibility, FlexibilityAsked, ProfileAsked
from dispatch.service.schemas.values import Accepted, EvaluationId, FlexibilityId, Name
from dispatch.service.store import Tx, fleet_results, fleets

router = APIRouter(tags=["flexibility"])
Reads = Annotated[Call, Depends(allowed("markets:read"))]
Asks = Annotated[Call, Depends(allowed("markets:write", "measurements:read"))]


@router.post(
    "/fleets/{fleet}/flexibility", name="ask", summary="Find what a fleet can do beside its plan",
    status_code=202, response_model=Accepted, responses=problems(404, 409, 429),
)  # fmt: skip
def post(fleet: Name, body: FlexibilityAsked, call: Asks) -> Response:
    """Bands of power and energy, and blocks with their costs, for each site and step."""
    request = body.model_dump(mode="json")

    def work(tx: Tx) -> Reply:
        require_usable(tx, fleet, request)
        return shown.accepted(fleet_results.submit(tx, "flexibility", fleet, {**request, "fleet": fleet}))

    return call.once(work)


@router.get(
    "/fleets/{fleet}/flexibility", name="list", summary="Flexibility of a fleet, the newest first",
    response_model=Page[Flexibility], responses=problems(404),
)  # fmt: skip
def list_all(fleet: Name, call: Reads, pages: Annotated[Paging, Depends(paging)]) -> Response:
    """In pages; the envelope stands in each by itself."""

    def work(tx: Tx) -> Page[Flexibility]:
        fleets.get(tx, fleet)
        before = pages.after(call) or ""
        found = fleet_results.listed(tx, "flexibility", fleet=fleet, before=before, limit=pages.limit + 1)
        return pages.page(call, found, lambda one: shown.document(Flexibility, one, envelope=()), lambda one: one.id)

    return call.read(work)


@router.get(
    "/flexibility/{flexibility}", name="get", summary="What a fleet can do beside its plan",
    response_model=Flexibility, responses=problems(404),
)  # fmt: skip
def get(flexibility: FlexibilityId, call: Reads) -> Response:
    """All sites together, step by step; by site in the tables."""
    return call.read(lambda tx: shown.document(Flexibility, fleet_results.get(tx, "flexibility", flexibility)))


@router.get(
    "/flexibility/{flexibility}/page", name="get_page", summary="The same with pictures",
    responses={**shown.PAGE_RESPONSE, **problems(404, 409)},
)  # fmt: skip
def get_page(flexibility: FlexibilityId, call: Reads) -> Response:
    """HTML that needs no network."""
    return shown.page(call, "flexibility", flexibility)


@router.get(
    "/flexibility/{flexibility}/{table}", name="get_table", summary="Bands or blocks by site",
    responses={**shown.TABLE_RESPONSE, **problems(404, 406, 409)},
)  # fmt: skip
def get_table(flexibility: FlexibilityId, table: Literal["envelope", "blocks", "inputs"], call: Reads) -> Response:
    """As JSON, Arrow or CSV."""
    return shown.table(call, "flexibility", flexibility, table)


@router.post(
    "/fleets/{fleet}/flexibility:evaluate", name="evaluate",
    summary="Can the fleet follow a profile, what is the nearest, who does what?", status_code=202,
    response_model=Accepted, responses=problems(404, 409, 429),
)  # fmt: skip
def evaluate(fleet: Name, body: ProfileAsked, call: Asks) -> Response:
    """Exact where all plant has a closed form, with the reason where it is refused."""

    def work(tx: Tx) -> Reply:
        fleets.get(tx, fleet)
        found = require_own(tx, fleet, body.flexibility)
        if len(body.profile_kw) != (steps := found.summary["steps"]):
            fault = Fault("/profile_kw", f"has {len(body.profile_kw)} values", accepted=f"{steps}, one for each step")
            raise InvalidError("The profile is not of the flexibility's steps.", (fault,))
        request = {**body.model_dump(mode="json"), "fleet": fleet}
        return shown.accepted(fleet_results.submit(tx, "evaluation", fleet, request, parent=body.flexibility))

    return call.once(work)


def require_own(tx: Tx, fleet: str, flexibility: str) -> fleet_results.Result:
    """A flexibility that is there and of this fleet.

    Raises:
        ServiceError: it is not.
    """
    found = fleet_results.require(tx, "flexibility", flexibility)
    if found.fleet != fleet:
        fault = Fault("/flexibility", f"is of fleet '{found.fleet}'", flexibility, f"one of fleet '{fleet}'")
        raise InvalidError("The flexibility is of another fleet.", [fault])
    return found


@router.get(
    "/evaluations/{evaluation}", name="get_evaluation", summary="Whether a profile is possible",
    response_model=Evaluation, responses=problems(404),
)  # fmt: skip
def get_evaluation(evaluation: EvaluationId, call: Reads) -> Response:
    """With the nearest that is, and why where it is not."""

    def work(tx: Tx) -> Evaluation:
        found = fleet_results.get(tx, "evaluation", evaluation)
        return shown.document(Evaluation, found, flexibility=found.parent)

    return call.read(work)


@router.get(
    "/evaluations/{evaluation}/{table}", name="get_evaluation_table", summary="Net draw of each site",
    responses={**shown.TABLE_RESPONSE, **problems(404, 406, 409)},
)  # fmt: skip
def get_evaluation_table(evaluation: EvaluationId, table: Literal["shares"], call: Reads) -> Response:
    """As JSON, Arrow or CSV."""
    return shown.table(call, "evaluation", evaluation, table)
