"""Sites that were offered as they were then, held against what they are now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dispatch.service.store import sites
from dispatch.service.store.transaction import Tx
from dispatch.service.work.fleet_day import FleetDay
from dispatch.site import Site

if TYPE_CHECKING:
    import pyarrow as pa


def changed(tx: Tx, day: FleetDay) -> dict[str, str]:
    """Sites of a day that were deleted since, or whose plant is another now, and which of both; prices do not count."""
    found = {}
    for one, version in zip(day.sites, day.versions, strict=True):
        kept = sites.get(tx, one.site.name)
        park = None if kept is None else sites.park(tx, one.site.name, kept.version)
        if kept is None or park is None:
            found[one.site.name] = "was deleted since it was offered"
        elif kept.version != version and _plant(park) != _plant(one.site):
            found[one.site.name] = f"was offered as version {version}; in version {kept.version} its plant is another"
    return found


def _plant(park: Site) -> tuple[Any, ...]:
    assets = tuple(one.model_copy(update={"tariff": None}) if hasattr(one, "tariff") else one for one in park.assets)
    return assets, park.buses, park.grid, park.groups


def without(
    day: FleetDay, left_out: Collection[str], tables: Sequence[pa.Table]
) -> tuple[FleetDay, tuple[pa.Table, ...]]:
    """A day without some of its sites, and tables with a column ``site`` likewise."""
    if not left_out:
        return day, tuple(tables)
    kept = [n for n, one in enumerate(day.sites) if one.site.name not in left_out]
    names = [day.sites[n].site.name for n in kept]
    less = replace(
        day,
        sites=tuple(day.sites[n] for n in kept),
        versions=tuple(day.versions[n] for n in kept),
        sources=None if day.sources is None else tuple(day.sources[n] for n in kept),
        known=None if day.known is None else day.known.of_sites(names),
    )
    return less, tuple(table.filter([site not in left_out for site in table["site"].to_pylist()]) for table in tables)
