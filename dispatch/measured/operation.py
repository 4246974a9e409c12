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

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dispatch.assets.grid_connection import GridConnection
from dispatch.carbon.market import mean_factor
from dispatch.carbon.operation import Operation
from dispatch.carbon.units import Role, Side, Unit
from dispatch.carbon_wanted.conventions import Conventions
from dispatch.fields.series import Factor, Feed, per_step
from dispatch.measured.balance import SMALL_KW, Found, Tolerance, measured_kw, require_balanced, require_known, when
from dispatch.measured.meters import points
from dispatch.measured.names import Key, Readings
from dispatch.measured.units import delivered_kwh, unit_of
from dispatch.signals import Array
from dispatch.site import Site

IMBALANCE = "imbalance of "


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
    conventions: Conventions | None = None,
) -> Ran:
    """The operation that meters tell of.

    Raises:
        DataError: too little was measured, meters of a bus differ too much, or a value is impossible; the message names
            bus, hour and kW.
    """
    sides, notes = points(site), list[str]()
    agreed = conventions or site.carbon.ledgers
    power = measured_kw(sides, readings)
    found = Found(site, sides, power, readings)
    found.fill(notes)
    into = found.checked(tolerance)
    balance = {bus: into[at].sum(axis=0) for bus, at in found.at_bus.items()}
    require_balanced(readings.horizon, found, into, balance, tolerance)
    factors, average, sources = _factors(site, readings, found, into)
    units = [
        unit_of(asset, [(s, into[k]) for k, s in enumerate(sides) if s.asset == asset.name], readings,
              factors.get(asset.name, average), agreed, notes)
        for asset in site.assets
        if type(asset).bus_fields
    ]  # fmt: skip
    carrier = dict(zip(site.bus_names, site.bus_carriers, strict=True))
    for bus, left in balance.items():
        if np.abs(left).max(initial=0.0) > SMALL_KW:
            grid = average if carrier[bus] == "electricity" else np.zeros(left.size)
            units.append(_imbalance(bus, left, grid * readings.horizon.hours))
            notes.append(_told_imbalance(bus, left, readings))
    signals = {name: _signal(site, readings, name, sources, notes) for name in ("marginal", "residual")}
    return Ran(
        site, Operation(readings.horizon, carrier, tuple(units)), average, signals["marginal"], signals["residual"],
        delivered_kwh(site, readings, found, into, notes), balance, tuple(notes), sources,
    )  # fmt: skip


def _imbalance(bus: str, left_kw: Array, kg_per_kw: Array) -> Unit:
    """What all meters of a bus together gave too much is used by somebody; what they gave too little came in unseen."""
    emitted = np.maximum(-left_kw, 0.0) * kg_per_kw
    role: Role = "source" if left_kw.sum() < 0 else "sink"
    return Unit(f"{IMBALANCE}{bus}", "imbalance", role, {"meters": Side(bus, -left_kw)}, emitted)


def _told_imbalance(bus: str, left_kw: Array, readings: Readings) -> str:
    hours, step = readings.horizon.hours, int(np.argmax(np.abs(left_kw)))
    over, under = (float(np.maximum(sign * left_kw, 0.0) @ hours) for sign in (1.0, -1.0))
    return (
        f"the meters of '{bus}' do not agree: {over:,.6g} kWh were given that none took, {under:,.6g} kWh were taken "
        f"that none gave; most, {abs(left_kw[step]):,.6g} kW, at {when(readings.horizon, step)}"
    )


def _signal(site: Site, readings: Readings, name: str, sources: dict[str, str], notes: list[str]) -> Array | None:
    """(T,) of a series, else of the park's file, else None; a marginal signal with gaps is left out, which is said."""
    key, stated = Key("intensity", name), site.claims.residual_kg_per_kwh
    if key in readings.values:
        lacking = int((~np.isfinite(readings.values[key])).sum())
        if name == "marginal" and lacking:
            notes.append(f"'{readings.names[key]}' is missing in {lacking} steps: it is not used")
            return None
        require_known(readings.horizon, readings.names[key], readings.values[key])
        sources[name] = f"{readings.names[key]} of {readings.source}"
        return readings.values[key]
    if name == "residual" and stated is not None:
        own = "claims.residual_kg_per_kwh of the park's file"
        sources[name] = f"{own}: {_published(stated)}" if isinstance(stated, Factor) else own
        return per_step(stated, readings.horizon, own)
    if name == "marginal":
        for line in (asset for asset in site.assets if isinstance(asset, GridConnection)):
            if line.marginal_intensity_kg_per_kwh is not None:
                sources[name] = f"marginal_intensity_kg_per_kwh of '{line.name}'"
                return per_step(line.marginal_intensity_kg_per_kwh, readings.horizon, sources[name])
    return None


def _factors(
    site: Site, readings: Readings, found: Found, into: Array
) -> tuple[dict[str, Array], Array, dict[str, str]]:
    """By connection (T,) of its imports, that of all imports together, and where they come from.

    A series of the grid's intensity stands for all connections; else each has its own by the park's file.
    """
    horizon, key = readings.horizon, Key("intensity", "average")
    lines = [asset for asset in site.assets if isinstance(asset, GridConnection)]
    if key in readings.values:
        series, name = readings.values[key], readings.names[key]
        require_known(horizon, name, series)
        return {line.name: series for line in lines}, series, {"average": f"{name} of {readings.source}"}
    own = {
        line.name: per_step(line.carbon_intensity_kg_per_kwh, horizon, f"carbon intensity of '{line.name}'")
        for line in lines
    }
    if not lines:
        return {}, np.zeros(horizon.steps), {}
    bought = {s.asset: np.maximum(into[k], 0.0) for k, s in enumerate(found.sides) if s.asset in own}
    said = "; ".join(f"{line.name}: {_told(line)}" for line in lines)
    return own, mean_factor(list(own.values()), [bought[name] for name in own]), {"average": said}


def _told(line: GridConnection) -> str:
    """Source of a connection's factor, with its version and the days that it is for."""
    factor = line.carbon_intensity_kg_per_kwh
    if isinstance(factor, Factor):
        return _published(factor)
    if isinstance(factor, Feed):
        return f"series {factor.feed} of the archive"
    stated = f"{factor:g} kg/kWh" if isinstance(factor, float | int) else "a series"
    return f"{stated} of the park's file" + (f" ({line.source})" if line.source else "")


def _published(factor: Factor) -> str:
    span = f"{factor.valid_from or '…'} to {factor.valid_to or '…'}"
    return f"{factor.kg_per_kwh:g} kg/kWh, {factor.entry or 'own'}, valid {span}: {factor.source}"
