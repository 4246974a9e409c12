"""Operations on oauth. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from dispatch.client.calls import Call
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender


class Oauth:
    """Operations on oauth."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def token(self, body: Mapping[str, str]) -> models.Token:
        """Get an access token.

        A token for some of a key's scopes. It ends with its hour, or with the key.
        """
        call = Call(
            "POST", "/oauth/token", body=urlencode(body).encode(), content_type="application/x-www-form-urlencoded"
        )
        answer: models.Token = self._sender.answer(call, models.Token)
        return answer


class AsyncOauth:
    """Operations on oauth, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def token(self, body: Mapping[str, str]) -> models.Token:
        """Get an access token.

        A token for some of a key's scopes. It ends with its hour, or with the key.
        """
        call = Call(
            "POST", "/oauth/token", body=urlencode(body).encode(), content_type="application/x-www-form-urlencoded"
        )
        answer: models.Token = await self._sender.answer(call, models.Token)
        return answer
