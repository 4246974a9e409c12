"""Operations on health. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from dispatch.client.calls import Call
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender


class Health:
    """Operations on health."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def alive(self) -> models.Alive:
        """Does the server answer?.

        Always ok where there is an answer; says nothing of the database.
        """
        call = Call("GET", "/healthz")
        answer: models.Alive = self._sender.answer(call, models.Alive)
        return answer

    def metrics(self) -> str:
        """Numbers for Prometheus.

        Of all tenants together, so not for them: with the operator's token, or without one from the server's
        machine.
        """
        call = Call("GET", "/metrics", accept="text/plain")
        return (self._sender.content(call)).decode()

    def ready(self) -> models.Ready:
        """Can it do what it is for?.

        Database reachable and of this version, disk writable, its own workers alive; 503 where one of them is
        not.
        """
        call = Call("GET", "/readyz")
        answer: models.Ready = self._sender.answer(call, models.Ready)
        return answer


class AsyncHealth:
    """Operations on health, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def alive(self) -> models.Alive:
        """Does the server answer?.

        Always ok where there is an answer; says nothing of the database.
        """
        call = Call("GET", "/healthz")
        answer: models.Alive = await self._sender.answer(call, models.Alive)
        return answer

    async def metrics(self) -> str:
        """Numbers for Prometheus.

        Of all tenants together, so not for them: with the operator's token, or without one from the server's
        machine.
        """
        call = Call("GET", "/metrics", accept="text/plain")
        return (await self._sender.content(call)).decode()

    async def ready(self) -> models.Ready:
        """Can it do what it is for?.

        Database reachable and of this version, disk writable, its own workers alive; 503 where one of them is
        not.
        """
        call = Call("GET", "/readyz")
        answer: models.Ready = await self._sender.answer(call, models.Ready)
        return answer
