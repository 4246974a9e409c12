"""Operations on keys. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from dispatch.client.calls import Call, as_json
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender


class Keys:
    """Operations on keys."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(
        self, *, made_by: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> models.PageKeyShown:
        """List keys.

        The tenant's keys in the order they were made, closed ones too.
        """
        call = Call("GET", "/api/v1/keys", query={"made_by": made_by, "limit": limit, "cursor": cursor})
        answer: models.PageKeyShown = self._sender.answer(call, models.PageKeyShown)
        return answer

    def iterate(self, *, made_by: str | None = None, limit: int | None = None) -> Iterator[models.KeyShown]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list(made_by=made_by, limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def create(self, body: models.NewKey, *, idempotency_key: str | None = None) -> models.KeyMade:
        """Make a key.

        A key for some of the scopes that the asking key has; it ends with that one, and with the token if one
        asks.
        """
        call = Call(
            "POST", "/api/v1/keys", headers={"Idempotency-Key": idempotency_key}, body=as_json(body), keyed=True
        )
        answer: models.KeyMade = self._sender.answer(call, models.KeyMade)
        return answer

    def revoke(self, key_id: str, *, idempotency_key: str | None = None) -> models.KeyShown:
        """Revoke a key.

        From now on it opens nothing, nor do access tokens that were given for it. A closed one stays closed.
        """
        call = Call(
            "POST",
            "/api/v1/keys/{key_id}:revoke",
            names={"key_id": key_id},
            headers={"Idempotency-Key": idempotency_key},
            keyed=True,
        )
        answer: models.KeyShown = self._sender.answer(call, models.KeyShown)
        return answer

    def get(self, key_id: str) -> models.KeyShown:
        """Look at a key.

        One key, without its secret.
        """
        call = Call("GET", "/api/v1/keys/{key_id}", names={"key_id": key_id})
        answer: models.KeyShown = self._sender.answer(call, models.KeyShown)
        return answer

    def rotate(self, key_id: str, body: models.Rotation, *, idempotency_key: str | None = None) -> models.KeyMade:
        """Replace a key.

        A new key with the old one's name, scopes and expiry; the old one opens for some more time.
        """
        call = Call(
            "POST",
            "/api/v1/keys/{key_id}/rotation",
            names={"key_id": key_id},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.KeyMade = self._sender.answer(call, models.KeyMade)
        return answer


class AsyncKeys:
    """Operations on keys, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list(
        self, *, made_by: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> models.PageKeyShown:
        """List keys.

        The tenant's keys in the order they were made, closed ones too.
        """
        call = Call("GET", "/api/v1/keys", query={"made_by": made_by, "limit": limit, "cursor": cursor})
        answer: models.PageKeyShown = await self._sender.answer(call, models.PageKeyShown)
        return answer

    async def iterate(self, *, made_by: str | None = None, limit: int | None = None) -> AsyncIterator[models.KeyShown]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list(made_by=made_by, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def create(self, body: models.NewKey, *, idempotency_key: str | None = None) -> models.KeyMade:
        """Make a key.

        A key for some of the scopes that the asking key has; it ends with that one, and with the token if one
        asks.
        """
        call = Call(
            "POST", "/api/v1/keys", headers={"Idempotency-Key": idempotency_key}, body=as_json(body), keyed=True
        )
        answer: models.KeyMade = await self._sender.answer(call, models.KeyMade)
        return answer

    async def revoke(self, key_id: str, *, idempotency_key: str | None = None) -> models.KeyShown:
        """Revoke a key.

        From now on it opens nothing, nor do access tokens that were given for it. A closed one stays closed.
        """
        call = Call(
            "POST",
            "/api/v1/keys/{key_id}:revoke",
            names={"key_id": key_id},
            headers={"Idempotency-Key": idempotency_key},
            keyed=True,
        )
        answer: models.KeyShown = await self._sender.answer(call, models.KeyShown)
        return answer

    async def get(self, key_id: str) -> models.KeyShown:
        """Look at a key.

        One key, without its secret.
        """
        call = Call("GET", "/api/v1/keys/{key_id}", names={"key_id": key_id})
        answer: models.KeyShown = await self._sender.answer(call, models.KeyShown)
        return answer

    async def rotate(self, key_id: str, body: models.Rotation, *, idempotency_key: str | None = None) -> models.KeyMade:
        """Replace a key.

        A new key with the old one's name, scopes and expiry; the old one opens for some more time.
        """
        call = Call(
            "POST",
            "/api/v1/keys/{key_id}/rotation",
            names={"key_id": key_id},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.KeyMade = await self._sender.answer(call, models.KeyMade)
        return answer
