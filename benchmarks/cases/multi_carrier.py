"""Three sites of several carriers in nobody's language: arrays and components that every model builder reads alike.

Hourly steps over two days; all flows are kW of input, fuels and hydrogen by lower heating value. Stores end as full as
they start. There are no whole numbers, so each case has one optimum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from benchmarks.cases.commitment import Array
from dispatch.asset import Asset, Carrier, Inputs
from dispatch.assets.battery import Battery
from dispatch.assets.chp import Chp as ChpAsset
from dispatch.assets.electric_boiler import ElectricBoiler
from dispatch.assets.fuel_supply import FuelSupply
from dispatch.assets.gas_boiler import GasBoiler
from dispatch.assets.grid_connection import GridConnection
from dispatch.assets.heat_pump import HeatPump
from dispatch.assets.hydrogen_tank import HydrogenTank
from dispatch.assets.load import Load
from dispatch.assets.pem_electrolyser import PemElectrolyser
from dispatch.assets.thermal_store import ThermalStore
from dispatch.assets.wind import Wind as WindAsset
from dispatch.fields.fluids import KWH_PER_KG
from dispatch.signals import Horizon
from dispatch.site import Bus, Site
from dispatch.tariff.components import Component
from dispatch.tariff.tariff import Tariff

STEPS = 48
KG_PER_MWH = 18.0


@dataclass(frozen=True)
class Trade:
    """A connection: bought and sold at prices by step; a fuel is bought at one price and never sold."""

    name: str
    bus: str
    buy: Array
    sell: Array | None
    most_kw: float


@dataclass(frozen=True)
class Demand:
    name: str
    bus: str
    kw: Array


@dataclass(frozen=True)
class Weather:
    name: str
    bus: str
    available_kw: Array


@dataclass(frozen=True)
class Store:
    name: str
    bus: str
    energy_kwh: float
    power_kw: float
    efficiency: float = 1.0  # one way
    least_fill: float = 0.0
    start_fill: float = 0.5
    loss_per_h: float = 0.0
    wear_per_kwh: float = 0.0  # of discharge


@dataclass(frozen=True)
class Converter:
    """Output = gain · input, 0 ≤ input ≤ rating."""

    name: str
    source: str
    target: str
    input_kw: float
    gain: Array
    asset: Asset


@dataclass(frozen=True)
class Chp:
    """P ≥ c_b Q, P + c_v Q ≤ P_max, fuel (P + c_v Q) / η."""

    name: str
    fuel: str
    bus: str
    heat: str
    max_kw: float
    efficiency: float
    power_to_heat: float
    power_loss: float


Component_ = Trade | Demand | Weather | Store | Converter | Chp
P = TypeVar("P", bound=Component_)


@dataclass(frozen=True)
class Case:
    name: str
    buses: dict[str, Carrier]
    parts: tuple[Component_, ...]
    steps: int = STEPS

    def of(self, kind: type[P]) -> list[P]:
        return [part for part in self.parts if isinstance(part, kind)]


def _price() -> Array:
    """Low at night, highest in the evening."""
    hours = np.arange(STEPS) % 24
    return np.asarray(0.14 + 0.08 * np.sin((hours - 13) / 24 * 2 * np.pi) + 0.05 * (hours >= 17) * (hours <= 20))


def _day(least: float, most: float, peak_h: float, seed: int) -> Array:
    hours = np.arange(STEPS) % 24
    shape = np.exp(-(((hours - peak_h) / 5) ** 2)) + 0.05 * np.random.default_rng(seed).random(hours.size)
    return np.asarray(least + (most - least) * shape).round(3)


def _trade(sold: bool = False) -> Trade:
    buy = _price().round(5)
    return Trade("grid", "main", buy, (0.6 * buy).round(6) if sold else None, 900.0)


def battery_and_boiler() -> Case:
    """(a) A battery on a price, and heat from gas or, where that is cheaper, from electricity."""
    flat = np.ones(STEPS)
    boiler = GasBoiler(name="boiler", fuel_bus="gas", heat_bus="heat", heat_kw=400.0, efficiency=0.93)
    rod = ElectricBoiler(name="rod", bus="main", heat_bus="heat", electric_kw=150.0, efficiency=0.99)
    return Case(
        "battery and gas boiler",
        {"main": "electricity", "gas": "gas", "heat": "heat"},
        (
            _trade(),
            Trade("supply", "gas", 0.1 * flat, None, 1e4),
            Demand("hall", "main", _day(100, 300, 12, 0)),
            Demand("rooms", "heat", _day(120, 260, 7, 1)),
            Store("battery", "main", 400.0, 120.0, 0.93, 0.1, 0.4, 0.0, 0.01),
            Converter("boiler", "gas", "heat", 400.0 / 0.93, 0.93 * flat, boiler),
            Converter("rod", "main", "heat", 150.0, 0.99 * flat, rod),
        ),
    )


def heat_and_power() -> Case:
    """(b) An extraction CHP that sells, with a boiler and a tank of hot water beside it."""
    flat = np.ones(STEPS)
    boiler = GasBoiler(name="boiler", fuel_bus="gas", heat_bus="heat", heat_kw=500.0, efficiency=0.93)
    return Case(
        "heat and power",
        {"main": "electricity", "gas": "gas", "heat": "heat"},
        (
            _trade(sold=True),
            Trade("supply", "gas", 0.045 * flat, None, 1e4),
            Demand("hall", "main", _day(100, 300, 12, 2)),
            Demand("rooms", "heat", _day(150, 420, 7, 3)),
            Chp("chp", "gas", "main", "heat", 400.0, 0.41, 1.0, 0.17),
            Store("tank", "heat", 600.0, 200.0, 0.99, 0.0, 0.5, 0.005),
            Converter("boiler", "gas", "heat", 500.0 / 0.93, 0.93 * flat, boiler),
        ),
    )


def wind_and_hydrogen() -> Case:
    """(c) Wind, an electrolyser with a tank, a heat pump; what is over is sold."""
    wind = (300 + 250 * np.sin(np.arange(STEPS) / 7.3) + 60 * np.random.default_rng(4).random(STEPS)).round(3)
    stack = PemElectrolyser(
        name="stack",
        bus="main",
        hydrogen_bus="h2",
        electric_kw=250.0,
        min_load=0.0,
        curve=[{"load": 1.0, "kg_per_mwh": KG_PER_MWH}],
        can_stand_by=False,
    )
    pump = HeatPump(name="pump", bus="main", heat_bus="heat", electric_kw=80.0, source_degc=8.0, sink_degc=45.0)
    lift = 45.0 - 8.0
    return Case(
        "wind and hydrogen",
        {"main": "electricity", "h2": "hydrogen", "heat": "heat"},
        (
            _trade(sold=True),
            Weather("wind", "main", wind),
            Demand("hall", "main", _day(80, 200, 12, 5)),
            Demand("buses", "h2", _day(30, 110, 15, 6)),
            Demand("rooms", "heat", _day(60, 200, 7, 7)),
            Converter("stack", "main", "h2", 250.0, np.full(STEPS, KG_PER_MWH / 1e3 * KWH_PER_KG["hydrogen"]), stack),
            Store("vessel", "h2", 800.0, 300.0, 1.0, 0.06, 0.5),
            Converter("pump", "main", "heat", 80.0, np.full(STEPS, 8.77 - 0.150 * lift + 0.000734 * lift**2), pump),
            Store("tank", "heat", 300.0, 100.0, 0.99, 0.0, 0.5, 0.005),
        ),
    )


CASES = (battery_and_boiler, heat_and_power, wind_and_hydrogen)


def site(case: Case) -> tuple[Site, Inputs]:
    """The case as a park, and what a solve of it knows."""
    horizon = Horizon(
        np.datetime64("2024-01-15T00:00", "s") + (np.arange(case.steps + 1) * 3600).astype("timedelta64[s]"), "UTC"
    )
    series: dict[tuple[str, str], Array] = {}
    assets = []
    for part in case.parts:
        asset, known = _asset(part, case)
        assets.append(asset)
        series |= {(asset.name, quantity): values[None, :] for quantity, values in known.items()}
    made = Site(
        name="shared",
        time_zone="UTC",
        currency="EUR",
        buses=tuple(Bus(name=name, carrier=carrier) for name, carrier in case.buses.items()),
        assets=tuple(assets),
    )
    return made, Inputs(horizon, 1, made.known_series(horizon) | series)


def _asset(part: Component_, case: Case) -> tuple[Asset, dict[str, Array]]:
    if isinstance(part, Trade):
        return _connection(part, case)
    if isinstance(part, Demand):
        return Load(name=part.name, bus=part.bus), {"demand_kw": part.kw}
    if isinstance(part, Weather):
        return WindAsset(name=part.name, bus=part.bus, rated_kw=1e3), {"available_kw": part.available_kw}
    if isinstance(part, Converter):
        return part.asset, {}
    if isinstance(part, Chp):
        fields = {n: getattr(part, n) for n in ("max_kw", "efficiency", "power_to_heat", "power_loss")}
        return ChpAsset(name=part.name, fuel_bus=part.fuel, bus=part.bus, heat_bus=part.heat, **fields), {}
    kind = {"electricity": Battery, "heat": ThermalStore, "hydrogen": HydrogenTank}[case.buses[part.bus]]
    fields = {"charge_kw": part.power_kw, "discharge_kw": part.power_kw, "energy_kwh": part.energy_kwh}
    fields |= {"charge_efficiency": part.efficiency, "discharge_efficiency": part.efficiency}
    fields |= {"min_fill": part.least_fill, "max_fill": 1.0, "start_fill": part.start_fill}
    fields |= {"loss_fraction_per_h": part.loss_per_h, "wear_cost_per_kwh": part.wear_per_kwh}
    return kind(name=part.name, bus=part.bus, **fields), {}


def _connection(part: Trade, case: Case) -> tuple[Asset, dict[str, Array]]:
    if case.buses[part.bus] != "electricity":
        return FuelSupply(name=part.name, bus=part.bus, price_per_kwh=float(part.buy[0]), max_kw=part.most_kw), {}
    made = GridConnection(
        name=part.name,
        bus=part.bus,
        import_kw=part.most_kw,
        export_kw=part.most_kw if part.sell is not None else 0.0,
        tariff=Tariff(name="case", currency="EUR", components=tuple(_hourly(part))),
    )
    return made, {}


def _hourly(part: Trade) -> Iterator[Component]:
    """The prices of a day, which the case repeats, as lines of a tariff."""
    for hour in range(24):
        when = {"hours": [f"{hour:02d}:00-{hour + 1:02d}:00"]}
        for direction, prices in (("import", part.buy), ("export", part.sell)):
            if prices is not None:
                yield Component.model_validate(
                    {
                        "name": f"{direction} {hour}",
                        "direction": direction,
                        "basis": "energy",
                        "price_per_kwh": float(prices[hour]),
                        "calendar": when,
                        "source": "made for this comparison",
                    }
                )
