"""Which series a site has: what measurements of it may be called."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Collection
from typing import TYPE_CHECKING

from dispatch.errors import ConfigError
from dispatch.service.store import sites
from dispatch.service.store.transaction import Tx

if TYPE_CHECKING:
    from dispatch.site import Site

WHOLE_SITE = "net_import_kw"
_KEPT = 4096
_AT_ONCE = 500


def of_park(park: Site) -> frozenset[str]:
    """Names that are understood: of meters and signals, of assets (their mean power), of the whole site, of feeds."""
    from dispatch import fed
    from dispatch.measured.names import names
    from forecasting.archive.rows import curtailed_name

    assets = [asset.name for asset in park.assets]
    held_back = [curtailed_name(asset.name) for asset in park.assets if asset.needs]
    return frozenset([*names(park), *assets, *held_back, WHOLE_SITE, *fed.feeds(park)])


def by_asset(park: Site) -> dict[str, list[str]]:
    """The names of each asset's series, sorted; those of none stand under the empty name."""
    from dispatch.measured.names import names
    from forecasting.archive.rows import curtailed_name

    owner = {name: meaning.key.of for name, meaning in names(park).items() if meaning.key.quantity != "intensity"}
    for asset in park.assets:
        owner |= {asset.name: asset.name, curtailed_name(asset.name): asset.name}
    found: dict[str, list[str]] = {name: [] for name in ("", *(asset.name for asset in park.assets))}
    for name in sorted(of_park(park)):
        found[owner.get(name, "")].append(name)
    return found


def feeds_of_park(park: Site) -> frozenset[str]:
    """Those that are published ahead of their time."""
    from dispatch import fed

    return frozenset(fed.feeds(park))


class _Cache:
    """Names by the tag of a site's version; those least asked for go first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[str, tuple[frozenset[str], frozenset[str]]] = OrderedDict()

    def get(self, etag: str) -> tuple[frozenset[str], frozenset[str]] | None:
        with self._lock:
            if etag in self._held:
                self._held.move_to_end(etag)
            return self._held.get(etag)

    def put(self, etag: str, names: tuple[frozenset[str], frozenset[str]]) -> None:
        with self._lock:
            self._held[etag] = names
            while len(self._held) > _KEPT:
                self._held.popitem(last=False)


_CACHE = _Cache()


def accepted(tx: Tx, wanted: Collection[str]) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """By site that is there: all names that are understood, and which of them may lie ahead."""
    found: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
    listed = sorted(name for name in wanted if re.fullmatch(sites.NAME_PATTERN, name))
    for first in range(0, len(listed), _AT_ONCE):
        query = tx.select(sites.sites, sites.sites.c.site, sites.sites.c.etag)
        some = sites.sites.c.site.in_(listed[first : first + _AT_ONCE])
        for row in tx.all(query.where(some, sites.sites.c.deleted.is_(None))):
            names = _CACHE.get(row.etag)
            if names is None:
                names = _understood(tx, row.site)
                _CACHE.put(row.etag, names)
            found[row.site] = names
    return found


def _understood(tx: Tx, site: str) -> tuple[frozenset[str], frozenset[str]]:
    try:
        park = sites.park(tx, site)
    except ConfigError:  # put under an older version of the program, which took it
        return frozenset(), frozenset()
    assert park is not None
    return of_park(park), feeds_of_park(park)
