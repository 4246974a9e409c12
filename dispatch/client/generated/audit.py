"""Operations on audit. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from dispatch.client.calls import Call
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender


class Audit:
    """Operations on audit."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(
        self,
        *,
        subject: str | None = None,
        action: str | None = None,
        newest_first: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.PageEntryShown:
        """List entries.

        Entries in their order, of one subject or action where asked.
        """
        call = Call(
            "GET",
            "/api/v1/audit",
            query={
                "subject": subject,
                "action": action,
                "newest_first": newest_first,
                "limit": limit,
                "cursor": cursor,
            },
        )
        answer: models.PageEntryShown = self._sender.answer(call, models.PageEntryShown)
        return answer

    def iterate(
        self,
        *,
        subject: str | None = None,
        action: str | None = None,
        newest_first: bool | None = None,
        limit: int | None = None,
    ) -> Iterator[models.EntryShown]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list(subject=subject, action=action, newest_first=newest_first, limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def verify(self) -> models.Verified:
        """Verify the chain.

        Walks the chain from its beginning and computes every hash again.
        """
        call = Call("GET", "/api/v1/audit/verification")
        answer: models.Verified = self._sender.answer(call, models.Verified)
        return answer


class AsyncAudit:
    """Operations on audit, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list(
        self,
        *,
        subject: str | None = None,
        action: str | None = None,
        newest_first: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.PageEntryShown:
        """List entries.

        Entries in their order, of one subject or action where asked.
        """
        call = Call(
            "GET",
            "/api/v1/audit",
            query={
                "subject": subject,
                "action": action,
                "newest_first": newest_first,
                "limit": limit,
                "cursor": cursor,
            },
        )
        answer: models.PageEntryShown = await self._sender.answer(call, models.PageEntryShown)
        return answer

    async def iterate(
        self,
        *,
        subject: str | None = None,
        action: str | None = None,
        newest_first: bool | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[models.EntryShown]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list(
                subject=subject, action=action, newest_first=newest_first, limit=limit, cursor=cursor
            )
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def verify(self) -> models.Verified:
        """Verify the chain.

        Walks the chain from its beginning and computes every hash again.
        """
        call = Call("GET", "/api/v1/audit/verification")
        answer: models.Verified = await self._sender.answer(call, models.Verified)
        return answer
