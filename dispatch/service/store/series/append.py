"""Taking measurements: each row judged, and all that are taken acknowledged by one commit."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import bindparam

from dispatch.service.store.ids import new_id
from dispatch.service.store.metadata import microseconds, moment_of
from dispatch.service.store.series import names, reading
from dispatch.service.store.series.rows import KEY, NO_TIME, TAKEN, Coded, Ints, Receipt, Rejection, Verdict, coded
from dispatch.service.store.series.tables import held, journal
from dispatch.service.store.transaction import Tx

if TYPE_CHECKING:
    import pyarrow as pa

OnReject = Literal["refuse", "skip"]
Key = tuple[str, str, str]
# A clock that is a little ahead is no mistake; local time that was taken for UTC is.
AHEAD = timedelta(minutes=15)
# Prices are published for tomorrow, or for the week.
FEED_AHEAD = timedelta(days=45)
_EARLIEST_US = microseconds(datetime.fromisoformat("2000-01-01T00:00:00Z"))
_LARGEST = 1e12
_LONGEST = 200
_HINTS = 50  # so many names get one that is spelled alike
_KEYS_MAX = 50_000
_SOURCE = re.compile(r"^[A-Za-z0-9_.\-]{0,100}$")
_AT_ONCE = 500


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
    given = coded(rows)
    for index, rejection in (rejected or {}).items():
        given.verdict[index], given.rejections[index] = Verdict.rejected, rejection
    _judge(tx, given)
    place, keys = given.keys()
    if len(keys) > _KEYS_MAX:
        raise ValueError(f"more than {_KEYS_MAX} series in one request; send them in parts")
    _once(given, place)
    place, keys = given.keys()
    known = _held(tx, keys)
    _compare(tx, given, place, keys, known)
    received = max([tx.now, *(row["received"] + timedelta(microseconds=1) for row in known.values())])
    rejections = tuple(given.rejections[index] for index in sorted(given.rejections))
    is_taken = not rejections or on_reject == "skip"
    if is_taken and (given.verdict <= Verdict.restated).any():
        _write(tx, given, place, keys, known, received)
    return Receipt(given.verdict, rejections, is_taken, received)


def _judge(tx: Tx, given: Coded) -> None:
    """Reject what can not be a measurement of these sites."""
    for name in ("site", "series"):
        given.reject(given.codes[name] < 0, name, "is missing", "a name")
    bad = [code for code, source in enumerate(given.names["source"]) if not _SOURCE.fullmatch(source)]
    accepted = "at most 100 letters, digits, dots, - and _"
    given.reject(np.isin(given.codes["source"], bad), "source", "is no name of a source", accepted)
    long = [code for code, name in enumerate(given.names["series"]) if len(name) > _LONGEST]
    given.reject(np.isin(given.codes["series"], long), "series", "is too long", f"at most {_LONGEST} characters")
    given.reject(given.time_us == NO_TIME, "time", "is missing", "the end of the interval, with its offset from UTC")
    given.reject(given.time_us < _EARLIEST_US, "time", "is before 2000", "the end of the interval")
    given.reject(np.isinf(given.value) | (np.abs(given.value) > _LARGEST), "value", "is too large", "at most 1e12")
    _judge_names(given, names.accepted(tx, given.names["site"]), tx.now)


def _judge_names(given: Coded, known: Mapping[str, tuple[frozenset[str], frozenset[str]]], now: datetime) -> None:
    """Each pair of site and series is looked at once, however many rows it has."""
    soon, later = microseconds(now + AHEAD), microseconds(now + FEED_AHEAD)
    at = np.flatnonzero(given.good)
    pairs, place = np.unique(
        given.codes["site"][at] * max(len(given.names["series"]), 1) + given.codes["series"][at], return_inverse=True
    )
    until = np.full(len(pairs), soon)
    wrong: dict[int, Rejection] = {}
    for number, pair in enumerate(pairs.tolist()):
        site_code, series_code = divmod(pair, len(given.names["series"]))
        site, series = given.names["site"][site_code], given.names["series"][series_code]
        if site not in known:
            wrong[number] = Rejection(0, "site", f"there is no site '{site[:100]}'", "a site that has been put")
        elif series not in known[site][0]:
            near = alike_name(series, known[site][0]) if len(wrong) < _HINTS else "see the assets of the site"
            wrong[number] = Rejection(0, "series", f"'{series[:100]}' is no series of site '{site}'", near)
        elif series in known[site][1]:
            until[number] = later
    for index, number in zip(at.tolist(), place.tolist(), strict=True) if wrong else ():
        if number in wrong:
            given.rejections[index] = replace(wrong[number], index=index)
            given.verdict[index] = Verdict.rejected
    ahead = np.zeros(len(given), dtype=bool)
    ahead[at] = given.time_us[at] > until[place]
    given.reject(ahead, "time", f"lies in the future; it is {now:%Y-%m-%dT%H:%MZ}", "an interval that is over")


def alike_name(series: str, understood: Collection[str]) -> str:
    """Which names there are, the one that is meant first."""
    from dispatch.mistakes import near_miss  # it brings all kinds of asset along

    return near_miss(series[:_LONGEST], sorted(understood))


def _once(given: Coded, place: Ints) -> None:
    """The same key twice in a request: of equal values the first counts, of different ones none of the others does."""
    at = np.flatnonzero(given.good)
    order = at[np.lexsort((at, given.time_us[at], place[at]))]
    same = (place[order[1:]] == place[order[:-1]]) & (given.time_us[order[1:]] == given.time_us[order[:-1]])
    if not same.any():
        return
    first = order[np.maximum.accumulate(np.where(np.r_[True, ~same], np.arange(len(order)), 0))]
    repeated = order != first
    alike = _alike(given.value[order], given.value[first])
    given.verdict[order[repeated & alike]] = Verdict.duplicate
    differs = np.zeros(len(given), dtype=bool)
    differs[order[repeated & ~alike]] = True
    other = dict(zip(order[repeated].tolist(), first[repeated].tolist(), strict=True))
    text = "differs from row {}, which has the same site, series, source and time"
    given.reject(differs, "value", lambda index: text.format(other[index]), "one value for a time")


def _alike(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    alike: NDArray[np.bool_] = (one == other) | (np.isnan(one) & np.isnan(other))
    return alike


def _held(tx: Tx, keys: list[Key]) -> dict[Key, Mapping[str, Any]]:
    """What is held of the series concerned."""
    wanted = set(keys)
    found: dict[Key, Mapping[str, Any]] = {}
    listed = sorted({site for site, _, _ in keys})
    for first in range(0, len(listed), _AT_ONCE):
        query = tx.select(held).where(held.c.site.in_(listed[first : first + _AT_ONCE]))
        if len(keys) == 1:
            query = query.where(held.c.series == keys[0][1], held.c.source == keys[0][2])
        for row in tx.all(query):
            if (key := (row.site, row.series, row.source)) in wanted:
                found[key] = dict(row._mapping)
    return found


def _compare(tx: Tx, given: Coded, place: Ints, keys: list[Key], known: Mapping[Key, Mapping[str, Any]]) -> None:
    """Which rows are late, held already, or say something else than what is held."""
    if not known:
        return
    last = np.array([microseconds(known[key]["last"]) if key in known else NO_TIME for key in keys])
    behind = given.good & (given.verdict != Verdict.duplicate)
    behind[behind] = given.time_us[behind] <= last[place[behind]]
    if not behind.any():
        return
    given.verdict[behind] = Verdict.late
    at = np.flatnonzero(behind)
    there, value = reading.lookup(tx, given.table(behind))
    alike = _alike(given.value[at], value)
    given.verdict[at[there & alike]] = Verdict.duplicate
    given.verdict[at[there & ~alike]] = Verdict.restated


def _write(
    tx: Tx, given: Coded, place: Ints, keys: list[Key], known: Mapping[Key, Mapping[str, Any]], received: datetime
) -> None:
    import pyarrow as pa
    import pyarrow.ipc

    taken = np.isin(given.verdict, TAKEN)
    out = io.BytesIO()
    table = given.table(taken).unify_dictionaries()
    with pa.ipc.new_stream(out, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    first, last = (moment_of(int(bound)) for bound in (given.time_us[taken].min(), given.time_us[taken].max()))
    entry = new_id("jnl")
    only = keys[0][0] if len({site for site, _, _ in keys}) == 1 else None
    row = {
        "id": entry,
        "site": only,
        "received": received,
        "rows": len(table),
        "first": first,
        "last": last,
    }
    tx.insert(journal, {**row, "body": out.getvalue()})
    counts = {verdict.name: count for verdict in Verdict if (count := int((given.verdict == verdict).sum()))}
    tx.audit("measurements.append", entry, {"sha256": hashlib.sha256(out.getvalue()).hexdigest(), "rows": counts})
    _note(tx, given, place, keys, known, received)


def _note(
    tx: Tx, given: Coded, place: Ints, keys: list[Key], known: Mapping[Key, Mapping[str, Any]], received: datetime
) -> None:
    """Bring up to date what is held of each series."""
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
