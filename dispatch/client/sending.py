"""Sends calls and reads answers, waiting and repeating; once for threads and once for asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import httpx

from dispatch.client.attempts import Attempts
from dispatch.client.calls import Call, read
from dispatch.client.retries import Retry
from dispatch.client.streams import Decoder, Event

_STREAM = httpx.Timeout(30.0, read=60.0)  # the service says something at least every 15 s


def _settings(url: str, key: str | httpx.Auth, timeout_s: float) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}"} if isinstance(key, str) and key else {}
    auth = key if isinstance(key, httpx.Auth) else None
    # Certificates take 30 ms to load: not where nothing is encrypted.
    encrypted = not url.startswith("http://")
    return {"base_url": url.rstrip("/"), "headers": headers, "timeout": timeout_s, "verify": encrypted, "auth": auth}


def _request(client: httpx.Client | httpx.AsyncClient, call: Call) -> httpx.Request:
    # httpx drops the address's own query where params are given, and adds an empty one for an empty list.
    parameters = call.parameters or None
    return client.build_request(call.method, call.address, params=parameters, headers=call.fields, content=call.body)


class Sender:
    """Blocking. Safe to share between threads.

    Args:
        url: where the service is, such as ``http://127.0.0.1:8080``.
        key: an API key, an access token, or :class:`~dispatch.client.credentials.ClientCredentials`.
        retry: how often and how patiently.
        timeout_s: for one attempt.
        transport: how httpx reaches it, where that is not the network.
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
        self.retry = retry or Retry()
        self.http = httpx.Client(**_settings(url, key, timeout_s), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self.http.close()

    def send(self, call: Call) -> httpx.Response:
        """The answer, once there is one.

        Raises:
            ServiceError: there is none, or it is a problem.
        """
        attempts = Attempts(call, self.retry)
        while True:
            try:
                response = self.http.send(_request(self.http, attempts.call))
                wait_s = attempts.answered(response)
            except httpx.TransportError as error:
                wait_s = attempts.broke(error)
            else:
                if wait_s is None:
                    return response
            time.sleep(wait_s)

    def answer(self, call: Call, shape: Any) -> Any:
        """The answer as the type that was promised."""
        response = self.send(call)
        return read(response.content, shape, response.headers)

    def content(self, call: Call) -> bytes:
        """The answer as it came."""
        return self.send(call).content

    def events(self, call: Call) -> Iterator[Event]:
        """Events until the service ends the stream; goes on after the last one where the connection breaks."""
        decoder, attempts = Decoder(), Attempts(call, self.retry)
        while True:
            decoder = Decoder(decoder.last_id)
            request = replace(call, headers={**call.headers, "Last-Event-ID": decoder.last_id or None})
            try:
                with self.http.stream(
                    "GET", call.address, params=call.parameters or None, headers=request.fields, timeout=_STREAM
                ) as response:
                    if response.status_code >= 400:
                        response.read()
                    wait_s = attempts.answered(response)
                    if wait_s is None:
                        for line in response.iter_lines():
                            if event := decoder.line(line):
                                attempts = Attempts(call, self.retry)  # it goes on: patience begins anew
                                yield event
                        return
            except httpx.TransportError as error:
                wait_s = attempts.broke(error)
            time.sleep(wait_s)


class AsyncSender:
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
        self.retry = retry or Retry()
        self.http = httpx.AsyncClient(**_settings(url, key, timeout_s), transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back."""
        await self.http.aclose()

    async def send(self, call: Call) -> httpx.Response:
        """The answer, once there is one.

        Raises:
            ServiceError: there is none, or it is a problem.
        """
        attempts = Attempts(call, self.retry)
        while True:
            try:
                response = await self.http.send(_request(self.http, attempts.call))
                wait_s = attempts.answered(response)
            except httpx.TransportError as error:
                wait_s = attempts.broke(error)
            else:
                if wait_s is None:
                    return response
            await asyncio.sleep(wait_s)

    async def answer(self, call: Call, shape: Any) -> Any:
        """The answer as the type that was promised."""
        response = await self.send(call)
        return read(response.content, shape, response.headers)

    async def content(self, call: Call) -> bytes:
        """The answer as it came."""
        return (await self.send(call)).content

    async def events(self, call: Call) -> AsyncIterator[Event]:
        """Events until the service ends the stream; goes on after the last one where the connection breaks."""
        decoder, attempts = Decoder(), Attempts(call, self.retry)
        while True:
            decoder = Decoder(decoder.last_id)
            request = replace(call, headers={**call.headers, "Last-Event-ID": decoder.last_id or None})
            try:
                async with self.http.stream(
                    "GET", call.address, params=call.parameters or None, headers=request.fields, timeout=_STREAM
                ) as response:
                    if response.status_code >= 400:
                        await response.aread()
                    wait_s = attempts.answered(response)
                    if wait_s is None:
                        async for line in response.aiter_lines():
                            if event := decoder.line(line):
                                attempts = Attempts(call, self.retry)  # it goes on: patience begins anew
                                yield event
                        return
            except httpx.TransportError as error:
                wait_s = attempts.broke(error)
            await asyncio.sleep(wait_s)
