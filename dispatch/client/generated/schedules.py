"""Operations on schedules. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from dispatch.client.calls import Call, as_json
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender
from dispatch.client.tables import from_bytes

if TYPE_CHECKING:
    import pyarrow as pa


class Schedules:
    """Operations on schedules."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(
        self, *, site: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> models.PageScheduleListed:
        """List schedules.

        The newest first, those that are still being made too.
        """
        call = Call("GET", "/api/v1/schedules", query={"site": site, "limit": limit, "cursor": cursor})
        answer: models.PageScheduleListed = self._sender.answer(call, models.PageScheduleListed)
        return answer

    def iterate(self, *, site: str | None = None, limit: int | None = None) -> Iterator[models.ScheduleListed]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list(site=site, limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def publish(
        self,
        schedule: str,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> models.ScheduleShown:
        """Let a dry run be followed.

        Its set-points hold from now on, before those of plans that were issued until now; awards stay above it.
        """
        call = Call(
            "POST",
            "/api/v1/schedules/{schedule}:publish",
            names={"schedule": schedule},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match, "If-None-Match": if_none_match},
            keyed=True,
        )
        answer: models.ScheduleShown = self._sender.answer(call, models.ScheduleShown)
        return answer

    def get(self, schedule: str) -> models.ScheduleShown:
        """Look at a schedule.

        Its quality, what proves it, what it costs and emits, and where its tables are.
        """
        call = Call("GET", "/api/v1/schedules/{schedule}", names={"schedule": schedule})
        answer: models.ScheduleShown = self._sender.answer(call, models.ScheduleShown)
        return answer

    def table(self, schedule: str) -> dict[str, Any]:
        """A schedule as a table.

        A row for each step, a column for every asset's series, units in the names; as JSON, CSV or Arrow.
        """
        call = Call("GET", "/api/v1/schedules/{schedule}/table", names={"schedule": schedule})
        answer: dict[str, Any] = self._sender.answer(call, dict[str, Any])
        return answer

    def table_arrow(self, schedule: str) -> pa.Table:
        """A schedule as a table.

        A row for each step, a column for every asset's series, units in the names; as JSON, CSV or Arrow.
        """
        call = Call(
            "GET",
            "/api/v1/schedules/{schedule}/table",
            names={"schedule": schedule},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(self._sender.content(call))

    def table_csv(self, schedule: str) -> str:
        """A schedule as a table.

        A row for each step, a column for every asset's series, units in the names; as JSON, CSV or Arrow.
        """
        call = Call("GET", "/api/v1/schedules/{schedule}/table", names={"schedule": schedule}, accept="text/csv")
        return (self._sender.content(call)).decode()

    def setpoints(self, schedule: str) -> models.SetpointSeries:
        """A schedule's set-points.

        What each asset is told in each step, and until when that holds, as the schedule says; overrides are left
        out.
        """
        call = Call("GET", "/api/v1/schedules/{schedule}/setpoints", names={"schedule": schedule})
        answer: models.SetpointSeries = self._sender.answer(call, models.SetpointSeries)
        return answer

    def report(self, schedule: str) -> models.Accepted:
        """A schedule's report page.

        The page of the plan, one HTML file that needs nothing else.
        """
        call = Call("GET", "/api/v1/schedules/{schedule}/report", names={"schedule": schedule})
        answer: models.Accepted = self._sender.answer(call, models.Accepted)
        return answer

    def report_html(self, schedule: str) -> str:
        """A schedule's report page.

        The page of the plan, one HTML file that needs nothing else.
        """
        call = Call("GET", "/api/v1/schedules/{schedule}/report", names={"schedule": schedule}, accept="text/html")
        return (self._sender.content(call)).decode()

    def compare(self, schedule: str) -> models.Comparison:
        """A schedule against what was measured.

        By asset, what the plan expected or decided and what came, over the steps that are over and measured.
        """
        call = Call("GET", "/api/v1/schedules/{schedule}/comparison", names={"schedule": schedule})
        answer: models.Comparison = self._sender.answer(call, models.Comparison)
        return answer

    def list_of_site(
        self, site: str, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageScheduleListed:
        """List a site's schedules.

        The newest first, those that are still being made too.
        """
        call = Call(
            "GET", "/api/v1/sites/{site}/schedules", names={"site": site}, query={"limit": limit, "cursor": cursor}
        )
        answer: models.PageScheduleListed = self._sender.answer(call, models.PageScheduleListed)
        return answer

    def iterate_of_site(self, site: str, *, limit: int | None = None) -> Iterator[models.ScheduleListed]:
        """As ``list_of_site``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list_of_site(site, limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def create(self, site: str, body: models.ScheduleAsked, *, idempotency_key: str | None = None) -> models.Accepted:
        """Ask for a schedule.

        Plan a site: at the deadline the best plan that needs no solver arrives, its quality named.
        """
        call = Call(
            "POST",
            "/api/v1/sites/{site}/schedules",
            names={"site": site},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = self._sender.answer(call, models.Accepted)
        return answer

    def latest(self, site: str) -> models.ScheduleShown:
        """The latest schedule of a site.

        The newest that is there; whether it holds now, the set-points say.
        """
        call = Call("GET", "/api/v1/sites/{site}/schedules/latest", names={"site": site})
        answer: models.ScheduleShown = self._sender.answer(call, models.ScheduleShown)
        return answer


class AsyncSchedules:
    """Operations on schedules, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list(
        self, *, site: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> models.PageScheduleListed:
        """List schedules.

        The newest first, those that are still being made too.
        """
        call = Call("GET", "/api/v1/schedules", query={"site": site, "limit": limit, "cursor": cursor})
        answer: models.PageScheduleListed = await self._sender.answer(call, models.PageScheduleListed)
        return answer

    async def iterate(
        self, *, site: str | None = None, limit: int | None = None
    ) -> AsyncIterator[models.ScheduleListed]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list(site=site, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def publish(
        self,
        schedule: str,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> models.ScheduleShown:
        """Let a dry run be followed.

        Its set-points hold from now on, before those of plans that were issued until now; awards stay above it.
        """
        call = Call(
            "POST",
            "/api/v1/schedules/{schedule}:publish",
            names={"schedule": schedule},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match, "If-None-Match": if_none_match},
            keyed=True,
        )
        answer: models.ScheduleShown = await self._sender.answer(call, models.ScheduleShown)
        return answer

    async def get(self, schedule: str) -> models.ScheduleShown:
        """Look at a schedule.

        Its quality, what proves it, what it costs and emits, and where its tables are.
        """
        call = Call("GET", "/api/v1/schedules/{schedule}", names={"schedule": schedule})
        answer: models.ScheduleShown = await self._sender.answer(call, models.ScheduleShown)
        return answer

    async def table(self, schedule: str) -> dict[str, Any]:
        """A schedule as a table.

        A row for each step, a column for every asset's series, units in the names; as JSON, CSV or Arrow.
        """
        call = Call("GET", "/api/v1/schedules/{schedule}/table", names={"schedule": schedule})
        answer: dict[str, Any] = await self._sender.answer(call, dict[str, Any])
        return answer

    async def table_arrow(self, schedule: str) -> pa.Table:
        """A schedule as a table.

        A row for each step, a column for every asset's series, units in the names; as JSON, CSV or Arrow.
        """
        call = Call(
            "GET",
            "/api/v1/schedules/{schedule}/table",
            names={"schedule": schedule},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(await self._sender.content(call))

    async def table_csv(self, schedule: str) -> str:
        """A schedule as a table.

        A row for each step, a column for every asset's series, units in the names; as JSON, CSV or Arrow.
        """
        call = Call("GET", "/api/v1/schedules/{schedule}/table", names={"schedule": schedule}, accept="text/csv")
        return (await self._sender.content(call)).decode()

    async def setpoints(self, schedule: str) -> models.SetpointSeries:
        """A schedule's set-points.

        What each asset is told in each step, and until when that holds, as the schedule says; overrides are left
        out.
        """
        call = Call("GET", "/api/v1/schedules/{schedule}/setpoints", names={"schedule": schedule})
        answer: models.SetpointSeries = await self._sender.answer(call, models.SetpointSeries)
        return answer

    async def report(self, schedule: str) -> models.Accepted:
        """A schedule's report page.

        The page of the plan, one HTML file that needs nothing else.
        """
        call = Call("GET", "/api/v1/schedules/{schedule}/report", names={"schedule": schedule})
        answer: models.Accepted = await self._sender.answer(call, models.Accepted)
        return answer

    async def report_html(self, schedule: str) -> str:
        """A schedule's report page.

        The page of the plan, one HTML file that needs nothing else.
        """
        call = Call("GET", "/api/v1/schedules/{schedule}/report", names={"schedule": schedule}, accept="text/html")
        return (await self._sender.content(call)).decode()

    async def compare(self, schedule: str) -> models.Comparison:
        """A schedule against what was measured.

        By asset, what the plan expected or decided and what came, over the steps that are over and measured.
        """
        call = Call("GET", "/api/v1/schedules/{schedule}/comparison", names={"schedule": schedule})
        answer: models.Comparison = await self._sender.answer(call, models.Comparison)
        return answer

    async def list_of_site(
        self, site: str, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageScheduleListed:
        """List a site's schedules.

        The newest first, those that are still being made too.
        """
        call = Call(
            "GET", "/api/v1/sites/{site}/schedules", names={"site": site}, query={"limit": limit, "cursor": cursor}
        )
        answer: models.PageScheduleListed = await self._sender.answer(call, models.PageScheduleListed)
        return answer

    async def iterate_of_site(self, site: str, *, limit: int | None = None) -> AsyncIterator[models.ScheduleListed]:
        """As ``list_of_site``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_of_site(site, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def create(
        self, site: str, body: models.ScheduleAsked, *, idempotency_key: str | None = None
    ) -> models.Accepted:
        """Ask for a schedule.

        Plan a site: at the deadline the best plan that needs no solver arrives, its quality named.
        """
        call = Call(
            "POST",
            "/api/v1/sites/{site}/schedules",
            names={"site": site},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = await self._sender.answer(call, models.Accepted)
        return answer

    async def latest(self, site: str) -> models.ScheduleShown:
        """The latest schedule of a site.

        The newest that is there; whether it holds now, the set-points say.
        """
        call = Call("GET", "/api/v1/sites/{site}/schedules/latest", names={"site": site})
        answer: models.ScheduleShown = await self._sender.answer(call, models.ScheduleShown)
        return answer
