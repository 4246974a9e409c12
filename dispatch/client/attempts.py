"""What is decided between the attempts of one request; neither sleeps nor sends."""

from __future__ import annotations

import contextlib
from typing import Any

import httpx

from dispatch.client.calls import Call
from dispatch.client.problems import UnreachableError, problem
from dispatch.client.retries import Retry, asked_s, busy


class Attempts:
    """The attempts of one request: after each, either a wait [s] or an exception."""

    def __init__(self, call: Call, retry: Retry) -> None:
        self.call = call.with_key()
        self._waits = retry.waits_s()
        self._longest_s = retry.longest_s

    def broke(self, error: httpx.TransportError) -> float:
        """Wait after no answer came.

        Raises:
            UnreachableError: that was the last attempt, or nobody knows whether the request did its work.
        """
        never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
        wait_s = next(self._waits, None) if never_sent or self.call.may_repeat else None
        if wait_s is None:
            told = f"{self.call.method} {self.call.address}: {type(error).__name__}: {error}"
            raise UnreachableError(told) from error
        return wait_s

    def answered(self, response: httpx.Response) -> float | None:
        """None if the answer is one; else the wait before it is asked again. The body has been read.

        Raises:
            ProblemError: it is one that waiting does not change, or that was the last attempt.
        """
        if response.status_code < 400:
            return None
        body: Any = response.text
        with contextlib.suppress(ValueError):
            body = response.json()
        again = busy(response.status_code, response.headers)
        told_s = asked_s(response.headers)
        if not again or (told_s or 0.0) > self._longest_s or (wait_s := next(self._waits, None)) is None:
            raise problem(response.status_code, body, response.headers)
        return max(wait_s, told_s or 0.0)
