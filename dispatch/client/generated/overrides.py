"""Operations on overrides. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from dispatch.client.calls import Call, as_json
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender


class Overrides:
    """Operations on overrides."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def end(self, override: str, *, idempotency_key: str | None = None) -> models.OverrideShown:
        """End an override.

        From now on what plans say holds again. One that has ended stays as it is.
        """
        call = Call(
            "POST",
            "/api/v1/overrides/{override}:end",
            names={"override": override},
            headers={"Idempotency-Key": idempotency_key},
            keyed=True,
        )
        answer: models.OverrideShown = self._sender.answer(call, models.OverrideShown)
        return answer

    def get(self, override: str) -> models.OverrideShown:
        """Look at an override.

        One override.
        """
        call = Call("GET", "/api/v1/overrides/{override}", names={"override": override})
        answer: models.OverrideShown = self._sender.answer(call, models.OverrideShown)
        return answer

    def list(self, site: str, *, limit: int | None = None, cursor: str | None = None) -> models.PageOverrideShown:
        """List a site's overrides.

        The newest first, those that have ended too.
        """
        call = Call(
            "GET", "/api/v1/sites/{site}/overrides", names={"site": site}, query={"limit": limit, "cursor": cursor}
        )
        answer: models.PageOverrideShown = self._sender.answer(call, models.PageOverrideShown)
        return answer

    def iterate(self, site: str, *, limit: int | None = None) -> Iterator[models.OverrideShown]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list(site, limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def create(
        self, site: str, body: models.OverrideAsked, *, idempotency_key: str | None = None
    ) -> models.OverrideShown:
        """Override a set-point.

        From its start until its end it stands above what plans say; it ends by itself.
        """
        call = Call(
            "POST",
            "/api/v1/sites/{site}/overrides",
            names={"site": site},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.OverrideShown = self._sender.answer(call, models.OverrideShown)
        return answer


class AsyncOverrides:
    """Operations on overrides, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def end(self, override: str, *, idempotency_key: str | None = None) -> models.OverrideShown:
        """End an override.

        From now on what plans say holds again. One that has ended stays as it is.
        """
        call = Call(
            "POST",
            "/api/v1/overrides/{override}:end",
            names={"override": override},
            headers={"Idempotency-Key": idempotency_key},
            keyed=True,
        )
        answer: models.OverrideShown = await self._sender.answer(call, models.OverrideShown)
        return answer

    async def get(self, override: str) -> models.OverrideShown:
        """Look at an override.

        One override.
        """
        call = Call("GET", "/api/v1/overrides/{override}", names={"override": override})
        answer: models.OverrideShown = await self._sender.answer(call, models.OverrideShown)
        return answer

    async def list(self, site: str, *, limit: int | None = None, cursor: str | None = None) -> models.PageOverrideShown:
        """List a site's overrides.

        The newest first, those that have ended too.
        """
        call = Call(
            "GET", "/api/v1/sites/{site}/overrides", names={"site": site}, query={"limit": limit, "cursor": cursor}
        )
        answer: models.PageOverrideShown = await self._sender.answer(call, models.PageOverrideShown)
        return answer

    async def iterate(self, site: str, *, limit: int | None = None) -> AsyncIterator[models.OverrideShown]:
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
        self, site: str, body: models.OverrideAsked, *, idempotency_key: str | None = None
    ) -> models.OverrideShown:
        """Override a set-point.

        From its start until its end it stands above what plans say; it ends by itself.
        """
        call = Call(
            "POST",
            "/api/v1/sites/{site}/overrides",
            names={"site": site},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.OverrideShown = await self._sender.answer(call, models.OverrideShown)
        return answer
