"""What a site's assets are told now, or over a time."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from dispatch.service.errors import Fault, InvalidError
from dispatch.service.http.call import Call, allowed
from dispatch.service.http.problem import problems
from dispatch.service.routes.forecasts import Site
from dispatch.service.schemas.plan_parts import Moment
from dispatch.service.schemas.setpoints import SetpointNow, SetpointsNow, SetpointSpan, SetpointSpans
from dispatch.service.store import Tx
from dispatch.service.work import basis
from dispatch.service.work.control import Control

router = APIRouter(tags=["setpoints"])
Reader = Annotated[Call, Depends(allowed("plans:read"))]
_LONGEST = timedelta(days=8)
_CHANGES = 3000


@router.get(
    "/sites/{site}/setpoints",
    name="get",
    summary="What holds at a moment",
    response_model=SetpointsNow,
    responses=problems(404, 422),
)
def get_setpoints(
    site: Site, call: Reader, at: Annotated[Moment | None, Query(description="Now by default")] = None
) -> Response:
    """Every set-point with who says it and until when: override > hold > schedule > the last schedule's safe state."""

    def work(tx: Tx) -> SetpointsNow:
        basis.park_of(tx, site)
        moment = at or tx.now
        held = Control(tx, site, timedelta(hours=call.settings.plan_age_hours)).at(moment)
        return SetpointsNow(site=site, at=moment, items=[SetpointNow(**asdict(one)) for one in held])

    return call.read(work)


@router.get(
    "/sites/{site}/setpoints/series",
    name="series",
    summary="What holds over a time",
    response_model=SetpointSpans,
    responses=problems(404, 422),
)
def get_setpoint_series(
    site: Site,
    call: Reader,
    start: Annotated[Moment | None, Query(description="Now by default")] = None,
    end: Annotated[Moment | None, Query(description="A day later by default; at most eight")] = None,
) -> Response:
    """From one change to the next, as it is known now; plans and overrides to come change it."""

    def work(tx: Tx) -> SetpointSpans:
        basis.park_of(tx, site)
        first = start or tx.now
        last = end or first + timedelta(days=1)
        if not first < last <= first + _LONGEST:
            fault = Fault("/end", "is not in the eight days after start", last.isoformat(), "a later time", "query")
            raise InvalidError("Set-points are shown over at most eight days.", [fault])
        spans = Control(tx, site, timedelta(hours=call.settings.plan_age_hours)).spans(first, last, _CHANGES)
        items = [SetpointSpan(**asdict(one), start=a, end=b) for a, b, held in spans for one in held]
        return SetpointSpans(site=site, start=first, end=spans[-1][1] if spans else last, items=items)

    return call.read(work)
