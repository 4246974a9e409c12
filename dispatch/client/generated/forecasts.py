"""Operations on forecasts. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from dispatch.client.calls import Call, as_json
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender
from dispatch.client.tables import from_bytes

if TYPE_CHECKING:
    import pyarrow as pa


class Forecasts:
    """Operations on forecasts."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def get(self, forecast: str) -> models.ForecastShown:
        """Look at a forecast.

        Expected path and quantiles of every series; its joint scenarios are a table of their own.
        """
        call = Call("GET", "/api/v1/forecasts/{forecast}", names={"forecast": forecast})
        answer: models.ForecastShown = self._sender.answer(call, models.ForecastShown)
        return answer

    def quantiles(self, forecast: str) -> dict[str, Any]:
        """A forecast's quantiles as a table.

        A row for each series, step and level; as JSON, CSV or Arrow.
        """
        call = Call("GET", "/api/v1/forecasts/{forecast}/quantiles", names={"forecast": forecast})
        answer: dict[str, Any] = self._sender.answer(call, dict[str, Any])
        return answer

    def quantiles_arrow(self, forecast: str) -> pa.Table:
        """A forecast's quantiles as a table.

        A row for each series, step and level; as JSON, CSV or Arrow.
        """
        call = Call(
            "GET",
            "/api/v1/forecasts/{forecast}/quantiles",
            names={"forecast": forecast},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(self._sender.content(call))

    def quantiles_csv(self, forecast: str) -> str:
        """A forecast's quantiles as a table.

        A row for each series, step and level; as JSON, CSV or Arrow.
        """
        call = Call("GET", "/api/v1/forecasts/{forecast}/quantiles", names={"forecast": forecast}, accept="text/csv")
        return (self._sender.content(call)).decode()

    def scenarios(self, forecast: str) -> dict[str, Any]:
        """A forecast's scenarios as a table.

        A row for each series, joint scenario and step, with the scenario's probability; as JSON, CSV or Arrow.
        """
        call = Call("GET", "/api/v1/forecasts/{forecast}/scenarios", names={"forecast": forecast})
        answer: dict[str, Any] = self._sender.answer(call, dict[str, Any])
        return answer

    def scenarios_arrow(self, forecast: str) -> pa.Table:
        """A forecast's scenarios as a table.

        A row for each series, joint scenario and step, with the scenario's probability; as JSON, CSV or Arrow.
        """
        call = Call(
            "GET",
            "/api/v1/forecasts/{forecast}/scenarios",
            names={"forecast": forecast},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(self._sender.content(call))

    def scenarios_csv(self, forecast: str) -> str:
        """A forecast's scenarios as a table.

        A row for each series, joint scenario and step, with the scenario's probability; as JSON, CSV or Arrow.
        """
        call = Call("GET", "/api/v1/forecasts/{forecast}/scenarios", names={"forecast": forecast}, accept="text/csv")
        return (self._sender.content(call)).decode()

    def list(self, site: str, *, limit: int | None = None, cursor: str | None = None) -> models.PageForecastListed:
        """List a site's forecasts.

        The newest first, those that are still being made too.
        """
        call = Call(
            "GET", "/api/v1/sites/{site}/forecasts", names={"site": site}, query={"limit": limit, "cursor": cursor}
        )
        answer: models.PageForecastListed = self._sender.answer(call, models.PageForecastListed)
        return answer

    def iterate(self, site: str, *, limit: int | None = None) -> Iterator[models.ForecastListed]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list(site, limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def create(self, site: str, body: models.ForecastAsked, *, idempotency_key: str | None = None) -> models.Accepted:
        """Ask for a forecast.

        Forecast all that a site needs and gives, from what was known at the issue time.
        """
        call = Call(
            "POST",
            "/api/v1/sites/{site}/forecasts",
            names={"site": site},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = self._sender.answer(call, models.Accepted)
        return answer


class AsyncForecasts:
    """Operations on forecasts, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def get(self, forecast: str) -> models.ForecastShown:
        """Look at a forecast.

        Expected path and quantiles of every series; its joint scenarios are a table of their own.
        """
        call = Call("GET", "/api/v1/forecasts/{forecast}", names={"forecast": forecast})
        answer: models.ForecastShown = await self._sender.answer(call, models.ForecastShown)
        return answer

    async def quantiles(self, forecast: str) -> dict[str, Any]:
        """A forecast's quantiles as a table.

        A row for each series, step and level; as JSON, CSV or Arrow.
        """
        call = Call("GET", "/api/v1/forecasts/{forecast}/quantiles", names={"forecast": forecast})
        answer: dict[str, Any] = await self._sender.answer(call, dict[str, Any])
        return answer

    async def quantiles_arrow(self, forecast: str) -> pa.Table:
        """A forecast's quantiles as a table.

        A row for each series, step and level; as JSON, CSV or Arrow.
        """
        call = Call(
            "GET",
            "/api/v1/forecasts/{forecast}/quantiles",
            names={"forecast": forecast},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(await self._sender.content(call))

    async def quantiles_csv(self, forecast: str) -> str:
        """A forecast's quantiles as a table.

        A row for each series, step and level; as JSON, CSV or Arrow.
        """
        call = Call("GET", "/api/v1/forecasts/{forecast}/quantiles", names={"forecast": forecast}, accept="text/csv")
        return (await self._sender.content(call)).decode()

    async def scenarios(self, forecast: str) -> dict[str, Any]:
        """A forecast's scenarios as a table.

        A row for each series, joint scenario and step, with the scenario's probability; as JSON, CSV or Arrow.
        """
        call = Call("GET", "/api/v1/forecasts/{forecast}/scenarios", names={"forecast": forecast})
        answer: dict[str, Any] = await self._sender.answer(call, dict[str, Any])
        return answer

    async def scenarios_arrow(self, forecast: str) -> pa.Table:
        """A forecast's scenarios as a table.

        A row for each series, joint scenario and step, with the scenario's probability; as JSON, CSV or Arrow.
        """
        call = Call(
            "GET",
            "/api/v1/forecasts/{forecast}/scenarios",
            names={"forecast": forecast},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(await self._sender.content(call))

    async def scenarios_csv(self, forecast: str) -> str:
        """A forecast's scenarios as a table.

        A row for each series, joint scenario and step, with the scenario's probability; as JSON, CSV or Arrow.
        """
        call = Call("GET", "/api/v1/forecasts/{forecast}/scenarios", names={"forecast": forecast}, accept="text/csv")
        return (await self._sender.content(call)).decode()

    async def list(
        self, site: str, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageForecastListed:
        """List a site's forecasts.

        The newest first, those that are still being made too.
        """
        call = Call(
            "GET", "/api/v1/sites/{site}/forecasts", names={"site": site}, query={"limit": limit, "cursor": cursor}
        )
        answer: models.PageForecastListed = await self._sender.answer(call, models.PageForecastListed)
        return answer

    async def iterate(self, site: str, *, limit: int | None = None) -> AsyncIterator[models.ForecastListed]:
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
        self, site: str, body: models.ForecastAsked, *, idempotency_key: str | None = None
    ) -> models.Accepted:
        """Ask for a forecast.

        Forecast all that a site needs and gives, from what was known at the issue time.
        """
        call = Call(
            "POST",
            "/api/v1/sites/{site}/forecasts",
            names={"site": site},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = await self._sender.answer(call, models.Accepted)
        return answer
