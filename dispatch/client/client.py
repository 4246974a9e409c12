"""The client: all operations by what they are about, and the few steps that nearly every program takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

import httpx

from dispatch.client.generated import AsyncOperations, Operations, models
from dispatch.client.problems import JobEndedError
from dispatch.client.retries import Retry
from dispatch.client.sending import AsyncSender, Sender

Told = Callable[[str], None]
_ENDED = ("done", "failed", "cancelled")
_FIRST_S, _LONGEST_S = 0.05, 2.0


class Client(Operations):
    """Blocking. ``client.sites.put(…)``, ``client.schedules.create(…)``: the service's operations, by their names.

    Args:
        url: where the service is, such as ``http://127.0.0.1:8000``.
        key: an API key, an access token, or :class:`~dispatch.client.credentials.ClientCredentials`.
        retry: how often and how patiently a request is sent.
        timeout_s: for one attempt.
        transport: how httpx reaches the service, where that is not the network.
    """

    def __init__(
        self,
        url: str,
        key: str | httpx.Auth = "",
        *,
        retry: Retry | None = None,
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.sender = Sender(url, key, retry=retry, timeout_s=timeout_s, transport=transport)
        super().__init__(self.sender)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self.sender.close()

    def upload(
        self,
        site: str,
        series: Mapping[str, Sequence[float | None]],
        *,
        start: datetime,
        step_minutes: float = 15.0,
        source: str = "",
    ) -> models.ReceiptShown:
        """Send measured series of a site that begin at the same time; None is a value that is missing.

        The same values again change nothing.
        """
        rows = _rows(site, series, start, step_minutes, source)
        return self.measurements.append({"rows": rows})

    def plan(
        self, site: str, *, timeout_s: float = 600.0, told: Told | None = None, **asked: Any
    ) -> models.ScheduleShown:
        """Ask for a schedule, wait for it and get it.

        Args:
            timeout_s: how long to wait; told: is told how far it is.
            asked: fields of :class:`~dispatch.client.generated.models.ScheduleAsked`, such as ``day="2026-03-01"``.

        Raises:
            JobEndedError: it was cancelled, or there can be no plan.
            TimeoutError: it takes longer; the job goes on.
        """
        accepted = self.schedules.create(site, models.ScheduleAsked.model_validate(asked))
        self.wait(accepted.job, timeout_s=timeout_s, told=told)
        return self.schedules.get(accepted.id)

    def wait(self, job: str, *, timeout_s: float = 600.0, told: Told | None = None) -> models.JobShown:
        """The job, once it is done.

        Raises:
            JobEndedError: it failed or was cancelled.
            TimeoutError: it takes longer; the job goes on.
        """
        for pause_s in _pauses(timeout_s, job):
            found = self.jobs.get(job)
            if _ended(found, told):
                return found
            time.sleep(pause_s)
        raise AssertionError("the pauses end by raising")


class AsyncClient(AsyncOperations):
    """The same for asyncio."""

    def __init__(
        self,
        url: str,
        key: str | httpx.Auth = "",
        *,
        retry: Retry | None = None,
        timeout_s: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.sender = AsyncSender(url, key, retry=retry, timeout_s=timeout_s, transport=transport)
        super().__init__(self.sender)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back."""
        await self.sender.close()

    async def upload(
        self,
        site: str,
        series: Mapping[str, Sequence[float | None]],
        *,
        start: datetime,
        step_minutes: float = 15.0,
        source: str = "",
    ) -> models.ReceiptShown:
        """Send measured series of a site that begin at the same time; None is a value that is missing."""
        rows = _rows(site, series, start, step_minutes, source)
        return await self.measurements.append({"rows": rows})

    async def plan(
        self, site: str, *, timeout_s: float = 600.0, told: Told | None = None, **asked: Any
    ) -> models.ScheduleShown:
        """Ask for a schedule, wait for it and get it."""
        accepted = await self.schedules.create(site, models.ScheduleAsked.model_validate(asked))
        await self.wait(accepted.job, timeout_s=timeout_s, told=told)
        return await self.schedules.get(accepted.id)

    async def wait(self, job: str, *, timeout_s: float = 600.0, told: Told | None = None) -> models.JobShown:
        """The job, once it is done."""
        for pause_s in _pauses(timeout_s, job):
            found = await self.jobs.get(job)
            if _ended(found, told):
                return found
            await asyncio.sleep(pause_s)
        raise AssertionError("the pauses end by raising")


def _rows(
    site: str, series: Mapping[str, Sequence[float | None]], start: datetime, step_minutes: float, source: str
) -> list[models.Measurement]:
    step = timedelta(minutes=step_minutes)
    return [
        # The service names an interval by its end.
        models.Measurement(site=site, series=name, time=start + (k + 1) * step, value=value, source=source)
        for name, values in series.items()
        for k, value in enumerate(values)
    ]


def _pauses(timeout_s: float, job: str) -> Iterator[float]:
    """Longer and longer ones, until the time is over."""
    until_s, pause_s = time.monotonic() + timeout_s, _FIRST_S
    while (left_s := until_s - time.monotonic()) > 0:
        yield min(pause_s, left_s)
        pause_s = min(1.5 * pause_s, _LONGEST_S)
    raise TimeoutError(f"job {job} has not ended within {timeout_s:g} s; it goes on")


def _ended(job: models.JobShown, told: Told | None) -> bool:
    if told is not None:
        told(job.state)
    if job.state not in _ENDED:
        return False
    if job.state != "done":
        why = job.problem.detail if job.problem is not None else job.state
        raise JobEndedError(job, f"job {job.id} {job.state}: {why}")
    return True
