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

from collections.abc import Iterator, Mapping, Sequence

from dispatch.asset import Asset, Inputs
from dispatch.site import Site
from dispatch.stores.stock import Storage
from dispatch.worth import Activity, Worth

_ROUNDS = 30
"""Values feed back where a process needs electricity: each round leaves a sixth of what is left, at most."""
_SAME = 1e-9


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
    each = [(asset, asset.worth(inputs)) for asset in site.assets]
    plant = [activity for _, own in each for activity in own.activities]
    imported = _imported(each, carrier)
    cost = _costs(_bought(each) | imported, plant)
    asked = {bus for asset, own in each if own.served for bus in _buses(asset)}
    electric = {bus for bus in carrier if carrier[bus] == "electricity"}
    # Imports fill what lacks in every hour; a genset of an island may stand while its wind is turned away.
    saves = asked | electric if electric & imported.keys() else asked - electric
    sold: dict[str, list[float]] = {}
    for _, own in each:
        for bus, price in own.sold.items():
            sold.setdefault(bus, []).append(price)
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


def _bought(each: Sequence[tuple[Asset, Worth]]) -> dict[str, float]:
    """By bus, what one more costs where a supply brings it: the cheapest."""
    out: dict[str, float] = {}
    for asset, own in each:
        if not asset.is_network:
            out |= {bus: min(price, out.get(bus, price)) for bus, price in own.bought.items()}
    return out


def _imported(each: Sequence[tuple[Asset, Worth]], carrier: Mapping[str, str]) -> dict[str, float]:
    """By bus, what networks bring one more for: the mean over those of its carrier, whichever bus they stand on."""
    prices: dict[str, list[float]] = {}
    for asset, own in each:
        for bus, price in own.bought.items() if asset.is_network else ():
            prices.setdefault(carrier[bus], []).append(price)
    return {bus: sum(prices[c]) / len(prices[c]) for bus, c in carrier.items() if c in prices}


def _costs(bought: Mapping[str, float], plant: Sequence[Activity]) -> dict[str, float]:
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


def _passed_back(plant: Sequence[Activity], worth: Mapping[str, float]) -> Iterator[tuple[str, str, float]]:
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
