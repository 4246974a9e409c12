"""Which request something belongs to: W3C trace context, carried by a context variable into threads and jobs."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

_FORM = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_current: ContextVar[str] = ContextVar("traceparent", default="")


def begin(traceparent: str | None) -> str:
    """Take over the caller's ``traceparent`` where it is one, else make one; the same until the next."""
    given = (traceparent or "").strip()
    if not _FORM.fullmatch(given):
        given = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    _current.set(given)
    return given


def traceparent() -> str:
    """The current one, to be kept with a job; empty outside of requests."""
    return _current.get()


def trace_id() -> str:
    """The 32 digits that logs and problems carry; empty outside of requests."""
    return _current.get()[3:35]
