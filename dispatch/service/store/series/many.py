"""Series of many sites in one query: a fleet's would otherwise read everything once for each of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dispatch.service.store.series.archives import _by_series
from dispatch.service.store.series.reading import _ROWS, _query
from dispatch.service.store.transaction import Tx

if TYPE_CHECKING:
    import pyarrow as pa

    from forecasting.archive import Archive


def read_sites(
    tx: Tx,
    sites: Collection[str],
    names: Collection[str],
    start: datetime,
    end: datetime,
    as_of: datetime | None = None,
) -> pa.Table:
    """Values of intervals that end in (start, end]: site, series, source, time, value, received, sorted."""
    where = "AND list_contains($sites, site) AND list_contains($names, series)"
    query = f"SELECT site, series, source, time, value, received FROM ({_ROWS}) ORDER BY site, series, source, time"
    return _query(tx, query, where, {"sites": sorted(sites), "names": sorted(names)}, start, end, as_of)


def archives(
    tx: Tx,
    sites: Sequence[str],
    names: Collection[str],
    start: datetime,
    end: datetime,
    *,
    delay: timedelta | None = None,
) -> Mapping[str, Archive]:
    """By site, what is held of it under (site, series); see :func:`dispatch.service.store.series.archives.archive`."""
    from forecasting.archive import Archive

    found = read_sites(tx, sites, names, start, end)
    held = found["site"].to_numpy(zero_copy_only=False)
    edges = np.flatnonzero(np.r_[True, held[1:] != held[:-1], True]) if held.size else np.zeros(0, int)
    made = {site: Archive.empty() for site in sites}
    for at, until in pairwise(edges):
        site = str(held[at])
        rows = _by_series(found.slice(at, until - at), delay)
        made[site] = Archive.of_rows({(site, name): own for name, own in rows.items()})
    return made
