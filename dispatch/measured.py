r"""What really ran in a park, from its meters: an operation to account, without any optimisation.

Every side of every asset on a bus has a power, measured or found. In a step in which exactly one side of a bus is not
measured, it is what the balance of the bus leaves, :math:`p = -Σ p_{others}`; a cable gives at one end what it takes at
the other. What the meters of a bus do not agree on,

.. math:: d_{bt} = Σ_i p_{ibt},

stands as a unit of its own on the bus, "imbalance of BUS", so that it is seen in every account and carries its share:
what is given and taken by no meter is used by somebody, and what is taken and given by no meter came from the grid. A
bus whose meters differ by more than the tolerance is refused.

Emissions follow from what the assets' fields say of fuel and connections, or from series of their own. What a store
holds is measured, or followed from charge and discharge by :math:`e^+ = κ e + Δt (η_c p_c - p_d / η_d)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dispatch.asset import Asset
from dispatch.assets.grid_connection import GridConnection
from dispatch.carbon.market import mean_factor
from dispatch.carbon.operation import Operation
from dispatch.carbon.units import Conventions, Side, Stock, Unit
from dispatch.errors import DataError
from dispatch.measured_meters import Point, points
from dispatch.measured_names import Key, Readings, lacking
from dispatch.series import per_step
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.storage import Storage

IMBALANCE = "imbalance of "
_SMALL_KW = 1e-6
_COUNTED = ("co2_kg_per_kwh", "co2_kg_per_kg", "no_load_co2_kg_per_h", "flare_co2_kg_per_kwh")


@dataclass(frozen=True)
class Tolerance:
    """How far the meters of a bus may differ: a share of its highest throughput, or kW."""

    share: float | None = 0.01
    kw: float | None = None

    def limit_kw(self, throughput_kw: float) -> float:
        """At a bus."""
        return self.kw if self.kw is not None else (self.share or 0.0) * throughput_kw

    def __str__(self) -> str:
        return (
            f"{self.kw:g} kW" if self.kw is not None else f"{100 * (self.share or 0.0):g} % of its highest throughput"
        )


@dataclass(frozen=True, eq=False)
class Ran:
    """What ran.

    Attributes:
        site: the park.
        operation: to account.
        average_kg_per_kwh: (T,) of imports.
        marginal_kg_per_kwh, residual_kg_per_kwh: (T,) where a series says them.
        contracts_kwh: by connection and contract, (T,) delivered.
        imbalance_kw: by bus, (T,) given less taken by all meters.
        notes: what a reader should know: found by a balance, followed, assumed.
        sources: by factor, where it comes from.
    """

    site: Site
    operation: Operation
    average_kg_per_kwh: Array
    marginal_kg_per_kwh: Array | None = None
    residual_kg_per_kwh: Array | None = None
    contracts_kwh: Mapping[tuple[str, str], Array] = field(default_factory=dict)
    imbalance_kw: Mapping[str, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)


def ran(
    site: Site,
    readings: Readings,
    *,
    tolerance: Tolerance = Tolerance(),  # noqa: B008 - frozen
    conventions: Conventions = Conventions(),  # noqa: B008 - frozen
) -> Ran:
    """The operation that meters tell of.

    Raises:
        DataError: too little was measured, meters of a bus differ too much, or a value is impossible; the message names
            bus, hour and kW.
    """
    sides, notes = points(site), list[str]()
    power = _measured(sides, readings)
    found = _Found(site, sides, power, readings)
    found.fill(notes)
    into = found.checked(tolerance)
    balance = {bus: into[at].sum(axis=0) for bus, at in found.at_bus.items()}
    _require_balanced(readings.horizon, found, into, balance, tolerance)
    factors, average, sources = _factors(site, readings, found, into)
    units = [
        _unit(asset, [(s, into[k]) for k, s in enumerate(sides) if s.asset == asset.name], readings,
              factors.get(asset.name, average), conventions, notes)
        for asset in site.assets
        if type(asset).bus_fields
    ]  # fmt: skip
    hours = readings.horizon.hours
    carrier = dict(zip(site.bus_names, site.bus_carriers, strict=True))
    for bus, left in balance.items():
        if np.abs(left).max(initial=0.0) > _SMALL_KW:
            from_grid = np.maximum(-left, 0.0) * average * hours if carrier[bus] == "electricity" else 0.0 * left
            role = "source" if from_grid.any() and left.sum() < 0 else "sink"
            units.append(Unit(f"{IMBALANCE}{bus}", "imbalance", role, {"meters": Side(bus, -left)}, from_grid))
    signals = {name: _signal(site, readings, name, sources) for name in ("marginal", "residual")}
    return Ran(
        site, Operation(readings.horizon, carrier, tuple(units)), average, signals["marginal"], signals["residual"],
        _contracts(site, readings, found, into, notes), balance, tuple(notes), sources,
    )  # fmt: skip


def _signal(site: Site, readings: Readings, name: str, sources: dict[str, str]) -> Array | None:
    """(T,) of a series, else of the park's file, else None."""
    key, stated = Key("intensity", name), site.certificates.residual_kg_per_kwh
    if key in readings.values:
        _require_known(readings.horizon, readings.names[key], readings.values[key])
        sources[name] = f"{readings.names[key]} of {readings.source}"
        return readings.values[key]
    if name == "residual" and stated is not None:
        sources[name] = "certificates.residual_kg_per_kwh of the park's file"
        return per_step(stated, readings.horizon, sources[name])
    return None


