"""A plant that grew or shrank: its history as if it had always had the capacity it has now, and back.

A farm that was doubled in spring has a history half of which is at half of what it can do, from the same wind. What
was measured is divided by the share of the present capacity that stood then, so everything that learns from it learns
one plant; what is said of an interval is multiplied by the share that stands at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forecasting.archive.known import Known
from forecasting.clock import Ns
from forecasting.targets import Target

Floats = NDArray[np.float64]


def share_at(target: Target, end_ns: Ns) -> Floats:
    """Share (N,) of the target's capacity that stood in the intervals that end then; 1 where nothing is dated."""
    if not target.past_capacities:
        return np.ones(len(end_ns))
    until_ns = np.array([until for until, _ in target.past_capacities], dtype=np.int64)
    share = np.array([*(kw for _, kw in target.past_capacities), target.capacity_kw]) / target.capacity_kw
    return np.asarray(share[np.searchsorted(until_ns, end_ns)])


def at_present_capacity(known: Known, targets: Sequence[Target]) -> Known:
    """What is known, with the power of plants of dated capacities as if all of them had had the present one."""
    for target in targets:
        rows = known.measured_rows(target.site, target.name)
        if not target.past_capacities or not len(rows):
            continue
        value = rows.value / share_at(target, rows.valid_ns)
        known = known.with_measured_rows(target.site, target.name, replace(rows, value=value))
    return known
