"""Credentials that do not hold, by the address that they come from: so many in a minute, then none is looked at.

Beyond that, every credential from there is refused before anything is looked up, in the same words and the same time
whether or not its key exists; but those that opened here within the hour still open: one bad client behind a proxy
does not shut out the others. Counted in this server.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from dispatch.service.errors import TooManyRequestsError
from dispatch.service.settings import Settings

_SITE_BITS = 64  # of an IPv6 address: what one network has, whatever its machines make of the rest
_source: ContextVar[str] = ContextVar("source", default="")


def source(scope: Any) -> str:
    """Where a request comes from; of IPv6 the network."""
    host = (scope.get("client") or ("", 0))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((int(address), _SITE_BITS), strict=False))
    return host


def comes_from(address: str) -> None:
    """Note where what follows comes from, in this task and the threads that it asks."""
    _source.set(address)


class Failures:
    """Counts them; what asks from within this program, and comes from nowhere, is not counted."""

    def __init__(self, settings: Settings) -> None:
        self._item = RateLimitItemPerMinute(settings.failures_per_minute)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def require(self, is_known: Callable[[], bool]) -> None:
        """Refuse a credential of an address from which too many did not hold.

        Raises:
            TooManyRequestsError: it is one, and this one is not known to be good.
        """
        address = _source.get()
        if not address or self._limiter.test(self._item, address) or is_known():
            return
        wait_s = max(1, math.ceil(self._limiter.get_window_stats(self._item, address).reset_time - time.time()))
        text = f"Too many credentials from this address did not hold. Try again in {wait_s} s."
        raise TooManyRequestsError(text, headers={"Retry-After": str(wait_s)})

    def note(self) -> None:
        """One did not hold."""
        if address := _source.get():
            self._limiter.hit(self._item, address)
