r"""Market-based accounts: which carbon contracts and certificates leave on each meter, by the hour and by the year.

Electricity that a park draws is covered by certificates, or has the residual factor. Per step, with what meters draw L,
what units with carbon of their own and stores give to them G (exports are served from the park's own supply first), and
certificates :math:`u` allotted by :mod:`dispatch.carbon.certificates`,

.. math:: N_m = L_m (1 - G / Σ L), \quad R_m = f \, (N_m - Σ_k u_{km}) + L_m / Σ L · carbon(G)

so that each kWh is covered once: by plant on site with its own emissions, by a store with what it was charged with, by
a certificate, or by the residual mix. By the year the certificates of a year cover its load whenever it came,
:math:`R_m = Σ_t f_t N_{mt} (1 - Σ_k u_{km} / Σ_t N_{mt})`, which is the rest by the mean factor weighted with the load.

What plant makes of electricity takes the carbon on: the same tracing through carriers and stores as in the physical
ledger, on an operation in which every electric meter has a bus of its own with what covers it. All electricity of a
park is one market: buses do not part it. Certificates of own plant that no load uses go with what is exported of it;
without them that has the residual mix. The location-based account is the same with the average factor, without any
contract.

Source: GHG Protocol Scope 2 Guidance 2015.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dispatch.assets.grid_connection import GridConnection
from dispatch.carbon.carriers import traced
from dispatch.carbon.certificates import Covered, Matching, Supply, covered, extended, left_kwh
from dispatch.carbon.ledger import Ledger, Meter
from dispatch.carbon.operation import Operation
from dispatch.carbon.supplies import Contracts, is_clean, local_years, planned_supplies, supplies
from dispatch.carbon.units import Side, Unit
from dispatch.errors import DataError
from dispatch.fields.claims import Claims
from dispatch.fields.series import per_step
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.site import Site

HOURLY, ANNUAL, LOCATION = "market, by the hour", "market, by the year", "location"
OWN = "own emissions"
_ASKED = {
    OWN: "Which carbon that the park itself emitted is on this meter?",
    HOURLY: "Which carbon do contracts and certificates leave on this meter, each covering load of its own hour?",
    ANNUAL: "Which carbon do contracts and certificates leave on this meter, each covering load of its year?",
    LOCATION: "Which carbon would this meter have at the grid's average factor, whatever was contracted?",
}
_POOL, _MADE, _LOST = "electricity", "market", ": losses"


@dataclass(frozen=True, eq=False)
class Market:
    """Both market-based ledgers, the location-based one, and the certificates behind them.

    Attributes:
        hour, year, location: ledgers.
        own: what the park itself emitted, as these share it out (scope 1); the rest of each is bought (scope 2).
        covered: by matching, which certificate covers which meter.
        meters: (M,) assets that draw electricity, then connections that export, in the order of ``covered``.
        supplies: in the order in which they were used.
        claim: the account by which the park claims; certificates are used in that one.
    """

    hour: Ledger
    year: Ledger
    location: Ledger
    own: Ledger
    covered: Mapping[Matching, Covered]
    meters: tuple[str, ...]
    supplies: tuple[Supply, ...]
    claim: Matching

    @property
    def ledgers(self) -> tuple[Ledger, Ledger, Ledger]:
        """All three."""
        return self.hour, self.year, self.location


def market(
    operation: Operation,
    claims: Claims,
    contracts: Contracts,
    average_kg_per_kwh: Array,
    *,
    residual_kg_per_kwh: Array | None = None,
    start_kg_per_kwh: Mapping[str, float] | None = None,
) -> Market:
    """Account an operation by contracts and certificates.

    Args:
        claims: the park's block ``certificates``.
        contracts: what contracts delivered with certificates that are kept.
        average_kg_per_kwh: (T,) of the grid.
        residual_kg_per_kwh: (T,) of what nothing covers; the average by default.
        start_kg_per_kwh: by store, what it holds at the start, as :func:`dispatch.carbon.carriers.traced` takes it.

    Raises:
        DataError: certificates do not suffice for what is given away, a name points nowhere, or a factor is missing.
    """
    held = supplies(claims, operation, contracts)
    factors = average_kg_per_kwh, residual_kg_per_kwh
    return _accounted(operation, held, claims, factors, start_kg_per_kwh)


def _accounted(
    operation: Operation,
    held: tuple[Supply, ...],
    claims: Claims,
    factors: tuple[Array, Array | None],
    start: Mapping[str, float] | None,
) -> Market:
    """All three accounts with the certificates that there are; factors are the average one and the residual."""
    if operation.flows is not None:
        raise DataError("market: give the operation on the park's own buses; contracts do not follow a network's flows")
    average = _factor(operation, "average", factors[0])
    residual = average if factors[1] is None else _factor(operation, "residual", factors[1])
    clean = {unit.name for unit in operation.units if is_clean(operation, unit)}
    on_site = [replace(s, sold_kwh=0.0, retired_kwh=0.0, shares={}) for s in held if s.name in clean]
    pool, goes = _Pool(operation, start), claims.with_exports
    found: dict[Matching, Covered] = {
        name: pool.covered(held, name, clean if goes else ()) for name in ("hour", "year")
    }
    return Market(
        hour=pool.ledger(HOURLY, found["hour"], residual),
        year=pool.ledger(ANNUAL, found["year"], residual),
        location=pool.ledger(LOCATION, pool.covered(on_site, "hour", clean), average),
        own=pool.ledger(OWN, found["hour"], np.zeros(operation.horizon.steps)),
        covered=found,
        meters=(*pool.names, *pool.sellers),
        supplies=held,
        claim=claims.claim,
    )


def planned_market(site: Site, schedule: Schedule, operation: Operation, scenario: int = 0) -> Market:
    """The market-based accounts of one path of a plan: its contracts, what it sells and buys, and ``certificates``.

    Args:
        operation: the path on the park's own buses, without an AC network.

    Raises:
        DataError: as :func:`market`.
    """
    lines = [asset for asset in site.assets if isinstance(asset, GridConnection)]
    horizon, key = schedule.inputs.horizon, "carbon_intensity_kg_per_kwh"
    factors = [np.broadcast_to(schedule.inputs.series[x.name, key], (schedule.scenarios, horizon.steps)) for x in lines]
    bought = [schedule.asset(line.name, "import_kw", scenario) for line in lines]
    average = mean_factor([f[scenario] for f in factors], bought) if lines else np.zeros(horizon.steps)
    stated = site.claims.residual_kg_per_kwh
    residual = None if stated is None else per_step(stated, horizon, "claims.residual_kg_per_kwh")
    held = planned_supplies(site.claims, operation, schedule, scenario)
    start = site.carbon.ledgers.start_kg_per_kwh
    return _accounted(operation, held, site.claims, (average, residual), start)


def mean_factor(factors: Sequence[Array], bought_kw: Sequence[Array]) -> Array:
    """(T,) of several connections by what each imports; the plain mean where none does."""
    if len(factors) == 1:
        return np.asarray(factors[0], dtype=np.float64)
    total = np.sum(bought_kw, axis=0)
    carbon = np.sum(np.multiply(factors, bought_kw), axis=0)
    return np.asarray(np.divide(carbon, total, out=np.mean(factors, axis=0), where=total > 0))


def _factor(operation: Operation, what: str, values: Array) -> Array:
    factor = np.broadcast_to(np.asarray(values, dtype=np.float64), (operation.horizon.steps,))
    if not np.isfinite(factor).all():
        raise DataError(
            f"{what} factor: no number in step {int(np.argmin(np.isfinite(factor)))}; missing is never zero"
        )
    return factor


class _Pool:
    """All electricity of an operation as one market.

    Attributes:
        names: (M,) of the meters: what draws electricity and is no export.
        load_kwh: (M, T) drawn; net_kwh: without what plant with carbon of its own and stores gave to it.
        part: (T,) share of the load that these serve; gone: of the park's own supply that is exported.
        given, exported, through: (T,) kW that these give, that leaves, and of it what had been bought.
        clean_gone: (T,) kW of exports that are of plant with certificates; sellers: connections that export.
    """

    def __init__(self, operation: Operation, start: Mapping[str, float] | None) -> None:
        self.operation, self.hours, self.start = operation, operation.horizon.hours, start
        self.electric = {bus for bus, carrier in operation.carriers.items() if carrier == "electricity"}
        self.into = {unit.name: self._into(unit) for unit in operation.units if self._touches(unit)}
        nothing = np.zeros(self.hours.size)
        clean = given = exported = nothing
        takers: list[tuple[Unit, Array]] = []
        for unit in operation.units:
            if unit.name not in self.into:
                continue
            out, taken = np.maximum(self.into[unit.name], 0.0), np.maximum(-self.into[unit.name], 0.0)
            if unit.role == "connection":
                exported = exported + taken
                continue
            if is_clean(operation, unit):
                clean = clean + out
            elif not _buys(unit):
                given = given + out
            if taken.any():
                takers.append((unit, taken))
        self.takers, self.names = takers, [unit.name for unit, _ in takers]
        self.load_kwh = np.array([kw for _, kw in takers]).reshape(-1, self.hours.size) * self.hours
        whole, load = clean + given, self.load_kwh.sum(axis=0) / self.hours
        self.gone = np.minimum(np.divide(exported, whole, out=np.zeros_like(whole), where=whole > 0), 1.0)
        served = given * (1 - self.gone)
        self.part = np.minimum(np.divide(served, load, out=np.zeros_like(load), where=load > 0), 1.0)
        self.net_kwh = self.load_kwh * (1 - self.part)
        self.given, self.exported = given, exported
        self.through = np.maximum(exported - whole * self.gone, 0.0)
        self.clean_gone = clean * self.gone
        connections = [unit for unit in operation.units if unit.role == "connection" and unit.name in self.into]
        self.sellers = [unit.name for unit in connections if (self.into[unit.name] < 0).any()]

    def _touches(self, unit: Unit) -> bool:
        return any(side.bus in self.electric for side in unit.ports.values())

    def _into(self, unit: Unit) -> Array:
        """(T,) net of all electric sides: of a cable less than nothing is what it loses."""
        sides = [side.power_kw for side in unit.ports.values() if side.bus in self.electric]
        net = np.sum(sides, axis=0)
        # Two sides of a cable differ by rounding; that is no meter.
        return np.where(np.abs(net) > 1e-9 * max(float(np.abs(sides).max()), 1e-9), net, 0.0)

    def covered(self, held: Sequence[Supply], matching: Matching, clean: Collection[str]) -> Covered:
        """Certificates over the meters; what own plant has left goes with exports, where ``clean`` names it."""
        years = local_years(self.operation.horizon)
        found = covered(self.net_kwh, held, self.names, matching=matching, years=years)
        gone_kw = np.array([self._part_of(name) * self.clean_gone for name in self.sellers]).reshape(
            -1, self.hours.size
        )
        places = [k for k, supply in enumerate(held) if supply.name in clean]
        left = [Supply(held[k].name, left_kwh(found, held, k)) for k in places]
        more = covered(gone_kw * self.hours, left, self.sellers, matching=matching, years=years)
        return extended(found, more, places)

    def _part_of(self, seller: str) -> Array:
        """(T,) share of one connection in all exports."""
        taken = np.maximum(-self.into[seller], 0.0)
        return np.asarray(np.divide(taken, self.exported, out=np.zeros_like(taken), where=self.exported > 0))

    def ledger(self, name: str, cover: Covered, factor: Array) -> Ledger:
        """What the certificates leave, traced on through what is made of the electricity."""
        share, count = cover.open_share, len(self.names)
        open_kg = self.net_kwh * share[:count] * factor
        exported = {name: share[count + k] for k, name in enumerate(self.sellers)}
        units, buses = self._units(open_kg, factor, exported)
        carriers = {bus: carrier for bus, carrier in self.operation.carriers.items() if bus not in self.electric}
        carriers |= dict.fromkeys((_POOL, *buses), "electricity")
        # Of what stores are said to hold at the start nobody knows how much the park emitted itself.
        start = dict.fromkeys(self.start or {}, 0.0) if name == OWN else self.start
        ledger = traced(Operation(self.operation.horizon, carriers, tuple(units)), start_kg_per_kwh=start)
        meters = tuple(self._restored(meter, buses) for meter in ledger.meters)
        kept = {bus: values for bus, values in ledger.buses.items() if bus in self.operation.carriers}
        kept |= {bus: self._mean(open_kg) for bus in self.electric if bus not in kept}
        return replace(ledger, name=name, question=_ASKED[name], meters=meters, buses=kept)

    def _mean(self, open_kg: Array) -> Array:
        """(T,) of the electricity that is bought or covered."""
        net = self.net_kwh.sum(axis=0)
        return np.asarray(np.divide(open_kg.sum(axis=0), net, out=np.full_like(net, np.nan), where=net > 0))

    def _units(self, open_kg: Array, factor: Array, exported: Mapping[str, Array]) -> tuple[list[Unit], dict[str, str]]:
        """Units of the market's operation, and by bus of a meter where it really stands."""
        units, buses = [], dict[str, str]()
        nothing = np.zeros(self.hours.size)
        for unit in self.operation.units:
            if unit.name not in self.into:
                units.append(unit)
                continue
            own = f"{_POOL}:{unit.name}"
            out, taken = np.maximum(self.into[unit.name], 0.0), np.maximum(-self.into[unit.name], 0.0)
            made = self._moved(unit, own, out, taken)
            if made is not None:
                units.append(made)
            if taken.any():
                buses[own] = next(side.bus for side in unit.ports.values() if side.bus in self.electric)
            if unit.role == "connection" and taken.any():
                units += self._exports(unit, own, exported[unit.name], factor)
        for m, (unit, taken) in enumerate(self.takers):
            own, served = f"{_POOL}:{unit.name}", taken * self.part
            units.append(_source(f"{_MADE}: {unit.name}", own, self.net_kwh[m] / self.hours, open_kg[m]))
            if served.any():
                units.append(_link(f"{_MADE}: to {unit.name}", own, served, nothing))
        return units, buses

    def _moved(self, unit: Unit, own: str, out: Array, taken: Array) -> Unit | None:
        """A unit with its draw at a bus of its own, and what it gives at the pool; None where nothing is left of it."""
        ports = {name: side for name, side in unit.ports.items() if side.bus not in self.electric}
        electric = next(name for name, side in unit.ports.items() if side.bus in self.electric)
        bought = unit.role == "connection" or _buys(unit) or is_clean(self.operation, unit)
        if taken.any():
            ports[electric] = Side(own, -taken, unit.ports[electric].weight)
        if out.any() and not bought:
            ports[f"{electric} given"] = Side(_POOL, out, unit.ports[electric].weight)
        if not ports:
            return None
        emitted = np.zeros(self.hours.size) if bought else unit.emitted_kg
        if unit.role == "link":
            return replace(unit, name=f"{unit.name}{_LOST}", ports=ports, emitted_kg=emitted, role="loss")
        return replace(unit, ports=ports, emitted_kg=emitted)

    def _exports(self, unit: Unit, own: str, open_share: Array, factor: Array) -> list[Unit]:
        """What is exported: of the park's own supply as long as that lasts, and else of what was bought."""
        share = self._part_of(unit.name)
        given, rest = self.given * self.gone * share, (self.exported - self.given * self.gone) * share
        # Electricity whose certificate is used or sold elsewhere has the residual mix.
        without = (self.clean_gone * open_share + self.through) * share
        units = [_source(f"{_MADE}: {unit.name}", own, np.maximum(rest, 0.0), without * self.hours * factor)]
        if given.any():
            units.append(_link(f"{_MADE}: to {unit.name}", own, given, np.zeros(given.size)))
        return units

    def _restored(self, meter: Meter, buses: Mapping[str, str]) -> Meter:
        """The meter where it really stands, and of the asset that it belongs to."""
        if meter.asset.endswith(_LOST):
            meter = replace(meter, asset=meter.asset.removesuffix(_LOST))
        if meter.bus == _POOL:
            unit = next(unit for unit in self.operation.units if unit.name == meter.asset)
            return replace(meter, bus=next(side.bus for side in unit.ports.values() if side.bus in self.electric))
        return replace(meter, bus=buses.get(meter.bus, meter.bus))


def _buys(unit: Unit) -> bool:
    """What no meter gave came over the connection."""
    return unit.kind == "imbalance"


def _source(name: str, bus: str, power_kw: Array, emitted_kg: Array) -> Unit:
    # What is left of a difference by rounding is no supply, and brings no carbon.
    there = power_kw > 1e-9 * power_kw.max(initial=0.0)
    return Unit(name, _MADE, "source", {"supply": Side(bus, power_kw)}, np.where(there, emitted_kg, 0.0))


def _link(name: str, bus: str, power_kw: Array, nothing: Array) -> Unit:
    return Unit(name, _MADE, "link", {"from": Side(_POOL, -power_kw), "to": Side(bus, power_kw)}, nothing)
