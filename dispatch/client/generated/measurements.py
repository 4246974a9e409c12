"""Operations on measurements. Made by `make client`: what is changed here is lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from dispatch.client.calls import Call, as_json
from dispatch.client.generated import models
from dispatch.client.sending import AsyncSender, Sender
from dispatch.client.tables import from_bytes, to_bytes

if TYPE_CHECKING:
    import pyarrow as pa


class Measurements:
    """Operations on measurements."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def read(
        self,
        *,
        site: str,
        series: Sequence[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        as_of: datetime | None = None,
        resample: str | None = None,
    ) -> models.Values:
        """Read measurements.

        Values by series, source and time; with `resample` means, and of how many values each is.
        """
        call = Call(
            "GET",
            "/api/v1/measurements",
            query={"site": site, "series": series, "start": start, "end": end, "as_of": as_of, "resample": resample},
        )
        answer: models.Values = self._sender.answer(call, models.Values)
        return answer

    def read_csv(
        self,
        *,
        site: str,
        series: Sequence[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        as_of: datetime | None = None,
        resample: str | None = None,
    ) -> str:
        """Read measurements.

        Values by series, source and time; with `resample` means, and of how many values each is.
        """
        call = Call(
            "GET",
            "/api/v1/measurements",
            query={"site": site, "series": series, "start": start, "end": end, "as_of": as_of, "resample": resample},
            accept="text/csv",
        )
        return (self._sender.content(call)).decode()

    def read_arrow(
        self,
        *,
        site: str,
        series: Sequence[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        as_of: datetime | None = None,
        resample: str | None = None,
    ) -> pa.Table:
        """Read measurements.

        Values by series, source and time; with `resample` means, and of how many values each is.
        """
        call = Call(
            "GET",
            "/api/v1/measurements",
            query={"site": site, "series": series, "start": start, "end": end, "as_of": as_of, "resample": resample},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(self._sender.content(call))

    def append(
        self,
        body: dict[str, Any],
        *,
        on_reject: Literal["refuse", "skip"] | None = None,
        idempotency_key: str | None = None,
    ) -> models.ReceiptShown:
        """Send measurements.

        Values of any number of sites, in one transaction.
        """
        call = Call(
            "POST",
            "/api/v1/measurements",
            query={"on_reject": on_reject},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.ReceiptShown = self._sender.answer(call, models.ReceiptShown)
        return answer

    def append_arrow(
        self, body: pa.Table, *, on_reject: Literal["refuse", "skip"] | None = None, idempotency_key: str | None = None
    ) -> models.ReceiptShown:
        """Send measurements.

        Values of any number of sites, in one transaction.
        """
        call = Call(
            "POST",
            "/api/v1/measurements",
            query={"on_reject": on_reject},
            headers={"Idempotency-Key": idempotency_key},
            body=to_bytes(body),
            content_type="application/vnd.apache.arrow.stream",
            keyed=True,
        )
        answer: models.ReceiptShown = self._sender.answer(call, models.ReceiptShown)
        return answer


class AsyncMeasurements:
    """Operations on measurements, for asyncio."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def read(
        self,
        *,
        site: str,
        series: Sequence[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        as_of: datetime | None = None,
        resample: str | None = None,
    ) -> models.Values:
        """Read measurements.

        Values by series, source and time; with `resample` means, and of how many values each is.
        """
        call = Call(
            "GET",
            "/api/v1/measurements",
            query={"site": site, "series": series, "start": start, "end": end, "as_of": as_of, "resample": resample},
        )
        answer: models.Values = await self._sender.answer(call, models.Values)
        return answer

    async def read_csv(
        self,
        *,
        site: str,
        series: Sequence[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        as_of: datetime | None = None,
        resample: str | None = None,
    ) -> str:
        """Read measurements.

        Values by series, source and time; with `resample` means, and of how many values each is.
        """
        call = Call(
            "GET",
            "/api/v1/measurements",
            query={"site": site, "series": series, "start": start, "end": end, "as_of": as_of, "resample": resample},
            accept="text/csv",
        )
        return (await self._sender.content(call)).decode()

    async def read_arrow(
        self,
        *,
        site: str,
        series: Sequence[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        as_of: datetime | None = None,
        resample: str | None = None,
    ) -> pa.Table:
        """Read measurements.

        Values by series, source and time; with `resample` means, and of how many values each is.
        """
        call = Call(
            "GET",
            "/api/v1/measurements",
            query={"site": site, "series": series, "start": start, "end": end, "as_of": as_of, "resample": resample},
            accept="application/vnd.apache.arrow.stream",
        )
        return from_bytes(await self._sender.content(call))

    async def append(
        self,
        body: dict[str, Any],
        *,
        on_reject: Literal["refuse", "skip"] | None = None,
        idempotency_key: str | None = None,
    ) -> models.ReceiptShown:
        """Send measurements.

        Values of any number of sites, in one transaction.
        """
        call = Call(
            "POST",
            "/api/v1/measurements",
            query={"on_reject": on_reject},
            headers={"Idempotency-Key": idempotency_key},
            body=as_json(body),
            keyed=True,
        )
        answer: models.ReceiptShown = await self._sender.answer(call, models.ReceiptShown)
        return answer

    async def append_arrow(
        self, body: pa.Table, *, on_reject: Literal["refuse", "skip"] | None = None, idempotency_key: str | None = None
    ) -> models.ReceiptShown:
        """Send measurements.

        Values of any number of sites, in one transaction.
        """
        call = Call(
            "POST",
            "/api/v1/measurements",
            query={"on_reject": on_reject},
            headers={"Idempotency-Key": idempotency_key},
            body=to_bytes(body),
            content_type="application/vnd.apache.arrow.stream",
            keyed=True,
        )
        answer: models.ReceiptShown = await self._sender.answer(call, models.ReceiptShown)
        return answer
