"""A job that tells a subscriber of a change: one POST to its callback, tried again with back-off where it fails.

Signed as Standard Webhooks has it, with the subscriber's own ``bearerToken`` for the key: ``webhook-signature`` is
``v1,`` and the base64 of HMAC-SHA256 over ``webhook-id.webhook-timestamp.body``. The id is the job's, so that a telling
that arrives twice is known for what it is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dispatch.errors import DataError, ParkwattError
from dispatch.service.store import openadr
from dispatch.service.work.callbacks import AddressError, checked

if TYPE_CHECKING:
    from dispatch.service.store.jobs import Job
    from dispatch.service.store.transaction import Tx

DEADLINE_S = 3600.0
ATTEMPTS, PAUSE_S = 8, 5.0  # the last comes about five minutes after the first
TIMEOUT_S = 10.0
# Answers that may be better later; every other one of the 400s says that asking again is of no use.
_LATER = {408, 425, 429}


class UnheardError(ParkwattError):
    """A subscriber did not take what it was told; it may the next time."""


@dataclass(frozen=True)
class Telling:
    """What is told to whom.

    Attributes:
        id: of the job.
        token: of the subscriber, who is asked for it; None: it gave none.
        is_private_allowed: may the callback be on this machine or in a private network?
    """

    id: str
    url: str
    content: Mapping[str, Any]
    token: str | None = field(repr=False)
    is_private_allowed: bool


def prepare(tx: Tx, job: Job) -> Telling:
    """Look the subscription up as it is now.

    Raises:
        DataError: it was deleted meanwhile, or does not say any more where to call.
    """
    subscription = openadr.get(tx, "SUBSCRIPTION", job.request["subscription"])
    calls = subscription.body["objectOperations"] if subscription else []
    if job.request["call"] >= len(calls):
        raise DataError(f"subscription {job.request['subscription']} is not there any more")
    call = calls[job.request["call"]]
    private = bool(job.request["is_private_allowed"])
    return Telling(job.id, call["callbackUrl"], job.request["content"], call.get("bearerToken"), private)


def run(told: Telling, progress: Callable[[str], None] = lambda _: None) -> int:
    """Call; the status that was answered.

    Raises:
        DataError: the address may not be called, or the subscriber refuses for good.
        UnheardError: no answer, or one that asks to come again.
    """
    import httpx

    try:
        host, address, port = checked(told.url, is_private_allowed=told.is_private_allowed)
    except AddressError as error:
        raise DataError(f"the callback {told.url}: {error}") from None
    body = json.dumps(told.content, allow_nan=False).encode()
    parts = urlsplit(told.url)
    there = f"[{address}]" if ":" in address else address
    url = parts._replace(netloc=f"{there}:{port}", fragment="").geturl()
    progress(f"calling {host}")
    try:
        with httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client:
            request = client.build_request(
                "POST", url, content=body, headers=headers(told, body) | {"Host": parts.netloc},
                extensions={"sni_hostname": host},
            )  # fmt: skip
            answer = client.send(request, stream=True)
            answer.close()
    except httpx.HTTPError as error:
        raise UnheardError(f"the callback {told.url} gave no answer: {type(error).__name__}") from None
    if 200 <= answer.status_code < 300:
        return answer.status_code
    if 400 <= answer.status_code < 500 and answer.status_code not in _LATER:
        raise DataError(f"the callback {told.url} answered {answer.status_code}")
    raise UnheardError(f"the callback {told.url} answered {answer.status_code}")


def headers(told: Telling, body: bytes) -> dict[str, str]:
    """Headers of a call, signed where there is a key."""
    at = str(int(time.time()))
    made = {"Content-Type": "application/json", "webhook-id": told.id, "webhook-timestamp": at}
    if told.token is None:
        return made
    return made | {
        "Authorization": f"Bearer {told.token}",
        "webhook-signature": signature(told.token, told.id, at, body),
    }


def signature(token: str, message_id: str, timestamp: str, body: bytes) -> str:
    """The signature of a message."""
    signed = hmac.new(token.encode(), f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed.digest()).decode()}"


def floor(told: Telling, reason: str) -> None:
    """Nobody else can be told instead."""
    del told, reason


def commit(tx: Tx, job: Job, outcome: int) -> dict[str, Any]:
    """Note that it was heard."""
    tx.audit("webhook.told", job.request["subscription"], {"job": job.id, "status": outcome})
    return {"status": outcome}
