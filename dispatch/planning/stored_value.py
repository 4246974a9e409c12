r"""Money per kWh that a store holds, for ends of plans and for accounts that compare ways to run a park.

With a grid connection a kWh held saves imports at their mean price (:func:`dispatch.planning.comparison.store_values`).
Without one it becomes what is sold, passed back bus by bus through the plant that makes it. With yields k of outputs j,
side inputs a of i and upkeep c per kWh of input,

.. math::
    v_{in} = \min_{uses} \{Σ_j k_j v_j - Σ_i a_i v_i - c > 0\}, \quad v_{sold} = \min_{sales} price

The least, because a park serves the use that earns most first: one kWh more goes to the one that is left. A bus with no
use but others of its own carrier (a valve, a compressor) is worth what they lead to. What no price reaches is worth 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dispatch.asset import Inputs
from dispatch.assets.co2_supply import Co2Supply
from dispatch.assets.product_offtake import ProductOfftake
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.units.conversion import Conversion
from dispatch.units.electrolysis import Electrolyser

_ROUNDS = 30
"""Values feed back where a process needs electricity: each round leaves a sixth of what is left, at most."""


def by_bus(site: Site, inputs: Inputs) -> dict[str, float]:
    """What a kWh on each bus becomes; buses that no price reaches are left out."""
    carrier = dict(zip(site.bus_names, site.bus_carriers, strict=True))
    sold: dict[str, list[float]] = {}
    for asset in site.assets:
        if isinstance(asset, ProductOfftake):
            per_t = _mean(inputs.series[asset.name, "product_price_per_t"])
            sold.setdefault(asset.bus, []).append(per_t / 1000 / asset.kwh_per_kg)
    bought = {
        a.bus: _mean(inputs.series[a.name, "co2_price_per_t"]) / 1000 for a in site.assets if isinstance(a, Co2Supply)
    }
    worth: dict[str, float] = {}
    for _ in range(_ROUNDS):
        uses, ways = {bus: list(prices) for bus, prices in sold.items()}, dict[str, list[float]]()
        for source, first, value in _passed_back(site, inputs, bought | worth):
            if value > 0:
                same = carrier[source] == carrier[first]
                (ways if same else uses).setdefault(source, []).append(value)
        worth = {bus: max(values) for bus, values in ways.items()} | {bus: min(values) for bus, values in uses.items()}
    return worth


def _passed_back(site: Site, inputs: Inputs, worth: Mapping[str, float]) -> Iterator[tuple[str, str, float]]:
    """By plant: the bus it draws from, that of its first output, and what a kWh drawn is worth through it."""
    for asset in site.assets:
        if isinstance(asset, Conversion):
            made = {p: getattr(asset, f) for p, f in asset.outputs.items()}
            taken = {p: getattr(asset, f) for p, f in asset.side_inputs.items()}
            flows = {p: _mean(inputs.series[asset.name, f"{p}_kw_per_kw"]) for p in (*made, *taken)}
            earned = sum(flows[p] * worth.get(bus, 0.0) for p, bus in made.items())
            paid = sum(flows[p] * worth.get(bus, 0.0) for p, bus in taken.items())
            yield getattr(asset, asset.input_bus), next(iter(made.values())), earned - paid - asset.cost_per_kwh
        elif isinstance(asset, Electrolyser):
            draw_kw, hydrogen_kw = asset.points()[-1]
            yield asset.bus, asset.hydrogen_bus, float(hydrogen_kw / draw_kw) * worth.get(asset.hydrogen_bus, 0.0)


def _mean(values: Array) -> float:
    return float(values.mean())
