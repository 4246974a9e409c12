"""Net import of many sites as one array: what deliveries and baselines are counted from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dispatch.errors import DataError
from dispatch.service.store.series.many import read_sites
from dispatch.service.store.series.names import WHOLE_SITE
from dispatch.service.store.transaction import Tx
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    import pyarrow as pa

    from dispatch.markets.portfolio import Metered

_DAY_S = 86_400
_MANY = 2**40  # more than seconds between two values: numbers of two kinds in one
_NEVER_S = 2**31 - 1  # a prime number: no interval of a meter divides it
_NEARLY = 0.95  # a step is not made longer for the few values that a meter left of some hours


@dataclass(frozen=True, eq=False)
class _Read:
    """Values of meters by series, which is one source of a site, and time; all (K,).

    Attributes:
        series, site: whose, by number.
        end_s, length_s: of the interval that a value is the mean of.
        received: when it came.
    """

    series: NDArray[np.int64]
    site: NDArray[np.int64]
    end_s: NDArray[np.int64]
    length_s: NDArray[np.int64]
    received: NDArray[np.int64]
    value: Array

    @classmethod
    def of(cls, found: pa.Table, sites: Sequence[str], last_s: int) -> _Read:
        """From rows in the order of site, source and time."""
        import pyarrow as pa

        place = {site: n for n, site in enumerate(sites)}
        columns = [found[name].cast(pa.string()).combine_chunks() for name in ("site", "source")]
        site, source = (column.dictionary_encode() for column in columns)
        own = np.array([place[name] for name in site.dictionary.to_pylist()], np.int64)[site.indices.to_numpy()]
        change = (np.diff(own) != 0) | (np.diff(source.indices.to_numpy()) != 0)
        series = np.concatenate([np.zeros(min(own.size, 1), np.int64), np.cumsum(change)])
        end = np.asarray(found["time"].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_numpy())
        received = found["received"].cast(pa.int64()).to_numpy()
        value = found["value"].to_numpy(zero_copy_only=False)
        return cls(series, own, end, _lengths_s(series, end, last_s), received, value)

    def step_s(self, last_s: int, longest_s: int) -> int:
        """The longest of the steps in which each site is known best, on the last day and over all days.

        Raises:
            DataError: all that is metered is metered in longer intervals than are wanted.
        """
        fits = self.length_s <= longest_s
        if not fits.any():
            least = int(self.length_s.min())
            raise DataError(f"{WHOLE_SITE} is metered in intervals of {least} s; accepted: {longest_s} s or shorter")
        return max(self._step_s(some) for some in (fits, fits & (self.end_s > last_s - _DAY_S)) if some.any())

    def _step_s(self, some: NDArray[np.bool_]) -> int:
        """Of each site the shortest step in which nearly as much is known of it as in any, of these the longest."""
        keys, where, place = np.unique(
            self.series[some] * _MANY + self.length_s[some], return_index=True, return_inverse=True
        )
        known_s = np.bincount(place, self.length_s[some])
        known: dict[int, dict[int, float]] = {}
        series, length = keys // _MANY, keys % _MANY
        sites = self.site[some][where]
        for first, last in pairwise(np.flatnonzero(np.diff(series, prepend=-1, append=-1))):
            by_length = known.setdefault(int(sites[first]), {})
            for one, covered in zip(length[first:last].tolist(), np.cumsum(known_s[first:last]).tolist(), strict=True):
                by_length[one] = max(covered, by_length.get(one, 0.0))
        return max(
            min(length for length, covered in one.items() if covered >= _NEARLY * max(one.values()))
            for one in known.values()
        )


def _lengths_s(series: NDArray[np.int64], end_s: NDArray[np.int64], last_s: int) -> NDArray[np.int64]:
    """(K,) how long each value's interval is.

    It is the usual distance of its series' values on its day, if that day is known for the most part, else over all
    days; less where a value that is not as far from the one before has a nearer neighbour, as where a meter changes.

    Raises:
        DataError: there are too few values, or the distance of none of them divides a day.
    """
    apart = np.diff(end_s, prepend=end_s[:1])
    apart[np.flatnonzero(np.diff(series)) + 1] = 0
    whole, counts = _usual(series, apart)
    if not (counts > 0).any():
        raise DataError(f"{WHOLE_SITE} is measured of no site twice; accepted: measurements of each site")
    whole = np.where(counts > 0, whole, whole[counts > 0].min())
    if (odd := _DAY_S % whole > 0).all():
        raise DataError(f"the meters' intervals have {whole[0]} s; accepted: such as divide a day, like 900 or 3600 s")
    whole = np.where(odd, _NEVER_S, whole)  # a meter of another rhythm is not known; the others are
    _, day = np.unique(series * 100_000 + (last_s - end_s) // _DAY_S, return_inverse=True)
    own, times = _usual(day, apart)
    holds = (own * times >= _DAY_S // 2) & (_DAY_S % np.maximum(own, 1) == 0)
    length = np.where(holds[day], own[day], whole[series])
    usual = apart == length
    for near in (apart, np.append(apart[1:], 0)):
        length = np.where(~usual & (near > 0) & (length % np.maximum(near, 1) == 0), near, length)
    return np.asarray(length)


def _usual(group: NDArray[np.int64], apart: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(G,) the most frequent distance in each group, of equal ones the shortest, and how often it is there."""
    groups = int(group.max(initial=-1)) + 1
    pairs, counts = np.unique((group * _MANY + apart)[apart > 0], return_counts=True)
    order = np.lexsort((-(pairs % _MANY), counts))
    usual, times = np.zeros((2, groups), np.int64)
    at = pairs[order] // _MANY
    usual[at], times[at] = pairs[order] % _MANY, counts[order]
    return usual, times


