"""Certificates that a park holds over a period: of its own plant, direct lines, contracts and lots, less what it gives.

In the order in which they cover load: own generation and direct lines, contracts, lots.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from dispatch.carbon.certificates import PER_KWH, Entry, Supply
from dispatch.carbon.operation import Operation
from dispatch.carbon.units import Unit
from dispatch.errors import DataError
from dispatch.fields.claims import Claims, Disposal, Span
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.tariff.contracts import GreenPower

Contracts = Mapping[tuple[str, str], Array]
"""By connection and contract, (T,) energy delivered whose certificates are kept [kWh]."""

_WITHOUT = ("thermal", "imbalance")
"""Kinds that bring no certificate, emissions or not: what burns fuel that is not renewable, and what no meter gave."""


def supplies(claims: Claims, operation: Operation, contracts: Contracts) -> tuple[Supply, ...]:
    """All of a period, with what is sold, registered as offsets or retired taken out.

    Raises:
        DataError: a disposal or share names no supply, or takes more than there is.
    """
    horizon = operation.horizon
    found = [Supply(unit.name, given_kwh(operation, unit)) for unit in operation.units if is_clean(operation, unit)]
    found += [Supply(contract, energy) for (_, contract), energy in contracts.items()]
    for lot in claims.lots:
        inside = _inside(horizon, lot) * horizon.hours
        energy = _spread(lot.energy_kwh * _part(horizon, lot), inside)
        found.append(Supply(lot.name, energy, "opening" if lot.opening else "bought", timed=False))
    names = [supply.name for supply in found]
    _require_names(claims, names)
    return tuple(_with_disposals(supply, claims, horizon) for supply in found)


def planned_supplies(claims: Claims, operation: Operation, schedule: Schedule, scenario: int = 0) -> tuple[Supply, ...]:
    """Of a plan's path: beside what the file says, what the plan itself sells, registers, buys and holds.

    What it sells or registers of a step is taken from its plants in proportion to what they generate.

    Raises:
        DataError: as :func:`supplies`.
    """
    found = supplies(claims, operation, certified_contracts(schedule, scenario))
    wanted, decided = schedule.carbon.settings.certificates, schedule.carbon.certificates
    if wanted is None:
        return found
    horizon, nothing = operation.horizon, np.zeros((schedule.scenarios, operation.horizon.steps))
    gone = sum((decided.get(name, nothing)[scenario] for name in ("own_sold_kw", "registered_kw")), nothing[0])
    plants = {unit.name for unit in operation.units if is_clean(operation, unit)}
    issuing = [s for s in found if s.name in plants and (wanted.issued_by is None or s.name in wanted.issued_by)]
    whole = np.sum([s.energy_kwh for s in issuing], axis=0) if issuing else nothing[0]
    part = np.clip(np.divide(gone * horizon.hours, whole, out=np.zeros_like(whole), where=whole > 0), 0.0, 1.0)
    sold = {s.name: np.minimum(s.sold_kwh + part * s.energy_kwh, s.energy_kwh - s.retired_kwh) for s in issuing}
    kwh = {name: 1000 * float(decided[name][scenario]) for name in ("bought_mwh", "stock_sold_mwh") if name in decided}
    stock = kwh.get("stock_sold_mwh", 0.0)
    held = _lot("certificates held", 1000 * wanted.held_mwh, min(stock, 1000 * wanted.held_mwh), horizon, "opening")
    rest = max(stock - 1000 * wanted.held_mwh, 0.0)
    bought = _lot("certificates bought", kwh.get("bought_mwh", 0.0), rest, horizon, "bought")
    own = [replace(s, sold_kwh=sold[s.name]) if s.name in sold else s for s in found]
    return (*own, *(lot for lot in (held, bought) if lot.energy_kwh.any()))


def _lot(name: str, energy_kwh: float, sold_kwh: float, horizon: Horizon, entry: Entry) -> Supply:
    """Certificates that belong to no hour, of which some are sold."""
    energy = _spread(energy_kwh, horizon.hours)
    sold = np.minimum(_spread(min(sold_kwh, energy_kwh), horizon.hours), energy)
    return Supply(name, energy, entry, timed=False, sold_kwh=sold)


def certified_contracts(schedule: Schedule, scenario: int = 0) -> dict[tuple[str, str], Array]:
    """Of a plan's path: what contracts for green power deliver with certificates that are kept [kWh]."""
    out: dict[tuple[str, str], Array] = {}
    solved = schedule.kinds.get("grid_connection")
    if solved is None:
        return out
    hours, members = schedule.inputs.horizon.hours, solved.rows.members
    for place, member in enumerate(members):
        for number, contract in enumerate(_green(member)):
            delivered = solved.series[f"green_{number}_kw"][scenario * len(members) + place]
            out[member.name, contract.name] = np.maximum(delivered, 0.0) * contract.certificates_kept * hours
    return out


