"""Taking measurements: each row judged, and all that are taken acknowledged by one commit.

To compare many rows with what is held takes longer than to write them. A large request is judged before its turn to
write (:func:`judge`, in a transaction that reads), and what others wrote meanwhile is compared again in its turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sqlalchemy import bindparam

from dispatch.service.store.ids import new_id
from dispatch.service.store.metadata import moment_of
from dispatch.service.store.series.judging import Judged, alike_name, judge
from dispatch.service.store.series.rows import KEY, TAKEN, Receipt, Rejection, Verdict
from dispatch.service.store.series.tables import held, journal
from dispatch.service.store.transaction import Tx

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

__all__ = ["OnReject", "alike_name", "append", "judge", "take"]
OnReject = Literal["refuse", "skip"]


def append(
    tx: Tx, rows: pa.Table, *, on_reject: OnReject = "refuse", rejected: Mapping[int, Rejection] | None = None
) -> Receipt:
    """Take measurements: site, series, time (END of the interval, with a zone), value (null: nobody knows), source.

    Rows that are rejected are named with their reason; then the others are taken (``skip``) or none (``refuse``).

    Args:
        rejected: rows that could not be read, by place; whatever the table has there is not looked at.

    Raises:
        ValueError: the table has not these columns, or very many series.
    """
    tx.require_writes()
    return _taken(tx, judge(tx, rows, rejected), on_reject)


def take(tx: Tx, judged: Judged, *, on_reject: OnReject = "refuse") -> Receipt:
    """Likewise, of rows that were judged before; of series that have got values since then they are compared again."""
    tx.require_writes()
    return _taken(tx, judged.now(tx), on_reject)


def _taken(tx: Tx, judged: Judged, on_reject: OnReject) -> Receipt:
    given = judged.given
    received = max([tx.now, *(row["received"] + timedelta(microseconds=1) for row in judged.known.values())])
    rejections = tuple(given.rejections[index] for index in sorted(given.rejections))
    is_taken = not rejections or on_reject == "skip"
    if is_taken and (given.verdict <= Verdict.restated).any():
        _write(tx, judged, received)
    return Receipt(given.verdict, rejections, is_taken, received)


def _write(tx: Tx, judged: Judged, received: datetime) -> None:
    given, keys = judged.given, judged.keys
    taken = np.isin(given.verdict, TAKEN)
    body, digest = judged.body()
    first, last = (moment_of(int(bound)) for bound in (given.time_us[taken].min(), given.time_us[taken].max()))
    entry = new_id("jnl")
    only = keys[0][0] if len({site for site, _, _ in keys}) == 1 else None
    row = {
        "id": entry,
        "site": only,
        "received": received,
        "rows": int(taken.sum()),
        "first": first,
        "last": last,
    }
    tx.insert(journal, {**row, "body": body})
    counts = {verdict.name: count for verdict in Verdict if (count := int((given.verdict == verdict).sum()))}
    tx.audit("measurements.append", entry, {"sha256": digest, "rows": counts})
    _note(tx, judged, received)


def _note(tx: Tx, judged: Judged, received: datetime) -> None:
    """Bring up to date what is held of each series."""
    given, place, keys, known = judged.given, judged.place, judged.keys, judged.known
    taken = np.isin(given.verdict, TAKEN)
    fresh = np.bincount(place[taken & (given.verdict != Verdict.restated)], minlength=len(keys))
    low = np.full(len(keys), np.iinfo(np.int64).max)
    high = np.full(len(keys), np.iinfo(np.int64).min)
    np.minimum.at(low, place[taken], given.time_us[taken])
    np.maximum.at(high, place[taken], given.time_us[taken])
    new, changed = [], []
    for number in np.unique(place[taken]).tolist():
        key = keys[number]
        first, last, old = moment_of(int(low[number])), moment_of(int(high[number])), known.get(key)
        row = {"first": first, "last": last, "times": int(fresh[number]), "received": received}
        if old is None:
            new.append({**dict(zip(KEY, key, strict=True)), **row})
            continue
        row |= {"first": min(first, old["first"]), "last": max(last, old["last"]), "times": row["times"] + old["times"]}
        changed.append({f"new_{name}": value for name, value in {**dict(zip(KEY, key, strict=True)), **row}.items()})
    if new:
        tx.insert(held, new)
    if changed:
        names_of = [getattr(held.c, name) == bindparam(f"new_{name}") for name in KEY]
        fields: dict[str, Any] = {name: bindparam(f"new_{name}") for name in ("first", "last", "times", "received")}
        tx.connection.execute(tx.update(held).where(*names_of).values(fields), changed)
