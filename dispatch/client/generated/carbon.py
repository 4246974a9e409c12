"""Operations on carbon. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from dispatch.client.calls import Call, as_json
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender
from dispatch.client.tables import from_bytes

if TYPE_CHECKING:
    import pyarrow as pa


class Carbon:
    """Operations on carbon."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def get(self, account: str) -> models.AccountShown:
        """Look at a carbon account.

        What every method says of the whole, what it rests on, and where its tables and its page are.
        """
        call = Call("GET", "/api/v1/carbon-accounts/{account}", names={"account": account})
        answer: models.AccountShown = self._sender.answer(call, models.AccountShown)
        return answer

    def ledgers(self, account: str) -> dict[str, Any]:
        """A carbon account's ledgers as a table.

        A row for each ledger, meter and step; as JSON, CSV or Arrow.
        """
        call = Call("GET", "/api/v1/carbon-accounts/{account}/ledgers", names={"account": account})
        answer: dict[str, Any] = self._sender.answer(call, dict[str, Any])
        return answer

    def ledgers_arrow(self, account: str) -> pa.Table:
        """A carbon account's ledgers as a table.

        A row for each ledger, meter and step; as JSON, CSV or Arrow.
        """
        call = Call(
            "GET",
            "/api/v1/carbon-accounts/{account}/ledgers",
            names={"account": account},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(self._sender.content(call))

    def ledgers_csv(self, account: str) -> str:
        """A carbon account's ledgers as a table.

        A row for each ledger, meter and step; as JSON, CSV or Arrow.
        """
        call = Call("GET", "/api/v1/carbon-accounts/{account}/ledgers", names={"account": account}, accept="text/csv")
        return (self._sender.content(call)).decode()

    def goods(self, account: str) -> dict[str, Any]:
        """A carbon account's goods as a table.

        A row for each good, ledger and step; as JSON, CSV or Arrow. Of a plan there is none.
        """
        call = Call("GET", "/api/v1/carbon-accounts/{account}/goods", names={"account": account})
        answer: dict[str, Any] = self._sender.answer(call, dict[str, Any])
        return answer

    def goods_arrow(self, account: str) -> pa.Table:
        """A carbon account's goods as a table.

        A row for each good, ledger and step; as JSON, CSV or Arrow. Of a plan there is none.
        """
        call = Call(
            "GET",
            "/api/v1/carbon-accounts/{account}/goods",
            names={"account": account},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(self._sender.content(call))

    def goods_csv(self, account: str) -> str:
        """A carbon account's goods as a table.

        A row for each good, ledger and step; as JSON, CSV or Arrow. Of a plan there is none.
        """
        call = Call("GET", "/api/v1/carbon-accounts/{account}/goods", names={"account": account}, accept="text/csv")
        return (self._sender.content(call)).decode()

    def certificates(self, account: str) -> dict[str, Any]:
        """A carbon account's certificates as a table.

        Who used how much of which certificates; as JSON, CSV or Arrow. Of a plan there is none.
        """
        call = Call("GET", "/api/v1/carbon-accounts/{account}/certificates", names={"account": account})
        answer: dict[str, Any] = self._sender.answer(call, dict[str, Any])
        return answer

    def certificates_arrow(self, account: str) -> pa.Table:
        """A carbon account's certificates as a table.

        Who used how much of which certificates; as JSON, CSV or Arrow. Of a plan there is none.
        """
        call = Call(
            "GET",
            "/api/v1/carbon-accounts/{account}/certificates",
            names={"account": account},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(self._sender.content(call))

    def certificates_csv(self, account: str) -> str:
        """A carbon account's certificates as a table.

        Who used how much of which certificates; as JSON, CSV or Arrow. Of a plan there is none.
        """
        call = Call(
            "GET", "/api/v1/carbon-accounts/{account}/certificates", names={"account": account}, accept="text/csv"
        )
        return (self._sender.content(call)).decode()

    def page(self, account: str) -> str:
        """A carbon account's page.

        One HTML file that needs nothing else.
        """
        call = Call("GET", "/api/v1/carbon-accounts/{account}/page", names={"account": account}, accept="text/html")
        return (self._sender.content(call)).decode()

    def list(self, site: str, *, limit: int | None = None, cursor: str | None = None) -> models.PageAccountListed:
        """List a site's carbon accounts.

        The newest first, those that are still being made too.
        """
        call = Call(
            "GET",
            "/api/v1/sites/{site}/carbon-accounts",
            names={"site": site},
            query={"limit": limit, "cursor": cursor},
        )
        answer: models.PageAccountListed = self._sender.answer(call, models.PageAccountListed)
        return answer

    def iterate(self, site: str, *, limit: int | None = None) -> Iterator[models.AccountListed]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list(site, limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def create(self, site: str, body: models.AccountAsked, *, idempotency_key: str | None = None) -> models.Accepted:
        """Ask for a carbon account.

        Account for the carbon of a period that was measured, or of a plan, by every method that can say
        something.
        """
        call = Call(
            "POST",
            "/api/v1/sites/{site}/carbon-accounts",
            names={"site": site},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = self._sender.answer(call, models.Accepted)
        return answer


class AsyncCarbon:
    """Operations on carbon, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def get(self, account: str) -> models.AccountShown:
        """Look at a carbon account.

        What every method says of the whole, what it rests on, and where its tables and its page are.
        """
        call = Call("GET", "/api/v1/carbon-accounts/{account}", names={"account": account})
        answer: models.AccountShown = await self._sender.answer(call, models.AccountShown)
        return answer

    async def ledgers(self, account: str) -> dict[str, Any]:
        """A carbon account's ledgers as a table.

        A row for each ledger, meter and step; as JSON, CSV or Arrow.
        """
        call = Call("GET", "/api/v1/carbon-accounts/{account}/ledgers", names={"account": account})
        answer: dict[str, Any] = await self._sender.answer(call, dict[str, Any])
        return answer

    async def ledgers_arrow(self, account: str) -> pa.Table:
        """A carbon account's ledgers as a table.

        A row for each ledger, meter and step; as JSON, CSV or Arrow.
        """
        call = Call(
            "GET",
            "/api/v1/carbon-accounts/{account}/ledgers",
            names={"account": account},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(await self._sender.content(call))

    async def ledgers_csv(self, account: str) -> str:
        """A carbon account's ledgers as a table.

        A row for each ledger, meter and step; as JSON, CSV or Arrow.
        """
        call = Call("GET", "/api/v1/carbon-accounts/{account}/ledgers", names={"account": account}, accept="text/csv")
        return (await self._sender.content(call)).decode()

    async def goods(self, account: str) -> dict[str, Any]:
        """A carbon account's goods as a table.

        A row for each good, ledger and step; as JSON, CSV or Arrow. Of a plan there is none.
        """
        call = Call("GET", "/api/v1/carbon-accounts/{account}/goods", names={"account": account})
        answer: dict[str, Any] = await self._sender.answer(call, dict[str, Any])
        return answer

    async def goods_arrow(self, account: str) -> pa.Table:
        """A carbon account's goods as a table.

        A row for each good, ledger and step; as JSON, CSV or Arrow. Of a plan there is none.
        """
        call = Call(
            "GET",
            "/api/v1/carbon-accounts/{account}/goods",
            names={"account": account},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(await self._sender.content(call))

    async def goods_csv(self, account: str) -> str:
        """A carbon account's goods as a table.

        A row for each good, ledger and step; as JSON, CSV or Arrow. Of a plan there is none.
        """
        call = Call("GET", "/api/v1/carbon-accounts/{account}/goods", names={"account": account}, accept="text/csv")
        return (await self._sender.content(call)).decode()

    async def certificates(self, account: str) -> dict[str, Any]:
        """A carbon account's certificates as a table.

        Who used how much of which certificates; as JSON, CSV or Arrow. Of a plan there is none.
        """
        call = Call("GET", "/api/v1/carbon-accounts/{account}/certificates", names={"account": account})
        answer: dict[str, Any] = await self._sender.answer(call, dict[str, Any])
        return answer

    async def certificates_arrow(self, account: str) -> pa.Table:
        """A carbon account's certificates as a table.

        Who used how much of which certificates; as JSON, CSV or Arrow. Of a plan there is none.
        """
        call = Call(
            "GET",
            "/api/v1/carbon-accounts/{account}/certificates",
            names={"account": account},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(await self._sender.content(call))

    async def certificates_csv(self, account: str) -> str:
        """A carbon account's certificates as a table.

        Who used how much of which certificates; as JSON, CSV or Arrow. Of a plan there is none.
        """
        call = Call(
            "GET", "/api/v1/carbon-accounts/{account}/certificates", names={"account": account}, accept="text/csv"
        )
        return (await self._sender.content(call)).decode()

    async def page(self, account: str) -> str:
        """A carbon account's page.

        One HTML file that needs nothing else.
        """
        call = Call("GET", "/api/v1/carbon-accounts/{account}/page", names={"account": account}, accept="text/html")
        return (await self._sender.content(call)).decode()

    async def list(self, site: str, *, limit: int | None = None, cursor: str | None = None) -> models.PageAccountListed:
        """List a site's carbon accounts.

        The newest first, those that are still being made too.
        """
        call = Call(
            "GET",
            "/api/v1/sites/{site}/carbon-accounts",
            names={"site": site},
            query={"limit": limit, "cursor": cursor},
        )
        answer: models.PageAccountListed = await self._sender.answer(call, models.PageAccountListed)
        return answer

    async def iterate(self, site: str, *, limit: int | None = None) -> AsyncIterator[models.AccountListed]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list(site, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def create(
        self, site: str, body: models.AccountAsked, *, idempotency_key: str | None = None
    ) -> models.Accepted:
        """Ask for a carbon account.

        Account for the carbon of a period that was measured, or of a plan, by every method that can say
        something.
        """
        call = Call(
            "POST",
            "/api/v1/sites/{site}/carbon-accounts",
            names={"site": site},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = await self._sender.answer(call, models.Accepted)
        return answer
