"""Names in a park's file that point nowhere, twice, or to the wrong thing.

Works on the raw mapping, of which nothing is known yet: every value may have any type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, get_args

from dispatch.asset import Asset, Carrier
from dispatch.assets import kinds
from dispatch.config.claim_references import claim_problems
from dispatch.config.heat_references import heat_problems
from dispatch.config.ledger_references import ledger_problems
from dispatch.config.mistakes import near_miss, shown
from dispatch.errors import Problem
from dispatch.fields.series import feed_unit
from dispatch.signals import parse_quantity, unit_of
from dispatch.stores.electric import ElectricStorage
from dispatch.stores.stock import Storage
from dispatch.units.generation import VariableGeneration

Raw = Mapping[str, Any]


def reference_problems(raw: Raw) -> Iterator[Problem]:
    """Every name that does not fit the others, with what would."""
    buses = {name: bus.get("carrier", "electricity") for bus in _dicts(raw, "buses") if (name := _name(bus))}
    yield from _duplicates(raw, "buses")
    yield from _duplicates(raw, "assets")
    for index, asset in enumerate(_dicts(raw, "assets")):
        cls = kinds().get(str(asset.get("kind")))
        if cls is not None:
            yield from _bus_problems(asset, cls, f"assets[{index}]", buses)
            yield from _current_problems(asset, cls, f"assets[{index}]", _dicts(raw, "buses"))
    yield from heat_problems(raw)
    yield from _pool_problems(raw)
    yield from _load_problems(raw)
    yield from _outage_problems(raw)
    yield from _wish_problems(raw)
    yield from _certificate_problems(raw)
    yield from ledger_problems(raw)
    direct = {name for bus in _dicts(raw, "buses") if (name := _name(bus)) and bus.get("current") == "dc"}
    yield from _grid_problems(raw.get("grid"), buses, direct)
    yield from _group_problems(raw, buses)
    yield from _inverter_problems(raw, direct)
    yield from _island_problems(raw)
    yield from claim_problems(raw)
    yield from _currency_problems(raw)
    yield from _feed_problems(raw)
    yield from _position_problems(raw)


def _bus_problems(asset: Raw, cls: type[Asset], path: str, buses: Mapping[str, Any]) -> Iterator[Problem]:
    used: dict[str, str] = {}
    for field, accepted_carriers in cls.bus_fields.items():
        said = asset.get(cls.carrier_fields.get(field, ""))
        wanted = said if said in get_args(Carrier) else accepted_carriers
        bus = asset.get(field)
        if not isinstance(bus, str):
            continue
        carriers = get_args(Carrier) if wanted is None else (wanted,) if isinstance(wanted, str) else wanted
        fits = [name for name, has in buses.items() if wanted is None or has in carriers]
        if bus not in buses:
            yield _unknown(f"{path}.{field}", "bus", bus, fits)
        elif buses[bus] not in carriers and buses[bus] in get_args(Carrier):
            accepted = f"a bus for {' or '.join(carriers)}: {', '.join(fits) or 'none yet'}"
            yield Problem(f"{path}.{field}", f"bus '{bus}' carries {buses[bus]}", accepted)
        elif bus in used:
            yield Problem(f"{path}.{field}", f"is the bus that '{used[bus]}' names (found '{bus}')", "another bus")
        elif cls.same_carrier and (other := next((name for name in used if buses[name] != buses[bus]), None)):
            found = f"bus '{bus}' carries {buses[bus]}, bus '{other}' at the other end {buses[other]}"
            alike = [name for name, has in buses.items() if has == buses[other] and name != other]
            yield Problem(f"{path}.{field}", found, f"a bus for {buses[other]}: {', '.join(alike) or 'none yet'}")
        if bus in buses:
            used.setdefault(bus, field)


def _current_problems(asset: Raw, cls: type[Asset], path: str, buses: list[Raw]) -> Iterator[Problem]:
    """A kind that joins ac and dc stands on one bus of each."""
    current = {
        name: bus.get("current", "ac")
        for bus in buses
        if (name := _name(bus)) and bus.get("carrier", "electricity") == "electricity"
    }
    for field, wanted in cls.bus_currents.items():
        bus = asset.get(field)
        if isinstance(bus, str) and current.get(bus, wanted) != wanted and current[bus] in ("ac", "dc"):
            fits = [name for name, has in current.items() if has == wanted]
            accepted = f"a bus with current: {wanted}: {', '.join(fits) or 'none yet'}"
            yield Problem(f"{path}.{field}", f"bus '{bus}' is {current[bus]}", accepted)


def _pool_problems(raw: Raw) -> Iterator[Problem]:
    """A pool of one moves no work: its name is most likely misspelt."""
    of_site = [a for a in enumerate(_dicts(raw, "assets")) if a[1].get("pool_reach") != "fleet"]
    named = {i: a["pool"] for i, a in of_site if isinstance(a.get("pool"), str)}
    for index, pool in named.items():
        others = sorted({other for place, other in named.items() if place != index})
        if pool not in others:
            problem = f"nobody else is in pool '{pool}'"
            yield Problem(
                f"assets[{index}].pool", problem, near_miss(pool, others) if others else "two members or more"
            )


def _load_problems(raw: Raw) -> Iterator[Problem]:
    """Loads that a direct line supplies are there."""
    loads = [name for a in _dicts(raw, "assets") if a.get("kind") == "load" and (name := _name(a))]
    for index, asset in enumerate(_dicts(raw, "assets")):
        named = asset.get("loads")
        for place, name in enumerate(named if isinstance(named, list) else ()):
            if isinstance(name, str) and name not in loads:
                yield _unknown(f"assets[{index}].loads[{place}]", "load", name, loads)


def _outage_problems(raw: Raw) -> Iterator[Problem]:
    """What an outage counts on is there: wind or PV, and a battery strong enough for the black-start reserve."""
    assets = {name: (a, kinds().get(str(a.get("kind")))) for a in _dicts(raw, "assets") if (name := _name(a))}
    weather = [name for name, (_, cls) in assets.items() if cls is not None and issubclass(cls, VariableGeneration)]
    stores = [name for name, (_, cls) in assets.items() if cls is not None and issubclass(cls, ElectricStorage)]
    for index, asset in enumerate(_dicts(raw, "assets")):
        if asset.get("kind") != "outage":
            continue
        named, store = asset.get("generation"), asset.get("black_start_store")
        for place, name in enumerate(named if isinstance(named, list) else ()):
            if isinstance(name, str) and name not in weather:
                yield _unknown(f"assets[{index}].generation[{place}]", "wind or PV", name, weather)
        if isinstance(store, str) and store not in stores:
            yield _unknown(f"assets[{index}].black_start_store", "battery", store, stores)
        elif isinstance(store, str):
            for mine, theirs in (("black_start_kw", "discharge_kw"), ("black_start_kwh", "energy_kwh")):
                asked, there = asset.get(mine), assets[store][0].get(theirs)
                if isinstance(asked, int | float) and isinstance(there, int | float) and asked > there:
                    text = f"is more than '{store}' has (found {asked:g})"
                    yield Problem(f"assets[{index}].{mine}", text, f"at most its {theirs}, {there:g}")


def _wish_problems(raw: Raw) -> Iterator[Problem]:
    assets = {name: str(a.get("kind")) for a in _dicts(raw, "assets") if (name := _name(a))}
    stores = [name for name, kind in assets.items() if kind in kinds() and issubclass(kinds()[kind], Storage)]
    wanted: set[str] = set()
    for index, wish in enumerate(_dicts(raw, "wishes")):
        yield from _meter_problems(wish.get("meter"), f"wishes[{index}].meter", assets, stores)
        asset = wish.get("asset")
        if not isinstance(asset, str):
            continue
        path = f"wishes[{index}].asset"
        if asset not in assets:
            yield _unknown(path, "asset", asset, stores)
        elif asset not in stores:
            yield Problem(path, f"'{asset}' is a {assets[asset]} and stores nothing", near_miss(asset, stores))
        elif asset in wanted:
            yield Problem(path, f"a second wish for '{asset}'", "one wish for each store")
        wanted.add(asset)


def _meter_problems(meter: object, path: str, assets: Mapping[str, str], stores: list[str]) -> Iterator[Problem]:
    """A meter is named by its asset, and by one of its sides after a colon where there are several."""
    if not isinstance(meter, str) or not meter:
        return
    asset = meter.split(": ")[0]
    giving = [n for n, kind in assets.items() if kind in kinds() and issubclass(kinds()[kind], VariableGeneration)]
    taking = [name for name in assets if name not in (*stores, *giving)]
    if asset not in assets:
        yield _unknown(path, "asset", asset, taking)
    elif asset in stores:
        yield Problem(path, f"'{asset}' is a {assets[asset]}: what it takes it gives back", near_miss(asset, taking))
    elif asset not in taking:
        yield Problem(path, f"'{asset}' is a {assets[asset]}: it takes no power", near_miss(asset, taking))


def _certificate_problems(raw: Raw) -> Iterator[Problem]:
    """Certificates are issued by assets that there are, each once."""
    carbon = raw.get("carbon")
    certificates = carbon.get("certificates") if isinstance(carbon, Mapping) else None
    issuing = certificates.get("issued_by") if isinstance(certificates, Mapping) else None
    assets = [name for asset in _dicts(raw, "assets") if (name := _name(asset))]
    dirty = {_name(a) for a in _dicts(raw, "assets") if _may_be_clean(a) and a.get("clean") in (None, False)}
    named = issuing if isinstance(issuing, list) else []
    for index, name in enumerate(named):
        path = f"carbon.certificates.issued_by[{index}]"
        if isinstance(name, str) and name not in assets:
            yield _unknown(path, "asset", name, assets)
        elif name in named[:index]:
            yield Problem(path, f"'{name}' stands there twice", "each asset once")
        elif name in dirty:
            accepted = "an asset whose electricity is clean; clean: true says so of a renewable fuel"
            yield Problem(path, f"'{name}' is not clean: nothing is issued for what it generates", accepted)


def _may_be_clean(asset: Raw) -> bool:
    """Does its kind say whether what it burns is renewable?"""
    cls = kinds().get(str(asset.get("kind")))
    return cls is not None and "clean" in cls.model_fields


def _grid_problems(grid: Any, buses: Mapping[str, Any], direct: set[str]) -> Iterator[Problem]:
    mapped = grid.get("bus_of") if isinstance(grid, Mapping) else None
    electric = [name for name, carrier in buses.items() if carrier == "electricity" and name not in direct]
    nodes: dict[str, str] = {}
    missing = [bus for bus in electric if isinstance(mapped, Mapping) and bus not in mapped]
    # A name that is none of the site's is most likely a slip in one of these: that problem is told below.
    if missing and set(mapped or ()) <= set(electric):
        text = (
            f"electricity bus {', '.join(map(repr, missing))} has no place on the network, so nothing there is proved"
        )
        yield Problem("grid.bus_of", text, "every electricity bus with the network bus it stands on")
    for bus, node in mapped.items() if isinstance(mapped, Mapping) else ():
        path = f"grid.bus_of.{bus}"
        if bus not in buses:
            yield _unknown(path, "bus", bus, electric)
        elif bus in direct:
            accepted = f"an ac bus: {', '.join(electric) or 'none yet'}"
            yield Problem(path, f"bus '{bus}' is dc, the network is ac", accepted)
        elif bus not in electric and buses[bus] in get_args(Carrier):
            accepted = f"a bus for electricity: {', '.join(electric) or 'none yet'}"
            yield Problem(path, f"bus '{bus}' carries {buses[bus]}, the network carries electricity", accepted)
        if isinstance(node, str):
            if node in nodes:
                taken = f"network bus '{node}' is already that of '{nodes[node]}'"
                yield Problem(path, taken, "a network bus of its own, or one bus for both in this file")
            nodes.setdefault(node, str(bus))


def _group_problems(raw: Raw, buses: Mapping[str, Any]) -> Iterator[Problem]:
    """Groups hold assets that are there, on electricity, and no part of the network."""
    yield from _duplicates(raw, "groups")
    assets = {name: (a, kinds().get(str(a.get("kind")))) for a in _dicts(raw, "assets") if (name := _name(a))}
    fit = [
        name
        for name, (asset, cls) in assets.items()
        if cls is not None and not cls.is_network and _stands_on(asset, cls, buses)
    ]
    for index, group in enumerate(_dicts(raw, "groups")):
        named = group.get("assets")
        for place, name in enumerate(named if isinstance(named, list) else ()):
            path = f"groups[{index}].assets[{place}]"
            if isinstance(name, str) and name not in assets:
                yield _unknown(path, "asset", name, fit)
            elif isinstance(name, str) and assets[name][1] is not None and name not in fit:
                cls = assets[name][1]
                why = "is part of the network" if cls and cls.is_network else "stands on no bus for electricity"
                yield Problem(path, f"'{name}' {why}", near_miss(name, fit))


def _stands_on(asset: Raw, cls: type[Asset], buses: Mapping[str, Any]) -> bool:
    return any(buses.get(str(asset.get(field))) == "electricity" for field in cls.bus_fields)


def _inverter_problems(raw: Raw, direct: set[str]) -> Iterator[Problem]:
    """Reactive power acts on a network, on the ac side."""
    for index, asset in enumerate(_dicts(raw, "assets")):
        if not isinstance(asset.get("reactive"), Mapping):
            continue
        path = f"assets[{index}].reactive"
        if raw.get("grid") is None:
            yield Problem(path, "acts on a network, and the site has none", "a grid for the site, or no reactive")
        elif asset.get("bus") in direct and asset.get("kind") != "converter":
            yield Problem(
                path, f"bus '{asset['bus']}' is dc, where there is no reactive power", "that of the converter"
            )


def _island_problems(raw: Raw) -> Iterator[Problem]:
    grid = raw.get("grid")
    island = grid.get("island") if isinstance(grid, Mapping) else None
    named = island.get("reference") if isinstance(island, Mapping) else None
    assets = [name for a in _dicts(raw, "assets") if (name := _name(a))]
    if isinstance(named, str) and named not in assets:
        yield _unknown("grid.island.reference", "asset", named, assets)


def _currency_problems(raw: Raw) -> Iterator[Problem]:
    currency = raw.get("currency")
    if not isinstance(currency, str):
        return
    for index, asset in enumerate(_dicts(raw, "assets")):
        tariff = asset.get("tariff")
        if isinstance(tariff, Mapping) and tariff.get("currency", currency) != currency:
            found = f"is in {shown(tariff.get('currency'))}, this park counts in {currency}"
            yield Problem(f"assets[{index}].tariff.currency", found, f"a tariff in {currency}")
    yield from _money_in(raw, "", currency)


def _feed_problems(raw: Raw) -> Iterator[Problem]:
    """Feeds without an archive, or in other money than the park's without a rate to change it at."""
    named = [found for i, asset in enumerate(_dicts(raw, "assets")) for found in _feeds(asset, f"assets[{i}]")]
    if named and raw.get("archive") is None:
        found = f"is missing: feed '{named[0][1]['feed']}' is read from it"
        yield Problem("archive", found, "a mapping with folder, which 'parkwatt fetch' fills")
    currency = raw.get("currency")
    for path, feed in named:
        with suppress(ValueError):  # what is wrong with its name is told elsewhere
            unit = feed_unit(feed["feed"])
            if unit.currency not in (None, currency) and "exchange_rate" not in feed:
                found = f"'{feed['feed']}' is in {unit.currency}, this park counts in {currency}"
                accepted = f"a feed in {currency}, or exchange_rate ({currency} per {unit.currency})"
                yield Problem(f"{path}.feed", found, accepted)


