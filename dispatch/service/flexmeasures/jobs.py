"""Jobs by the UUID that a client got for them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from dispatch.service.errors import NotFoundError
from dispatch.service.flexmeasures.door import API, answer
from dispatch.service.flexmeasures.schedules import Uuid
from dispatch.service.http.call import Call, allowed
from dispatch.service.http.negotiation import utc_text
from dispatch.service.http.problem import problems
from dispatch.service.store import flexmeasures, jobs
from dispatch.service.store.jobs import Job
from dispatch.service.store.transaction import Tx

routes = APIRouter(tags=["jobs"])
Reader = Annotated[Call, Depends(allowed("plans:read"))]
# FlexMeasures' words for the states of a job, and the status that each is answered by.
_STATES = {
    "queued": ("QUEUED", 202),
    "running": ("STARTED", 202),
    "done": ("FINISHED", 200),
    "failed": ("FAILED", 422),
    "cancelled": ("CANCELED", 422),
}


@routes.get(f"{API}/jobs/{{uuid}}", responses={202: {"description": "Not done yet"}, **problems(401, 403, 404, 422)})
def get(uuid: Uuid, call: Reader) -> Response:
    """What has become of a job: 202 as long as it is not done, 422 where it failed."""

    def work(tx: Tx) -> Response:
        asked = flexmeasures.find(tx, uuid)
        if asked is None:
            raise NotFoundError(f"there is no job {uuid}")
        job = jobs.get(tx, asked.job)
        word, status = _STATES[job.state]
        return answer(_told(job, word, asked.kind), status)

    return call.read(work)


def _told(job: Job, word: str, kind: str) -> dict[str, Any]:
    failed = (job.problem or {}).get("detail") if job.state == "failed" else None
    return {
        "status": word, "message": failed or f"{kind.title()} job: {job.state}.", "result": job.result,
        "origin": "parkwatt", "func-name": job.kind, "enqueued-at": _text(job.created_at),
        "started-at": _text(job.started_at), "ended-at": _text(job.ended_at), "exc-info": failed,
    }  # fmt: skip


def _text(at: datetime | None) -> str | None:
    return None if at is None else utc_text(at)
