"""Operations on fleets. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Literal

from dispatch.client.calls import Call, as_json
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender
from dispatch.client.tables import from_bytes

if TYPE_CHECKING:
    import pyarrow as pa


class Fleets:
    """Operations on fleets."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def get_forecast(self, forecast: str) -> models.FleetForecast:
        """A forecast of a fleet's day.

        With the sites of which too little is known.
        """
        call = Call("GET", "/api/v1/fleet-forecasts/{forecast}", names={"forecast": forecast})
        answer: models.FleetForecast = self._sender.answer(call, models.FleetForecast)
        return answer

    def get_forecast_table(self, forecast: str, table: Literal["inputs"]) -> dict[str, Any]:
        """What is forecast.

        Site, asset, quantity, start and mean value, as JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/fleet-forecasts/{forecast}/{table}", names={"forecast": forecast, "table": table})
        answer: dict[str, Any] = self._sender.answer(call, dict[str, Any])
        return answer

    def get_forecast_table_arrow(self, forecast: str, table: Literal["inputs"]) -> pa.Table:
        """What is forecast.

        Site, asset, quantity, start and mean value, as JSON, Arrow or CSV.
        """
        call = Call(
            "GET",
            "/api/v1/fleet-forecasts/{forecast}/{table}",
            names={"forecast": forecast, "table": table},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(self._sender.content(call))

    def get_forecast_table_csv(self, forecast: str, table: Literal["inputs"]) -> str:
        """What is forecast.

        Site, asset, quantity, start and mean value, as JSON, Arrow or CSV.
        """
        call = Call(
            "GET",
            "/api/v1/fleet-forecasts/{forecast}/{table}",
            names={"forecast": forecast, "table": table},
            accept="text/csv",
        )
        return (self._sender.content(call)).decode()

    def get_plan(self, plan: str) -> models.FleetPlan:
        """What became of a fleet's plan.

        In short; tables of sites and series beside it.
        """
        call = Call("GET", "/api/v1/fleet-plans/{plan}", names={"plan": plan})
        answer: models.FleetPlan = self._sender.answer(call, models.FleetPlan)
        return answer

    def get_plan_table(self, plan: str, table: Literal["sites", "series", "shared", "inputs"]) -> dict[str, Any]:
        """Sites, series or shared limits.

        As JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/fleet-plans/{plan}/{table}", names={"plan": plan, "table": table})
        answer: dict[str, Any] = self._sender.answer(call, dict[str, Any])
        return answer

    def get_plan_table_arrow(self, plan: str, table: Literal["sites", "series", "shared", "inputs"]) -> pa.Table:
        """Sites, series or shared limits.

        As JSON, Arrow or CSV.
        """
        call = Call(
            "GET",
            "/api/v1/fleet-plans/{plan}/{table}",
            names={"plan": plan, "table": table},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(self._sender.content(call))

    def get_plan_table_csv(self, plan: str, table: Literal["sites", "series", "shared", "inputs"]) -> str:
        """Sites, series or shared limits.

        As JSON, Arrow or CSV.
        """
        call = Call(
            "GET", "/api/v1/fleet-plans/{plan}/{table}", names={"plan": plan, "table": table}, accept="text/csv"
        )
        return (self._sender.content(call)).decode()

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> models.PageFleetShort:
        """All fleets, by name.

        In pages.
        """
        call = Call("GET", "/api/v1/fleets", query={"limit": limit, "cursor": cursor})
        answer: models.PageFleetShort = self._sender.answer(call, models.PageFleetShort)
        return answer

    def iterate(self, *, limit: int | None = None) -> Iterator[models.FleetShort]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list(limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def get(self, fleet: str) -> models.Fleet:
        """A fleet.

        With how many sites it has now.
        """
        call = Call("GET", "/api/v1/fleets/{fleet}", names={"fleet": fleet})
        answer: models.Fleet = self._sender.answer(call, models.Fleet)
        return answer

    def put(
        self,
        fleet: str,
        body: models.FleetBody,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> models.Fleet:
        """Make or change a fleet.

        Sites by name or by label, with what they share as in a fleet's file; labels count at the time of use.
        """
        call = Call(
            "PUT",
            "/api/v1/fleets/{fleet}",
            names={"fleet": fleet},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match, "If-None-Match": if_none_match},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Fleet = self._sender.answer(call, models.Fleet)
        return answer

    def delete(
        self,
        fleet: str,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> None:
        """End a fleet.

        What was made of it stays.
        """
        call = Call(
            "DELETE",
            "/api/v1/fleets/{fleet}",
            names={"fleet": fleet},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match, "If-None-Match": if_none_match},
            keyed=True,
        )
        self._sender.answer(call, None)

    def list_forecasts(
        self, fleet: str, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageFleetForecast:
        """Forecasts of a fleet, the newest first.

        In pages.
        """
        call = Call(
            "GET", "/api/v1/fleets/{fleet}/forecasts", names={"fleet": fleet}, query={"limit": limit, "cursor": cursor}
        )
        answer: models.PageFleetForecast = self._sender.answer(call, models.PageFleetForecast)
        return answer

    def iterate_forecasts(self, fleet: str, *, limit: int | None = None) -> Iterator[models.FleetForecast]:
        """As ``list_forecasts``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list_forecasts(fleet, limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def forecast(self, fleet: str, body: models.DayAsked, *, idempotency_key: str | None = None) -> models.Accepted:
        """Forecast all sites of a fleet for a day.

        Plans, flexibility and awards of the day can go on from it.
        """
        call = Call(
            "POST",
            "/api/v1/fleets/{fleet}/forecasts",
            names={"fleet": fleet},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = self._sender.answer(call, models.Accepted)
        return answer

    def list_plans(self, fleet: str, *, limit: int | None = None, cursor: str | None = None) -> models.PageFleetPlan:
        """Plans of a fleet, the newest first.

        In pages.
        """
        call = Call(
            "GET", "/api/v1/fleets/{fleet}/plans", names={"fleet": fleet}, query={"limit": limit, "cursor": cursor}
        )
        answer: models.PageFleetPlan = self._sender.answer(call, models.PageFleetPlan)
        return answer

    def iterate_plans(self, fleet: str, *, limit: int | None = None) -> Iterator[models.FleetPlan]:
        """As ``list_plans``, page after page."""
        cursor: str | None = None
        while True:
            page = self.list_plans(fleet, limit=limit, cursor=cursor)
            yield from page.items
            cursor = page.next
            if not cursor:
                return

    def plan(self, fleet: str, body: models.PlanAsked, *, idempotency_key: str | None = None) -> models.Accepted:
        """Plan all sites of a fleet.

        Each by itself, or together where they share something; every site gets a schedule.
        """
        call = Call(
            "POST",
            "/api/v1/fleets/{fleet}/plans",
            names={"fleet": fleet},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = self._sender.answer(call, models.Accepted)
        return answer


class AsyncFleets:
    """Operations on fleets, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def get_forecast(self, forecast: str) -> models.FleetForecast:
        """A forecast of a fleet's day.

        With the sites of which too little is known.
        """
        call = Call("GET", "/api/v1/fleet-forecasts/{forecast}", names={"forecast": forecast})
        answer: models.FleetForecast = await self._sender.answer(call, models.FleetForecast)
        return answer

    async def get_forecast_table(self, forecast: str, table: Literal["inputs"]) -> dict[str, Any]:
        """What is forecast.

        Site, asset, quantity, start and mean value, as JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/fleet-forecasts/{forecast}/{table}", names={"forecast": forecast, "table": table})
        answer: dict[str, Any] = await self._sender.answer(call, dict[str, Any])
        return answer

    async def get_forecast_table_arrow(self, forecast: str, table: Literal["inputs"]) -> pa.Table:
        """What is forecast.

        Site, asset, quantity, start and mean value, as JSON, Arrow or CSV.
        """
        call = Call(
            "GET",
            "/api/v1/fleet-forecasts/{forecast}/{table}",
            names={"forecast": forecast, "table": table},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(await self._sender.content(call))

    async def get_forecast_table_csv(self, forecast: str, table: Literal["inputs"]) -> str:
        """What is forecast.

        Site, asset, quantity, start and mean value, as JSON, Arrow or CSV.
        """
        call = Call(
            "GET",
            "/api/v1/fleet-forecasts/{forecast}/{table}",
            names={"forecast": forecast, "table": table},
            accept="text/csv",
        )
        return (await self._sender.content(call)).decode()

    async def get_plan(self, plan: str) -> models.FleetPlan:
        """What became of a fleet's plan.

        In short; tables of sites and series beside it.
        """
        call = Call("GET", "/api/v1/fleet-plans/{plan}", names={"plan": plan})
        answer: models.FleetPlan = await self._sender.answer(call, models.FleetPlan)
        return answer

    async def get_plan_table(self, plan: str, table: Literal["sites", "series", "shared", "inputs"]) -> dict[str, Any]:
        """Sites, series or shared limits.

        As JSON, Arrow or CSV.
        """
        call = Call("GET", "/api/v1/fleet-plans/{plan}/{table}", names={"plan": plan, "table": table})
        answer: dict[str, Any] = await self._sender.answer(call, dict[str, Any])
        return answer

    async def get_plan_table_arrow(self, plan: str, table: Literal["sites", "series", "shared", "inputs"]) -> pa.Table:
        """Sites, series or shared limits.

        As JSON, Arrow or CSV.
        """
        call = Call(
            "GET",
            "/api/v1/fleet-plans/{plan}/{table}",
            names={"plan": plan, "table": table},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(await self._sender.content(call))

    async def get_plan_table_csv(self, plan: str, table: Literal["sites", "series", "shared", "inputs"]) -> str:
        """Sites, series or shared limits.

        As JSON, Arrow or CSV.
        """
        call = Call(
            "GET", "/api/v1/fleet-plans/{plan}/{table}", names={"plan": plan, "table": table}, accept="text/csv"
        )
        return (await self._sender.content(call)).decode()

    async def list(self, *, limit: int | None = None, cursor: str | None = None) -> models.PageFleetShort:
        """All fleets, by name.

        In pages.
        """
        call = Call("GET", "/api/v1/fleets", query={"limit": limit, "cursor": cursor})
        answer: models.PageFleetShort = await self._sender.answer(call, models.PageFleetShort)
        return answer

    async def iterate(self, *, limit: int | None = None) -> AsyncIterator[models.FleetShort]:
        """As ``list``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list(limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def get(self, fleet: str) -> models.Fleet:
        """A fleet.

        With how many sites it has now.
        """
        call = Call("GET", "/api/v1/fleets/{fleet}", names={"fleet": fleet})
        answer: models.Fleet = await self._sender.answer(call, models.Fleet)
        return answer

    async def put(
        self,
        fleet: str,
        body: models.FleetBody,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> models.Fleet:
        """Make or change a fleet.

        Sites by name or by label, with what they share as in a fleet's file; labels count at the time of use.
        """
        call = Call(
            "PUT",
            "/api/v1/fleets/{fleet}",
            names={"fleet": fleet},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match, "If-None-Match": if_none_match},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Fleet = await self._sender.answer(call, models.Fleet)
        return answer

    async def delete(
        self,
        fleet: str,
        *,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> None:
        """End a fleet.

        What was made of it stays.
        """
        call = Call(
            "DELETE",
            "/api/v1/fleets/{fleet}",
            names={"fleet": fleet},
            headers={"Idempotency-Key": idempotency_key, "If-Match": if_match, "If-None-Match": if_none_match},
            keyed=True,
        )
        await self._sender.answer(call, None)

    async def list_forecasts(
        self, fleet: str, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageFleetForecast:
        """Forecasts of a fleet, the newest first.

        In pages.
        """
        call = Call(
            "GET", "/api/v1/fleets/{fleet}/forecasts", names={"fleet": fleet}, query={"limit": limit, "cursor": cursor}
        )
        answer: models.PageFleetForecast = await self._sender.answer(call, models.PageFleetForecast)
        return answer

    async def iterate_forecasts(self, fleet: str, *, limit: int | None = None) -> AsyncIterator[models.FleetForecast]:
        """As ``list_forecasts``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_forecasts(fleet, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def forecast(
        self, fleet: str, body: models.DayAsked, *, idempotency_key: str | None = None
    ) -> models.Accepted:
        """Forecast all sites of a fleet for a day.

        Plans, flexibility and awards of the day can go on from it.
        """
        call = Call(
            "POST",
            "/api/v1/fleets/{fleet}/forecasts",
            names={"fleet": fleet},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = await self._sender.answer(call, models.Accepted)
        return answer

    async def list_plans(
        self, fleet: str, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageFleetPlan:
        """Plans of a fleet, the newest first.

        In pages.
        """
        call = Call(
            "GET", "/api/v1/fleets/{fleet}/plans", names={"fleet": fleet}, query={"limit": limit, "cursor": cursor}
        )
        answer: models.PageFleetPlan = await self._sender.answer(call, models.PageFleetPlan)
        return answer

    async def iterate_plans(self, fleet: str, *, limit: int | None = None) -> AsyncIterator[models.FleetPlan]:
        """As ``list_plans``, page after page."""
        cursor: str | None = None
        while True:
            page = await self.list_plans(fleet, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next
            if not cursor:
                return

    async def plan(self, fleet: str, body: models.PlanAsked, *, idempotency_key: str | None = None) -> models.Accepted:
        """Plan all sites of a fleet.

        Each by itself, or together where they share something; every site gets a schedule.
        """
        call = Call(
            "POST",
            "/api/v1/fleets/{fleet}/plans",
            names={"fleet": fleet},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.Accepted = await self._sender.answer(call, models.Accepted)
        return answer
