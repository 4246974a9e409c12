"""Money per kWh that a store holds more at a day's end than at its start, so that no method lives on what was there.

With a grid connection that is what a kWh held saves in imports, as a replay counts. Without one it is what the kWh ends
as: the price of the product sold, passed back through the processes that make it by their yields.
"""

from __future__ import annotations

from dispatch.assets.grid_connection import GridConnection
from dispatch.assets.product_offtake import ProductOfftake
from dispatch.replay import Case
from dispatch.replay.windows import store_values_of
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.stores.stock import Storage
from dispatch.units.conversion import Conversion

_MOST_STEPS = 8


def is_islanded(site: Site) -> bool:
    """Has it no connection to a grid?"""
    return not any(isinstance(asset, GridConnection) for asset in site.assets)


def worth_of(case: Case) -> dict[str, float]:
    """By store."""
    return _of_products(case.site, case.span) if is_islanded(case.site) else store_values_of(case)


def _of_products(site: Site, horizon: Horizon) -> dict[str, float]:
    """Money per kWh on each bus: what is sold from it, or what the best process makes of it."""
    value = {a.bus: _per_kwh(a) for a in site.assets if isinstance(a, ProductOfftake)}
    for _ in range(_MOST_STEPS):
        for asset in site.assets:
            if isinstance(asset, Conversion):
                yields = asset.per_input(horizon)
                made = [value.get(getattr(asset, bus), 0.0) * float(yields[p]) for p, bus in asset.outputs.items()]
                source = getattr(asset, asset.input_bus)
                value[source] = max(value.get(source, 0.0), sum(made))
    return {a.name: value.get(a.bus, 0.0) for a in site.assets if isinstance(a, Storage)}


def _per_kwh(offtake: ProductOfftake) -> float:
    price = offtake.price_per_t
    return float(price) / 1000 / offtake.kwh_per_kg if isinstance(price, float | int) else 0.0
