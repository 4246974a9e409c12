"""Operations on awards. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from dispatch.client.calls import Call, as_json
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender
from dispatch.client.tables import from_bytes

if TYPE_CHECKING:
    import pyarrow as pa


class Awards:
    """Operations on awards."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> models.PageAward:
        """All awards, the newest first.

        In pages.
        """
        call = Call("GET", "/api/v1/awards", query={"limit": limit, "cursor": cursor})
        answer: models.PageAward = self._sender.answer(call, models.PageAward)
        return answer

    def iterate(self, *, limit: int | None = None) -> Iterator[models.Award]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list(limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def get(self, award: str) -> models.Award:
        """An award.

        How it is carried out; or why it cannot be, and what is nearest.
        """
        call = Call("GET", "/api/v1/awards/{award}", names={"award": award})
        answer: models.Award = self._sender.answer(call, models.Award)
        return answer

    def delivery(self, award: str) -> models.DispatchServiceSchemasBidsDelivery:
        """What was delivered so far.

        Net import that was measured against the plan without the award; money follows the baseline of a
        settlement.
        """
        call = Call("GET", "/api/v1/awards/{award}/delivery", names={"award": award})
        answer: models.DispatchServiceSchemasBidsDelivery = self._sender.answer(
            call, models.DispatchServiceSchemasBidsDelivery
        )
        return answer

    def setpoints(self, award: str) -> dict[str, Any]:
        """What each site is to give.

        By site and step, with its plan without the award and its net draw with it; as JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/awards/{award}/setpoints", names={"award": award})
        answer: dict[str, Any] = self._sender.answer(call, dict[str, Any])
        return answer

    def setpoints_arrow(self, award: str) -> pa.Table:
        """What each site is to give.

        By site and step, with its plan without the award and its net draw with it; as JSON, Arrow or CSV.
        """
        call = Call(
            "GET",
            "/api/v1/awards/{award}/setpoints",
            names={"award": award},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(self._sender.content(call))

    def setpoints_csv(self, award: str) -> str:
        """What each site is to give.

        By site and step, with its plan without the award and its net draw with it; as JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/awards/{award}/setpoints", names={"award": award}, accept="text/csv")
        return (self._sender.content(call)).decode()

    def series(self, award: str) -> dict[str, Any]:
        """Schedules around an award.

        All published series of all sites; as JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/awards/{award}/series", names={"award": award})
        answer: dict[str, Any] = self._sender.answer(call, dict[str, Any])
        return answer

    def series_arrow(self, award: str) -> pa.Table:
        """Schedules around an award.

        All published series of all sites; as JSON, Arrow or CSV.
        """
        call = Call(
            "GET", "/api/v1/awards/{award}/series", names={"award": award}, accept="application/vnd.apache.arrow.stream"
        )
        return from_bytes(self._sender.content(call))

    def series_csv(self, award: str) -> str:
        """Schedules around an award.

        All published series of all sites; as JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/awards/{award}/series", names={"award": award}, accept="text/csv")
        return (self._sender.content(call)).decode()

    def sites(self, award: str) -> dict[str, Any]:
        """Sites around an award.

        What the plan of each came to; as JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/awards/{award}/sites", names={"award": award})
        answer: dict[str, Any] = self._sender.answer(call, dict[str, Any])
        return answer

    def sites_arrow(self, award: str) -> pa.Table:
        """Sites around an award.

        What the plan of each came to; as JSON, Arrow or CSV.
        """
        call = Call(
            "GET", "/api/v1/awards/{award}/sites", names={"award": award}, accept="application/vnd.apache.arrow.stream"
        )
        return from_bytes(self._sender.content(call))

    def sites_csv(self, award: str) -> str:
        """Sites around an award.

        What the plan of each came to; as JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/awards/{award}/sites", names={"award": award}, accept="text/csv")
        return (self._sender.content(call)).decode()

    def list_of_bid(self, bid: str, *, limit: int | None = None, cursor: str | None = None) -> models.PageAward:
        """Awards of a bid, the newest first.

        In pages.
        """
        call = Call("GET", "/api/v1/bids/{bid}/awards", names={"bid": bid}, query={"limit": limit, "cursor": cursor})
        answer: models.PageAward = self._sender.answer(call, models.PageAward)
        return answer

    def iterate_of_bid(self, bid: str, *, limit: int | None = None) -> Iterator[models.Award]:
        """As ``list_of_bid``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list_of_bid(bid, limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def create(self, bid: str, body: models.AwardAsked, *, idempotency_key: str | None = None) -> models.Accepted:
        """Carry out what the market took of a bid.

        Held against the bid and the clock at once; then each site gets its part, and a schedule planned around
        it.
        """
        call = Call(
            "POST",
            "/api/v1/bids/{bid}/awards",
            names={"bid": bid},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = self._sender.answer(call, models.Accepted)
        return answer


class AsyncAwards:
    """Operations on awards, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list(self, *, limit: int | None = None, cursor: str | None = None) -> models.PageAward:
        """All awards, the newest first.

        In pages.
        """
        call = Call("GET", "/api/v1/awards", query={"limit": limit, "cursor": cursor})
        answer: models.PageAward = await self._sender.answer(call, models.PageAward)
        return answer

    async def iterate(self, *, limit: int | None = None) -> AsyncIterator[models.Award]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list(limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def get(self, award: str) -> models.Award:
        """An award.

        How it is carried out; or why it cannot be, and what is nearest.
        """
        call = Call("GET", "/api/v1/awards/{award}", names={"award": award})
        answer: models.Award = await self._sender.answer(call, models.Award)
        return answer

    async def delivery(self, award: str) -> models.DispatchServiceSchemasBidsDelivery:
        """What was delivered so far.

        Net import that was measured against the plan without the award; money follows the baseline of a
        settlement.
        """
        call = Call("GET", "/api/v1/awards/{award}/delivery", names={"award": award})
        answer: models.DispatchServiceSchemasBidsDelivery = await self._sender.answer(
            call, models.DispatchServiceSchemasBidsDelivery
        )
        return answer

    async def setpoints(self, award: str) -> dict[str, Any]:
        """What each site is to give.

        By site and step, with its plan without the award and its net draw with it; as JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/awards/{award}/setpoints", names={"award": award})
        answer: dict[str, Any] = await self._sender.answer(call, dict[str, Any])
        return answer

    async def setpoints_arrow(self, award: str) -> pa.Table:
        """What each site is to give.

        By site and step, with its plan without the award and its net draw with it; as JSON, Arrow or CSV.
        """
        call = Call(
            "GET",
            "/api/v1/awards/{award}/setpoints",
            names={"award": award},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(await self._sender.content(call))

    async def setpoints_csv(self, award: str) -> str:
        """What each site is to give.

        By site and step, with its plan without the award and its net draw with it; as JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/awards/{award}/setpoints", names={"award": award}, accept="text/csv")
        return (await self._sender.content(call)).decode()

    async def series(self, award: str) -> dict[str, Any]:
        """Schedules around an award.

        All published series of all sites; as JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/awards/{award}/series", names={"award": award})
        answer: dict[str, Any] = await self._sender.answer(call, dict[str, Any])
        return answer

    async def series_arrow(self, award: str) -> pa.Table:
        """Schedules around an award.

        All published series of all sites; as JSON, Arrow or CSV.
        """
        call = Call(
            "GET", "/api/v1/awards/{award}/series", names={"award": award}, accept="application/vnd.apache.arrow.stream"
        )
        return from_bytes(await self._sender.content(call))

    async def series_csv(self, award: str) -> str:
        """Schedules around an award.

        All published series of all sites; as JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/awards/{award}/series", names={"award": award}, accept="text/csv")
        return (await self._sender.content(call)).decode()

    async def sites(self, award: str) -> dict[str, Any]:
        """Sites around an award.

        What the plan of each came to; as JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/awards/{award}/sites", names={"award": award})
        answer: dict[str, Any] = await self._sender.answer(call, dict[str, Any])
        return answer

    async def sites_arrow(self, award: str) -> pa.Table:
        """Sites around an award.

        What the plan of each came to; as JSON, Arrow or CSV.
        """
        call = Call(
            "GET", "/api/v1/awards/{award}/sites", names={"award": award}, accept="application/vnd.apache.arrow.stream"
        )
        return from_bytes(await self._sender.content(call))

    async def sites_csv(self, award: str) -> str:
        """Sites around an award.

        What the plan of each came to; as JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/awards/{award}/sites", names={"award": award}, accept="text/csv")
        return (await self._sender.content(call)).decode()

    async def list_of_bid(self, bid: str, *, limit: int | None = None, cursor: str | None = None) -> models.PageAward:
        """Awards of a bid, the newest first.

        In pages.
        """
        call = Call("GET", "/api/v1/bids/{bid}/awards", names={"bid": bid}, query={"limit": limit, "cursor": cursor})
        answer: models.PageAward = await self._sender.answer(call, models.PageAward)
        return answer

    async def iterate_of_bid(self, bid: str, *, limit: int | None = None) -> AsyncIterator[models.Award]:
        """As ``list_of_bid``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_of_bid(bid, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def create(self, bid: str, body: models.AwardAsked, *, idempotency_key: str | None = None) -> models.Accepted:
        """Carry out what the market took of a bid.

        Held against the bid and the clock at once; then each site gets its part, and a schedule planned around
        it.
        """
        call = Call(
            "POST",
            "/api/v1/bids/{bid}/awards",
            names={"bid": bid},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = await self._sender.answer(call, models.Accepted)
        return answer
