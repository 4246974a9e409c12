"""Which series of a table or archive means what of a park: every name that is understood, with its unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dispatch.assets.grid_connection import GridConnection
from dispatch.config.mistakes import near_miss
from dispatch.measured.meters import EMISSION_UNITS, INTENSITY_UNITS, Point, Unit, Way, content_units, points, units
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.stores.stock import Storage
from dispatch.units.offered import Offered

Quantity = Literal["power", "content", "co2", "contract", "unused", "intensity"]
SIGNALS = {"carbon_intensity": "average", "marginal_intensity": "marginal", "residual_intensity": "residual"}


@dataclass(frozen=True)
class Key:
    """What a series says: of which asset (or signal), and where it flows.

    ``detail`` is the field with the bus's name and the way of a power, the name of a contract, or nothing.
    """

    quantity: Quantity
    of: str
    detail: str = ""
    way: Way = "given"


@dataclass(frozen=True)
class Meaning:
    """Key and unit of one name."""

    key: Key
    unit: Unit


@dataclass(frozen=True, eq=False)
class Readings:
    """What was measured, over the steps of a horizon.

    Attributes:
        horizon: the steps.
        values: by key: mean power [kW], emissions [kg/h], intensity [kg/kWh] (T,); content at the edges [kWh] (T + 1,).
            NaN where it is missing.
        names: by key, what the series is called where it was read.
        unused: names there that mean nothing here.
        source: where it was read, as a person would say it.
        hashes: SHA-256 by input.
    """

    horizon: Horizon
    values: Mapping[Key, Array]
    names: Mapping[Key, str]
    unused: tuple[str, ...] = ()
    source: str = ""
    hashes: Mapping[str, str] | None = None


def names(site: Site) -> dict[str, Meaning]:
    """Every name that is understood, with and without a unit at its end."""
    out: dict[str, Meaning] = {}
    for point in points(site):
        known = units(point.carrier)
        for stem, way in point.names().items():
            key = Key("power", point.asset, point.field, way)
            out[stem] = Meaning(key, Unit(1.0))
            out |= {f"{stem}_{unit}": Meaning(key, one) for unit, one in known.items()}
    carrier = dict(zip(site.bus_names, site.bus_carriers, strict=True))
    for asset in site.assets:
        emitted = Key("co2", asset.name)
        out |= {f"{asset.name}.co2_{unit}": Meaning(emitted, one) for unit, one in EMISSION_UNITS.items()}
        if isinstance(asset, Storage):
            held = Key("content", asset.name)
            known = content_units(carrier[asset.bus])
            out |= {f"{asset.name}.stored_{unit}": Meaning(held, one) for unit, one in known.items()}
        if isinstance(asset, Offered):
            left = Key("unused", asset.name)
            for word in dict.fromkeys((asset.left_word, "unused")):
                known = units(carrier[asset.bus])
                out |= {f"{asset.name}.{word}_{unit}": Meaning(left, one) for unit, one in known.items()}
        for contract in asset.green_power if isinstance(asset, GridConnection) else ():
            key = Key("contract", asset.name, contract.name)
            out[f"{asset.name}.{contract.name}"] = Meaning(key, Unit(1.0))
            known = units("electricity")
            out |= {f"{asset.name}.{contract.name}_{unit}": Meaning(key, one) for unit, one in known.items()}
    for stem, what in SIGNALS.items():
        out |= {f"{stem}_{unit}": Meaning(Key("intensity", what), one) for unit, one in INTENSITY_UNITS.items()}
    return out


def is_plan(given: Sequence[str]) -> bool:
    """Are these the columns of a plan's own schedule, in which much stands that no meter says?"""
    return "step_h" in given and any(name.endswith(".local_price_per_kwh") for name in given)


def understood(site: Site, given: list[str]) -> tuple[dict[str, Meaning], tuple[str, ...], list[str]]:
    """Of names in a table: those that mean something, those that do not, and what is wrong with them.

    A name that begins with an asset's and a dot is meant for it: where it is not understood, that is a mistake, but for
    a plan's own schedule.
    """
    known, assets = names(site), {asset.name for asset in site.assets}
    meant = {name: known[name] for name in given if name in known}
    wrong = []
    for name in () if is_plan(given) else given:
        asset = name.split(".", maxsplit=1)[0]
        if name not in known and "." in name and asset in assets:
            own = [one for one in known if one.startswith(f"{asset}.")]
            accepted = near_miss(name, own) if own else "nothing: it has no bus"
            wrong.append(f"'{name}' is nothing that '{asset}' has; accepted: {accepted}")
    seen: dict[Key, str] = {}
    for name, meaning in meant.items():
        if meaning.key in seen:
            wrong.append(f"'{name}' and '{seen[meaning.key]}' say the same; accepted: one of them")
        seen.setdefault(meaning.key, name)
    return meant, tuple(name for name in given if name not in known), wrong


def lacking(readings: Readings, point: Point) -> list[str]:
    """Which directions of a point nothing was measured of."""
    keys = {way: Key("power", point.asset, point.field, way) for way in (*point.ways, "net")}
    if keys["net"] in readings.values:
        return []
    return [way for way in point.ways if keys[way] not in readings.values]