def _green(member: object) -> Sequence[GreenPower]:
    return getattr(member, "green_power", ())


def is_clean(operation: Operation, unit: Unit) -> bool:
    """Does it generate electricity alone, without any emission or fuel but a renewable one?

    Then a certificate comes with each kWh.
    """
    if unit.role != "source" or unit.emitted_kg.any() or (unit.kind in _WITHOUT and not unit.renewable):
        return False
    return any(operation.carriers[s.bus] == "electricity" and s.power_kw.max() > 0 for s in unit.ports.values())


def given_kwh(operation: Operation, unit: Unit) -> Array:
    """(T,) electricity that a unit gives, over all its sides together."""
    electric = [s.power_kw for s in unit.ports.values() if operation.carriers[s.bus] == "electricity"]
    return np.asarray(np.maximum(sum(electric, np.zeros(operation.horizon.steps)), 0.0) * operation.horizon.hours)


def local_years(horizon: Horizon) -> np.ndarray:
    """(T,) local year of each step."""
    return np.array([start.year for start in horizon.local_start])


def _with_disposals(supply: Supply, claims: Claims, horizon: Horizon) -> Supply:
    gone = {"sold": np.zeros(horizon.steps), "retired": np.zeros(horizon.steps)}
    for disposal in claims.disposals:
        if disposal.of == supply.name:
            how = "retired" if disposal.how == "retired" else "sold"
            gone[how] = gone[how] + _disposed(supply, disposal, horizon)
    shares = claims.shares.get(supply.name, {})
    return Supply(supply.name, supply.energy_kwh, supply.entry, supply.timed, gone["sold"], gone["retired"], shares)


def _disposed(supply: Supply, disposal: Disposal, horizon: Horizon) -> Array:
    """(T,) in proportion to what comes in within the days."""
    there = supply.energy_kwh * _inside(horizon, disposal)
    if disposal.share is not None:
        return np.asarray(disposal.share * there)
    amount, whole = disposal.energy_kwh or 0.0, float(there.sum())
    if amount > whole * (1 + 1e-9):
        raise DataError(
            f"claims.disposals: {amount:g} kWh of '{supply.name}' are {disposal.how}, but {whole:g} kWh come "
            "in within its days and the period"
        )
    return np.minimum(_spread(amount, there), supply.energy_kwh)


def _spread(total_kwh: float, weight: Array) -> Array:
    """(T,) in proportion to weights, in whole milliwatt-hours that add up to the total; nothing without any weight."""
    share = np.append(0.0, np.cumsum(weight) / max(float(weight.sum()), np.finfo(float).tiny))
    return np.asarray(np.diff(np.rint(total_kwh * share * PER_KWH)) / PER_KWH)


def _inside(horizon: Horizon, span: Span) -> Array:
    """(T,) 1 in steps that begin on a day of the span."""
    first, last = span.first or date.min, span.last or date.max
    return np.array([float(first <= start.date() <= last) for start in horizon.local_start])


def _part(horizon: Horizon, span: Span) -> float:
    """The part of a lot's days that lies in the period, by days; 1 where it says none."""
    if span.first is None or span.last is None:
        return 1.0
    days = {start.date() for start in horizon.local_start}
    return sum(span.first <= day <= span.last for day in days) / ((span.last - span.first).days + 1)


def _require_names(claims: Claims, names: Sequence[str]) -> None:
    for place, name in _named(claims):
        if name not in names:
            raise DataError(f"claims.{place}: there are none of '{name}'; there are of {', '.join(names) or 'nothing'}")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"claims: '{twice[0]}' names two supplies; give plant, contracts and lots different names")


def _named(claims: Claims) -> Iterator[tuple[str, str]]:
    yield from (("disposals", disposal.of) for disposal in claims.disposals)
    yield from (("shares", name) for name in claims.shares)
