"""Forecasts of a site: asked for, looked at, and their tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends
from fastapi import Path as InPath
from starlette.responses import Response

from dispatch.service.errors import ConflictError
from dispatch.service.http.call import Call, Reply, allowed
from dispatch.service.http.cursor import Page, Paging, paging
from dispatch.service.http.intake import LargeRoute
from dispatch.service.http.problem import problems
from dispatch.service.routes.showing import state_of
from dispatch.service.routes.shown import TABLE_RESPONSE
from dispatch.service.schemas.forecasts import ForecastAsked, ForecastId, ForecastListed, ForecastShown, SeriesForecast
from dispatch.service.schemas.plan_parts import Accepted, Failed, SiteId
from dispatch.service.store import Tx, files, forecasts, jobs
from dispatch.service.store.arrow import from_bytes
from dispatch.service.work import basis

if TYPE_CHECKING:
    import pyarrow as pa

router = APIRouter(tags=["forecasts"], route_class=LargeRoute)
Reader = Annotated[Call, Depends(allowed("plans:read"))]
Writer = Annotated[Call, Depends(allowed("plans:write"))]
Id = Annotated[ForecastId, InPath(description="A forecast's id")]
Site = Annotated[SiteId, InPath(description="A site's id")]
_BASE = "/api/v1/forecasts"


@router.post(
    "/sites/{site}/forecasts",
    name="create",
    summary="Ask for a forecast",
    status_code=202,
    response_model=Accepted,
    responses=problems(404, 422),
)
def create_forecast(site: Site, body: ForecastAsked, call: Writer) -> Response:
    """Forecast all that a site needs and gives, from what was known at the issue time.

    The answer names the job that does it, and where the forecast will be.
    """

    def work(tx: Tx) -> Reply:
        request = body.model_dump(mode="json", exclude_none=True)
        what = basis.asked(tx, site, request)
        basis.require_forecastable(request, what)
        values = {"site": site, "site_version": what.version, "issued": what.issue, "start": what.horizon.start,
                  "end": what.end, "steps": what.horizon.steps, "request": {**request, **basis.kept(what)}}  # fmt: skip
        id_ = forecasts.create(tx, values)
        job = jobs.submit(tx, "forecast", {"site": site}, subject=id_)
        forecasts.name_job(tx, id_, job.id)
        tx.audit("forecast.asked", id_, {"site": site, "job": job.id})
        return accepted(f"{_BASE}/{id_}", id_, job.id)

    return call.once(work)


def accepted(href: str, id_: str, job: str) -> Reply:
    """202, with the job to ask."""
    at = f"/api/v1/jobs/{job}"
    return Reply(202, Accepted(id=id_, href=href, job=job, job_href=at), {"Location": at})


@router.get(
    "/sites/{site}/forecasts",
    name="list",
    summary="List a site's forecasts",
    response_model=Page[ForecastListed],
    responses=problems(404),
)
def list_forecasts(site: Site, call: Reader, page: Annotated[Paging, Depends(paging)]) -> Response:
    """The newest first, those that are still being made too."""

    def work(tx: Tx) -> Page[ForecastListed]:
        basis.park_of(tx, site)
        found = forecasts.listed(tx, site=site, before=page.after(call), limit=page.limit + 1)
        return page.page(call, found, _listed, lambda row: row.id)

    return call.read(work)


def _listed(row: Any) -> ForecastListed:
    return ForecastListed(
        id=row.id, site=row.site, state=state_of(row), created_at=row.created, issue_time=row.issued, start=row.start,
        end=row.end, href=f"{_BASE}/{row.id}",
    )  # fmt: skip


@router.get(
    "/forecasts/{forecast}",
    name="get",
    summary="Look at a forecast",
    response_model=ForecastShown,
    responses=problems(404),
)
def get_forecast(forecast: Id, call: Reader) -> Response:
    """Expected path and quantiles of every series; its joint scenarios are a table of their own."""

    def work(tx: Tx) -> ForecastShown:
        row = forecasts.get(tx, forecast)
        return _shown(row, None if row.result is None else from_bytes(files.read(tx, row.quantiles_file)))

    return call.read(work)


def _shown(row: Any, quantiles: pa.Table | None) -> ForecastShown:
    problem = None if row.job_problem is None else Failed(**row.job_problem)
    own: dict[str, Any] = {
        "id": row.id, "site": row.site, "site_version": row.site_version, "state": state_of(row), "job": row.job,
        "created_at": row.created, "issue_time": row.issued, "start": row.start, "end": row.end, "steps": row.steps,
        "problem": problem,
    }  # fmt: skip
    if row.result is None or quantiles is None:
        return ForecastShown(**own)
    said = row.result
    ends = [datetime.fromtimestamp(edge, UTC) for edge in row.request["edges"][1:]]
    return ForecastShown(
        **own, step_end=ends, levels=said["levels"], series=_series(said, quantiles), scenarios=said["scenarios"],
        model=said["model"], data_age_h=said["data_age_h"], notes=said["notes"],
        quantiles_href=f"{_BASE}/{row.id}/quantiles", scenarios_href=f"{_BASE}/{row.id}/scenarios",
    )  # fmt: skip


def _series(said: dict[str, Any], quantiles: pa.Table) -> list[SeriesForecast]:
    values = quantiles["value"].to_numpy().reshape(len(said["names"]), -1, len(said["levels"]))
    return [
        SeriesForecast(
            name=name, unit=said["units"][name], made_by=said["made_by"][name], expected=said["central"][name],
            quantiles=values[number].tolist(),
        )
        for number, name in enumerate(said["names"])
    ]  # fmt: skip


@router.get(
    "/forecasts/{forecast}/quantiles",
    name="quantiles",
    summary="A forecast's quantiles as a table",
    responses={**TABLE_RESPONSE, **problems(404, 406, 409)},
)
def get_quantiles(forecast: Id, call: Reader) -> Response:
    """A row for each series, step and level; as JSON, CSV or Arrow."""
    return call.read(lambda tx: _table(tx, forecast, "quantiles_file"))


@router.get(
    "/forecasts/{forecast}/scenarios",
    name="scenarios",
    summary="A forecast's scenarios as a table",
    responses={**TABLE_RESPONSE, **problems(404, 406, 409)},
)
def get_scenarios(forecast: Id, call: Reader) -> Response:
    """A row for each series, joint scenario and step, with the scenario's probability; as JSON, CSV or Arrow."""
    return call.read(lambda tx: _table(tx, forecast, "scenarios_file"))


def _table(tx: Tx, forecast: str, which: str) -> pa.Table:
    row = forecasts.get(tx, forecast)
    if row.result is None:
        raise ConflictError(f"Forecast '{forecast}' is not there: its job is {state_of(row)}.")
    return from_bytes(files.read(tx, getattr(row, which)))
