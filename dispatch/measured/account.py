"""A past period's account from meters: every ledger that needs no optimiser, certificates, goods, and their sources.

Traced (losses apart, and borne where there are any on lines), market-based by the hour and by the year, location-based,
and marginal where a signal of marginal intensity is given. A fair share by the cooperative game asks for the emissions
of every coalition's own least-cost operation, which no meter has seen: it is left out, and not stood in for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dispatch.assets.grid_connection import GridConnection
from dispatch.carbon.carriers import traced
from dispatch.carbon.goods import Good, goods
from dispatch.carbon.ledger import Ledger, Ledgers, Meter
from dispatch.carbon.market import Market, market
from dispatch.carbon.units import Unit
from dispatch.carbon_export import About
from dispatch.carbon_wanted.conventions import Conventions
from dispatch.fields.series import Factor
from dispatch.measured.balance import Tolerance
from dispatch.measured.names import Readings
from dispatch.measured.operation import IMBALANCE, Ran, ran
from dispatch.signals import Array
from dispatch.site import Site

MARGINAL = "marginal, by a signal"
NO_SIGNAL = "No signal of marginal intensity was given: there is no marginal ledger."
OF_PLANS = {
    "certificates": "The file's carbon.certificates are what plans hold and trade; of a past period claims.lots and "
    "claims.disposals say it.",
    "quota": "The file's carbon.quota is settled by plans, not by this account.",
}
NO_GAME = (
    "The cooperative game is left out: it asks what each coalition's own least-cost operation would have emitted, "
    "which takes an optimiser; a proportional share would answer another question."
)


@dataclass(frozen=True, eq=False)
class Account:
    """One period of one park.

    Attributes:
        ran: what ran.
        ledgers: side by side.
        market: certificates behind the market-based ones.
        goods: what was made or delivered.
        about: what the numbers rest on.
    """

    ran: Ran
    ledgers: Ledgers
    market: Market
    goods: tuple[Good, ...]
    about: About


def account(
    site: Site,
    readings: Readings,
    *,
    tolerance: Tolerance = Tolerance(),  # noqa: B008 - frozen
    conventions: Conventions | None = None,
    progress: Callable[[str, float], None] = lambda _text, _share: None,
) -> Account:
    """All ledgers of what was measured.

    Args:
        conventions: how stores hold carbon and how outputs share it; those of the park's file by default.

    Raises:
        DataError: as :func:`dispatch.measured.operation.ran` and :func:`dispatch.carbon.market.market`.
    """
    progress("accounting", 0.0)
    agreed = conventions or site.carbon.ledgers
    found = ran(site, readings, tolerance=tolerance, conventions=agreed)
    progress("accounting", 0.1)
    start = agreed.start_kg_per_kwh
    physical = [_with_imbalance(traced(found.operation, start_kg_per_kwh=start))]
    if any(meter.role == "loss" and meter.name.endswith(": losses") and _is_line(found, meter) for meter in
           physical[0].meters):  # fmt: skip
        physical.append(_with_imbalance(traced(found.operation, "borne", start_kg_per_kwh=start)))
    progress("accounting", 0.3)
    contracted = market(
        found.operation,
        site.claims,
        found.contracts_kwh,
        found.average_kg_per_kwh,
        residual_kg_per_kwh=found.residual_kg_per_kwh,
        start_kg_per_kwh=start,
    )
    progress("accounting", 0.7)
    ledgers = [*physical, *(_with_imbalance(ledger) for ledger in contracted.ledgers)]
    own = {ledger.name: contracted.own for ledger in contracted.ledgers}
    made = goods(found.operation, ledgers, own, held=start)
    if found.marginal_kg_per_kwh is not None:
        ledgers.append(marginal(found, found.marginal_kg_per_kwh))
    progress("accounting", 1.0)
    left_out = {"cooperative game": NO_GAME} | (
        {} if found.marginal_kg_per_kwh is not None else {"marginal": NO_SIGNAL}
    )
    return Account(found, Ledgers(tuple(ledgers), left_out), contracted, made, _about(found, readings, tolerance))


def marginal(found: Ran, signal_kg_per_kwh: Array) -> Ledger:
    """What one more kWh at each electric meter would have emitted, times what it drew; it does not add up.

    Stores count what they drew less what they gave. What is exported, and what other carriers are used for, has no
    meter here: the signal is that of the grid.
    """
    operation = found.operation
    meters, energy = list[Meter](), list[Array]()
    for unit in operation.units:
        drawn = _drawn_kw(found, unit)
        if drawn is None:
            continue
        bus = next(side.bus for side in unit.ports.values() if operation.carriers[side.bus] == "electricity")
        role = "store" if unit.stock is not None else "loss" if unit.role in ("link", "loss") else "load"
        meters.append(Meter(unit.name, unit.name, unit.kind, bus, "electricity", role))  # type: ignore[arg-type]  # one of
        energy.append(drawn * operation.horizon.hours)
    kwh = np.array(energy).reshape(-1, operation.horizon.steps)
    ledger = Ledger(
        MARGINAL,
        "What would one more kWh at this meter have emitted in its hour? Decide on it; it does not add up.",
        operation.horizon,
        tuple(meters),
        kwh,
        kwh * signal_kg_per_kwh,
        operation.emitted_kg,
    )
    return _with_imbalance(ledger)


def _drawn_kw(found: Ran, unit: Unit) -> Array | None:
    """(T,) of electricity, less what a store gives; None of what draws none."""
    electric = [s.power_kw for s in unit.ports.values() if found.operation.carriers[s.bus] == "electricity"]
    if not electric or unit.role == "connection":
        return None
    net = -np.sum(electric, axis=0)
    drawn = net if unit.stock is not None else np.maximum(net, 0.0)
    return np.asarray(drawn) if np.abs(drawn).max() > 1e-6 else None


def _is_line(found: Ran, meter: Meter) -> bool:
    return any(unit.name == meter.asset and unit.role == "link" for unit in found.operation.units)


def _with_imbalance(ledger: Ledger) -> Ledger:
    """The ledger with what meters do not agree on told apart from what somebody used."""
    meters = tuple(
        Meter(m.name, m.asset, m.kind, m.bus, m.carrier, "residual") if m.asset.startswith(IMBALANCE) else m
        for m in ledger.meters
    )
    if meters == ledger.meters:
        return ledger
    return Ledger(
        ledger.name, ledger.question, ledger.horizon, meters, ledger.energy_kwh, ledger.carbon_kg, ledger.emitted_kg,
        ledger.stores, ledger.buses,
    )  # fmt: skip


def _about(found: Ran, readings: Readings, tolerance: Tolerance) -> About:
    site, claims = found.site, found.site.claims
    lacking = []
    if found.marginal_kg_per_kwh is None:
        lacking.append(NO_SIGNAL)
    if readings.unused:
        lacking.append(f"Series that mean nothing for this park were not used: {', '.join(readings.unused)}.")
    lacking += [text for name, text in OF_PLANS.items() if getattr(site.carbon, name) is not None]
    settings = {
        "measured": readings.source,
        "tolerance of a bus's balance": str(tolerance),
        "certificates are claimed": f"by the {claims.claim}",
    }
    return About(
        site.name,
        site.title,
        found.sources,
        settings,
        (*found.notes, *_factor_notes(found), *lacking, NO_GAME, *site.notes),
        readings.hashes or {},
    )


def _factor_notes(found: Ran) -> list[str]:
    """Factors that are of other days than the period."""
    first, last = (found.operation.horizon.local_start[k].date() for k in (0, -1))
    lines = [asset for asset in found.site.assets if isinstance(asset, GridConnection)]
    named = [(f"The grid factor of '{line.name}'", line.carbon_intensity_kg_per_kwh) for line in lines]
    out = []
    for what, factor in (*named, ("The residual factor", found.site.claims.residual_kg_per_kwh)):
        if isinstance(factor, Factor) and not (factor.describes(first) and factor.describes(last)):
            span = f"{factor.valid_from or '…'} to {factor.valid_to or '…'}"
            out.append(f"{what} ({factor.entry or factor.source}) is of {span}.")
    return out
