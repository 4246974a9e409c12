"""What comes back from a service: its bytes, what its error bodies say, when it wants to be asked again."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_REASON = 300


@dataclass(frozen=True)
class Reply:
    """An answer: status, body and the kind it claims to be."""

    status: int
    body: bytes
    content_type: str = ""

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 is shown as �."""
        return self.body.decode("utf-8", errors="replace")


def reason_in(text: str) -> str:
    """What an error body says, on one line; empty where it says nothing a person can use.

    Known: {"reason": …} (Open-Meteo), {"error": {"message": …}} (Carbon Intensity API), {"error": …} and
    {"message": …} (Electricity Maps), {"detail": … or [{"msg": …}]} (Energy-Charts), <Reason><text> (ENTSO-E),
    and a short plain text.
    """
    said = text.strip()
    if said[:1] in ("{", "["):
        try:
            said = _said(json.loads(said))
        except ValueError:
            return ""
    elif found := re.search(r"<(?:\w+:)?Reason>.*?<(?:\w+:)?text>(.*?)</", said, re.DOTALL | re.IGNORECASE):
        said = found[1]
    elif said[:1] == "<":
        return ""
    return " ".join(said.split())[:LONGEST_REASON]


def _said(body: Any) -> str:
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return "; ".join(filter(None, map(_said, body)))
    if isinstance(body, dict):
        for name in ("reason", "message", "detail", "msg", "error"):
            if said := _said(body.get(name)):
                return said
    return ""


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The pause asked for [s], given in seconds or as a date; None where it is neither."""
    asked = headers.get("retry-after")
    if asked is None:
        return None
    try:
        return max(0.0, float(asked))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(asked)
    except ValueError:
        return None
    return max(0.0, until.timestamp() - time.time())


class _WithoutKeys(logging.Filter):
    """Blots keys out of the lines that the HTTP library logs, which hold the whole address."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__()
        self.secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        line = record.getMessage()
        for secret in self.secrets:
            line = line.replace(secret, "…")
        record.msg, record.args = line, ()
        return True


@contextmanager
def quiet_logs(secrets: tuple[str, ...]) -> Iterator[None]:
    """No key reaches the log of the HTTP library while the block runs."""
    if not secrets:
        yield
        return
    log, blot = logging.getLogger("httpx"), _WithoutKeys(secrets)
    log.addFilter(blot)
    try:
        yield
    finally:
        log.removeFilter(blot)
