"""Means over any intervals of a series that was measured on its own: what came, to hold forecasts against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import MEASURED_NS, Archive, Known, Measured, Rows
from forecasting.archive.rows import curtailed_name
from forecasting.clock import DAY_NS, Ns, utc_index
from forecasting.physics import NIGHT_ELEVATION_DEG, solar_elevation_deg
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
FULL_SHARE = 1 - 1e-9
DARK_SHARE = 0.01  # of dark steps: a logger that writes more of them is silent at night for another reason


def means_over(measured: Measured, edges_ns: Ns) -> Floats:
    """Mean (T,) over the intervals between edges (T+1), exact for the series' own steps; NaN where not all is known.

    The step is the most common distance of two interval ends; a value stands for the one step before its end.
    """
    if len(measured.end_ns) < 2:
        return np.full(len(edges_ns) - 1, np.nan)
    order = np.argsort(measured.end_ns, kind="stable")
    end, value = measured.end_ns[order], measured.value[order]
    distances, counts = np.unique(np.diff(end), return_counts=True)
    step = int(distances[np.argmax(counts)])
    start = np.maximum(end - step, np.concatenate([[end[0] - step], end[:-1]]))
    origin = int(edges_ns[0])
    knots = np.column_stack([start, end]).ravel() - origin
    known = np.isfinite(value)
    at = edges_ns - origin
    rises = [np.where(known, value, 0.0) * (end - start), known * (end - start).astype(np.float64)]
    totals = [np.interp(at, knots, np.cumsum(np.column_stack([np.zeros(len(r)), r]).ravel())) for r in rises]
    wide = np.diff(at)
    covered = np.diff(totals[1]) >= FULL_SHARE * wide
    return np.where(covered, np.diff(totals[0]) / np.where(covered, wide, 1), np.nan)


def free(known: Known, target: Target) -> Measured:
    """What was measured of a target, NaN where the log says that the operator held it back.

    In an hour of given wind what was not held back tells what could come; what was held back tells the order.
    """
    measured = known.measurements(target.site, target.name)
    log = known.measurements(target.site, curtailed_name(target.name))
    if target.kind not in ("wind", "pv") or len(log.end_ns) < 2 or not (log.value > 0).any():
        return measured
    distances, counts = np.unique(np.diff(log.end_ns), return_counts=True)
    at = np.minimum(np.searchsorted(log.end_ns, measured.end_ns), len(log.end_ns) - 1)
    ahead = log.end_ns[at] - measured.end_ns
    held = (log.value[at] > 0) & (ahead >= 0) & (ahead < distances[np.argmax(counts)])
    return Measured(measured.end_ns, measured.available_ns, np.where(held, np.nan, measured.value))


def came(known: Known, target: Target, edges_ns: Ns) -> Floats:
    """Means (T,) of what came of a target, as its forecasts mean it: what could come, whatever was ordered.

    Where a plant's output is forecast, what it draws for itself (a few kW below 0 at night) counts as no output: no
    band reaches there. NaN where not all is known, or the plant was held back.
    """
    measured = free(known, target)
    value = np.maximum(measured.value, target.bounds[0])
    return means_over(Measured(measured.end_ns, measured.available_ns, value), edges_ns)


def with_dark_hours(archive: Archive, targets: Sequence[Target], place: Place) -> Archive:
    """The archive with 0 in the dark steps of photovoltaic plants whose loggers write nothing at night.

    Without them no day is whole, and no day's mean is known. Of a step counts as dark that the sun stands below the
    horizon when it begins and when it ends; an outage is left as it is: only nights after a measured day are filled.
    """
    for target in targets:
        if target.kind == "pv" and (target.site, target.name) in archive.rows():
            rows = _dark_hours(archive.rows()[target.site, target.name], target.place or place)
            archive = Archive.of_rows({**archive.rows(), (target.site, target.name): rows})
    return archive


def _dark_hours(rows: Rows, where: Place) -> Rows:
    """Rows with those of the dark steps that are missing, each known as late as the others are."""
    seen = rows.take(np.isfinite(rows.value) & (rows.issue_ns == MEASURED_NS))
    ends = np.unique(seen.valid_ns)
    if len(ends) < 2:
        return rows
    distances, counts = np.unique(np.diff(ends), return_counts=True)
    step = int(distances[np.argmax(counts)])
    grid = np.arange(ends[0], ends[-1] + 1, step)
    instants = utc_index(np.append(grid[0] - step, grid))
    sun = solar_elevation_deg(instants, where.latitude_deg, where.longitude_deg, where.altitude_m)
    dark = np.maximum(sun[1:], sun[:-1]) < NIGHT_ELEVATION_DEG
    there = np.isin(grid, ends)
    if not dark.any() or there[dark].mean() > DARK_SHARE:
        return rows
    last = ends[np.searchsorted(ends, grid, side="right") - 1]
    filled = grid[dark & ~there & (grid - last < DAY_NS)]
    late = int(np.median(seen.available_ns - seen.valid_ns))
    measured, first = np.full(len(filled), MEASURED_NS), np.zeros(len(filled), np.int32)
    # Values that are missing in the dark give way to the 0, which comes after them.
    gone = np.isin(rows.valid_ns, filled) & (rows.issue_ns == MEASURED_NS)
    return rows.take(~gone).joined(Rows(measured, filled, filled + late, first, np.zeros(len(filled))))
