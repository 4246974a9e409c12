"""So many requests of a tenant in a minute: counted in this server, said in every answer, refused beyond."""

from __future__ import annotations

import math
import time
from typing import Any

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from dispatch.service.errors import TooManyRequestsError
from dispatch.service.settings import Settings

_SPENT = "parkwatt.rate"


class Limits:
    """Counts requests by tenant."""

    def __init__(self, settings: Settings) -> None:
        self._item = RateLimitItemPerMinute(settings.requests_per_minute)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def spend(self, scope: Any, tenant: str) -> None:
        """Count a request once, and note in its scope what is to be said of it.

        Raises:
            TooManyRequestsError: the tenant has sent as many as it may.
        """
        if _SPENT in scope:
            return
        allowed = self._limiter.hit(self._item, tenant)
        window = self._limiter.get_window_stats(self._item, tenant)
        wait_s = max(1, math.ceil(window.reset_time - time.time()))
        scope[_SPENT] = {
            "RateLimit-Policy": f'"tenant";q={self._item.amount};w=60',
            "RateLimit": f'"tenant";r={max(0, window.remaining)};t={wait_s}',
        }
        if not allowed:
            text = f"{self._item.amount} requests a minute are allowed. Try again in {wait_s} s."
            raise TooManyRequestsError(text, headers={"Retry-After": str(wait_s)})


def said(scope: Any) -> dict[str, str]:
    """Headers that say how much is left; none where nothing was counted."""
    return dict(scope.get(_SPENT, {}))
