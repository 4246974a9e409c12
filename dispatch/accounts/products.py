r"""What a finished plan makes of hydrogen, ammonia and methanol: mass, electricity, carbon and cost per kg.

How money and carbon are allocated, in one path of a plan (scenario 0 is the published one):

* What brings electricity (imports, units that burn fuel, generators) has money m_t and carbon e_t in each step. Both
  are shared by consumption: an asset that draws a_t of the electricity d_t that is used in that step carries a_t/d_t of
  them. Used is what all assets draw but stores and the network, and what is exported: exports carry their share, and
  what they earn lowers nobody's cost. Charging carries nothing: what was emitted or paid for it is borne by those who
  draw power in the same step. Charges by the month and the wear of electric stores are shared by the energy used on
  site over the whole horizon. Where nothing is used in a step, its money and carbon go to nobody.
* A product carries its makers' shares, their own money and carbon (starts, upkeep), and those of what only moves or
  keeps it (compressors, tanks). Carbon dioxide is shared by what each draws of it.
* What is made of hydrogen carries, for each kg of it, the mean of all hydrogen made within the horizon; so does what
  was in tanks at the start, of which nothing else is known. Heat and oxygen earn no credit, nor does hydrogen turned
  back into power.

The levelised cost adds a year's annuity of what the plant cost (``capital``) times the horizon's part of a year; plant
that brings or stores electricity is shared by energy. It says what a kg costs if every day were like these:

.. math:: a = C \frac{i}{1 - (1+i)^{-n}} \quad (C/n \text{ for } i = 0)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dispatch.asset import Asset
from dispatch.fields.fluids import KWH_PER_KG, Product
from dispatch.schedule import Schedule, Solved
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.stores.stock import Storage

WATER_KG_PER_KG = 8.936
"""Water that becomes hydrogen, by mass; what is purged in its treatment comes on top."""
OXYGEN_KG_PER_KG = 7.936
_YEAR_H = 8760.0
_SMALL_KWH = 1e-6


@dataclass(frozen=True)
class Made:
    """One product of one plan.

    Attributes:
        kg: made within the horizon.
        electricity_kwh_per_kg: drawn for it, for its hydrogen included.
        co2_kg_per_kg: as allocated above.
        running_cost_per_kg: money of the plan.
        levelised_cost_per_kg: with annuities; None where no plant of the chain says what it cost.
        water_kg, oxygen_kg: of hydrogen made from water, by the reaction alone; 0 for other products.
    """

    product: Product
    kg: float
    electricity_kwh_per_kg: float
    co2_kg_per_kg: float
    running_cost_per_kg: float
    levelised_cost_per_kg: float | None
    water_kg: float = 0.0
    oxygen_kg: float = 0.0


@dataclass(frozen=True)
class _Borne:
    """What an asset or a product bears over the horizon."""

    electricity_kwh: float = 0.0
    co2_kg: float = 0.0
    money: float = 0.0
    annuity: float = 0.0

    def __add__(self, other: _Borne) -> _Borne:
        mine, theirs = vars(self), vars(other)
        return _Borne(**{name: mine[name] + theirs[name] for name in mine})

    def times(self, factor: float) -> _Borne:
        return _Borne(**{name: value * factor for name, value in vars(self).items()})


def products(site: Site, schedule: Schedule, scenario: int = 0) -> tuple[Made, ...]:
    """Every product that the plan makes, hydrogen first."""
    chain = _Chain(site, schedule, scenario)
    found: dict[Product, _Borne] = {}
    out = []
    for product, lhv in KWH_PER_KG.items():
        energy = {asset.name: chain.net_kwh(asset, product) for asset in chain.plant}
        makers = [a for a in chain.plant if energy[a.name] > _SMALL_KWH]
        kg = sum(energy[a.name] for a in makers) / lhv
        if not makers:
            continue
        movers = [a for a in chain.plant if chain.moves(a, product)]
        borne = sum((chain.own(asset) for asset in (*makers, *movers)), chain.tanks(product))
        for source, per_kg in found.items():
            used = -sum(min(chain.net_kwh(a, source), 0.0) for a in makers) / KWH_PER_KG[source]
            borne = borne + per_kg.times(used)
        found[product] = borne.times(1 / kg)
        out.append(_made(product, kg, found[product], site, chain.water_kg(makers, product)))
    return tuple(out)


def _made(product: Product, kg: float, per_kg: _Borne, site: Site, split_kg: float) -> Made:
    built = any(asset.capital is not None for asset in site.assets)
    levelised = per_kg.money + per_kg.annuity if built else None
    gases = (WATER_KG_PER_KG * split_kg, OXYGEN_KG_PER_KG * split_kg)
    return Made(product, kg, per_kg.electricity_kwh, per_kg.co2_kg, per_kg.money, levelised, *gases)


class _Chain:
    """Flows of one scenario by asset and carrier."""

    def __init__(self, site: Site, schedule: Schedule, scenario: int) -> None:
        self.site, self.schedule, self.scenario = site, schedule, scenario
        self.hours = schedule.inputs.horizon.hours
        self.carrier = dict(zip(site.bus_names, site.bus_carriers, strict=True))
        self.plant = [a for a in site.assets if not isinstance(a, Storage) and not a.is_network]
        supplying = [(s, row) for s, row in self._rows() if np.abs(s.supply_kw[row]).max() > _SMALL_KWH]
        self.suppliers = {s.rows.names[row] for s, row in supplying}
        out_kw = [np.maximum(-s.supply_kw[row], 0) for s, row in supplying]
        paid = [np.where(s.supply_kw[row] < 0, 0.0, s.cost_step[row]) for s, row in supplying]
        self.money = sum(paid, np.zeros(self.hours.size))
        self.by_energy = sum(float(s.cost_period[row].sum()) for s, row in supplying)
        self.by_energy += sum(self._money(a) for a in site.assets if self._stores(a, "electricity"))
        self.co2_kg = sum((s.co2_step_kg[row] for s, row in supplying), np.zeros(self.hours.size))
        self.on_site = sum((self.drawn(a, "electricity") for a in self.plant), np.zeros(self.hours.size))
        self.used = self.on_site + sum(out_kw, np.zeros(self.hours.size)) * self.hours
        self.shared_annuity = sum(self.annuity(a) for a in site.assets if self._serves_all(a))

    def _rows(self) -> Iterator[tuple[Solved, int]]:
        for solved in self.schedule.kinds.values():
            for row in np.flatnonzero(solved.rows.scenario == self.scenario):
                yield solved, int(row)

    def _of(self, asset: Asset) -> tuple[Solved, int]:
        return next((s, row) for s, row in self._rows() if s.rows.names[row] == asset.name)

    def flow_kw(self, asset: Asset, carrier: str) -> Array:
        """(step,) into all buses of a carrier together."""
        solved, row = self._of(asset)
        names, total = solved.rows.buses, np.zeros(self.hours.size)
        for port, power in solved.power_kw.items():
            if self.carrier[names[solved.bus[port][row] % len(names)]] == carrier:
                total = total + power[row]
        return total

    def net_kwh(self, asset: Asset, carrier: str) -> float:
        """Made less used over the horizon; kg where the carrier is CO2."""
        return float(self.flow_kw(asset, carrier) @ self.hours)

    def drawn(self, asset: Asset, carrier: str) -> Array:
        """(step,) kWh drawn of a carrier."""
        return np.asarray(np.maximum(-self.flow_kw(asset, carrier), 0) * self.hours)

    def moves(self, asset: Asset, product: Product) -> bool:
        """Does it take a product from one bus to another and make nothing of it?"""
        solved, row = self._of(asset)
        gross = sum(
            np.abs(power[row]).sum() for port, power in solved.power_kw.items() if self._at(asset, port, product)
        )
        return bool(gross > _SMALL_KWH) and abs(self.net_kwh(asset, product)) <= _SMALL_KWH

    def _at(self, asset: Asset, port: str, carrier: str) -> bool:
        solved, row = self._of(asset)
        names = solved.rows.buses
        return self.carrier[names[solved.bus[port][row] % len(names)]] == carrier

    def _serves_all(self, asset: Asset) -> bool:
        """Brings electricity, or stores it."""
        return asset.name in self.suppliers or self._stores(asset, "electricity")

    def _stores(self, asset: Asset, carrier: str) -> bool:
        return isinstance(asset, Storage) and self.carrier[asset.bus] == carrier

    def _money(self, asset: Asset) -> float:
        """Its own, over the horizon."""
        solved, row = self._of(asset)
        return float(solved.cost_step[row].sum() + solved.cost_period[row].sum())

    def tanks(self, product: Product) -> _Borne:
        """What the tanks of a product cost."""
        mine = [asset for asset in self.site.assets if self._stores(asset, product)]
        return _Borne(money=sum(map(self._money, mine)), annuity=sum(map(self.annuity, mine)))

    def annuity(self, asset: Asset) -> float:
        """Of the horizon's part of a year."""
        return asset.annuity * float(self.hours.sum()) / _YEAR_H

    def own(self, asset: Asset) -> _Borne:
        """What it bears for the electricity and the carbon dioxide that it draws, and of itself."""
        solved, row = self._of(asset)
        drawn = self.drawn(asset, "electricity")
        share = np.divide(drawn, self.used, out=np.zeros_like(drawn), where=self.used > _SMALL_KWH)
        whole = drawn.sum() / max(self.on_site.sum(), _SMALL_KWH)
        money = share @ self.money + whole * self.by_energy + self._money(asset)
        borne = _Borne(
            electricity_kwh=float(drawn.sum()),
            co2_kg=float(share @ self.co2_kg + solved.co2_step_kg[row].sum()),
            money=float(money),
            annuity=self.annuity(asset) + whole * self.shared_annuity,
        )
        return borne + self._fed(asset)

    def _fed(self, asset: Asset) -> _Borne:
        """The part of all carbon dioxide's money, carbon and annuity that it draws."""
        drawn = float(self.drawn(asset, "co2").sum())
        if drawn <= _SMALL_KWH:
            return _Borne()
        everyone = sum(float(self.drawn(a, "co2").sum()) for a in self.plant)
        sources = [a for a in self.plant if self.net_kwh(a, "co2") > _SMALL_KWH and not self._fires(a)]
        return sum((self.own(source) for source in sources), _Borne()).times(drawn / everyone)

    def _fires(self, asset: Asset) -> bool:
        """Makes a product of its own beside carbon dioxide: its money is that product's."""
        return any(self.net_kwh(asset, product) > _SMALL_KWH for product in KWH_PER_KG)

    def water_kg(self, makers: list[Asset], product: Product) -> float:
        """Hydrogen split from water with electricity alone."""
        if product != "hydrogen":
            return 0.0
        split = [a for a in makers if self.drawn(a, "electricity").sum() > self.net_kwh(a, "hydrogen")]
        return sum(self.net_kwh(a, "hydrogen") for a in split) / KWH_PER_KG["hydrogen"]
