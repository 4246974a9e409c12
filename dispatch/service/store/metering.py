"""Net import of many sites as one array: what deliveries and baselines are counted from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from dispatch.errors import DataError
from dispatch.service.store.series.many import read_sites
from dispatch.service.store.series.names import WHOLE_SITE
from dispatch.service.store.transaction import Tx
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    import pyarrow as pa

    from dispatch.markets.portfolio import Metered

_DAY_S = 86_400


def step_s(found: pa.Table) -> int:
    """How long the meters' intervals are: the usual distance of two values of a site.

    Raises:
        DataError: there are too few values, or their distance does not divide a day.
    """
    import pyarrow as pa

    held = found["site"].cast(pa.string()).to_numpy(zero_copy_only=False)
    times = _seconds(found)
    apart = np.diff(times)[held[1:] == held[:-1]]
    apart = apart[apart > 0]
    if not apart.size:
        raise DataError(f"{WHOLE_SITE} is measured of no site twice; accepted: measurements of each site")
    lengths, counts = np.unique(apart, return_counts=True)
    usual = int(lengths[counts.argmax()])
    if _DAY_S % usual:
        raise DataError(f"the meters' intervals have {usual} s; accepted: such as divide a day, like 900 or 3600 s")
    return usual


def metered(tx: Tx, sites: Sequence[str], start: datetime, end: datetime, time_zone: str) -> Metered:
    """Net import between two times, which both lie at a local midnight or between two intervals; NaN where unknown.

    Of several sources' values for the same time the one that was received last counts.

    Raises:
        DataError: nothing is measured, or in intervals that do not fit.
    """
    from dispatch.markets.portfolio import Metered

    found = read_sites(tx, sites, [WHOLE_SITE], start, end)
    length = step_s(found)
    first, last = round(start.timestamp()), round(end.timestamp())
    if (last - first) % length:
        raise DataError(f"from {start.isoformat()} to {end.isoformat()} is no whole number of {length} s")
    steps = Horizon(np.arange(first, last + 1, length).astype("datetime64[s]"), time_zone)
    return Metered(tuple(sites), steps, _filled(found, sites, steps, length))


def _filled(found: pa.Table, sites: Sequence[str], steps: Horizon, length: int) -> Array:
    """(N, T) values at the interval that ends at their time."""
    import pyarrow as pa

    place = {site: n for n, site in enumerate(sites)}
    row = np.array([place[site] for site in found["site"].cast(pa.string()).to_pylist()], np.intp)
    edges = steps.edges.astype("datetime64[s]").astype(np.int64)
    offset = _seconds(found) - edges[0]
    at = offset // length - 1
    fits = (offset % length == 0) & (at >= 0) & (at < steps.steps)
    received = found["received"].cast(pa.int64()).to_numpy()
    order = np.argsort(received, kind="stable")
    order = order[fits[order]]
    out = np.full((len(sites), steps.steps), np.nan)
    out[row[order], at[order]] = found["value"].to_numpy(zero_copy_only=False)[order]
    return out


def _seconds(found: pa.Table) -> np.ndarray:
    import pyarrow as pa

    return np.asarray(found["time"].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_numpy())
