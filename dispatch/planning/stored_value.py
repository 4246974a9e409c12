r"""Money per kWh that a store holds, for ends of plans and for accounts that compare ways to run a park.

One valuation for parks with a grid connection and without. Plant is a list of activities: so much of each input i
becomes so much of each output j at an upkeep c. A kWh on a bus is worth

.. math::
    m_{out} = \min_{ways} \frac{Σ_i a_i m_i + c - Σ_{j>1} k_j m_j}{k_1}, \quad
    u_{in} = \min_{uses} \frac{Σ_j k_j v_j - Σ_{i>1} a_i v_i - c}{a_1}, \quad
    v = m \text{ where something must be served or a use pays } m, \text{ else } u

m is what it takes to have one more: the mean import price, a fuel's price, and what plant makes of them; the cheapest
way counts. u is what it becomes: what products are sold for, passed back through the plant that makes them. Of uses the
least, because a park serves the one that earns most first: one kWh more goes to the one that is left. A bus with no use
but others of its own carrier (a valve, a compressor) is worth what they lead to. Where m is above all that any use
pays, nobody would buy for it, and what is there is worth u.

Prices are means over the horizon, plant is taken at its rating, limits of supplies and losses of cables are left out.
Free generation is no way: it is there or not. A store on a bus that no price reaches has no value (:func:`unvalued`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dispatch.asset import Asset, Inputs
from dispatch.assets.cable import Cable
from dispatch.assets.chp import Chp
from dispatch.assets.co2_supply import Co2Supply
from dispatch.assets.co_firing import CoFiring
from dispatch.assets.converter import Converter
from dispatch.assets.fuel_supply import FuelSupply
from dispatch.assets.grid_connection import GridConnection
from dispatch.assets.ice_store import IceStore
from dispatch.assets.pipe import Pipe
from dispatch.assets.product_offtake import ProductOfftake
from dispatch.assets.thermal import Thermal
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.stores.stock import Storage
from dispatch.units.conversion import Conversion
from dispatch.units.electrolysis import Electrolyser
from dispatch.units.fired import Fired
from dispatch.units.generation import VariableGeneration
from dispatch.units.offered import Offered
from dispatch.units.reserve_asked import ReserveAsked

_ROUNDS = 30
"""Values feed back where a process needs electricity: each round leaves a sixth of what is left, at most."""
_SAME = 1e-9

_ASKS_NOTHING = (
    *(Storage, Conversion, Electrolyser, Fired, Thermal, VariableGeneration, Offered, ReserveAsked),
    *(GridConnection, FuelSupply, Co2Supply, ProductOfftake, Cable, Converter, Pipe),
)
"""Kinds that need not be served: whatever else stands on a bus draws what must be there."""


@dataclass(frozen=True)
class _Activity:
    """What plant does, by bus in kWh (kg of CO2): inputs and outputs, the first of each being what it is there for.

    Attributes:
        cost: money beside its inputs.
        makes: it is a way to have one more of its first output; else that cannot be moved, only saved.
    """

    takes: Mapping[str, float]
    gives: Mapping[str, float]
    cost: float = 0.0
    makes: bool = True


def store_values(site: Site, inputs: Inputs) -> dict[str, float]:
    """Money per kWh held, by store: the value of its bus, for what comes out of it. Those of :func:`unvalued` lack."""
    values = by_bus(site, inputs)
    return {s.name: values[s.bus] * s.discharge_efficiency for s in _stores(site) if s.bus in values}


def unvalued(site: Site, inputs: Inputs) -> dict[str, str]:
    """By store that no price reaches, its bus."""
    values = by_bus(site, inputs)
    return {s.name: s.bus for s in _stores(site) if s.bus not in values}


def _stores(site: Site) -> list[Storage]:
    return [asset for asset in site.assets if isinstance(asset, Storage)]


def by_bus(site: Site, inputs: Inputs) -> dict[str, float]:
    """What a kWh on each bus is worth; buses that no price reaches are left out."""
    carrier = dict(zip(site.bus_names, site.bus_carriers, strict=True))
    plant = [activity for asset in site.assets for activity in _activities(asset, inputs)]
    cost = _costs(_bought(site, inputs), plant)
    asked = {bus for asset in site.assets if not isinstance(asset, _ASKS_NOTHING) for bus in _buses(asset)}
    electric = {bus for bus in carrier if carrier[bus] == "electricity"}
    # Imports fill what lacks in every hour; a genset of an island may stand while its wind is turned away.
    saves = asked - electric if _import_price(inputs) is None else asked | electric
    sold: dict[str, list[float]] = {}
    for asset in site.assets:
        if isinstance(asset, ProductOfftake):
            per_t = _mean(inputs.series[asset.name, "product_price_per_t"])
            sold.setdefault(asset.bus, []).append(per_t / 1000 / asset.kwh_per_kg)
    worth = dict(cost)
    for _ in range(_ROUNDS):
        uses, ways = {bus: list(prices) for bus, prices in sold.items()}, dict[str, list[float]]()
        idle: set[str] = set()
        for source, first, value in _passed_back(plant, worth):
            if value > 0:
                (ways if carrier[source] == carrier[first] else uses).setdefault(source, []).append(value)
            elif source not in asked:
                idle.add(source)
        found = {bus: _use(uses.get(bus, []), ways.get(bus, []), bus in idle, cost.get(bus)) for bus in carrier}
        worth = {bus: value for bus, value in found.items() if value is not None}
        worth |= {bus: cost[bus] for bus in saves & cost.keys()}
    return worth


def _use(uses: list[float], ways: list[float], idle: bool, cost: float | None) -> float | None:
    """Value of a bus by what its uses and the ways out of it pay, and by what one more costs, if one can be had.

    Args:
        idle: what would use it runs at a loss, and so does not run.
    """
    if cost is not None and max([*uses, *ways], default=0.0 if idle else cost) >= cost - _SAME * abs(cost):
        return cost
    return min(uses, default=max(ways, default=None if cost is None else 0.0))


def _bought(site: Site, inputs: Inputs) -> dict[str, float]:
    """By bus, what one more costs where it enters the site; imports reach every electricity bus."""
    out: dict[str, float] = {}
    for asset in site.assets:
        if isinstance(asset, FuelSupply):
            price = _mean(inputs.series[asset.name, "price_per_kwh"])
            out[asset.bus] = min(price, out.get(asset.bus, price))
        elif isinstance(asset, Co2Supply):
            price = _mean(inputs.series[asset.name, "co2_price_per_t"]) / 1000
            out[asset.bus] = min(price, out.get(asset.bus, price))
    imported = _import_price(inputs)
    if imported is not None:
        electric = (b for b, c in zip(site.bus_names, site.bus_carriers, strict=True) if c == "electricity")
        out |= dict.fromkeys(electric, imported)
    return out


def _import_price(inputs: Inputs) -> float | None:
    """Mean over connections; None without one."""
    prices = [_mean(values) for (_, name), values in inputs.series.items() if name == "import_price_per_kwh"]
    return sum(prices) / len(prices) if prices else None


def _costs(bought: Mapping[str, float], plant: list[_Activity]) -> dict[str, float]:
    """By bus, what one more costs: bought, or made of what is bought."""
    cost = dict(bought)
    for _ in range(_ROUNDS):
        made: dict[str, list[float]] = {}
        free: set[str] = set()
        for way in plant:
            if not way.makes or any(k > 0 and bus not in cost for bus, k in way.takes.items()):
                continue
            first, *others = way.gives
            earned = sum(way.gives[bus] * cost.get(bus, 0.0) for bus in others)
            paid = sum(k * cost[bus] for bus, k in way.takes.items() if k > 0) + way.cost
            if earned > 0 and paid <= earned:
                free.add(first)  # it runs for its other outputs, to its limit: one more comes from elsewhere
            else:
                made.setdefault(first, []).append((paid - earned) / way.gives[first])
        known = {bus: min([*values, bought.get(bus, values[0])]) for bus, values in made.items()}
        cost = dict.fromkeys(free, 0.0) | known | {bus: price for bus, price in bought.items() if bus not in known}
    return cost


def _passed_back(plant: list[_Activity], worth: Mapping[str, float]) -> Iterator[tuple[str, str, float]]:
    """By activity whose first output has a value: first input, first output, and what a kWh drawn is worth."""
    for use in plant:
        source, first = next(iter(use.takes), None), next(iter(use.gives), None)
        if source is not None and first is not None and first in worth:
            earned = sum(k * worth.get(bus, 0.0) for bus, k in use.gives.items())
            paid = sum(k * worth.get(bus, 0.0) for bus, k in use.takes.items() if bus != source)
            yield source, first, (earned - paid - use.cost) / use.takes[source]


def _buses(asset: Asset) -> Iterator[str]:
    """The buses that it stands on."""
    for field in asset.bus_fields:
        if getattr(asset, field, None) is not None:
            yield getattr(asset, field)


def _activities(asset: Asset, inputs: Inputs) -> Iterator[_Activity]:
    """What an asset makes of what; nothing where it only brings, takes or keeps."""
    match asset:
        case Conversion():
            yield from _conversion(asset, inputs)
        case Electrolyser():
            draw_kw, hydrogen_kw = asset.points()[-1]
            yield _Activity({asset.bus: 1.0}, {asset.hydrogen_bus: float(hydrogen_kw / draw_kw)})
        case Thermal():
            power_kw, cost_per_h = asset.cost_points()[-1]
            yield _Activity({}, {asset.bus: 1.0}, float(cost_per_h / power_kw))
        case Fired():
            yield from _fired(asset)
        case IceStore():
            ratio = _mean(inputs.series[asset.name, "cold_kw_per_kw"])  # of its own chiller
            kept = 1.0 if asset.chill_kw > 0 else 1 - asset.freezing_loss_fraction
            yield _Activity({asset.electric_bus: 1.0}, {asset.bus: ratio * kept})
        case Pipe():
            for one, other in [(asset.bus, asset.far_bus), (asset.far_bus, asset.bus)][: 1 + asset.two_way]:
                yield _Activity({one: 1.0}, {other: 1 - asset.loss_fraction}, asset.cost_per_kwh)
        case Cable() | Converter():
            far, lost = (asset.far_bus, 0.0) if isinstance(asset, Cable) else (asset.dc_bus, asset.loss_per_kw)
            for one, other in ((asset.bus, far), (far, asset.bus)):
                yield _Activity({one: 1.0}, {other: 1 - lost})


def _conversion(asset: Conversion, inputs: Inputs) -> Iterator[_Activity]:
    """Per kWh of input."""

    def flows(fields: Mapping[str, str]) -> dict[str, float]:
        named = {p: getattr(asset, f) for p, f in fields.items() if getattr(asset, f) is not None}
        return {bus: _mean(inputs.series[asset.name, f"{port}_kw_per_kw"]) for port, bus in named.items()}

    made, drawn = flows(asset.outputs), {getattr(asset, asset.input_bus): 1.0}
    if next(iter(made.values()), 0.0) > 0:
        yield _Activity(drawn | flows(asset.side_inputs), made, asset.cost_per_kwh)


def _fired(asset: Fired) -> Iterator[_Activity]:
    """Per kWh of load: without heat, and with as much as there can be; ammonia saves as much of the fuel."""
    fuel = {asset.fuel_bus: 1 / asset.efficiency + asset.no_load_kw / asset.max_kw}
    yield _Activity(fuel, {asset.bus: 1.0}, asset.cost_per_kwh)
    if isinstance(asset, Chp) and (per_load := asset.power_to_heat + asset.power_loss) > 0:
        drawn = {asset.heat_bus: 1 / per_load, asset.bus: asset.power_to_heat / per_load}
        yield _Activity(fuel, drawn, asset.cost_per_kwh)
    if isinstance(asset, CoFiring) and asset.ammonia_share_max > 0:
        yield _Activity({asset.ammonia_bus: 1.0}, {asset.fuel_bus: 1.0}, makes=False)


def _mean(values: Array) -> float:
    return float(values.mean())
