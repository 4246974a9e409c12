"""What of an award cannot be settled yet: sites and periods of which a reading or a baseline is missing.

Missing is not zero: what is not known counts neither as delivered nor as short. It is left open, by name, until it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dispatch.markets.calendar import local
from dispatch.signals import Array

Lacks = Literal["readings", "baseline", "others"]
Mask = NDArray[np.bool_]
Times = NDArray[np.datetime64]
_LACKS: tuple[Lacks, ...] = ("readings", "baseline", "others")
_WORDS = {
    "readings": "no readings all through its periods",
    "baseline": "too few readings of the days before for a baseline",
    "others": "what others lack is more than was sold",
}
_TOLD = 5  # gaps that a sentence names


@dataclass(frozen=True)
class Gap:
    """Awarded periods of a site, one after the other, that are not settled.

    Attributes:
        start, end: ``datetime64[s]``, UTC.
        lacks: the site's readings, or days for its baseline; of others, where those that can be counted were told to
            go the other way, all in all, so that sites with a gap could give more.
        awarded_kwh: the site's part of the award then, below 0 where it goes the other way.
    """

    site: str
    start: np.datetime64
    end: np.datetime64
    lacks: Lacks
    awarded_kwh: float

    def text(self, zone: str) -> str:
        """In words, on a clock."""
        first, last = (local(edge, zone).isoformat(timespec="minutes") for edge in (self.start, self.end))
        return f"'{self.site}' from {first} to {last} ({_WORDS[self.lacks]})"


@dataclass(frozen=True)
class Gaps:
    """Of N sites in P periods what is not known.

    Attributes:
        readings: (N, P) the meters' mean is not known.
        baseline: (N, P) the meters' is, and what it is held against is not.
        others: (N, P) both are, but those that are known have together sold less than nothing.
    """

    readings: Mask
    baseline: Mask
    others: Mask

    @classmethod
    def of(cls, baseline_kw: Array, metered_kw: Array, parts_kw: Array, needed: Mask) -> Gaps:
        """From means by period.

        Args:
            parts_kw: (N, P) what each was to give of the award.
            needed: (P,) periods in which deliveries count.
        """
        readings = ~np.isfinite(metered_kw) & needed
        baseline = ~np.isfinite(baseline_kw) & ~readings & needed
        lacking = readings | baseline
        left = np.where(lacking, 0.0, parts_kw).sum(axis=0)
        against = lacking.any(axis=0) & (left < 0)
        return cls(readings, baseline, ~lacking & against)

    @property
    def any_of_it(self) -> Mask:
        """(N, P)."""
        return np.asarray(self.readings | self.baseline | self.others)

    def rows(self, sites: Sequence[str], start: Times, end: Times, parts_kw: Array) -> tuple[Gap, ...]:
        """By site and time; periods that follow each other are one."""
        return tuple(self._rows(sites, start.astype("datetime64[s]"), end.astype("datetime64[s]"), parts_kw))

    def _rows(self, sites: Sequence[str], start: Times, end: Times, parts_kw: Array) -> Iterator[Gap]:
        code = self.readings + 2 * self.baseline + 3 * self.others.astype(int)
        hours = (end - start) / np.timedelta64(3600, "s")
        new = np.ones(code.shape, bool)
        new[:, 1:] = (np.diff(code, axis=1) != 0) | (start[1:] != end[:-1])
        group = np.cumsum(new.ravel()) - 1
        energy = np.bincount(group, (parts_kw * hours).ravel())
        first = np.flatnonzero(new.ravel())
        last = np.append(first[1:], code.size) - 1
        for number in np.flatnonzero(code.ravel()[first]):
            site, period = divmod(int(first[number]), start.size)
            lacks = _LACKS[code[site, period] - 1]
            yield Gap(sites[site], start[period], end[last[number] % start.size], lacks, float(energy[number]))


def told(gaps: Sequence[Gap], zone: str) -> str:
    """A sentence about them; empty where there are none."""
    if not gaps:
        return ""
    more = f" and {len(gaps) - _TOLD} more" if len(gaps) > _TOLD else ""
    named = "; ".join(one.text(zone) for one in gaps[:_TOLD])
    kwh = sum(one.awarded_kwh for one in gaps)
    return f"Provisional: {kwh:.6g} kWh of the award count neither as delivered nor as short: {named}{more}."
