"""Measurements: JSON, NDJSON or Arrow; each row judged; what is acknowledged is on disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from dispatch.service.errors import BadRequestError, Fault, InvalidError, NotFoundError, UnsupportedMediaError
from dispatch.service.http import strict_json
from dispatch.service.http.call import Call, Reply, allowed
from dispatch.service.http.intake import raw_body, said
from dispatch.service.http.media import is_json, media_type
from dispatch.service.http.negotiation import ARROW, CSV, JSON, TABLE, choose, utc_text
from dispatch.service.http.problem import problems
from dispatch.service.schemas import measurements as bodies
from dispatch.service.schemas.shared import Moment
from dispatch.service.schemas.sites import SITE_NAME, OnReject
from dispatch.service.store import Tx, series, sites
from dispatch.service.store.metadata import EPOCH
from dispatch.service.store.series import parsing
from dispatch.service.store.series.rows import Receipt, Rejection, Verdict

if TYPE_CHECKING:
    import pyarrow as pa

router = APIRouter(tags=["measurements"])
NDJSON = "application/x-ndjson"
ROWS_MAX = 2_000_000
VALUES_MAX, JSON_VALUES_MAX = 1_000_000, 200_000
_SHOWN_MAX = 10_000
_VALUED_MAX = 100
_DAY_S = 86_400
_LINE_DEEPEST = 4
Given = tuple["pa.Table", dict[int, Rejection]]

_REF = "#/components/schemas/{model}"
_ARROW_TOLD = "An Arrow stream with columns site, series, time (timestamp with a zone), value and, if wanted, source"
_BINARY = {"type": "string", "format": "binary"}
_ROWS = bodies.Measurements.model_json_schema(ref_template=_REF)
# A row that is none is no fault of the request where others are taken without it: it gets a verdict of its own.
_ROWS["properties"]["rows"]["items"] = {"anyOf": [_ROWS["properties"]["rows"]["items"], {}]}
_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": _ROWS},
        NDJSON: {"schema": {"description": "One row in each line, as in the JSON body's `rows`"}},
        ARROW: {"schema": {**_BINARY, "description": _ARROW_TOLD}},
    },
}  # fmt: skip


@router.post(
    "/measurements",
    name="append",
    summary="Send measurements",
    response_model=bodies.ReceiptShown,
    responses=problems(413, 415, 422),
    openapi_extra={"requestBody": _BODY},
)
def append(
    call: Annotated[Call, Depends(allowed("measurements:write"))],
    body: Annotated[bytes, Depends(raw_body)],
    on_reject: Annotated[OnReject, Query()] = "refuse",
) -> Response:
    """Values of any number of sites, in one transaction.

    A row that is sent again is a duplicate; another value for the same time restates it, and both are kept. With
    `refuse` one row that is rejected keeps all others out; with `skip` the others are taken.
    """
    rows, wrong = _given(call, body)
    # Parks are read and rows are compared here, so that no writer waits for it below.
    with call.store.read(call.tenant) as tx, _taken_or_told():
        judged = series.judge(tx, rows, wrong)
        if on_reject == "skip" or not judged.given.rejections:
            judged.body()

    def work(tx: Tx) -> Reply:
        with _taken_or_told():
            receipt = series.take(tx, judged, on_reject=on_reject)
        if not receipt.is_taken:
            raise _refused(receipt, rows)
        return Reply(200, _shown(receipt))

    return call.once(work)


@contextmanager
def _taken_or_told() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise InvalidError("The measurements are not taken.", [Fault("/rows", str(error))]) from None


def _given(call: Call, body: bytes) -> Given:
    kind = media_type(call.request.headers.get("content-type"))
    if is_json(kind):
        return _of_json(said(call.request.scope))
    if kind == NDJSON:
        return parsing.table(parsing.lines(body, _line))
    if kind == ARROW:
        try:
            return _columns(parsing.stream(body, ROWS_MAX)), {}
        except ValueError as error:
            raise InvalidError("The table is not taken.", [Fault("", str(error), accepted=_ARROW_TOLD)]) from None
    accepted = f"application/json, {NDJSON} or {ARROW}"
    fault = Fault("/content-type", "is not read here", kind, accepted, "header")
    raise UnsupportedMediaError("The body is of a format that is not read here.", [fault])


def _of_json(found: Any) -> Given:
    if not isinstance(found, dict) or set(found) != {"rows"} or not isinstance(found["rows"], list):
        raise InvalidError("The body is no list of measurements.", [Fault("", "is not read", found, '{"rows": […]}')])
    return parsing.table(found["rows"])


def _line(line: bytes) -> Any:
    try:
        strict_json.check(line, _LINE_DEEPEST)
    except BadRequestError as error:
        raise ValueError(error.detail.removeprefix("The body is not JSON: ")) from None
    return json.loads(line)


def _columns(rows: pa.Table) -> pa.Table:
    """The table, where it has the columns of measurements.

    Raises:
        ValueError: it has not; says all that is wrong.
    """
    series.coded(rows.slice(0, 0))
    return rows


def _refused(receipt: Receipt, rows: pa.Table) -> InvalidError:
    faults = [
        Fault(
            f"/rows/{each.index}{'/' if each.field else ''}{each.field}", each.message,
            _found(rows, each) if number < _VALUED_MAX else None, each.accepted,
        )
        for number, each in enumerate(receipt.rejections)
    ]  # fmt: skip
    text = f"{len(faults)} of {len(receipt.verdicts)} rows are rejected; none was taken."
    return InvalidError(text, faults)


def _found(rows: pa.Table, rejection: Rejection) -> Any:
    """The name or number that stands there; None in a row that could not be read."""
    is_plain = rejection.field in ("site", "series", "source", "value") and rejection.field in rows.column_names
    return rows[rejection.field][rejection.index].as_py() if is_plain else None


def _shown(receipt: Receipt) -> bodies.ReceiptShown:
    runs, at = [], 0
    for verdict, same in groupby(receipt.verdicts.tolist()):
        count = sum(1 for _ in same)
        runs.append(bodies.Run(index=at, count=count, verdict=Verdict(verdict).name))
        at += count
    rejections = [bodies.Rejected(**vars(each)) for each in receipt.rejections[:_SHOWN_MAX]]
    counts = {verdict.name: receipt.count(verdict) for verdict in Verdict}
    return bodies.ReceiptShown(
        received=receipt.received,
        taken=receipt.taken,
        verdicts=runs,
        rejections=rejections,
        rejections_left_out=len(receipt.rejections) - len(rejections),
        **counts,
    )


@router.get(
    "/measurements",
    name="read",
    summary="Read measurements",
    response_model=bodies.Values,
    responses={
        200: {"content": {CSV: {"schema": {"type": "string"}}, ARROW: {"schema": _BINARY}}},
        **problems(404, 422),
    },
)  # fmt: skip
def read(
    call: Annotated[Call, Depends(allowed("measurements:read"))],
    site: Annotated[str, Query(pattern=SITE_NAME, description="Of this site")],
    series_name: Annotated[
        list[Annotated[str, Query(min_length=1, max_length=200)]],
        Query(alias="series", max_length=200, description="Of these series; all by default"),
    ] = [],  # noqa: B006 - FastAPI copies it
    start: Annotated[Moment | None, Query(description="Intervals that end after this; by default all")] = None,
    end: Annotated[Moment | None, Query(description="Intervals that end at this or before; by default all")] = None,
    as_of: Annotated[Moment | None, Query(description="As known then; by default all that is known")] = None,
    resample: Annotated[
        str | None,
        Query(
            pattern=r"^(?:PT[1-9]\d{0,3}M|PT[1-9]\d?H|P1D)$",
            description="Means over steps of this length, counted from midnight UTC, such as PT15M, PT1H or P1D",
        ),
    ] = None,
) -> Response:
    """Values by series, source and time; with `resample` means, and of how many values each is."""
    step = None if resample is None else _step(resample)
    most = JSON_VALUES_MAX if choose(call.request.headers.get("accept"), TABLE) == JSON else VALUES_MAX
    first, last = start or EPOCH, end or datetime.max.replace(tzinfo=UTC)
    if last < first:
        fault = Fault("/end", "is before start", utc_text(last), f"{utc_text(first)} or later", "query")
        raise InvalidError("The time ends before it begins.", [fault])

    def work(tx: Tx) -> pa.Table:
        if sites.etag(tx, site) is None:
            raise NotFoundError("There is no such site.")
        _require_series(tx, site, series_name)
        found = series.read(tx, site, series_name or None, first, last, as_of, step=step, limit=most + 1)
        if len(found) > most:
            accepted = f"a shorter time, or up to {VALUES_MAX} as {ARROW} or {CSV}"
            fault = Fault("/start", f"more than {most} values", accepted=accepted, place="query")
            raise InvalidError("This is more than is given at once.", [fault])
        return found

    return call.read(work)


def _require_series(tx: Tx, site: str, asked: list[str]) -> None:
    """All series asked for are of the site, or were when values of them came; whether any came or not.

    Raises:
        InvalidError: some never were; says which are.
    """
    if not asked:
        return
    known = set(series.accepted(tx, {site})[site][0])
    if not known.issuperset(asked):
        known |= {each.series for each in series.holdings(tx, site)}
    if unknown := [name for name in dict.fromkeys(asked) if name not in known]:
        faults = [
            Fault("/series", f"is no series of site '{site}'", name, series.alike_name(name, known), "query")
            for name in unknown
        ]
        raise InvalidError("There are no such series.", faults)


def _step(text: str) -> timedelta:
    """The length of a step that divides the day.

    Raises:
        InvalidError: it does not.
    """
    seconds = _DAY_S if text == "P1D" else int(text[2:-1]) * (60 if text.endswith("M") else 3600)
    if _DAY_S % seconds:
        raise InvalidError(
            "The steps do not fit the day.",
            [Fault("/resample", "does not divide a day", text, "PT1M, PT5M, PT15M, PT30M, PT1H, P1D …", "query")],
        )
    return timedelta(seconds=seconds)
