"""Operations on sites. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from dispatch.client.calls import Call, as_json
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender


class Sites:
    """Operations on sites."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(
        self, *, label: Sequence[str] | None = None, limit: int | None = None, cursor: str | None = None
    ) -> models.PageSiteShown:
        """List sites.

        Sites by name, those with certain labels where asked.
        """
        call = Call("GET", "/api/v1/sites", query={"label": label, "limit": limit, "cursor": cursor})
        answer: models.PageSiteShown = self._sender.answer(call, models.PageSiteShown)
        return answer

    def iterate(self, *, label: Sequence[str] | None = None, limit: int | None = None) -> Iterator[models.SiteShown]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list(label=label, limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def get(self, site: str) -> models.SiteWhole:
        """Read a site.

        The site as it is, with its park.
        """
        call = Call("GET", "/api/v1/sites/{site}", names={"site": site})
        answer: models.SiteWhole = self._sender.answer(call, models.SiteWhole)
        return answer

    def put(
        self,
        site: str,
        body: dict[str, Any],
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> models.SiteShown:
        """Put a site.

        Make a site, or a new version of it; the same content again changes nothing.
        """
        call = Call(
            "PUT",
            "/api/v1/sites/{site}",
            names={"site": site},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match, "If-None-Match": if_none_match},
            body=as_json(body),
            keyed=True,
        )
        answer: models.SiteShown = self._sender.answer(call, models.SiteShown)
        return answer

    def delete(
        self,
        site: str,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> None:
        """Delete a site.

        End a site. Its versions and measurements stay, and its name may be put again.
        """
        call = Call(
            "DELETE",
            "/api/v1/sites/{site}",
            names={"site": site},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match, "If-None-Match": if_none_match},
            keyed=True,
        )
        self._sender.answer(call, None)

    def versions(self, site: str, *, limit: int | None = None, cursor: str | None = None) -> models.PageVersionShown:
        """List versions of a site.

        Every version there was, also of a site that was deleted.
        """
        call = Call(
            "GET", "/api/v1/sites/{site}/versions", names={"site": site}, query={"limit": limit, "cursor": cursor}
        )
        answer: models.PageVersionShown = self._sender.answer(call, models.PageVersionShown)
        return answer

    def iterate_versions(self, site: str, *, limit: int | None = None) -> Iterator[models.VersionShown]:
        """As ``versions``, page after page."""
        cursor: str | None = None
        while True:
            page = self.versions(site, limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def assets(self, site: str) -> models.AssetsShown:
        """List assets of a site.

        The assets, and what measurements of each may be called.
        """
        call = Call("GET", "/api/v1/sites/{site}/assets", names={"site": site})
        answer: models.AssetsShown = self._sender.answer(call, models.AssetsShown)
        return answer

    def series(self, site: str) -> models.HeldList:
        """List measured series of a site.

        What is held: first and last interval, how many have a value, and when something last came.
        """
        call = Call("GET", "/api/v1/sites/{site}/series", names={"site": site})
        answer: models.HeldList = self._sender.answer(call, models.HeldList)
        return answer

    def version(self, site: str, version: int) -> models.SiteWhole:
        """Read a version of a site.

        The site as it was then; none where it was deleted.
        """
        call = Call("GET", "/api/v1/sites/{site}/versions/{version}", names={"site": site, "version": version})
        answer: models.SiteWhole = self._sender.answer(call, models.SiteWhole)
        return answer

    def batch(self, body: models.Batch, *, idempotency_key: str | None = None) -> models.BatchDone:
        """Put many sites.

        All sites in one transaction. With `refuse` one wrong park keeps all others out, and every problem is
        told.
        """
        call = Call(
            "POST", "/api/v1/sites:batch", headers={"Idempotency-Key": idempotency_key}, body=as_json(body), keyed=True
        )
        answer: models.BatchDone = self._sender.answer(call, models.BatchDone)
        return answer

    def validate(self, body: dict[str, Any], *, idempotency_key: str | None = None) -> models.Validated:
        """Validate a park.

        All that is wrong with a park, each with its place; nothing is kept.
        """
        call = Call(
            "POST",
            "/api/v1/sites:validate",
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Validated = self._sender.answer(call, models.Validated)
        return answer


class AsyncSites:
    """Operations on sites, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list(
        self, *, label: Sequence[str] | None = None, limit: int | None = None, cursor: str | None = None
    ) -> models.PageSiteShown:
        """List sites.

        Sites by name, those with certain labels where asked.
        """
        call = Call("GET", "/api/v1/sites", query={"label": label, "limit": limit, "cursor": cursor})
        answer: models.PageSiteShown = await self._sender.answer(call, models.PageSiteShown)
        return answer

    async def iterate(
        self, *, label: Sequence[str] | None = None, limit: int | None = None
    ) -> AsyncIterator[models.SiteShown]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list(label=label, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def get(self, site: str) -> models.SiteWhole:
        """Read a site.

        The site as it is, with its park.
        """
        call = Call("GET", "/api/v1/sites/{site}", names={"site": site})
        answer: models.SiteWhole = await self._sender.answer(call, models.SiteWhole)
        return answer

    async def put(
        self,
        site: str,
        body: dict[str, Any],
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> models.SiteShown:
        """Put a site.

        Make a site, or a new version of it; the same content again changes nothing.
        """
        call = Call(
            "PUT",
            "/api/v1/sites/{site}",
            names={"site": site},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match, "If-None-Match": if_none_match},
            body=as_json(body),
            keyed=True,
        )
        answer: models.SiteShown = await self._sender.answer(call, models.SiteShown)
        return answer

    async def delete(
        self,
        site: str,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> None:
        """Delete a site.

        End a site. Its versions and measurements stay, and its name may be put again.
        """
        call = Call(
            "DELETE",
            "/api/v1/sites/{site}",
            names={"site": site},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match, "If-None-Match": if_none_match},
            keyed=True,
        )
        await self._sender.answer(call, None)

    async def versions(
        self, site: str, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageVersionShown:
        """List versions of a site.

        Every version there was, also of a site that was deleted.
        """
        call = Call(
            "GET", "/api/v1/sites/{site}/versions", names={"site": site}, query={"limit": limit, "cursor": cursor}
        )
        answer: models.PageVersionShown = await self._sender.answer(call, models.PageVersionShown)
        return answer

    async def iterate_versions(self, site: str, *, limit: int | None = None) -> AsyncIterator[models.VersionShown]:
        """As ``versions``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.versions(site, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def assets(self, site: str) -> models.AssetsShown:
        """List assets of a site.

        The assets, and what measurements of each may be called.
        """
        call = Call("GET", "/api/v1/sites/{site}/assets", names={"site": site})
        answer: models.AssetsShown = await self._sender.answer(call, models.AssetsShown)
        return answer

    async def series(self, site: str) -> models.HeldList:
        """List measured series of a site.

        What is held: first and last interval, how many have a value, and when something last came.
        """
        call = Call("GET", "/api/v1/sites/{site}/series", names={"site": site})
        answer: models.HeldList = await self._sender.answer(call, models.HeldList)
        return answer

    async def version(self, site: str, version: int) -> models.SiteWhole:
        """Read a version of a site.

        The site as it was then; none where it was deleted.
        """
        call = Call("GET", "/api/v1/sites/{site}/versions/{version}", names={"site": site, "version": version})
        answer: models.SiteWhole = await self._sender.answer(call, models.SiteWhole)
        return answer

    async def batch(self, body: models.Batch, *, idempotency_key: str | None = None) -> models.BatchDone:
        """Put many sites.

        All sites in one transaction. With `refuse` one wrong park keeps all others out, and every problem is
        told.
        """
        call = Call(
            "POST", "/api/v1/sites:batch", headers={"Idempotency-Key": idempotency_key}, body=as_json(body), keyed=True
        )
        answer: models.BatchDone = await self._sender.answer(call, models.BatchDone)
        return answer

    async def validate(self, body: dict[str, Any], *, idempotency_key: str | None = None) -> models.Validated:
        """Validate a park.

        All that is wrong with a park, each with its place; nothing is kept.
        """
        call = Call(
            "POST",
            "/api/v1/sites:validate",
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Validated = await self._sender.answer(call, models.Validated)
        return answer
