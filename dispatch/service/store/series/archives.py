"""Measurements as the archive that forecasts learn from and plans are made on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from dispatch.service.errors import NotFoundError
from dispatch.service.store import sites
from dispatch.service.store.metadata import EPOCH
from dispatch.service.store.series import reading
from dispatch.service.store.transaction import Tx

if TYPE_CHECKING:
    import pyarrow as pa

    from forecasting.archive import Archive
    from forecasting.archive.rows import Rows

_NS_PER_US = 1000


def archive(
    tx: Tx,
    site: str,
    names: Collection[str] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    *,
    as_of: datetime | None = None,
    delay: timedelta | None = None,
) -> Archive:
    """What is held of a site, under the park's own name, as (park, series) → rows.

    Args:
        names: series; all by default.
        start, end: of the intervals; all by default.
        as_of: nothing that was received later.
        delay: take each value as known so long after the end of its interval. By default it is known from when it was
            received: then a history that was uploaded today was not known yesterday.

    Raises:
        NotFoundError: there is no such site, or not any more.
    """
    from forecasting.archive import Archive

    park = sites.park(tx, site)
    if park is None:
        raise NotFoundError(f"There is no site '{site}'.")
    first, last = start or EPOCH, end or datetime.max.replace(tzinfo=EPOCH.tzinfo)
    # With their moments of receipt all values of a time are kept: as of an earlier one another was known.
    read = reading.revisions if delay is None else reading.read
    found = read(tx, site, names, first, last, as_of)
    return Archive.of_rows({(park.name, name): rows for name, rows in _by_series(found, delay).items()})


def _by_series(found: pa.Table, delay: timedelta | None) -> dict[str, Rows]:
    import pyarrow as pa
    import pyarrow.compute as pc

    from forecasting.archive.rows import MEASURED_NS, Rows

    columns = {name: found[name].cast(pa.int64()).to_numpy() * _NS_PER_US for name in ("time", "received")}
    value = found["value"].to_numpy().astype(np.float64)
    known = columns["received"]
    if delay is not None:
        known = columns["time"] + int(delay / timedelta(microseconds=1)) * _NS_PER_US
    names = found["series"].to_numpy(zero_copy_only=False)
    made = {}
    for name in sorted(pc.unique(found["series"]).to_pylist()):
        at = np.flatnonzero(names == name)
        issue, member = np.full(len(at), MEASURED_NS), np.zeros(len(at), dtype=np.int32)
        made[name] = Rows(issue, columns["time"][at], known[at], member, value[at]).sorted()
    return made
