"""Where a park can be measured, and how its series are called: one point for each bus side of each asset.

A series is named ``ASSET.WHAT`` with a unit at its end, as in ``pcc.import_kw`` or ``li.charge_mwh``. What is measured
is power that the asset gives to its bus or takes from it: ``given`` and ``taken`` are always understood, on plant with
several buses as ``chp.heat_45c.given_kw``. Import and export of a connection, charge and discharge of a store, and the
carrier of a side with one direction (``gshp.heat_kw``) mean the same. The bare name of an asset with one side is its
power in the one direction that it has; of one with two directions what it gives, less what it takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from dispatch.asset import Asset
from dispatch.assets.grid_connection import GridConnection
from dispatch.fields.fluids import KWH_PER_KG
from dispatch.site import Site
from dispatch.stores.stock import Storage
from dispatch.units.conversion import Conversion
from dispatch.units.electrolysis import Electrolyser

Way = Literal["given", "taken", "net"]
_BOTH: tuple[Way, ...] = ("given", "taken")
_GIVES: tuple[Way, ...] = ("given",)
_TAKES: tuple[Way, ...] = ("taken",)
_WORDS: Mapping[str, Mapping[Way, str]] = {
    "connection": {"given": "import", "taken": "export"},
    "store": {"given": "discharge", "taken": "charge"},
}
# Kinds whose sides follow from no common base; other sides of a kind take.
_GIVING = {
    "thermal": {"bus"}, "chp": {"bus", "heat_bus"}, "co_firing": {"bus"}, "fuel_supply": {"bus"}, "co2_supply": {"bus"},
    "byproduct_gas": {"bus"}, "waste_heat": {"bus"}, "data_centre": {"heat_bus"}, "pv": {"bus"}, "wind": {"bus"},
    "direct_line": {"bus"},
}  # fmt: skip
_BOTH_WAYS = {"cable", "pipe", "converter", "ev_fleet", "swap_station"}
_POWER = {"w": 1e-3, "kw": 1.0, "mw": 1e3, "gw": 1e6}
_ENERGY = {"kwh": 1.0, "mwh": 1e3, "gwh": 1e6}


@dataclass(frozen=True)
class Unit:
    """A value times ``scale`` is in kW, in kg/h of CO2, or in kWh held; ``per_step``: it is a sum over its step."""

    scale: float
    per_step: bool = False


@dataclass(frozen=True)
class Point:
    """One bus side of an asset.

    Attributes:
        asset, kind, field: the asset's name and kind, and its field with the bus's name.
        bus, carrier: where it stands.
        ways: in which directions power can flow there.
        alone: it is the asset's only side.
        sort: whose words for the two directions are understood beside given and taken.
    """

    asset: str
    kind: str
    field: str
    bus: str
    carrier: str
    ways: tuple[Way, ...]
    alone: bool
    sort: str = ""

    def names(self) -> dict[str, Way]:
        """What its series may be called, without a unit; the first of each direction is the one to recommend."""
        out: dict[str, Way] = {}
        for way in self.ways:
            words = [_WORDS[self.sort][way]] if self.sort else []
            own = [f"{self.asset}.{word}" for word in (*words, way)] if self.alone or self.sort else []
            if len(self.ways) == 1:
                stems = dict.fromkeys((self.field.removesuffix("_bus").replace("bus", self.carrier), self.carrier))
                sided = [f"{self.asset}.{stem}" for stem in stems]
                own = [self.asset, f"{self.asset}.power", *own, *sided] if self.alone else [*sided, *own]
                own += [f"{self.asset}.{word}" for word in self._planned(way)]
            out |= dict.fromkeys((*own, f"{self.asset}.{self.bus}.{way}"), way)
        if len(self.ways) > 1:
            out |= dict.fromkeys(((self.asset,) if self.alone else ()) + (f"{self.asset}.{self.bus}",), "net")
        return out

    def _planned(self, way: Way) -> Iterator[str]:
        """Words that a plan's own table has for it."""
        if not self.alone and self.field == "bus" and self.carrier == "electricity":
            yield "power"  # of plant that turns one carrier into another
        if self.alone:
            yield "served" if way == "taken" else "bought"

    def told(self) -> str:
        """What to write for it, for messages."""
        names = self.names()
        firsts = [next(name for name, way in names.items() if way == one) for one in self.ways]
        return " and ".join(f"{name}_kw" for name in firsts)


def points(site: Site) -> tuple[Point, ...]:
    """All of a park, asset by asset."""
    carrier = dict(zip(site.bus_names, site.bus_carriers, strict=True))
    return tuple(point for asset in site.assets for point in _of(asset, carrier))


def _of(asset: Asset, carrier: Mapping[str, str]) -> Iterator[Point]:
    fields = [name for name in type(asset).bus_fields if getattr(asset, name) is not None]
    for name in fields:
        bus, sort = getattr(asset, name), ""
        if isinstance(asset, GridConnection):
            sort = "connection"
        elif (isinstance(asset, Storage) and name == "bus") or asset.kind in ("ev_fleet", "swap_station"):
            sort = "store"
        yield Point(asset.name, asset.kind, name, bus, carrier[bus], _ways(asset, name, sort), len(fields) == 1, sort)


def _ways(asset: Asset, name: str, sort: str) -> tuple[Way, ...]:
    """In which directions power can flow at a side; a connection that must not export has one."""
    if isinstance(asset, GridConnection):
        return _BOTH if asset.export_kw > 0 else _GIVES
    if sort == "store" or asset.kind in _BOTH_WAYS:
        return _BOTH
    if isinstance(asset, Conversion):
        return _GIVES if name in asset.outputs.values() else _TAKES
    if isinstance(asset, Electrolyser):
        return _TAKES if name == "bus" else _GIVES
    return _GIVES if name in _GIVING.get(asset.kind, ()) else _TAKES


def units(carrier: str) -> dict[str, Unit]:
    """What may stand at the end of a series of power on a bus of that carrier."""
    found = {name: Unit(scale) for name, scale in _POWER.items()}
    found |= {name: Unit(scale, per_step=True) for name, scale in _ENERGY.items()}
    per_kg = KWH_PER_KG.get(carrier, 1.0 if carrier == "co2" else None)  # type: ignore[call-overload]  # any carrier
    if per_kg is not None:
        found |= {f"{mass}_per_h": Unit(scale * per_kg) for mass, scale in (("kg", 1.0), ("t", 1e3))}
        found |= {mass: Unit(scale * per_kg, per_step=True) for mass, scale in (("kg", 1.0), ("t", 1e3))}
    return found


def content_units(carrier: str) -> dict[str, Unit]:
    """What may stand at the end of a series of what a store holds."""
    found = {name: Unit(scale) for name, scale in _ENERGY.items()}
    per_kg = KWH_PER_KG.get(carrier)  # type: ignore[call-overload]  # any carrier
    return found | ({"kg": Unit(per_kg), "t": Unit(1e3 * per_kg)} if per_kg is not None else {})


EMISSION_UNITS = {
    "kg_per_h": Unit(1.0), "t_per_h": Unit(1e3), "kg": Unit(1.0, per_step=True), "t": Unit(1e3, per_step=True)
}  # fmt: skip
INTENSITY_UNITS = {
    "g_per_kwh": Unit(1e-3), "kg_per_kwh": Unit(1.0), "kg_per_mwh": Unit(1e-3), "t_per_mwh": Unit(1.0)
}  # fmt: skip
