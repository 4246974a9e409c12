"""Carbon accounts of measured periods and of plans: asked for, looked at, and their tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends
from fastapi import Path as InPath
from starlette.responses import Response

from dispatch.service.errors import ConflictError, Fault, InvalidError, NotFoundError
from dispatch.service.http.call import Call, Reply, allowed
from dispatch.service.http.cursor import Page, Paging, paging
from dispatch.service.http.intake import LargeRoute
from dispatch.service.http.problem import problems
from dispatch.service.routes import showing
from dispatch.service.routes.forecasts import Site, accepted
from dispatch.service.routes.shown import TABLE_RESPONSE
from dispatch.service.schemas.carbon import AccountAsked, AccountId, AccountListed, AccountShown, LedgerShown
from dispatch.service.schemas.plan_parts import Accepted, Failed
from dispatch.service.store import Tx, carbon_accounts, files, jobs, schedules
from dispatch.service.store.arrow import from_bytes
from dispatch.service.work import basis, carbon

if TYPE_CHECKING:
    import pyarrow as pa

router = APIRouter(tags=["carbon"], route_class=LargeRoute)
Reader = Annotated[Call, Depends(allowed("carbon:read"))]
Writer = Annotated[Call, Depends(allowed("carbon:write"))]
Id = Annotated[AccountId, InPath(description="A carbon account's id")]
_BASE = "/api/v1/carbon-accounts"


@router.post(
    "/sites/{site}/carbon-accounts",
    name="create",
    summary="Ask for a carbon account",
    status_code=202,
    response_model=Accepted,
    responses=problems(404, 422),
)
def create_account(site: Site, body: AccountAsked, call: Writer) -> Response:
    """Account for the carbon of a period that was measured, or of a plan, by every method that can say something."""

    def work(tx: Tx) -> Reply:
        park, version = basis.park_of(tx, site)
        request = body.model_dump(mode="json", exclude_none=True)
        if body.schedule is None:
            horizon = carbon.horizon_of(park, request)
            span = {"start": horizon.start, "end": basis.moment(horizon.edges[-1]), "site_version": version}
        else:
            span = _of_schedule(tx, site, body.schedule)
        id_ = carbon_accounts.create(tx, {"site": site, "schedule": body.schedule, "request": request, **span})
        job = jobs.submit(tx, "carbon", {"site": site}, subject=id_)
        carbon_accounts.name_job(tx, id_, job.id)
        tx.audit("carbon_account.asked", id_, {"site": site, "job": job.id})
        return accepted(f"{_BASE}/{id_}", id_, job.id)

    return call.once(work)


def _of_schedule(tx: Tx, site: str, id_: str) -> dict[str, Any]:
    try:
        row = schedules.get(tx, id_)
    except NotFoundError:
        row = None
    if row is None or row.site != site:
        fault = Fault("/schedule", "is no schedule of this site", id_, "the id of one")
        raise InvalidError("There is no such schedule.", [fault])
    if row.made is not None:
        showing.require_own(row)
    return {"start": row.start, "end": row.end, "site_version": row.site_version}


@router.get(
    "/sites/{site}/carbon-accounts",
    name="list",
    summary="List a site's carbon accounts",
    response_model=Page[AccountListed],
    responses=problems(404),
)
def list_accounts(site: Site, call: Reader, page: Annotated[Paging, Depends(paging)]) -> Response:
    """The newest first, those that are still being made too."""

    def work(tx: Tx) -> Page[AccountListed]:
        basis.park_of(tx, site)
        found = carbon_accounts.listed(tx, site=site, before=page.after(call), limit=page.limit + 1)
        return page.page(call, found, _listed, lambda row: row.id)

    return call.read(work)


def _listed(row: Any) -> AccountListed:
    return AccountListed(
        id=row.id, site=row.site, schedule=row.schedule, state=showing.state_of(row), created_at=row.created,
        start=row.start, end=row.end, href=f"{_BASE}/{row.id}",
    )  # fmt: skip


@router.get(
    "/carbon-accounts/{account}",
    name="get",
    summary="Look at a carbon account",
    response_model=AccountShown,
    responses=problems(404),
)
def get_account(account: Id, call: Reader) -> Response:
    """What every method says of the whole, what it rests on, and where its tables and its page are."""
    return call.read(lambda tx: _shown(carbon_accounts.get(tx, account)))


def _shown(row: Any) -> AccountShown:
    own: dict[str, Any] = {
        "id": row.id, "site": row.site, "site_version": row.site_version, "schedule": row.schedule,
        "state": showing.state_of(row), "job": row.job, "created_at": row.created, "start": row.start, "end": row.end,
        "by": row.request["by"], "problem": None if row.job_problem is None else Failed(**row.job_problem),
    }  # fmt: skip
    if row.result is None:
        return AccountShown(**own)
    said = row.result
    names = ("left_out", "factors", "settings", "notes")
    hrefs = {
        f"{name}_href": f"{_BASE}/{row.id}/{name}"
        for name in ("ledgers", "goods", "certificates", "page")
        if getattr(row, f"{name}_file") is not None
    }
    return AccountShown(
        **own,
        **hrefs,
        **{name: said[name] for name in names},
        ledgers=tuple(LedgerShown(**one) for one in said["ledgers"]),
        certificates=said.get("certificates"),
        cbam=said.get("cbam"),
        footprints=said.get("footprints"),
        inputs_sha256=said["hashes"],
    )


@router.get(
    "/carbon-accounts/{account}/ledgers",
    name="ledgers",
    summary="A carbon account's ledgers as a table",
    responses={**TABLE_RESPONSE, **problems(404, 406, 409)},
)
def get_ledgers(account: Id, call: Reader) -> Response:
    """A row for each ledger, meter and step; as JSON, CSV or Arrow."""
    return call.read(lambda tx: _table(tx, account, "ledgers"))


@router.get(
    "/carbon-accounts/{account}/goods",
    name="goods",
    summary="A carbon account's goods as a table",
    responses={**TABLE_RESPONSE, **problems(404, 406, 409)},
)
def get_goods(account: Id, call: Reader) -> Response:
    """A row for each good, ledger and step; as JSON, CSV or Arrow. Of a plan there is none."""
    return call.read(lambda tx: _table(tx, account, "goods"))


@router.get(
    "/carbon-accounts/{account}/certificates",
    name="certificates",
    summary="A carbon account's certificates as a table",
    responses={**TABLE_RESPONSE, **problems(404, 406, 409)},
)
def get_certificates(account: Id, call: Reader) -> Response:
    """Who used how much of which certificates; as JSON, CSV or Arrow. Of a plan there is none."""
    return call.read(lambda tx: _table(tx, account, "certificates"))


def _made(tx: Tx, id_: str) -> Any:
    row = carbon_accounts.get(tx, id_)
    if row.made is None:
        raise ConflictError(f"Carbon account '{id_}' is not there: its job is {showing.state_of(row)}.")
    return row


def _table(tx: Tx, id_: str, name: str) -> pa.Table:
    file = getattr(_made(tx, id_), f"{name}_file")
    if file is None:
        raise NotFoundError(f"Carbon account '{id_}' is of a plan, which has no {name}.")
    return from_bytes(files.read(tx, file))


@router.get(
    "/carbon-accounts/{account}/page",
    name="page",
    summary="A carbon account's page",
    response_class=Response,
    responses={
        200: {"content": {"text/html": {"schema": {"type": "string"}}}, "description": "The page"},
        **problems(404, 409),
    },
)
def get_page(account: Id, call: Reader) -> Response:
    """One HTML file that needs nothing else."""

    def work(tx: Tx) -> Response:
        page = files.read(tx, _made(tx, account).page_file)
        return Response(page, 200, {"Cache-Control": "private, no-cache"}, "text/html; charset=utf-8")

    return call.read(work)
