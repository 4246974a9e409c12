"""What a series holds, in the figures that a person asks for: from when to when, in which steps, with which gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.archive.rows import MEASURED_NS, Rows


@dataclass(frozen=True)
class Holding:
    """One kind of rows (measurements, or runs) of one series.

    Attributes:
        rows: how many.
        first_ns, last_ns: of valid_time.
        step_ns: the most frequent step; None of a single time.
        gaps: intervals between the first and the last of which nothing is held.
        missing: values that are held as missing.
        restated: values that were stated anew.
        runs: issue times; 0 for measurements.
        members: how many a run has.
        known_ns: the last availability.
    """

    rows: int
    first_ns: int
    last_ns: int
    step_ns: int | None
    gaps: int
    missing: int
    restated: int
    runs: int
    members: int
    known_ns: int


def held(rows: Rows) -> tuple[Holding, ...]:
    """The measurements of a series, then its runs; none of what it has no rows of."""
    is_run = rows.issue_ns != MEASURED_NS
    parts = (rows.take(~is_run), rows.take(is_run))
    return tuple(_holding(part) for part in parts if len(part))


def _holding(rows: Rows) -> Holding:
    run = rows.issue_ns[0] != MEASURED_NS
    order = np.lexsort((rows.available_ns, rows.valid_ns, rows.member, rows.issue_ns))
    key = [data[order] for data in (rows.issue_ns, rows.member, rows.valid_ns)]
    new = np.concatenate([[True], np.any([data[1:] != data[:-1] for data in key], axis=0)])
    issue, member, valid = (data[new] for data in key)
    ahead = np.diff(valid)[(issue[1:] == issue[:-1]) & (member[1:] == member[:-1])]
    step = None
    gaps = 0
    if len(ahead):
        steps, counts = np.unique(ahead, return_counts=True)
        step = int(steps[np.argmax(counts)])
        gaps = int(np.maximum(np.round(ahead / step) - 1, 0).sum())
    return Holding(
        rows=len(rows),
        first_ns=int(rows.valid_ns.min()),
        last_ns=int(rows.valid_ns.max()),
        step_ns=step,
        gaps=gaps,
        missing=int(np.isnan(rows.value).sum()),
        restated=int((~new).sum()),
        runs=len(np.unique(issue)) if run else 0,
        members=len(np.unique(member)),
        known_ns=int(rows.available_ns.max()),
    )
