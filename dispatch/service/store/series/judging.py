"""What becomes of each row of measurements: held against its site, against the others, against what is held already."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dispatch.service.store.metadata import microseconds
from dispatch.service.store.series import names, reading
from dispatch.service.store.series.rows import NO_TIME, TAKEN, Coded, Ints, Rejection, Verdict, coded
from dispatch.service.store.series.tables import held
from dispatch.service.store.transaction import Tx

if TYPE_CHECKING:
    import pyarrow as pa

Key = tuple[str, str, str]
Known = dict[Key, Mapping[str, Any]]
Understood = Mapping[str, tuple[frozenset[str], frozenset[str]]]
# A clock that is a little ahead is no mistake; local time that was taken for UTC is.
AHEAD = timedelta(minutes=15)
# Prices are published for tomorrow, or for the week.
FEED_AHEAD = timedelta(days=45)
_EARLIEST_US = microseconds(datetime.fromisoformat("2000-01-01T00:00:00Z"))
_LARGEST = 1e12
_LONGEST = 200
_HINTS = 50  # so many names get one that is spelled alike
_PLAIN = 100  # rows up to which an entry of the journal is not compressed
_KEYS_MAX = 50_000
_SOURCE = re.compile(r"^[A-Za-z0-9_.\-]{0,100}$")
_AT_ONCE = 500


@dataclass(eq=False)
class Judged:
    """Rows with their verdicts, as of what the store held when they were judged.

    Attributes:
        rows: as they came; rejected: those that could not be read.
        given: coded, with their verdicts; alone: these verdicts before anything that is held was looked at.
        place: (row,) number of its series in ``keys``; known: what was held of these.
        understood: by site, the names of its series.
    """

    rows: pa.Table
    rejected: Mapping[int, Rejection] | None
    given: Coded
    alone: NDArray[np.int8]
    place: Ints
    keys: list[Key]
    known: Known
    understood: Understood
    _body: tuple[bytes, str] | None = field(default=None, repr=False)

    def now(self, tx: Tx) -> Judged:
        """As of this transaction: series that have got values are compared again, all of it where a site has changed.

        Raises:
            ValueError: see :func:`judge`.
        """
        if names.accepted(tx, self.given.names["site"]) != self.understood:
            return judge(tx, self.rows, self.rejected)
        known = _held(tx, self.keys)
        changed = [number for number, key in enumerate(self.keys) if known.get(key) != self.known.get(key)]
        self.known = known
        if changed:
            self._body = None
            again = self.given.good & np.isin(self.place, changed)
            self.given.verdict[again] = self.alone[again]
            _compare(tx, self.given, self.place, self.keys, known, again)
        return self

    def body(self) -> tuple[bytes, str]:
        """What is taken of them as an Arrow stream, and its SHA-256."""
        if self._body is None:
            import pyarrow as pa
            import pyarrow.ipc

            out = io.BytesIO()
            table = self.given.table(np.isin(self.given.verdict, TAKEN)).unify_dictionaries()
            # To set up the compressor takes longer than all the rest of a small request.
            packed = pa.ipc.IpcWriteOptions(compression="zstd" if table.num_rows > _PLAIN else None)
            with pa.ipc.new_stream(out, table.schema, options=packed) as writer:
                writer.write_table(table)
            self._body = out.getvalue(), hashlib.sha256(out.getvalue()).hexdigest()
        return self._body


def judge(tx: Tx, rows: pa.Table, rejected: Mapping[int, Rejection] | None = None) -> Judged:
    """What would become of rows now; reads only.

    Args:
        rejected: rows that could not be read, by place; whatever the table has there is not looked at.

    Raises:
        ValueError: the table has not the columns, or very many series.
    """
    given = coded(rows)
    for index, rejection in (rejected or {}).items():
        given.verdict[index], given.rejections[index] = Verdict.rejected, rejection
    understood = names.accepted(tx, given.names["site"])
    _judge(given, understood, tx.now)
    place, keys = given.keys()
    if len(keys) > _KEYS_MAX:
        raise ValueError(f"more than {_KEYS_MAX} series in one request; send them in parts")
    _once(given, place)
    place, keys = given.keys()
    known, alone = _held(tx, keys), given.verdict.copy()
    _compare(tx, given, place, keys, known, given.good)
    return Judged(rows, rejected, given, alone, place, keys, known, understood)


def _judge(given: Coded, understood: Understood, now: datetime) -> None:
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
    _judge_names(given, understood, now)


def _judge_names(given: Coded, known: Understood, now: datetime) -> None:
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
    from dispatch.config.mistakes import near_miss  # it brings all kinds of asset along

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


def _held(tx: Tx, keys: list[Key]) -> Known:
    """What is held of the series concerned."""
    wanted = set(keys)
    found: Known = {}
    listed = sorted({site for site, _, _ in keys})
    for first in range(0, len(listed), _AT_ONCE):
        query = tx.select(held).where(held.c.site.in_(listed[first : first + _AT_ONCE]))
        if len(keys) == 1:
            query = query.where(held.c.series == keys[0][1], held.c.source == keys[0][2])
        for row in tx.all(query):
            if (key := (row.site, row.series, row.source)) in wanted:
                found[key] = dict(row._mapping)
    return found


def _compare(tx: Tx, given: Coded, place: Ints, keys: list[Key], known: Known, among: NDArray[np.bool_]) -> None:
    """Which of some rows are late, held already, or say something else than what is held."""
    if not known:
        return
    last = np.array([microseconds(known[key]["last"]) if key in known else NO_TIME for key in keys])
    behind = among & given.good & (given.verdict != Verdict.duplicate)
    behind[behind] = given.time_us[behind] <= last[place[behind]]
    if not behind.any():
        return
    given.verdict[behind] = Verdict.late
    at = np.flatnonzero(behind)
    there, value = reading.lookup(tx, given.table(behind))
    alike = _alike(given.value[at], value)
    given.verdict[at[there & alike]] = Verdict.duplicate
    given.verdict[at[there & ~alike]] = Verdict.restated
