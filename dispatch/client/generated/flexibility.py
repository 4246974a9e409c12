"""Operations on flexibility. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Literal

from dispatch.client.calls import Call, as_json
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender
from dispatch.client.tables import from_bytes

if TYPE_CHECKING:
    import pyarrow as pa


class Flexibility:
    """Operations on flexibility."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def get_evaluation(self, evaluation: str) -> models.Evaluation:
        """Whether a profile is possible.

        With the nearest that is, and why where it is not.
        """
        call = Call("GET", "/api/v1/evaluations/{evaluation}", names={"evaluation": evaluation})
        answer: models.Evaluation = self._sender.answer(call, models.Evaluation)
        return answer

    def get_evaluation_table(self, evaluation: str, table: Literal["shares"]) -> dict[str, Any]:
        """Net draw of each site.

        As JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/evaluations/{evaluation}/{table}", names={"evaluation": evaluation, "table": table})
        answer: dict[str, Any] = self._sender.answer(call, dict[str, Any])
        return answer

    def get_evaluation_table_arrow(self, evaluation: str, table: Literal["shares"]) -> pa.Table:
        """Net draw of each site.

        As JSON, Arrow or CSV.
        """
        call = Call(
            "GET",
            "/api/v1/evaluations/{evaluation}/{table}",
            names={"evaluation": evaluation, "table": table},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(self._sender.content(call))

    def get_evaluation_table_csv(self, evaluation: str, table: Literal["shares"]) -> str:
        """Net draw of each site.

        As JSON, Arrow or CSV.
        """
        call = Call(
            "GET",
            "/api/v1/evaluations/{evaluation}/{table}",
            names={"evaluation": evaluation, "table": table},
            accept="text/csv",
        )
        return (self._sender.content(call)).decode()

    def list(self, fleet: str, *, limit: int | None = None, cursor: str | None = None) -> models.PageFlexibility:
        """Flexibility of a fleet, the newest first.

        In pages; the envelope stands in each by itself.
        """
        call = Call(
            "GET",
            "/api/v1/fleets/{fleet}/flexibility",
            names={"fleet": fleet},
            query={"limit": limit, "cursor": cursor},
        )
        answer: models.PageFlexibility = self._sender.answer(call, models.PageFlexibility)
        return answer

    def iterate(self, fleet: str, *, limit: int | None = None) -> Iterator[models.Flexibility]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list(fleet, limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def ask(self, fleet: str, body: models.FlexibilityAsked, *, idempotency_key: str | None = None) -> models.Accepted:
        """Find what a fleet can do beside its plan.

        Bands of power and energy, and blocks with their costs, for each site and step.
        """
        call = Call(
            "POST",
            "/api/v1/fleets/{fleet}/flexibility",
            names={"fleet": fleet},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = self._sender.answer(call, models.Accepted)
        return answer

    def evaluate(self, fleet: str, body: models.ProfileAsked, *, idempotency_key: str | None = None) -> models.Accepted:
        """Can the fleet follow a profile, what is the nearest, who does what?.

        Exact where all plant has a closed form, with the reason where it is refused.
        """
        call = Call(
            "POST",
            "/api/v1/fleets/{fleet}/flexibility:evaluate",
            names={"fleet": fleet},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = self._sender.answer(call, models.Accepted)
        return answer

    def get(self, flexibility: str) -> models.Flexibility:
        """What a fleet can do beside its plan.

        All sites together, step by step; by site in the tables.
        """
        call = Call("GET", "/api/v1/flexibility/{flexibility}", names={"flexibility": flexibility})
        answer: models.Flexibility = self._sender.answer(call, models.Flexibility)
        return answer

    def get_page(self, flexibility: str) -> Any:
        """The same with pictures.

        HTML that needs no network.
        """
        call = Call("GET", "/api/v1/flexibility/{flexibility}/page", names={"flexibility": flexibility})
        answer: Any = self._sender.answer(call, Any)
        return answer

    def get_page_html(self, flexibility: str) -> str:
        """The same with pictures.

        HTML that needs no network.
        """
        call = Call(
            "GET", "/api/v1/flexibility/{flexibility}/page", names={"flexibility": flexibility}, accept="text/html"
        )
        return (self._sender.content(call)).decode()

    def get_table(self, flexibility: str, table: Literal["envelope", "blocks", "inputs"]) -> dict[str, Any]:
        """Bands or blocks by site.

        As JSON, Arrow or CSV.
        """
        call = Call(
            "GET", "/api/v1/flexibility/{flexibility}/{table}", names={"flexibility": flexibility, "table": table}
        )
        answer: dict[str, Any] = self._sender.answer(call, dict[str, Any])
        return answer

    def get_table_arrow(self, flexibility: str, table: Literal["envelope", "blocks", "inputs"]) -> pa.Table:
        """Bands or blocks by site.

        As JSON, Arrow or CSV.
        """
        call = Call(
            "GET",
            "/api/v1/flexibility/{flexibility}/{table}",
            names={"flexibility": flexibility, "table": table},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(self._sender.content(call))

    def get_table_csv(self, flexibility: str, table: Literal["envelope", "blocks", "inputs"]) -> str:
        """Bands or blocks by site.

        As JSON, Arrow or CSV.
        """
        call = Call(
            "GET",
            "/api/v1/flexibility/{flexibility}/{table}",
            names={"flexibility": flexibility, "table": table},
            accept="text/csv",
        )
        return (self._sender.content(call)).decode()


class AsyncFlexibility:
    """Operations on flexibility, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def get_evaluation(self, evaluation: str) -> models.Evaluation:
        """Whether a profile is possible.

        With the nearest that is, and why where it is not.
        """
        call = Call("GET", "/api/v1/evaluations/{evaluation}", names={"evaluation": evaluation})
        answer: models.Evaluation = await self._sender.answer(call, models.Evaluation)
        return answer

    async def get_evaluation_table(self, evaluation: str, table: Literal["shares"]) -> dict[str, Any]:
        """Net draw of each site.

        As JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/evaluations/{evaluation}/{table}", names={"evaluation": evaluation, "table": table})
        answer: dict[str, Any] = await self._sender.answer(call, dict[str, Any])
        return answer

    async def get_evaluation_table_arrow(self, evaluation: str, table: Literal["shares"]) -> pa.Table:
        """Net draw of each site.

        As JSON, Arrow or CSV.
        """
        call = Call(
            "GET",
            "/api/v1/evaluations/{evaluation}/{table}",
            names={"evaluation": evaluation, "table": table},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(await self._sender.content(call))

    async def get_evaluation_table_csv(self, evaluation: str, table: Literal["shares"]) -> str:
        """Net draw of each site.

        As JSON, Arrow or CSV.
        """
        call = Call(
            "GET",
            "/api/v1/evaluations/{evaluation}/{table}",
            names={"evaluation": evaluation, "table": table},
            accept="text/csv",
        )
        return (await self._sender.content(call)).decode()

    async def list(self, fleet: str, *, limit: int | None = None, cursor: str | None = None) -> models.PageFlexibility:
        """Flexibility of a fleet, the newest first.

        In pages; the envelope stands in each by itself.
        """
        call = Call(
            "GET",
            "/api/v1/fleets/{fleet}/flexibility",
            names={"fleet": fleet},
            query={"limit": limit, "cursor": cursor},
        )
        answer: models.PageFlexibility = await self._sender.answer(call, models.PageFlexibility)
        return answer

    async def iterate(self, fleet: str, *, limit: int | None = None) -> AsyncIterator[models.Flexibility]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list(fleet, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def ask(
        self, fleet: str, body: models.FlexibilityAsked, *, idempotency_key: str | None = None
    ) -> models.Accepted:
        """Find what a fleet can do beside its plan.

        Bands of power and energy, and blocks with their costs, for each site and step.
        """
        call = Call(
            "POST",
            "/api/v1/fleets/{fleet}/flexibility",
            names={"fleet": fleet},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = await self._sender.answer(call, models.Accepted)
        return answer

    async def evaluate(
        self, fleet: str, body: models.ProfileAsked, *, idempotency_key: str | None = None
    ) -> models.Accepted:
        """Can the fleet follow a profile, what is the nearest, who does what?.

        Exact where all plant has a closed form, with the reason where it is refused.
        """
        call = Call(
            "POST",
            "/api/v1/fleets/{fleet}/flexibility:evaluate",
            names={"fleet": fleet},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = await self._sender.answer(call, models.Accepted)
        return answer

    async def get(self, flexibility: str) -> models.Flexibility:
        """What a fleet can do beside its plan.

        All sites together, step by step; by site in the tables.
        """
        call = Call("GET", "/api/v1/flexibility/{flexibility}", names={"flexibility": flexibility})
        answer: models.Flexibility = await self._sender.answer(call, models.Flexibility)
        return answer

    async def get_page(self, flexibility: str) -> Any:
        """The same with pictures.

        HTML that needs no network.
        """
        call = Call("GET", "/api/v1/flexibility/{flexibility}/page", names={"flexibility": flexibility})
        answer: Any = await self._sender.answer(call, Any)
        return answer

    async def get_page_html(self, flexibility: str) -> str:
        """The same with pictures.

        HTML that needs no network.
        """
        call = Call(
            "GET", "/api/v1/flexibility/{flexibility}/page", names={"flexibility": flexibility}, accept="text/html"
        )
        return (await self._sender.content(call)).decode()

    async def get_table(self, flexibility: str, table: Literal["envelope", "blocks", "inputs"]) -> dict[str, Any]:
        """Bands or blocks by site.

        As JSON, Arrow or CSV.
        """
        call = Call(
            "GET", "/api/v1/flexibility/{flexibility}/{table}", names={"flexibility": flexibility, "table": table}
        )
        answer: dict[str, Any] = await self._sender.answer(call, dict[str, Any])
        return answer

    async def get_table_arrow(self, flexibility: str, table: Literal["envelope", "blocks", "inputs"]) -> pa.Table:
        """Bands or blocks by site.

        As JSON, Arrow or CSV.
        """
        call = Call(
            "GET",
            "/api/v1/flexibility/{flexibility}/{table}",
            names={"flexibility": flexibility, "table": table},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(await self._sender.content(call))

    async def get_table_csv(self, flexibility: str, table: Literal["envelope", "blocks", "inputs"]) -> str:
        """Bands or blocks by site.

        As JSON, Arrow or CSV.
        """
        call = Call(
            "GET",
            "/api/v1/flexibility/{flexibility}/{table}",
            names={"flexibility": flexibility, "table": table},
            accept="text/csv",
        )
        return (await self._sender.content(call)).decode()
