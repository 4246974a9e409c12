"""What sites of a fleet are forecast from: their own measurements, as far as they were known when plans are made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dispatch.service.store.series.many import archives
from dispatch.service.store.transaction import Tx

if TYPE_CHECKING:
    from dispatch.service.store.fleets import Listed
    from dispatch.signals import Horizon
    from dispatch.sources import Sources

# What forecasts learn from at most; see forecasting.forecast.
_HISTORY = timedelta(days=400)
_DELAY = timedelta(minutes=15)


def sources(
    tx: Tx, listed: Sequence[Listed], horizon: Horizon, issue: datetime, *, is_imported: bool = False
) -> tuple[Sources, ...]:
    """One for each site, with the series that its plan needs.

    Args:
        is_imported: values count as known soon after the end of their intervals, whenever they came here.
    """
    from dispatch import fed
    from dispatch.sources import Sources
    from forecasting.archive.rows import curtailed_name

    names: set[str] = set()
    for one in listed:
        needed = [asset.name for asset in one.park.assets if asset.needs]
        names |= {*needed, *map(curtailed_name, needed), *fed.feeds(one.park)}
    delay = _DELAY if is_imported else None
    end = max(issue, horizon.start + timedelta(hours=float(horizon.edge_h[-1])))
    held = archives(tx, [one.site for one in listed], names, min(issue, horizon.start) - _HISTORY, end, delay=delay)
    return tuple(Sources(held[one.site]) for one in listed)


def nothing() -> Sources:
    """Of a site of which nothing was measured."""
    from dispatch.sources import Sources
    from forecasting.archive import Archive

    return Sources(Archive.empty())