def _measured(sides: Sequence[Point], readings: Readings) -> Array:
    """(side, T) power into the bus, NaN where it is not measured."""
    out = np.full((len(sides), readings.horizon.steps), np.nan)
    for k, side in enumerate(sides):
        of = {way: Key("power", side.asset, side.field, way) for way in ("given", "taken", "net")}
        if of["net"] in readings.values:
            out[k] = readings.values[of["net"]]
        elif not lacking(readings, side):
            for way in side.ways:
                values = readings.values[of[way]]
                # Plant that gives may draw a little where it stands still; nothing else turns round.
                if (values < 0).any() and (way == "taken" or len(side.ways) > 1):
                    step = int(np.argmax(values < 0))
                    raise DataError(
                        f"'{readings.names[of[way]]}' is {values[step]:g} kW at {_when(readings.horizon, step)}: its "
                        "direction is in its name; accepted: 0 or more, with a series for each direction"
                    )
            out[k] = readings.values.get(of["given"], 0.0) - readings.values.get(of["taken"], np.zeros(out.shape[1]))
    return out


class _Found:
    """Powers of all sides, with what the balances of buses tell of those that are not measured."""

    def __init__(self, site: Site, sides: Sequence[Point], power: Array, readings: Readings) -> None:
        self.sides, self.power, self.readings = sides, power, readings
        self.horizon, self.derived = readings.horizon, ~np.isfinite(power)
        names = [bus for bus in site.bus_names if any(side.bus == bus for side in sides)]
        self.at_bus = {bus: np.array([k for k, side in enumerate(sides) if side.bus == bus]) for bus in names}
        pairs = [[k for k, s in enumerate(sides) if s.asset == a.name] for a in site.assets if a.kind == "cable"]
        self.cables = [(pair[0], pair[1]) for pair in pairs]

    def fill(self, notes: list[str]) -> None:
        """Find what can be found, small buses first, until nothing more comes of it."""
        order = sorted(self.at_bus.values(), key=len)
        while True:
            before = int(np.isnan(self.power).sum())
            for near, far in self.cables:
                for one, other in ((near, far), (far, near)):
                    gap = np.isnan(self.power[one])
                    self.power[one, gap] = -self.power[other, gap]
            done = next((True for at in order if self._balanced(at)), False)
            if not done and int(np.isnan(self.power).sum()) == before:
                break
        self._require_found()
        for near, _ in self.cables:
            if self.derived[near].all():
                notes.append(f"the flow over '{self.sides[near].asset}' was not measured: it follows from the balances")
        ends = {k for pair in self.cables for k in pair}
        for k, side in enumerate(self.sides):
            if k in ends:
                continue
            if self.derived[k].all():
                notes.append(f"{side.told()} was not measured: it is what the balance of '{side.bus}' leaves")
            elif self.derived[k].any():
                count = int(self.derived[k].sum())
                notes.append(f"{side.told()} is missing in {count} steps: there it is what the balance leaves")

    def _balanced(self, at: np.ndarray) -> bool:
        """Fill the steps of one bus in which one side is unknown; whether there were any."""
        unknown = np.isnan(self.power[at])
        alone = unknown.sum(axis=0) == 1
        if not alone.any():
            return False
        left = -np.nansum(self.power[at][:, alone], axis=0)
        row = np.argmax(unknown[:, alone], axis=0)
        self.power[at[row], np.flatnonzero(alone)] = left
        return True

    def _require_found(self) -> None:
        for bus, at in self.at_bus.items():
            unknown = np.isnan(self.power[at])
            if not unknown.any():
                continue
            step = int(np.argmax(unknown.any(axis=0)))
            missing = [self.sides[at[i]] for i in np.flatnonzero(unknown[:, step])]
            wanted = "; ".join(f"{side.told()} ({side.kind})" for side in missing)
            raise DataError(
                f"bus '{bus}' at {_when(self.horizon, step)}: {len(missing)} meters are missing, and a balance finds one: "
                f"give {wanted}. Read from {self.readings.source or 'the series given'}"
            )

    def checked(self, tolerance: Tolerance) -> Array:
        """(side, T); what a balance found against the direction a side has is left to the imbalance, if it is small."""
        out = self.power.copy()
        for k, side in enumerate(self.sides):
            if len(side.ways) > 1 or not self.derived[k].any():
                continue
            sign = 1.0 if side.ways[0] == "given" else -1.0
            against = np.where(self.derived[k], np.maximum(-sign * out[k], 0.0), 0.0)
            limit = tolerance.limit_kw(_throughput(out[self.at_bus[side.bus]]))
            if (over := against > limit + _SMALL_KW).any():
                step = int(np.argmax(over))
                raise DataError(
                    f"bus '{side.bus}' at {_when(self.horizon, step)}: the balance leaves {against[step]:.6g} kW that "
                    f"'{side.asset}' would have {'taken' if sign > 0 else 'given'}, which it cannot; tolerance "
                    f"{tolerance}. One of the meters of the bus is wrong or missing"
                )
            out[k] = np.where(against > 0, 0.0, out[k])
        return out


