"""Units of an operation from meters: powers of an asset with its emissions, what stores held, deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dispatch.asset import Asset
from dispatch.assets.grid_connection import GridConnection
from dispatch.carbon.units import Side, Stock, Unit
from dispatch.carbon_wanted.conventions import Conventions
from dispatch.errors import DataError
from dispatch.measured.balance import SMALL_KW, Found, require_known
from dispatch.measured.meters import Point
from dispatch.measured.names import Key, Readings
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.stores.stock import Storage
from dispatch.units.offered import Offered

_COUNTED = ("co2_kg_per_kwh", "co2_kg_per_kg", "no_load_co2_kg_per_h")
# Of what a store holds: more than meters' own errors. Of what goes through it: far more than a wrong efficiency makes.
_ROOM = 0.02
_UNEXPLAINED = 0.25
OwnSides = list[tuple[Point, Array]]


def unit_of(
    asset: Asset,
    own: OwnSides,
    readings: Readings,
    average: Array,
    conventions: Conventions,
    notes: list[str],
) -> Unit:
    """One asset with its powers, emissions and content."""
    horizon = readings.horizon
    gives = frozenset(side.carrier for side, into in own if into.max(initial=0.0) > SMALL_KW)
    ports = {side.field: Side(side.bus, into, conventions.weight(side.carrier, gives)) for side, into in own}
    stock = None
    if isinstance(asset, Storage):
        stock = _stock(asset, own, readings, conventions, notes)
    emitted = _emitted(asset, own, readings, average) * horizon.hours
    left = _left_kg(asset, readings)
    renewable = bool(getattr(asset, "clean", False))
    return Unit(asset.name, asset.kind, _role(asset, own, stock), ports, emitted, left, stock, renewable)


def _left_kg(asset: Asset, readings: Readings) -> Array | None:
    """(T,) emitted by what was offered and not taken, such as gas that is flared; None where that emits nothing.

    Raises:
        DataError: it does, and neither it nor the asset's emissions were measured.
    """
    if not isinstance(asset, Offered) or asset.unused_co2_kg_per_kwh <= 0 or Key("co2", asset.name) in readings.values:
        return None
    key = Key("unused", asset.name)
    if key not in readings.values:
        raise DataError(
            f"what of '{asset.name}' was {asset.left_word} emits, and was not measured: give "
            f"{asset.name}.{asset.left_word}_kw, or all that it emits as {asset.name}.co2_kg"
        )
    require_known(readings.horizon, readings.names[key], readings.values[key])
    return np.asarray(readings.values[key] * asset.unused_co2_kg_per_kwh * readings.horizon.hours)


def _role(asset: Asset, own: OwnSides, stock: Stock | None) -> Any:
    """As of a schedule's units: what kinds and sides tell."""
    if stock is not None:
        return "store"
    if isinstance(asset, GridConnection):
        return "connection"
    if asset.kind == "data_centre":
        return "sink"  # its heat is left over from what it uses
    if len(own) > 1:
        return "link" if len(own) == 2 and len({side.carrier for side, _ in own}) == 1 else "conversion"
    return "source" if sum(float(into.sum()) for _, into in own) > 0 else "sink"


def _emitted(asset: Asset, own: OwnSides, readings: Readings, average: Array) -> Array:
    """(T,) own emissions [kg/h], measured or by the asset's fields."""
    key = Key("co2", asset.name)
    if key in readings.values:
        require_known(readings.horizon, readings.names[key], readings.values[key])
        return readings.values[key]
    given, taken = (np.zeros(readings.horizon.steps) for _ in range(2))
    for side, into in own:
        given = given + np.maximum(into, 0.0)
        if side.field == getattr(type(asset), "input_bus", "bus"):
            taken = taken + np.maximum(-into, 0.0)
    if isinstance(asset, GridConnection):
        return given * average
    factor = {name: float(getattr(asset, name, 0.0) or 0.0) for name in _COUNTED}
    if getattr(asset, "renewable", False):
        factor["co2_kg_per_kwh"] = 0.0
    flow = taken if hasattr(type(asset), "input_bus") else given
    return np.asarray(
        flow * factor["co2_kg_per_kwh"]
        + given * factor["co2_kg_per_kg"]
        + (given > SMALL_KW) * factor["no_load_co2_kg_per_h"]
    )


