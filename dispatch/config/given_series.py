"""Arrays that a caller gives for a park: which an asset takes, and prices that stand in for those of a tariff."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from dispatch import fed
from dispatch.asset import Asset
from dispatch.assets.grid_connection import GridConnection
from dispatch.config.mistakes import near_miss
from dispatch.errors import DataError
from dispatch.fields.series import Feed
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.tariff import Component

_DIRECTIONS = {"import_price_per_kwh": "import", "export_price_per_kwh": "export"}
Arrays = Mapping[tuple[str, str], Array]


def accepted_series(asset: Asset, horizon: Horizon) -> tuple[str, ...]:
    """Quantities that may be given for an asset: what it needs, and what its own fields would say otherwise."""
    needed = (need.quantity for need in asset.needs)
    return tuple(dict.fromkeys([*needed, *sorted(asset.known(horizon))]))


def require_assets(site: Site, keys: Collection[Any]) -> None:
    """Every series is of an asset that there is.

    Raises:
        DataError: one is not, and would be passed over in silence; says what would be accepted.
    """
    names = [asset.name for asset in site.assets]
    for key in keys:
        if not (isinstance(key, tuple) and len(key) == 2):
            raise DataError(f"series {key!r} is no (asset, quantity). Accepted: such as ('load', 'demand_kw')")
        if key[0] not in names:
            hint = near_miss(key[0], names)
            raise DataError(f"series '{key[1]}' is of '{key[0]}', and there is no such asset. Accepted: {hint}")


def _require_quantities(site: Site, horizon: Horizon, keys: Collection[tuple[str, str]]) -> None:
    for asset in site.assets:
        valid = accepted_series(asset, horizon)
        for name, quantity in keys:
            if name == asset.name and quantity not in valid:
                hint = near_miss(quantity, valid, nothing="none")
                raise DataError(f"asset '{name}' of kind {asset.kind} takes no series '{quantity}'. Accepted: {hint}")


def with_given_series(site: Site, horizon: Horizon, arrays: Arrays) -> tuple[Site, dict[tuple[str, str], Array]]:
    """The park, and all its input series, with arrays (scenario, step) in the place of what its fields say.

    A price that is given for a connection takes the place of all energy components of its tariff in that direction.
    The bill has to know it as well, so it is put into the tariff, like a price that is read from a feed.

    Raises:
        DataError: an array is of no quantity that its asset takes.
    """
    changed = {asset.name: made for asset in site.assets if (made := _priced(asset, horizon, arrays)) is not asset}
    assets = tuple(changed.get(asset.name, asset) for asset in site.assets)
    site = site.model_copy(update={"assets": assets}) if changed else site
    _require_quantities(site, horizon, arrays.keys())
    series = site.known_series(horizon) | dict(arrays)
    for name, asset in changed.items():
        paths = {_feed(asset, d): arrays[name, q] for q, d in _DIRECTIONS.items() if (name, q) in arrays}
        own = fed.series((asset,), horizon, paths)
        series |= {key: values for key, values in own.items() if key not in arrays or key[1] in _DIRECTIONS}
    return site, series


def _priced(asset: Asset, horizon: Horizon, arrays: Arrays) -> Asset:
    """A connection whose tariff holds the given prices, those of the first scenario; any other asset as it is."""
    given = {d: arrays[asset.name, q][0] for q, d in _DIRECTIONS.items() if (asset.name, q) in arrays}
    if not isinstance(asset, GridConnection) or not given:
        return asset
    kept = [c for c in asset.tariff.components if c.basis != "energy" or c.direction not in given]
    gone = {c.name: _name(c.direction) for c in asset.tariff.components if c.basis == "energy" and c.direction in given}
    kept = [_named_anew(component, gone) for component in kept]
    components = (*_components(asset, horizon, given), *kept)
    return asset.model_copy(update={"tariff": asset.tariff.model_copy(update={"components": components})})


def _named_anew(component: Component, gone: Mapping[str, str]) -> Component:
    """A tax on energy components is one on the price that stands in their place."""
    if not set(component.of) & set(gone):
        return component
    return component.model_copy(update={"of": tuple(dict.fromkeys(gone.get(name, name) for name in component.of))})


def _name(direction: str) -> str:
    return f"given {direction} price"


def _components(asset: GridConnection, horizon: Horizon, given: Mapping[str, Array]) -> Iterator[Component]:
    edges = horizon.edges.astype("datetime64[s]").astype(np.float64)
    for direction, values in given.items():
        spans = {"starts": edges[:-1].tolist(), "ends": edges[1:].tolist(), "values": values.tolist()}
        price = Feed.model_validate({"feed": _feed(asset, direction), **spans})
        yield Component.model_validate(
            {
                "name": _name(direction),
                "direction": direction,
                "basis": "energy",
                "price_per_kwh": price,
                "source": "given by the caller",
            }
        )


def _feed(asset: Asset, direction: str) -> str:
    """The name of the series that stands for a given price; its end says the unit."""
    assert isinstance(asset, GridConnection)
    return f"given_{direction}_price_{asset.tariff.currency.lower()}_per_kwh"
