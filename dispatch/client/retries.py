"""When a request is sent again, and after how long."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_BUSY = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Retry:
    """How often and how patiently a request is sent.

    Attributes:
        attempts: in all; 1 means never again.
        first_s: longest wait after the first; each next one may be twice as long.
        longest_s: no wait of ours is longer. A longer Retry-After ends the attempts.
    """

    attempts: int = 5
    first_s: float = 0.25
    longest_s: float = 30.0

    def waits_s(self) -> Iterator[float]:
        """The waits between attempts: random below a doubling bound, so that many clients do not come back together."""
        for attempt in range(self.attempts - 1):
            bound = min(self.longest_s, self.first_s * 2**attempt)
            yield random.uniform(bound / 2, bound)


def asked_s(headers: Mapping[str, str]) -> float | None:
    """The seconds of Retry-After, a number or a date; None without it."""
    told = headers.get("Retry-After")
    if told is None:
        return None
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def busy(status: int, headers: Mapping[str, str]) -> bool:
    """Is it worth asking again? A conflict is if it names a wait: the same request, sent before, has not ended yet."""
    return status in _BUSY or (status == 409 and "Retry-After" in headers)