def metered(
    tx: Tx,
    sites: Sequence[str],
    start: datetime,
    end: datetime,
    time_zone: str,
    longest_s: int = _DAY_S,
    unknown_s: int | None = None,
) -> Metered:
    """Net import between two times, which both lie at a local midnight or between two intervals; NaN where unknown.

    Sites may be metered in different intervals, and change them: all are told in the longest of them, as means of what
    is finer, where all of it is known. Of several sources that which was received last counts.

    Args:
        longest_s: sites that are metered in longer intervals are not known.
        unknown_s: steps in which to say that nothing is known, where no site is measured twice; None: refused.

    Raises:
        DataError: nothing is measured, or in intervals that do not fit.
    """
    from dispatch.markets.portfolio import Metered

    first, last = round(start.timestamp()), round(end.timestamp())
    found = read_sites(tx, sites, [WHOLE_SITE], start, end)
    if unknown_s is not None and not _is_measured_twice(found):
        steps = Horizon(np.arange(first, last + 1, unknown_s).astype("datetime64[s]"), time_zone)
        return Metered(tuple(sites), steps, np.full((len(sites), steps.steps), np.nan))
    read = _Read.of(found, sites, last)
    length = read.step_s(last, longest_s)
    if (last - first) % length:
        raise DataError(f"from {start.isoformat()} to {end.isoformat()} is no whole number of {length} s")
    steps = Horizon(np.arange(first, last + 1, length).astype("datetime64[s]"), time_zone)
    return Metered(tuple(sites), steps, _filled(read, len(sites), steps.steps, first, length))


def _is_measured_twice(found: pa.Table) -> bool:
    """Is there a series whose interval its values tell?"""
    counts = found.group_by(["site", "source"]).aggregate([("time", "count")])["time_count"].to_numpy()
    return bool((counts > 1).any())


def _filled(read: _Read, sites: int, steps: int, first_s: int, step_s: int) -> Array:
    """(N, T) mean power of each step in which the intervals of one source are all known."""
    end = read.end_s - first_s
    at = (end - 1) // step_s
    fits = (end % read.length_s == 0) & (end - read.length_s >= at * step_s) & (at < steps)
    keys, cell = np.unique(read.series[fits] * steps + at[fits], return_inverse=True)
    covered = np.bincount(cell, read.length_s[fits], keys.size)
    mean = np.bincount(cell, read.value[fits] * (read.length_s[fits] / step_s), keys.size)
    received, site = np.zeros((2, keys.size), np.int64)
    np.maximum.at(received, cell, read.received[fits])
    site[cell] = read.site[fits]
    whole = np.flatnonzero(covered == step_s)
    whole = whole[np.argsort(received[whole], kind="stable")]
    out = np.full((sites, steps), np.nan)
    out[site[whole], keys[whole] % steps] = mean[whole]
    return out
