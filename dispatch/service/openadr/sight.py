"""Who sees what: business logic everything, a VEN what is its own and what is meant for targets that it was granted.

As the standard has it ("object privacy"): a program or event without targets is everybody's. One with targets is seen
by a VEN that asks with some of them, as far as they were granted to its VEN object or to one of its resources; and it
sees only those targets of it. Reports, VENs, resources and subscriptions are seen by the client that they belong to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from dispatch.service.openadr.timing import iso, span
from dispatch.service.store import keys, openadr
from dispatch.service.store.openadr import Kept
from dispatch.service.store.transaction import Tx

SHARED = ("PROGRAM", "EVENT")
# Who may write events is business logic; who may only read them is a VEN.
LOGIC_SCOPE, VEN_SCOPE = "events:write", "events:read"


@dataclass(frozen=True)
class Client:
    """Who asks.

    Attributes:
        id: of its key; ``clientID`` of what it makes.
        is_logic: may it see and write everything of the tenant?
        ids: of its key and of those that this one has taken the place of: what was made with them is its own.
    """

    id: str
    is_logic: bool
    ids: frozenset[str]


def chain(tx: Tx, key_id: str) -> frozenset[str]:
    """A key and those whose place it has taken by being rotated."""
    found: set[str] = set()
    here: str | None = key_id
    while here is not None and here not in found:
        found.add(here)
        key = keys.get(tx, here)
        here = key.replaces if key else None
    return frozenset(found)


def vens_of(tx: Tx, client: Client) -> list[Kept]:
    """The VENs of a client."""
    return [ven for one in sorted(client.ids) for ven in openadr.found(tx, "VEN", client=one)]


def granted(tx: Tx, client: Client) -> frozenset[str]:
    """Targets that business logic gave to a client's VENs and their resources."""
    vens = vens_of(tx, client)
    resources = openadr.found(tx, "RESOURCE", parent=[ven.id for ven in vens]) if vens else []
    return frozenset().union(*(one.targets for one in (*vens, *resources)))


@dataclass(frozen=True)
class Sight:
    """What one client sees of one tenant.

    Attributes:
        granted: its targets; nothing for business logic, which needs none.
    """

    client: Client
    granted: frozenset[str]

    @classmethod
    def of(cls, tx: Tx, client: Client) -> Sight:
        """Of the client that asks."""
        return cls(client, frozenset() if client.is_logic else granted(tx, client))

    def sees(self, kept: Kept, asked: frozenset[str] | None = None) -> bool:
        """Whether an object is there for the client; ``asked`` None: it named the object itself, and no targets."""
        if self.client.is_logic:
            return not asked or bool(asked & kept.targets)
        if kept.kind not in SHARED:
            return kept.client in self.client.ids and (not asked or bool(asked & kept.targets))
        mine = self.granted if asked is None else asked & self.granted
        if not kept.targets:
            return not asked
        return bool(mine & kept.targets)

    def shown(self, kept: Kept, asked: frozenset[str] | None = None) -> dict[str, Any]:
        """The object as the client gets it."""
        hidden: frozenset[str] = frozenset()
        if not self.client.is_logic and kept.kind in SHARED:
            hidden = kept.targets - (self.granted if asked is None else asked & self.granted)
        return shown(kept, hidden, is_owner=kept.client in self.client.ids)


def shown(kept: Kept, hidden: frozenset[str] = frozenset(), *, is_owner: bool = False) -> dict[str, Any]:
    """An object with what the node adds, without targets and tokens that are not the reader's business."""
    body = dict(kept.body)
    if kept.kind == "SUBSCRIPTION" and not is_owner:
        calls = body["objectOperations"]
        body["objectOperations"] = [{name: each[name] for name in each if name != "bearerToken"} for each in calls]
    if "targets" in body and body["targets"] is not None:
        body["targets"] = [target for target in body["targets"] if target not in hidden]
    if kept.kind not in SHARED:
        body["clientID"] = kept.client
    made = {"id": kept.id, "createdDateTime": iso(kept.created), "modificationDateTime": iso(kept.modified)}
    return {**made, **body, "objectType": kept.kind}


def listed(
    kept: Iterable[Kept], sight: Sight, targets: Sequence[str], skip: int, limit: int
) -> Sequence[Mapping[str, Any]]:
    """The page of objects that a client sees, in the order they were made; nothing is read beyond it."""
    asked = frozenset(targets)
    seen = (one for one in kept if sight.sees(one, asked))
    return [sight.shown(one, asked) for one in islice(seen, skip, skip + limit)]


def under_way(kept: Kept, now: datetime) -> bool:
    """Is an event going on?"""
    found = span(kept.body, kept.created)
    return found is not None and found[0] <= now and (found[1] is None or now < found[1])