def _stock(store: Storage, own: OwnSides, readings: Readings, conventions: Conventions, notes: list[str]) -> Stock:
    """What a store held at the edges, measured where it is and followed where it is not."""
    hours = readings.horizon.hours
    side, into = next(pair for pair in own if pair[0].field == "bus")
    kept = (1 - store.loss_fraction_per_h) ** hours
    gain = np.maximum(into, 0.0) * hours / store.discharge_efficiency
    moved = np.maximum(-into, 0.0) * hours * store.charge_efficiency - gain
    followed = _followed(kept, moved, store.start_fill * store.energy_kwh)
    measured = readings.values.get(Key("content", store.name), np.full(followed.size, np.nan))
    known = np.isfinite(measured)
    if not known.any():
        notes.append(
            f"what '{store.name}' held was not measured: it is followed from {side.told()} and its efficiencies"
        )
    elif not known.all():
        notes.append(f"what '{store.name}' held is missing at {int((~known).sum())} edges: there it is followed")
        edges = np.arange(followed.size)
        followed = np.maximum(followed + np.interp(edges, edges[known], (measured - followed)[known]), 0.0)
    content = np.where(known, measured, followed)
    notes.extend(_implausible(store, content, known, kept, moved))
    rule, start = conventions.rule(side.carrier), conventions.start(store.name)
    return Stock(np.maximum(content, 0.0), kept, np.zeros(hours.size), rule, False, start)


def _implausible(store: Storage, content: Array, known: np.ndarray, kept: Array, moved: Array) -> Iterator[str]:
    """What a store cannot have held, in words: more than it holds, or what its meters do not explain."""
    most = float(content.max())
    if most > (1 + _ROOM) * store.energy_kwh:
        yield (
            f"'{store.name}' would have held {most:,.0f} kWh, and it holds {store.energy_kwh:,.0f} kWh: its meters, "
            "its efficiencies or its size in the park's file are wrong"
        )
    both = known[1:] & known[:-1]
    unexplained = float(np.abs(content[1:] - kept * content[:-1] - moved)[both].sum())
    through = float(np.abs(moved)[both].sum())
    if unexplained > max(_UNEXPLAINED * through, _ROOM * store.energy_kwh):
        yield (
            f"what '{store.name}' was measured to hold does not follow its meters: of {through:,.0f} kWh in and out, "
            f"{unexplained:,.0f} kWh are seen on one side alone, and its carbon is as wrong"
        )


def _followed(kept: Array, moved: Array, start: float) -> Array:
    """(T + 1,) content, which begins with what it needs never to fall below nothing."""
    # A decaying sum, by blocks of which each factor stays far from the smallest number.
    out = np.empty(moved.size + 1)
    level = 0.0
    fades = np.cumprod(kept)
    for step in range(moved.size):
        out[step] = level
        level = kept[step] * level + moved[step]
    out[-1] = level
    decay = np.append(1.0, fades)
    need = float(np.max(-out / np.maximum(decay, 1e-12), initial=0.0))
    return np.asarray(out + decay * max(start, need))


def delivered_kwh(
    site: Site, readings: Readings, found: Found, into: Array, notes: list[str]
) -> dict[tuple[str, str], Array]:
    """By connection and contract, (T,) energy delivered with certificates [kWh]."""
    out: dict[tuple[str, str], Array] = {}
    horizon, hours = readings.horizon, readings.horizon.hours
    for asset in site.assets:
        if not isinstance(asset, GridConnection) or not asset.green_power:
            continue
        place = next(k for k, side in enumerate(found.sides) if side.asset == asset.name)
        left = np.maximum(into[place], 0.0)
        for contract in asset.green_power:
            key = Key("contract", asset.name, contract.name)
            if key in readings.values:
                require_known(horizon, readings.names[key], readings.values[key])
                delivered = readings.values[key]
            elif contract.max_kw is None and contract.least_share < contract.share_max:
                raise DataError(
                    f"what contract '{contract.name}' of '{asset.name}' delivered is not measured, and its terms do "
                    f"not say it: give {asset.name}.{contract.name}_kw"
                )
            else:
                most = np.minimum(
                    contract.most_kw(horizon, asset.name), contract.share_max * np.maximum(into[place], 0.0)
                )
                delivered = np.minimum(most, left)
                notes.append(f"deliveries of '{contract.name}' are what its terms offer of each step's import")
            left = np.maximum(left - delivered, 0.0)
            out[asset.name, contract.name] = np.maximum(delivered, 0.0) * contract.certificates_kept * hours
    return out
