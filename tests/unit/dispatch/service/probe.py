"""Routes for tests of what all routes share; they stand beside those of the service."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Annotated

import pyarrow as pa
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from dispatch.errors import ConfigError, ContractError, DataError, Problem
from dispatch.service.errors import ConflictError
from dispatch.service.http import etag, sse
from dispatch.service.http.call import Call, Reply, allowed
from dispatch.service.http.intake import raw_body
from dispatch.service.store import Tx, audit
from dispatch.service.store.faults import BusyError, DamagedError

router = APIRouter(prefix="/api/v1/probe", tags=["probe"])
Caller = Annotated[Call, Depends(allowed())]
HELD, GO = threading.Event(), threading.Event()
RAISED = {
    "config": ConfigError("park.yaml", [Problem("assets[2].power_kw", "is negative: −3", "0 or more")]),
    "data": DataError("load.parquet has no column offices_kw"),
    "bug": ContractError("secret inner text"),
    "damaged": DamagedError("secret inner text"),
    "busy": BusyError("secret inner text"),
    "zero": ZeroDivisionError("secret inner text"),
    "conflict": ConflictError("not in this state"),
}
TABLE = pa.table(
    {
        "time": pa.array([datetime(2026, 1, 1, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
        "power_kw": [1.5, float("nan")],
        "name": ["a,b", "风"],
    }
)


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: float
    name: str = ""
    inside: list[list[float]] = []


@router.post("/things")
def make(body: Thing, call: Caller) -> Response:
    """Leaves one audit entry."""

    def work(tx: Tx) -> Reply:
        tx.audit("probe.make", body.name)
        return Reply(201, body, {"Location": f"/api/v1/probe/things/{body.name}"}, etag=etag.tag(7))

    return call.once(work)


@router.post("/failing")
def fail(call: Caller) -> Response:
    def work(tx: Tx) -> Reply:
        tx.audit("probe.fail", "x")
        raise ConflictError("not now")

    return call.once(work)


@router.get("/waiting")
def wait(call: Caller) -> Response:
    """Holds its thread until it may go on; writes nothing."""
    GO.wait(20)
    return call.read(lambda _tx: {"waited": True})


@router.post("/slow")
def slow(call: Caller) -> Response:
    """Is at work until it may go on."""

    def work(_tx: Tx) -> Reply:
        HELD.set()
        GO.wait(10)
        return Reply(200, {"slow": True})

    return call.once(work)


@router.put("/things/{name}")
def put(name: str, call: Caller) -> Response:
    """There is a version 3 of `old`, and nothing else."""

    def work(_tx: Tx) -> Reply:
        call.match(etag.tag(3) if name == "old" else None, always=True)
        return Reply(204, etag=etag.tag(4))

    return call.once(work)


@router.get("/things/{name}")
def get(name: str, call: Caller) -> Response:
    return call.read(lambda _tx: Thing(number=1, name=name * 500))


@router.get("/count")
def count(call: Caller) -> Response:
    return call.read(lambda tx: {"entries": audit.head(tx)[0]})


@router.get("/table")
def table(call: Caller) -> Response:
    return call.read(lambda _tx: TABLE)


@router.post("/raw")
def raw(call: Caller, body: Annotated[bytes, Depends(raw_body)]) -> Response:
    return call.once(lambda _tx: Reply(200, {"size": len(body)}))


@router.get("/nan")
def nan(call: Caller) -> Response:
    return call.read(lambda _tx: {"value": float("nan")})


@router.get("/raise/{what}")
def raised(what: str, call: Caller) -> Response:
    def work(_tx: Tx) -> Reply:
        raise RAISED[what]

    return call.read(work)


@router.get("/events/{last}")
def events(last: int, call: Caller) -> Response:
    """Numbers up to the last, two at a look; of 0 none and no end."""

    def look(_tx: Tx, after: int) -> sse.Look:
        found = [sse.Event(n, "tick", {"n": n}) for n in range(after + 1, min(after + 2, last) + 1)]
        return sse.Look(found, ended=0 < last <= after + len(found))

    return sse.stream(call, look)
