"""What was known at one instant: the only door through which models see the archive.

A `Known` shows rows with available_at <= its time and nothing else. Asking it for a later instant, a later
measurement or a later run raises LookAheadError. Views of it can only see less: an earlier instant (`as_of`),
or the same one with inputs withheld (`without`, `with_runs_before`, `without_measured`), or later (`late`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.archive.rows import MEASURED_NS, Rows, concatenated
from forecasting.clock import DAY_NS, Ns, index_ns, instant_ns, utc_text
from forecasting.errors import ForecastError, LookAheadError

Floats = NDArray[np.float64]
NEVER_NS = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, eq=False)
class Measured:
    """Measurements of one series.

    Interval ends, since when each counts as known (see `counted_ns`), the latest known value (NaN = missing).
    """

    end_ns: Ns
    available_ns: Ns
    value: Floats


@dataclass(frozen=True, eq=False)
class Run:
    """One issued forecast of one variable: issue and availability, interval ends (N,), values (N,)."""

    issue_ns: int
    available_ns: int
    valid_ns: Ns
    value: Floats


@dataclass(frozen=True, eq=False)
class Ensemble:
    """One issued ensemble: members (M,), interval ends (N,), values (M, N), NaN where a member has none."""

    issue_ns: int
    available_ns: int
    member: NDArray[np.int32]
    valid_ns: Ns
    value: Floats


@dataclass(frozen=True)
class Withheld:
    """What a view hides, of the named sites and variables (None: of all).

    Runs issued at or after `runs_from_ns` or just at one of `issues_ns`, and measurements with
    `measured_ns[0] < end <= measured_ns[1]`.
    """

    sites: frozenset[str] | None
    variables: frozenset[str] | None
    runs_from_ns: int = NEVER_NS
    measured_ns: tuple[int, int] = (0, 0)
    issues_ns: frozenset[int] = frozenset()

    def concerns(self, site: str, variable: str) -> bool:
        """Whether anything of this series may be hidden."""
        return (self.sites is None or site in self.sites) and (self.variables is None or variable in self.variables)

    def shown(self, rows: Rows) -> NDArray[np.bool_]:
        """Mask of the rows that stay."""
        run = rows.issue_ns != MEASURED_NS
        first, last = self.measured_ns
        late = rows.issue_ns >= self.runs_from_ns
        if self.issues_ns:
            late |= np.isin(rows.issue_ns, np.array(sorted(self.issues_ns), dtype=np.int64))
        gone = np.where(run, late, (rows.valid_ns > first) & (rows.valid_ns <= last))
        return ~gone


def counted_ns(end_ns: Ns, available_ns: Ns, age_ns: int) -> Ns:
    """Since when values count as known to those who learn from the past: since they were, in the rhythm of the series.

    Where a history comes in one piece (a new meter's months in one upload, the gap of an outage), past issues would
    have seen nothing of it, and what is learnt of them says nothing of an issue that sees it all. So where values were
    received more than a day later than the newest one is old now, they and all others count as known at that age: each
    past issue then sees as much as the present one does. What is not known yet stays unknown, and what came in its own
    rhythm keeps its times; a day lies between the first and the last value of a daily file.
    """
    counted = end_ns + age_ns
    late = _received_late(end_ns, available_ns, age_ns)
    return np.where(late, counted, np.maximum(available_ns, counted)) if late.any() else available_ns


def _received_late(end_ns: Ns, available_ns: Ns, age_ns: int) -> NDArray[np.bool_]:
    """Mask of values that were received more than a day after the age at which they were due."""
    return available_ns - DAY_NS > end_ns + age_ns


def _later(rows: Rows, by_ns: int) -> Rows:
    stays = (rows.issue_ns == MEASURED_NS) & _received_late(rows.valid_ns, rows.available_ns, by_ns)
    return replace(rows, available_ns=rows.available_ns + np.where(stays, 0, by_ns))


def _names(given: Collection[str] | str | None) -> frozenset[str] | None:
    return None if given is None else frozenset([given] if isinstance(given, str) else given)


@dataclass(frozen=True, eq=False)
class Known:
    """What was known at `time_ns`; made by `Archive.as_of` only."""

    time_ns: int
    _rows: Mapping[tuple[str, str], Rows]
    _withheld: tuple[Withheld, ...] = ()

    def __reduce__(self) -> tuple[type[Known], tuple[int, dict[tuple[str, str], Rows], tuple[Withheld, ...]]]:
        """A read-only view of a mapping cannot be sent to another process; the mapping can."""
        return Known, (self.time_ns, dict(self._rows), self._withheld)

    def _visible(self, site: str, variable: str, within_ns: tuple[int, int] | None = None) -> Rows | None:
        """Visible rows, of valid times in [first, last] only where given: rows lie in their order, so that is quick."""
        rows = self._rows.get((site, variable))
        if rows is None:
            return None
        if within_ns is not None:
            first, last = np.searchsorted(rows.valid_ns, within_ns[0]), np.searchsorted(rows.valid_ns, within_ns[1] + 1)
            rows = Rows(*(getattr(rows, each.name)[first:last] for each in fields(rows)))
        return rows.take(self._shown(site, variable, rows))

    def _shown(self, site: str, variable: str, rows: Rows) -> NDArray[np.bool_]:
        shown = rows.available_ns <= self.time_ns
        for hidden in self._withheld:
            if hidden.concerns(site, variable):
                shown = shown & hidden.shown(rows)
        return shown

    def _has(self, site: str, variable: str) -> bool:
        return bool(self._shown(site, variable, self._rows[site, variable]).any())

    def has_runs(self, site: str, variable: str) -> bool:
        """Whether a run of this series is visible."""
        rows = self._rows.get((site, variable))
        return rows is not None and bool((self._shown(site, variable, rows) & (rows.issue_ns != MEASURED_NS)).any())

    def variables(self, site: str) -> tuple[str, ...]:
        """Names of the variables of a site with at least one visible row."""
        return tuple(sorted(v for s, v in self._rows if s == site and self._has(s, v)))

    def sites(self) -> tuple[str, ...]:
        """Names of the sites with at least one visible row."""
        return tuple(sorted({s for s, v in self._rows if self._has(s, v)}))

    def series_names(self) -> tuple[str, ...]:
        """All "site/variable" with a visible row, for error messages."""
        return tuple(sorted(f"{s}/{v}" for s, v in self._rows if self._has(s, v)))

    def measurements(
        self,
        site: str,
        variable: str,
        at: pd.DatetimeIndex | None = None,
        *,
        within_ns: tuple[int, int] | None = None,
    ) -> Measured:
        """Measured series; a value that was revised counts with its latest value and its first availability.

        What was received long after its interval counts as known as late as the newest value is now (`counted_ns`).
        With `at` (N,), only the intervals that end then, NaN and never available where nothing is known of one;
        an end after the time of this view raises LookAheadError, as no measurement can be known before its end.
        `within_ns`: only intervals that end in [first, last].
        """
        measured = self._measured(site, variable, within_ns)
        if at is None:
            return measured
        end_ns = index_ns(at, f"{site}/{variable}: at")
        if len(end_ns) and end_ns.max() > self.time_ns:
            self._refuse(f"{site}/{variable}: the measurement at {utc_text(int(end_ns.max()))}")
        if not len(measured.end_ns):
            return Measured(end_ns, np.full(len(end_ns), NEVER_NS), np.full(len(end_ns), np.nan))
        place = np.minimum(np.searchsorted(measured.end_ns, end_ns), len(measured.end_ns) - 1)
        there = measured.end_ns[place] == end_ns
        available = np.where(there, measured.available_ns[place], NEVER_NS)
        return Measured(end_ns, available, np.where(there, measured.value[place], np.nan))

    def _measured(self, site: str, variable: str, within_ns: tuple[int, int] | None = None) -> Measured:
        rows = self._visible(site, variable, within_ns)
        if rows is None:
            return Measured(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
        rows = rows.take(rows.issue_ns == MEASURED_NS)
        order = np.lexsort((rows.available_ns, rows.valid_ns))
        rows = rows.take(order)
        if not len(rows):
            return Measured(rows.valid_ns, rows.available_ns, rows.value)
        new = np.concatenate([[True], rows.valid_ns[1:] != rows.valid_ns[:-1]])
        last = np.concatenate([new[1:], [True]])
        end_ns, available_ns = rows.valid_ns[new], rows.available_ns[new]
        if (available_ns - end_ns > DAY_NS).any():  # seldom: else there is nothing to look up
            available_ns = np.minimum(counted_ns(end_ns, available_ns, self._age_ns(site, variable)), self.time_ns)
        return Measured(end_ns, available_ns, rows.value[last])

    def _age_ns(self, site: str, variable: str) -> int:
        """How long ago the newest interval ended of which a measurement is known; 0 where it still lasts."""
        rows = self._rows[site, variable]
        known = self._shown(site, variable, rows) & (rows.issue_ns == MEASURED_NS) & np.isfinite(rows.value)
        return max(self.time_ns - int(rows.valid_ns[known].max(initial=0)), 0)

    def issued(
        self, site: str, variable: str, member: int | None = 0, *, within_ns: tuple[int, int] | None = None
    ) -> Rows:
        """Rows of all visible runs, sorted by issue, member, availability and valid time; member None: of all.

        `within_ns`: only of valid times in [first, last].
        """
        rows = self._visible(site, variable, within_ns)
        if rows is None:
            nothing = np.empty(0, np.int64)
            return Rows(nothing, nothing, nothing, np.empty(0, np.int32), np.empty(0))
        wanted = rows.issue_ns != MEASURED_NS
        rows = rows.take(wanted if member is None else wanted & (rows.member == member))
        return rows.take(np.lexsort((rows.valid_ns, rows.available_ns, rows.member, rows.issue_ns)))

    def runs(self, site: str, variable: str, member: int = 0) -> tuple[Run, ...]:
        """Issued forecasts of one variable, oldest issue first; of a re-issued value the latest counts."""
        rows = self.issued(site, variable, member)
        cuts = np.flatnonzero((np.diff(rows.issue_ns) != 0) | (np.diff(rows.available_ns) != 0)) + 1
        bounds = [0, *cuts.tolist(), len(rows)]
        return tuple(
            Run(int(rows.issue_ns[a]), int(rows.available_ns[a]), rows.valid_ns[a:b], rows.value[a:b])
            for a, b in pairwise(bounds)
            if b > a
        )

    def members(self, site: str, variable: str) -> tuple[int, ...]:
        """Members of which a run is visible; 0 is the control or the only one."""
        return tuple(int(m) for m in np.unique(self.issued(site, variable, None).member))

    def ensemble(self, site: str, variable: str, issue_time: dt.datetime | str | None = None) -> Ensemble | None:
        """All members of the run issued then, by default of the latest; of a re-issued value the latest counts.

        None where no run is visible. Asking for one that was issued after the time of this view raises
        LookAheadError, for one that is not there ForecastError.
        """
        rows = self.issued(site, variable, None)
        if issue_time is not None:
            issue_ns = instant_ns(issue_time, f"{site}/{variable}: issue_time")
            if issue_ns > self.time_ns:
                self._refuse(f"{site}/{variable}: the run of {utc_text(issue_ns)}")
            if issue_ns not in rows.issue_ns:
                last = f"; the last known is of {utc_text(int(rows.issue_ns[-1]))}" if len(rows) else ""
                raise ForecastError(f"{site}/{variable}: no run of {utc_text(issue_ns)} is known{last}")
        elif not len(rows):
            return None
        else:
            issue_ns = int(rows.issue_ns[-1])
        rows = rows.take(rows.issue_ns == issue_ns)
        member, row = np.unique(rows.member, return_inverse=True)
        valid_ns, column = np.unique(rows.valid_ns, return_inverse=True)
        value = np.full((len(member), len(valid_ns)), np.nan)
        value[row, column] = rows.value  # rows rise in availability, so the latest is written last
        return Ensemble(issue_ns, int(rows.available_ns.max()), member, valid_ns, value)

    def as_of(self, time: dt.datetime | str) -> Known:
        """What was known at an earlier instant; a later one raises LookAheadError."""
        time_ns = instant_ns(time, "as_of time")
        if time_ns > self.time_ns:
            self._refuse(f"what was known at {utc_text(time_ns)}")
        return replace(self, time_ns=time_ns)

    def without(
        self, *, sites: Collection[str] | str | None = None, variables: Collection[str] | str | None = None
    ) -> Known:
        """The same without the series of these variables at these sites (one of the two alone: all such series)."""
        if sites is None and variables is None:
            raise ForecastError("without: name sites, variables or both")
        hidden = Withheld(_names(sites), _names(variables))
        kept = {key: rows for key, rows in self._rows.items() if not hidden.concerns(*key)}
        return replace(self, _rows=kept)

    def with_runs_before(
        self,
        issue_ns: int,
        *,
        sites: Collection[str] | str | None = None,
        variables: Collection[str] | str | None = None,
    ) -> Known:
        """The same without the runs issued at or after an instant (of these sites and variables only)."""
        hidden = Withheld(_names(sites), _names(variables), runs_from_ns=issue_ns)
        return replace(self, _withheld=(*self._withheld, hidden))

    def without_runs(self, issues_ns: Collection[int], *, sites: Collection[str] | str) -> Known:
        """The same without the runs issued at just these instants at these sites."""
        hidden = Withheld(_names(sites), None, issues_ns=frozenset(issues_ns))
        return replace(self, _withheld=(*self._withheld, hidden))

    def without_measured(
        self,
        first_ns: int,
        last_ns: int,
        *,
        sites: Collection[str] | str | None = None,
        variables: Collection[str] | str | None = None,
    ) -> Known:
        """The same without the measurements with first < end of interval <= last."""
        hidden = Withheld(_names(sites), _names(variables), measured_ns=(first_ns, last_ns))
        return replace(self, _withheld=(*self._withheld, hidden))

    def late(
        self, by_ns: int, *, sites: Collection[str] | str, variables: Collection[str] | str | None = None
    ) -> Known:
        """The same as if these series had always become known so much later: a model learns to live with their age.

        A measurement that was received later than that anyway stays as it was: it would have been no later.
        """
        if by_ns < 0:
            raise ForecastError(f"late: {by_ns} ns is negative; nothing can be known before it was")
        hidden = Withheld(_names(sites), _names(variables))
        moved = {key: _later(rows, by_ns) if hidden.concerns(*key) else rows for key, rows in self._rows.items()}
        return replace(self, _rows=moved)

    def measured_rows(self, site: str, variable: str) -> Rows:
        """Visible rows of the measured series, those of each revision, by the end of their interval."""
        rows = self._visible(site, variable)
        nothing = np.empty(0, np.int64)
        if rows is None:
            return Rows(nothing, nothing, nothing, np.empty(0, np.int32), np.empty(0))
        return rows.take(rows.issue_ns == MEASURED_NS)

    def with_measured_rows(self, site: str, variable: str, measured: Rows) -> Known:
        """The same with other rows of a measured series, made of those of `measured_rows`; its runs stay."""
        rows = self._rows[site, variable]
        both = concatenated([rows.take(rows.issue_ns != MEASURED_NS), measured]).sorted()
        return replace(self, _rows={**self._rows, (site, variable): both})

    def with_derived(self, site: str, variable: str, measured: Measured) -> Known:
        """The same with a series that was worked out from what is seen here, as if it had been measured.

        It must not be one that is there, nor known later than this view.
        """
        if (site, variable) in self._rows:
            raise ForecastError(f"{site}/{variable}: a derived series may not stand in the place of one that is there")
        if (
            len(measured.end_ns)
            and int(measured.available_ns[np.isfinite(measured.value)].max(initial=0)) > self.time_ns
        ):
            self._refuse(f"{site}/{variable}: a derived value")
        count = len(measured.end_ns)
        no_issue, no_member = np.full(count, MEASURED_NS), np.zeros(count, dtype=np.int32)
        rows = Rows(no_issue, measured.end_ns, measured.available_ns, no_member, measured.value).sorted()
        return replace(self, _rows={**self._rows, (site, variable): rows})

    def _refuse(self, what: str) -> NoReturn:
        raise LookAheadError(f"{what} was asked for; only what was known at {utc_text(self.time_ns)} may be seen")
