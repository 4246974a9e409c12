"""Who is told of a change: subscriptions that ask for it, by clients that see what has changed, through the job queue.

The job is accepted in the transaction of the change, so whoever is to be told will be, and of nothing that did not
happen. Each telling is signed (``webhook-signature``, :mod:`dispatch.service.work.webhook`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dispatch.service.openadr.shapes import Operation
from dispatch.service.openadr.sight import LOGIC_SCOPE, Client, Sight, chain
from dispatch.service.store import jobs, keys, openadr
from dispatch.service.store.openadr import Kept
from dispatch.service.store.transaction import Tx

KIND = "webhook"


def tell(tx: Tx, operation: Operation, changed: Sequence[Kept], *, is_private_allowed: bool) -> None:
    """Let everybody know who asked to.

    Args:
        is_private_allowed: may callbacks be on this machine or in a private network?
    """
    subscriptions = openadr.found(tx, "SUBSCRIPTION")
    for subscription in subscriptions:
        concerned = [one for one in changed if _concerns(tx, subscription, one)]
        sight = _sight(tx, subscription) if concerned else None
        asked = subscription.targets or None
        for one in concerned:
            if sight is None or not sight.sees(one, asked):
                continue
            content = {"objectType": one.kind, "operation": operation, "object": sight.shown(one, asked)}
            for call in _calls(subscription, operation, one.kind):
                request = {"subscription": subscription.id, "call": call, "is_private_allowed": is_private_allowed}
                jobs.submit(tx, KIND, request | {"content": content}, subject=subscription.id)


def _sight(tx: Tx, subscription: Kept) -> Sight | None:
    """What the subscriber sees now; None: its key opens nothing any more."""
    key = keys.get(tx, subscription.client)
    while key is not None and not key.opens(tx.now):
        key = keys.successor(tx, key.id)
    if key is None:
        return None
    return Sight.of(tx, Client(key.id, LOGIC_SCOPE in key.scopes, chain(tx, key.id)))


def _concerns(tx: Tx, subscription: Kept, changed: Kept) -> bool:
    """Is it about the program that the subscription names, if it names one?"""
    wanted = subscription.parent
    if not wanted or changed.id == wanted or changed.parent == wanted:
        return True
    if changed.kind == "REPORT":
        event = openadr.get(tx, "EVENT", changed.parent)
        return event is not None and event.parent == wanted
    return False


def _calls(subscription: Kept, operation: Operation, kind: str) -> Iterator[int]:
    for number, each in enumerate(subscription.body["objectOperations"]):
        if kind in each["objects"] and operation in each["operations"]:
            yield number
