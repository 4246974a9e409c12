"""Operations on settlements. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Literal

from dispatch.client.calls import Call, as_json
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender
from dispatch.client.tables import from_bytes

if TYPE_CHECKING:
    import pyarrow as pa


class Settlements:
    """Operations on settlements."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_of_award(
        self, award: str, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageSettlement:
        """Settlements of an award, the newest first.

        In pages.
        """
        call = Call(
            "GET",
            "/api/v1/awards/{award}/settlements",
            names={"award": award},
            query={"limit": limit, "cursor": cursor},
        )
        answer: models.PageSettlement = self._sender.answer(call, models.PageSettlement)
        return answer

    def iterate_of_award(self, award: str, *, limit: int | None = None) -> Iterator[models.Settlement]:
        """As ``list_of_award``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list_of_award(award, limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def create(
        self, award: str, body: models.SettlementAsked, *, idempotency_key: str | None = None
    ) -> models.Accepted:
        """Settle an award.

        By a baseline that is named, with the sites' meters (net_import_kw) of the days before and of the day
        itself.
        """
        call = Call(
            "POST",
            "/api/v1/awards/{award}/settlements",
            names={"award": award},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = self._sender.answer(call, models.Accepted)
        return answer

    def list(
        self, *, superseded: bool | None = None, limit: int | None = None, cursor: str | None = None
    ) -> models.PageSettlement:
        """Settlements that count, the newest first.

        In pages; of an award that was settled again only the latest, so that revenues add up.
        """
        call = Call("GET", "/api/v1/settlements", query={"superseded": superseded, "limit": limit, "cursor": cursor})
        answer: models.PageSettlement = self._sender.answer(call, models.PageSettlement)
        return answer

    def iterate(self, *, superseded: bool | None = None, limit: int | None = None) -> Iterator[models.Settlement]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list(superseded=superseded, limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def get(self, settlement: str) -> models.Settlement:
        """A settlement.

        Revenue by line and by site, to the cent.
        """
        call = Call("GET", "/api/v1/settlements/{settlement}", names={"settlement": settlement})
        answer: models.Settlement = self._sender.answer(call, models.Settlement)
        return answer

    def get_page(self, settlement: str) -> Any:
        """A settlement with pictures.

        HTML that needs no network.
        """
        call = Call("GET", "/api/v1/settlements/{settlement}/page", names={"settlement": settlement})
        answer: Any = self._sender.answer(call, Any)
        return answer

    def get_page_html(self, settlement: str) -> str:
        """A settlement with pictures.

        HTML that needs no network.
        """
        call = Call(
            "GET", "/api/v1/settlements/{settlement}/page", names={"settlement": settlement}, accept="text/html"
        )
        return (self._sender.content(call)).decode()

    def get_table(self, settlement: str, table: Literal["invoice", "deliveries", "split", "sites"]) -> dict[str, Any]:
        """Invoice, deliveries, split, or what each site gave.

        As JSON, Arrow or CSV; amounts are exact decimals in Arrow.
        """
        call = Call("GET", "/api/v1/settlements/{settlement}/{table}", names={"settlement": settlement, "table": table})
        answer: dict[str, Any] = self._sender.answer(call, dict[str, Any])
        return answer

    def get_table_arrow(self, settlement: str, table: Literal["invoice", "deliveries", "split", "sites"]) -> pa.Table:
        """Invoice, deliveries, split, or what each site gave.

        As JSON, Arrow or CSV; amounts are exact decimals in Arrow.
        """
        call = Call(
            "GET",
            "/api/v1/settlements/{settlement}/{table}",
            names={"settlement": settlement, "table": table},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(self._sender.content(call))

    def get_table_csv(self, settlement: str, table: Literal["invoice", "deliveries", "split", "sites"]) -> str:
        """Invoice, deliveries, split, or what each site gave.

        As JSON, Arrow or CSV; amounts are exact decimals in Arrow.
        """
        call = Call(
            "GET",
            "/api/v1/settlements/{settlement}/{table}",
            names={"settlement": settlement, "table": table},
            accept="text/csv",
        )
        return (self._sender.content(call)).decode()


class AsyncSettlements:
    """Operations on settlements, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list_of_award(
        self, award: str, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageSettlement:
        """Settlements of an award, the newest first.

        In pages.
        """
        call = Call(
            "GET",
            "/api/v1/awards/{award}/settlements",
            names={"award": award},
            query={"limit": limit, "cursor": cursor},
        )
        answer: models.PageSettlement = await self._sender.answer(call, models.PageSettlement)
        return answer

    async def iterate_of_award(self, award: str, *, limit: int | None = None) -> AsyncIterator[models.Settlement]:
        """As ``list_of_award``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_of_award(award, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def create(
        self, award: str, body: models.SettlementAsked, *, idempotency_key: str | None = None
    ) -> models.Accepted:
        """Settle an award.

        By a baseline that is named, with the sites' meters (net_import_kw) of the days before and of the day
        itself.
        """
        call = Call(
            "POST",
            "/api/v1/awards/{award}/settlements",
            names={"award": award},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = await self._sender.answer(call, models.Accepted)
        return answer

    async def list(
        self, *, superseded: bool | None = None, limit: int | None = None, cursor: str | None = None
    ) -> models.PageSettlement:
        """Settlements that count, the newest first.

        In pages; of an award that was settled again only the latest, so that revenues add up.
        """
        call = Call("GET", "/api/v1/settlements", query={"superseded": superseded, "limit": limit, "cursor": cursor})
        answer: models.PageSettlement = await self._sender.answer(call, models.PageSettlement)
        return answer

    async def iterate(
        self, *, superseded: bool | None = None, limit: int | None = None
    ) -> AsyncIterator[models.Settlement]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list(superseded=superseded, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def get(self, settlement: str) -> models.Settlement:
        """A settlement.

        Revenue by line and by site, to the cent.
        """
        call = Call("GET", "/api/v1/settlements/{settlement}", names={"settlement": settlement})
        answer: models.Settlement = await self._sender.answer(call, models.Settlement)
        return answer

    async def get_page(self, settlement: str) -> Any:
        """A settlement with pictures.

        HTML that needs no network.
        """
        call = Call("GET", "/api/v1/settlements/{settlement}/page", names={"settlement": settlement})
        answer: Any = await self._sender.answer(call, Any)
        return answer

    async def get_page_html(self, settlement: str) -> str:
        """A settlement with pictures.

        HTML that needs no network.
        """
        call = Call(
            "GET", "/api/v1/settlements/{settlement}/page", names={"settlement": settlement}, accept="text/html"
        )
        return (await self._sender.content(call)).decode()

    async def get_table(
        self, settlement: str, table: Literal["invoice", "deliveries", "split", "sites"]
    ) -> dict[str, Any]:
        """Invoice, deliveries, split, or what each site gave.

        As JSON, Arrow or CSV; amounts are exact decimals in Arrow.
        """
        call = Call("GET", "/api/v1/settlements/{settlement}/{table}", names={"settlement": settlement, "table": table})
        answer: dict[str, Any] = await self._sender.answer(call, dict[str, Any])
        return answer

    async def get_table_arrow(
        self, settlement: str, table: Literal["invoice", "deliveries", "split", "sites"]
    ) -> pa.Table:
        """Invoice, deliveries, split, or what each site gave.

        As JSON, Arrow or CSV; amounts are exact decimals in Arrow.
        """
        call = Call(
            "GET",
            "/api/v1/settlements/{settlement}/{table}",
            names={"settlement": settlement, "table": table},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(await self._sender.content(call))

    async def get_table_csv(self, settlement: str, table: Literal["invoice", "deliveries", "split", "sites"]) -> str:
        """Invoice, deliveries, split, or what each site gave.

        As JSON, Arrow or CSV; amounts are exact decimals in Arrow.
        """
        call = Call(
            "GET",
            "/api/v1/settlements/{settlement}/{table}",
            names={"settlement": settlement, "table": table},
            accept="text/csv",
        )
        return (await self._sender.content(call)).decode()
