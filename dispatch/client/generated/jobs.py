"""Operations on jobs. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Literal

from dispatch.client.calls import Call
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender
from dispatch.client.streams import Event
from dispatch.client.tables import from_bytes

if TYPE_CHECKING:
    import pyarrow as pa


class Jobs:
    """Operations on jobs."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(
        self,
        *,
        state: Literal["queued", "running", "done", "failed", "cancelled"] | None = None,
        kind: str | None = None,
        subject: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.PageJobShown:
        """List jobs.

        Jobs that the key may see, newest first.
        """
        call = Call(
            "GET",
            "/api/v1/jobs",
            query={"state": state, "kind": kind, "subject": subject, "limit": limit, "cursor": cursor},
        )
        answer: models.PageJobShown = self._sender.answer(call, models.PageJobShown)
        return answer

    def iterate(
        self,
        *,
        state: Literal["queued", "running", "done", "failed", "cancelled"] | None = None,
        kind: str | None = None,
        subject: str | None = None,
        limit: int | None = None,
    ) -> Iterator[models.JobShown]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list(state=state, kind=kind, subject=subject, limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def cancel(self, job_id: str, *, idempotency_key: str | None = None) -> models.JobShown:
        """Cancel a job.

        Ends it now. What it has computed is thrown away; what it would have changed stays as it is.
        """
        call = Call(
            "POST",
            "/api/v1/jobs/{job_id}:cancel",
            names={"job_id": job_id},
            headers={"Idempotency-Key": idempotency_key},
            keyed=True,
        )
        answer: models.JobShown = self._sender.answer(call, models.JobShown)
        return answer

    def get(self, job_id: str) -> models.JobShown:
        """Look at a job.

        Where it stands; once done what came of it, once failed why.
        """
        call = Call("GET", "/api/v1/jobs/{job_id}", names={"job_id": job_id})
        answer: models.JobShown = self._sender.answer(call, models.JobShown)
        return answer

    def result(self, job_id: str) -> dict[str, Any]:
        """Get a job's result.

        The whole result, in the format that the client accepts of those that it comes in.
        """
        call = Call("GET", "/api/v1/jobs/{job_id}/result", names={"job_id": job_id})
        answer: dict[str, Any] = self._sender.answer(call, dict[str, Any])
        return answer

    def result_arrow(self, job_id: str) -> pa.Table:
        """Get a job's result.

        The whole result, in the format that the client accepts of those that it comes in.
        """
        call = Call(
            "GET",
            "/api/v1/jobs/{job_id}/result",
            names={"job_id": job_id},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(self._sender.content(call))

    def result_csv(self, job_id: str) -> str:
        """Get a job's result.

        The whole result, in the format that the client accepts of those that it comes in.
        """
        call = Call("GET", "/api/v1/jobs/{job_id}/result", names={"job_id": job_id}, accept="text/csv")
        return (self._sender.content(call)).decode()

    def events(self, job_id: str) -> Iterator[Event]:
        """Follow a job.

        What happens to it, as it happens, from its first event or the one after Last-Event-ID; ends with the
        job.
        """
        return self._sender.events(
            Call("GET", "/api/v1/jobs/{job_id}/events", names={"job_id": job_id}, accept="text/event-stream")
        )


class AsyncJobs:
    """Operations on jobs, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list(
        self,
        *,
        state: Literal["queued", "running", "done", "failed", "cancelled"] | None = None,
        kind: str | None = None,
        subject: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.PageJobShown:
        """List jobs.

        Jobs that the key may see, newest first.
        """
        call = Call(
            "GET",
            "/api/v1/jobs",
            query={"state": state, "kind": kind, "subject": subject, "limit": limit, "cursor": cursor},
        )
        answer: models.PageJobShown = await self._sender.answer(call, models.PageJobShown)
        return answer

    async def iterate(
        self,
        *,
        state: Literal["queued", "running", "done", "failed", "cancelled"] | None = None,
        kind: str | None = None,
        subject: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[models.JobShown]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list(state=state, kind=kind, subject=subject, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def cancel(self, job_id: str, *, idempotency_key: str | None = None) -> models.JobShown:
        """Cancel a job.

        Ends it now. What it has computed is thrown away; what it would have changed stays as it is.
        """
        call = Call(
            "POST",
            "/api/v1/jobs/{job_id}:cancel",
            names={"job_id": job_id},
            headers={"Idempotency-Key": idempotency_key},
            keyed=True,
        )
        answer: models.JobShown = await self._sender.answer(call, models.JobShown)
        return answer

    async def get(self, job_id: str) -> models.JobShown:
        """Look at a job.

        Where it stands; once done what came of it, once failed why.
        """
        call = Call("GET", "/api/v1/jobs/{job_id}", names={"job_id": job_id})
        answer: models.JobShown = await self._sender.answer(call, models.JobShown)
        return answer

    async def result(self, job_id: str) -> dict[str, Any]:
        """Get a job's result.

        The whole result, in the format that the client accepts of those that it comes in.
        """
        call = Call("GET", "/api/v1/jobs/{job_id}/result", names={"job_id": job_id})
        answer: dict[str, Any] = await self._sender.answer(call, dict[str, Any])
        return answer

    async def result_arrow(self, job_id: str) -> pa.Table:
        """Get a job's result.

        The whole result, in the format that the client accepts of those that it comes in.
        """
        call = Call(
            "GET",
            "/api/v1/jobs/{job_id}/result",
            names={"job_id": job_id},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(await self._sender.content(call))

    async def result_csv(self, job_id: str) -> str:
        """Get a job's result.

        The whole result, in the format that the client accepts of those that it comes in.
        """
        call = Call("GET", "/api/v1/jobs/{job_id}/result", names={"job_id": job_id}, accept="text/csv")
        return (await self._sender.content(call)).decode()

    def events(self, job_id: str) -> AsyncIterator[Event]:
        """Follow a job.

        What happens to it, as it happens, from its first event or the one after Last-Event-ID; ends with the
        job.
        """
        return self._sender.events(
            Call("GET", "/api/v1/jobs/{job_id}/events", names={"job_id": job_id}, accept="text/event-stream")
        )