def _feeds(value: Any, path: str) -> Iterator[tuple[str, Raw]]:
    """Every mapping that names a feed, with its place."""
    if isinstance(value, Mapping):
        if isinstance(value.get("feed"), str):
            yield path, value
        for key, inner in value.items():
            yield from _feeds(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _feeds(inner, f"{path}[{index}]")


def _money_in(value: Any, path: str, currency: str) -> Iterator[Problem]:
    """Amounts of money written with another currency than the park's."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            here = f"{path}.{key}" if path else str(key)
            if isinstance(inner, str) and isinstance(key, str) and unit_of(key) is not None:
                yield from _money_problem(key, inner, here, currency)
            else:
                yield from _money_in(inner, here, currency)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _money_in(inner, f"{path}[{index}]", currency)


def _money_problem(field: str, text: str, path: str, currency: str) -> Iterator[Problem]:
    try:
        parse_quantity(field, text)
    except ValueError:
        return  # the field's own check says what is wrong
    try:
        parse_quantity(field, text, currency)
    except ValueError as error:
        yield Problem(path, str(error), f"an amount in {currency}")


def _position_problems(raw: Raw) -> Iterator[Problem]:
    """Every forecast needs to know where the park is."""
    if not any(
        "history" in cls.model_fields for a in _dicts(raw, "assets") if (cls := kinds().get(str(a.get("kind"))))
    ):
        return
    for field, limit in (("latitude_deg", 90), ("longitude_deg", 180)):
        if raw.get(field) is None:
            yield Problem(
                field, "is missing: forecasts need to know where the park is", f"degrees, −{limit} to {limit}"
            )


def _unknown(path: str, what: str, value: object, valid: list[str]) -> Problem:
    return Problem(path, f"there is no {what} '{value}'", near_miss(value, valid))


def _duplicates(raw: Raw, key: str) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, item in enumerate(_dicts(raw, key)):
        name = _name(item)
        if name is not None and name in first:
            yield Problem(
                f"{key}[{index}].name", f"'{name}' is used twice, first at {key}[{first[name]}]", "a new name"
            )
        elif name is not None:
            first[name] = index


def _name(item: Raw) -> str | None:
    name = item.get("name")
    return name if isinstance(name, str) else None


def _dicts(raw: Raw, key: str) -> list[Raw]:
    value = raw.get(key)
    return [v if isinstance(v, Mapping) else {} for v in value] if isinstance(value, list) else []
