"""Operations on products. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from dispatch.client.calls import Call
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender


class Products:
    """Operations on products."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> models.PageProduct:
        """Products that ship.

        By name; of one name several where rules changed, each for its delivery days.
        """
        call = Call("GET", "/api/v1/products", query={"limit": limit, "cursor": cursor})
        answer: models.PageProduct = self._sender.answer(call, models.PageProduct)
        return answer

    def iterate(self, *, limit: int | None = None) -> Iterator[models.DispatchServiceSchemasBidsProduct]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list(limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def get(self, product: str) -> models.PageProduct:
        """A product.

        All that is known of it, for each span of delivery days, with the gate that closes next.
        """
        call = Call("GET", "/api/v1/products/{product}", names={"product": product})
        answer: models.PageProduct = self._sender.answer(call, models.PageProduct)
        return answer

    def iterate_get(self, product: str) -> Iterator[models.DispatchServiceSchemasBidsProduct]:
        """As ``get``, page after page."""
        cursor: str | None = None
        while True:
            page = self.get(
                product,
            )
            yield from page.items
            cursor = page.next
            if not cursor:
                return


class AsyncProducts:
    """Operations on products, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list(self, *, limit: int | None = None, cursor: str | None = None) -> models.PageProduct:
        """Products that ship.

        By name; of one name several where rules changed, each for its delivery days.
        """
        call = Call("GET", "/api/v1/products", query={"limit": limit, "cursor": cursor})
        answer: models.PageProduct = await self._sender.answer(call, models.PageProduct)
        return answer

    async def iterate(self, *, limit: int | None = None) -> AsyncIterator[models.DispatchServiceSchemasBidsProduct]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list(limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def get(self, product: str) -> models.PageProduct:
        """A product.

        All that is known of it, for each span of delivery days, with the gate that closes next.
        """
        call = Call("GET", "/api/v1/products/{product}", names={"product": product})
        answer: models.PageProduct = await self._sender.answer(call, models.PageProduct)
        return answer

    async def iterate_get(self, product: str) -> AsyncIterator[models.DispatchServiceSchemasBidsProduct]:
        """As ``get``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.get(
                product,
            )
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return