def _throughput(into: Array) -> float:
    return float(np.maximum(into, 0.0).sum(axis=0).max(initial=0.0))


def _require_balanced(
    horizon: Horizon, found: _Found, into: Array, balance: Mapping[str, Array], tolerance: Tolerance
) -> None:
    for bus, left in balance.items():
        limit = tolerance.limit_kw(_throughput(into[found.at_bus[bus]]))
        if (over := np.abs(left) > limit + _SMALL_KW).any():
            step = int(np.argmax(np.abs(left)))
            more = "more given than taken" if left[step] > 0 else "more taken than given"
            raise DataError(
                f"bus '{bus}' at {_when(horizon, step)}: its meters differ by {abs(left[step]):.6g} kW, {more}, and by "
                f"more than {limit:.6g} kW in {int(over.sum())} of {horizon.steps} steps. A meter is wrong or missing, or "
                f"the tolerance ({tolerance}) is too small"
            )


def _when(horizon: Horizon, step: int) -> str:
    return horizon.local_start[step].isoformat()


def _factors(
    site: Site, readings: Readings, found: _Found, into: Array
) -> tuple[dict[str, Array], Array, dict[str, str]]:
    """By connection (T,) of its imports, that of all imports together, and where they come from.

    A series of the grid's intensity stands for all connections; else each has its own by the park's file.
    """
    horizon, key = readings.horizon, Key("intensity", "average")
    lines = [asset for asset in site.assets if isinstance(asset, GridConnection)]
    if key in readings.values:
        series, name = readings.values[key], readings.names[key]
        _require_known(horizon, name, series)
        return {line.name: series for line in lines}, series, {"average": f"{name} of {readings.source}"}
    own = {
        line.name: per_step(line.carbon_intensity_kg_per_kwh, horizon, f"carbon intensity of '{line.name}'")
        for line in lines
    }
    if not lines:
        return {}, np.zeros(horizon.steps), {}
    bought = {s.asset: np.maximum(into[k], 0.0) for k, s in enumerate(found.sides) if s.asset in own}
    said = [f"carbon_intensity_kg_per_kwh of '{x.name}'" + (f" ({x.source})" if x.source else "") for x in lines]
    return own, mean_factor(list(own.values()), [bought[name] for name in own]), {"average": "; ".join(said)}


def _require_known(horizon: Horizon, name: str, values: Array) -> None:
    if not np.isfinite(values).all():
        step = int(np.argmin(np.isfinite(values)))
        count = int((~np.isfinite(values)).sum())
        raise DataError(
            f"'{name}' is missing at {_when(horizon, step)} and in {count} steps in all; missing is never zero: give "
            "every step, or leave the series out"
        )


def _unit(
    asset: Asset,
    own: list[tuple[Point, Array]],
    readings: Readings,
    average: Array,
    conventions: Conventions,
    notes: list[str],
) -> Unit:
    """One asset with its powers, emissions and content."""
    horizon = readings.horizon
    gives = frozenset(side.carrier for side, into in own if into.max(initial=0.0) > _SMALL_KW)
    ports = {side.field: Side(side.bus, into, conventions.weight(side.carrier, gives)) for side, into in own}
    stock = None
    if isinstance(asset, Storage):
        stock = _stock(asset, own, readings, conventions, notes)
    emitted = _emitted(asset, own, readings, average)
    return Unit(asset.name, asset.kind, _role(asset, own, stock), ports, emitted * horizon.hours, stock=stock)


def _role(asset: Asset, own: list[tuple[Point, Array]], stock: Stock | None) -> Any:
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


def _emitted(asset: Asset, own: list[tuple[Point, Array]], readings: Readings, average: Array) -> Array:
    """(T,) own emissions [kg/h], measured or by the asset's fields."""
    key = Key("co2", asset.name)
    if key in readings.values:
        _require_known(readings.horizon, readings.names[key], readings.values[key])
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
        + (given > _SMALL_KW) * factor["no_load_co2_kg_per_h"]
    )


def _stock(
    store: Storage, own: list[tuple[Point, Array]], readings: Readings, conventions: Conventions, notes: list[str]
) -> Stock:
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
    rule = conventions.stores.get(side.carrier, "carry")
    return Stock(np.maximum(content, 0.0), kept, np.zeros(hours.size), rule)


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


def _contracts(
    site: Site, readings: Readings, found: _Found, into: Array, notes: list[str]
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
                _require_known(horizon, readings.names[key], readings.values[key])
                delivered = readings.values[key]
            elif contract.max_kw is None and contract.least_share < contract.share_max:
                raise DataError(
                    f"what contract '{contract.name}' of '{asset.name}' delivered is not measured, and its terms do not "
                    f"say it: give {asset.name}.{contract.name}_kw"
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
