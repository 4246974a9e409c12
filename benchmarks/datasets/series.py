"""What data sets of power and weather share: many runs of a day put into an archive at once, stamps that went wrong."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import MEASURED_NS, Archive, Rows
from forecasting.clock import Ns

Floats = NDArray[np.float64]


def measured(site: str, variable: str, end_ns: Ns, value: Floats, delay_ns: int = 0) -> Archive:
    """An archive with one measured series: means over the intervals that end then, known so much later."""
    never = np.full(len(end_ns), MEASURED_NS)
    rows = Rows(never, end_ns, end_ns + delay_ns, np.zeros(len(end_ns), np.int32), np.asarray(value, np.float64))
    return Archive.of_rows({(site, variable): rows.sorted()})


def issued(site: str, columns: Mapping[str, tuple[Ns, Floats]], issue_ns: Ns, available_ns: Ns) -> Archive:
    """An archive with forecasts: by variable the valid times and values (N,), all with their row's issue (N,)."""
    made = {}
    for variable, (valid_ns, value) in columns.items():
        member = np.zeros(len(valid_ns), np.int32)
        made[site, variable] = Rows(issue_ns, valid_ns, available_ns, member, np.asarray(value, np.float64)).sorted()
    return Archive.of_rows(made)


def mended(stamp_ns: Ns) -> tuple[Ns, NDArray[np.bool_]]:
    """Stamps (N,) in the order of the file with single slips put right, and which rows remain unclear (N,).

    The rows of a logger follow each other. A stamp that leaves this order, while the rows before and after it are
    two steps apart, is a slip of the clock and takes the instant between them. A stamp that two rows still claim
    belongs to neither.
    """
    stamp = stamp_ns.copy()
    if len(stamp) < 3:
        return stamp, np.zeros(len(stamp), dtype=bool)
    gaps, counts = np.unique(np.diff(stamp), return_counts=True)
    step = int(gaps[np.argmax(counts)])
    slipped = (stamp[2:] - stamp[:-2] == 2 * step) & (stamp[1:-1] != stamp[:-2] + step)
    stamp[1:-1][slipped] = stamp[:-2][slipped] + step
    _, place, count = np.unique(stamp, return_inverse=True, return_counts=True)
    return stamp, count[place] > 1
