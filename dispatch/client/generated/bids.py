"""Operations on bids. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from dispatch.client.calls import Call, as_json
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender


class Bids:
    """Operations on bids."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> models.PageBid:
        """All bids, the newest first.

        In pages.
        """
        call = Call("GET", "/api/v1/bids", query={"limit": limit, "cursor": cursor})
        answer: models.PageBid = self._sender.answer(call, models.PageBid)
        return answer

    def iterate(self, *, limit: int | None = None) -> Iterator[models.Bid]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list(limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def submit(self, bid: str, *, idempotency_key: str | None = None) -> models.Bid:
        """Say that a bid has been sent.

        Refused where the product's rules or a closed gate refuse it now, or what is left of the fleet is less.
        """
        call = Call(
            "POST",
            "/api/v1/bids/{bid}:submit",
            names={"bid": bid},
            headers={"Idempotency-Key": idempotency_key},
            keyed=True,
        )
        answer: models.Bid = self._sender.answer(call, models.Bid)
        return answer

    def withdraw(self, bid: str, *, idempotency_key: str | None = None) -> models.Bid:
        """Withdraw a bid.

        A draft, or a submitted one whose gate has not closed and of which no award is being carried out.
        """
        call = Call(
            "POST",
            "/api/v1/bids/{bid}:withdraw",
            names={"bid": bid},
            headers={"Idempotency-Key": idempotency_key},
            keyed=True,
        )
        answer: models.Bid = self._sender.answer(call, models.Bid)
        return answer

    def get(self, bid: str) -> models.Bid:
        """A bid.

        With its state at this moment.
        """
        call = Call("GET", "/api/v1/bids/{bid}", names={"bid": bid})
        answer: models.Bid = self._sender.answer(call, models.Bid)
        return answer

    def list_of_fleet(self, fleet: str, *, limit: int | None = None, cursor: str | None = None) -> models.PageBid:
        """Bids of a fleet, the newest first.

        In pages.
        """
        call = Call(
            "GET", "/api/v1/fleets/{fleet}/bids", names={"fleet": fleet}, query={"limit": limit, "cursor": cursor}
        )
        answer: models.PageBid = self._sender.answer(call, models.PageBid)
        return answer

    def iterate_of_fleet(self, fleet: str, *, limit: int | None = None) -> Iterator[models.Bid]:
        """As ``list_of_fleet``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list_of_fleet(fleet, limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def create(self, fleet: str, body: models.BidAsked, *, idempotency_key: str | None = None) -> models.Bid:
        """Draw up a bid.

        A draft, that the product's rules and gates allow now.
        """
        call = Call(
            "POST",
            "/api/v1/fleets/{fleet}/bids",
            names={"fleet": fleet},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Bid = self._sender.answer(call, models.Bid)
        return answer


class AsyncBids:
    """Operations on bids, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list(self, *, limit: int | None = None, cursor: str | None = None) -> models.PageBid:
        """All bids, the newest first.

        In pages.
        """
        call = Call("GET", "/api/v1/bids", query={"limit": limit, "cursor": cursor})
        answer: models.PageBid = await self._sender.answer(call, models.PageBid)
        return answer

    async def iterate(self, *, limit: int | None = None) -> AsyncIterator[models.Bid]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list(limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def submit(self, bid: str, *, idempotency_key: str | None = None) -> models.Bid:
        """Say that a bid has been sent.

        Refused where the product's rules or a closed gate refuse it now, or what is left of the fleet is less.
        """
        call = Call(
            "POST",
            "/api/v1/bids/{bid}:submit",
            names={"bid": bid},
            headers={"Idempotency-Key": idempotency_key},
            keyed=True,
        )
        answer: models.Bid = await self._sender.answer(call, models.Bid)
        return answer

    async def withdraw(self, bid: str, *, idempotency_key: str | None = None) -> models.Bid:
        """Withdraw a bid.

        A draft, or a submitted one whose gate has not closed and of which no award is being carried out.
        """
        call = Call(
            "POST",
            "/api/v1/bids/{bid}:withdraw",
            names={"bid": bid},
            headers={"Idempotency-Key": idempotency_key},
            keyed=True,
        )
        answer: models.Bid = await self._sender.answer(call, models.Bid)
        return answer

    async def get(self, bid: str) -> models.Bid:
        """A bid.

        With its state at this moment.
        """
        call = Call("GET", "/api/v1/bids/{bid}", names={"bid": bid})
        answer: models.Bid = await self._sender.answer(call, models.Bid)
        return answer

    async def list_of_fleet(self, fleet: str, *, limit: int | None = None, cursor: str | None = None) -> models.PageBid:
        """Bids of a fleet, the newest first.

        In pages.
        """
        call = Call(
            "GET", "/api/v1/fleets/{fleet}/bids", names={"fleet": fleet}, query={"limit": limit, "cursor": cursor}
        )
        answer: models.PageBid = await self._sender.answer(call, models.PageBid)
        return answer

    async def iterate_of_fleet(self, fleet: str, *, limit: int | None = None) -> AsyncIterator[models.Bid]:
        """As ``list_of_fleet``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_of_fleet(fleet, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def create(self, fleet: str, body: models.BidAsked, *, idempotency_key: str | None = None) -> models.Bid:
        """Draw up a bid.

        A draft, that the product's rules and gates allow now.
        """
        call = Call(
            "POST",
            "/api/v1/fleets/{fleet}/bids",
            names={"fleet": fleet},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Bid = await self._sender.answer(call, models.Bid)
        return answer
