"""How results of fleets are answered, whatever they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from starlette.responses import Response

from dispatch.service.errors import ConflictError
from dispatch.service.http.call import Call, Reply
from dispatch.service.http.negotiation import ARROW, CSV, JSON, TABLE, choose
from dispatch.service.schemas.results import Result as Shown
from dispatch.service.schemas.values import Accepted
from dispatch.service.store import fleet_results
from dispatch.service.store.fleet_results import Kind, Result

if TYPE_CHECKING:
    import pyarrow as pa

    from dispatch.service.store import Tx

M = TypeVar("M", bound=Shown)
API = "/api/v1"
COLLECTIONS: dict[str, str] = {
    "fleet_forecast": "fleet-forecasts",
    "fleet_plan": "fleet-plans",
    "flexibility": "flexibility",
    "evaluation": "evaluations",
    "award": "awards",
    "settlement": "settlements",
}
_AT_ONCE = 1000
_HIDDEN = ("known_sites", "devices")
TABLE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The table, in the format that is accepted",
        "content": {
            JSON: {
                "schema": {
                    "type": "object",
                    "required": ["rows"],
                    "properties": {"rows": {"type": "array", "items": {"type": "object"}}},
                }
            },
            ARROW: {"schema": {"type": "string", "format": "binary"}},
            CSV: {"schema": {"type": "string"}},
        },
    }
}
PAGE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A page that opens by itself", "content": {"text/html": {"schema": {"type": "string"}}}}
}


def href(found: Result) -> str:
    """Where a result is."""
    return f"{API}/{COLLECTIONS[found.kind]}/{found.id}"


def accepted(found: Result) -> Reply:
    """The answer to a request for a result."""
    where = href(found)
    body = Accepted(id=found.id, href=where, job=found.job, job_href=f"{API}/jobs/{found.job}")
    return Reply(202, body, {"Location": where})


def document(model: type[M], found: Result, **more: Any) -> M:
    """A result as a model: what all say of themselves, what its summary says, and what the caller adds."""
    where = href(found)
    same = {
        "id": found.id,
        "fleet": found.fleet,
        "state": found.state,
        "job": found.job,
        "created": found.created,
        "files": {name: f"{where}/{name}" for name in found.files if name not in _HIDDEN},
        "problem": found.problem,
    }
    summary = {name: value for name, value in found.summary.items() if name in model.model_fields}
    return model.model_validate({**summary, **same, **more})


def table(call: Call, kind: Kind, id_: str, name: str) -> Response:
    """One of a result's tables, in the format that the client accepts."""

    def work(tx: Tx) -> pa.Table:
        found = fleet_results.require(tx, kind, id_)
        return _numbers(call, fleet_results.read_table(tx, found, name))

    return call.read(work)


def _numbers(call: Call, found: pa.Table) -> pa.Table:
    """Exact decimals stay what they are in Arrow and are numbers elsewhere: both print to the cent."""
    import pyarrow as pa

    if choose(call.request.headers.get("accept"), TABLE) == ARROW:
        return found
    for place, field in enumerate(found.schema):
        if pa.types.is_decimal(field.type):
            # By their text: a cast divides, and 80.96 would print as 80.96000000000001.
            text = found.column(place).cast(pa.string())
            found = found.set_column(place, field.name, text.cast(pa.float64()))
    return found


def page(call: Call, kind: Kind, id_: str) -> Response:
    """The page of a result."""

    def work(tx: Tx) -> Response:
        found = fleet_results.require(tx, kind, id_)
        body = fleet_results.read_page(tx, found, "page")
        headers = {"Content-Security-Policy": _CSP, "Cache-Control": "private, no-cache"}
        return Response(body, 200, headers, "text/html; charset=utf-8")

    return call.read(work)


# Pages of results carry their own style, and ask for nothing else.
_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"


def require_no_award(tx: Tx, bid: str) -> None:
    """One at a time: while an award of a bid is being carried out no other is taken, and it is not withdrawn.

    Raises:
        ConflictError: one is.
    """
    for one in fleet_results.listed(tx, "award", parent=bid, limit=_AT_ONCE):
        if one.state in ("queued", "running"):
            raise ConflictError(f"award '{one.id}' of this bid is {one.state}; accepted: when that has ended")
