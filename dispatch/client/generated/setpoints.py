"""Operations on setpoints. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from datetime import datetime

from dispatch.client.calls import Call
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender


class Setpoints:
    """Operations on setpoints."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def get(self, site: str, *, at: datetime | None = None) -> models.SetpointsNow:
        """What holds at a moment.

        Every set-point with who says it and until when: override > hold > schedule > the last schedule's safe
        state.
        """
        call = Call("GET", "/api/v1/sites/{site}/setpoints", names={"site": site}, query={"at": at})
        answer: models.SetpointsNow = self._sender.answer(call, models.SetpointsNow)
        return answer

    def series(self, site: str, *, start: datetime | None = None, end: datetime | None = None) -> models.SetpointSpans:
        """What holds over a time.

        From one change to the next, as it is known now; plans and overrides to come change it.
        """
        call = Call(
            "GET", "/api/v1/sites/{site}/setpoints/series", names={"site": site}, query={"start": start, "end": end}
        )
        answer: models.SetpointSpans = self._sender.answer(call, models.SetpointSpans)
        return answer


class AsyncSetpoints:
    """Operations on setpoints, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def get(self, site: str, *, at: datetime | None = None) -> models.SetpointsNow:
        """What holds at a moment.

        Every set-point with who says it and until when: override > hold > schedule > the last schedule's safe
        state.
        """
        call = Call("GET", "/api/v1/sites/{site}/setpoints", names={"site": site}, query={"at": at})
        answer: models.SetpointsNow = await self._sender.answer(call, models.SetpointsNow)
        return answer

    async def series(
        self, site: str, *, start: datetime | None = None, end: datetime | None = None
    ) -> models.SetpointSpans:
        """What holds over a time.

        From one change to the next, as it is known now; plans and overrides to come change it.
        """
        call = Call(
            "GET", "/api/v1/sites/{site}/setpoints/series", names={"site": site}, query={"start": start, "end": end}
        )
        answer: models.SetpointSpans = await self._sender.answer(call, models.SetpointSpans)
        return answer
