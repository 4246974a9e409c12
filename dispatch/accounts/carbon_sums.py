"""What all kinds of a schedule bring, emit and buy, from their own accounts; and what wishes lack of it.

In NumPy and apart from the optimiser: the audit and a replay's ledger count with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta

import numpy as np

from dispatch.carbon_wanted.wishes import CarbonFreeWish, EmissionsWish, Window, ZeroCarbonWish
from dispatch.emissions.coal_equivalent import KGCE_PER_KWH
from dispatch.part import Account
from dispatch.schedule import Schedule, Solved
from dispatch.signals import Array, Horizon
from dispatch.site import CleanShareWish, DirectShareWish, Wish

Accounts = Mapping[str, tuple[Solved, Account]]
_ELECTRIC = KGCE_PER_KWH["electricity"]


@dataclass(frozen=True)
class Sums:
    """What all kinds together bring, emit and buy, (scenario, step) each [kW], emissions [kg].

    Attributes:
        free: carbon-free of own generation and contracts.
        grid_free: carbon-free of what the grid adds.
        issued: own generation that has certificates.
        direct: emissions without those of imports.
        kgce, unclean_kgce: coal equivalent of all that is brought, and of what is not clean of it, per hour.
        gone, claimed: certificates sold or registered; what certificates add to claims.
    """

    supply: Array
    unclean: Array
    bought: Array
    free: Array
    grid_free: Array
    issued: Array
    exported: Array
    emitted: Array
    direct: Array
    kgce: Array
    unclean_kgce: Array
    gone: Array
    claimed: Array

    def part(self, steps: slice) -> Sums:
        """Of some steps."""
        return Sums(*(getattr(self, field.name)[:, steps] for field in fields(self)))


@dataclass(frozen=True)
class Gap:
    """By how much a wish is missed.

    Attributes:
        missed: (scenario, window) above zero where it is.
        of: (scenario, window) all that is emitted or used, in the same unit.
        penalty: money per unit.
    """

    text: str
    missed: Array
    of: Array
    penalty: float
    unit: str


def brought(schedule: Schedule, accounts: Accounts) -> Sums:
    """Sums over all kinds."""
    shape = schedule.scenarios, schedule.inputs.horizon.steps
    out = {field.name: np.zeros(shape) for field in fields(Sums)}
    for solved, account in accounts.values():
        for name, values in _of_kind(schedule, solved, account).items():
            np.add.at(out[name], solved.rows.scenario, np.broadcast_to(values, (solved.rows.count, shape[1])))
    sold, registered = (hourly(schedule, name) for name in ("own_sold_kw", "registered_kw"))
    out["gone"] = sold + registered
    out["claimed"] = hourly(schedule, "used_kw") - hourly(schedule, "lost_kw")
    return Sums(**out)


def _of_kind(schedule: Schedule, solved: Solved, account: Account) -> dict[str, Array | float]:
    """(row, step) what one kind adds to each sum."""
    network = type(solved.rows.members[0]).is_network
    own = account.contracted_kw if network else account.supply_kw - account.unclean_kw
    electric = 0.0 if account.of_fuel else _ELECTRIC
    # A kind whose account has one sum over the horizon is believed about its steps: the sum is held against it.
    emitted = account.co2_kg if np.ndim(account.co2_kg) == 2 else solved.co2_step_kg
    per_fuel = _per_fuel(schedule, solved, account)
    return {
        "supply": account.supply_kw,
        "unclean": account.unclean_kw,
        "bought": account.bought_kw,
        "free": own,
        "grid_free": account.grid_free_kw,
        "issued": 0.0 if network else own * _issuing(schedule, solved),
        "exported": account.bought_kw - account.supply_kw if network else 0.0,
        "emitted": emitted,
        "direct": 0.0 if network else emitted,
        "kgce": electric * account.supply_kw + per_fuel * account.fuel_kw,
        "unclean_kgce": electric * account.unclean_kw + per_fuel * account.unclean_fuel_kw,
    }


def _issuing(schedule: Schedule, solved: Solved) -> Array:
    """(row, 1) 1 where a member's clean generation has certificates."""
    wanted = schedule.carbon.settings.certificates
    named = None if wanted is None else wanted.issued_by
    return np.array([[float(named is None or name in named)] for name in solved.rows.names])


def _per_fuel(schedule: Schedule, solved: Solved, account: Account) -> Array | float:
    """(row, 1) kgce per kWh of the fuel that a member brings to its bus."""
    if np.ndim(account.fuel_kw) == 0:
        return 0.0
    carriers = [schedule.carbon.carriers[member.bus] for member in solved.rows.members]
    return np.array([[KGCE_PER_KWH[carrier]] for carrier in carriers] * solved.rows.scenarios)


def hourly(schedule: Schedule, name: str) -> Array:
    """(scenario, step) a power of the certificate account; zeros where it has none."""
    shape = schedule.scenarios, schedule.inputs.horizon.steps
    return np.asarray(schedule.carbon.certificates.get(name, np.zeros(shape)))


def windows_of(horizon: Horizon, over: Window) -> Array:
    """(step, window) ones; windows in the order of the clock."""
    starts = horizon.local_start
    if over == "horizon":
        return np.ones((len(starts), 1))
    keys = [
        (s.toordinal(), s.hour, -(s.utcoffset() or timedelta()).total_seconds()) if over == "hour" else s.date()
        for s in starts
    ]
    order = list(dict.fromkeys(keys))
    return np.array([[float(key == one) for one in order] for key in keys])


def gaps(
    wish: Wish, names: Sequence[str], of: Sums, hours: Array, windows: Array, cap_kg: Array | None = None
) -> Iterator[Gap]:
    """What a wish lacks; a zero-carbon park asks for two things.

    Args:
        wish: from the park's file; a store's is none of these.
        names: what it is called in results.
        of: all that is brought and emitted.
        hours: (step,).
        windows: (step, window) ones.
        cap_kg: (window,) another cap than the wish has.
    """
    if isinstance(wish, EmissionsWish):
        most = 1000 * wish.emissions_max_t if cap_kg is None else cap_kg
        emitted = (of.direct if wish.covers == "direct" else of.emitted) @ windows
        yield Gap(names[0], emitted - most, emitted, wish.penalty_per_t / 1000, "kg")
    elif isinstance(wish, CarbonFreeWish):
        free = np.minimum(of.supply, of.free - of.gone) + of.grid_free
        missed = ((wish.carbon_free_min * of.supply - free) * hours) @ windows
        yield Gap(names[0], missed, (of.supply * hours) @ windows, wish.penalty_per_kwh, "kWh")
    elif isinstance(wish, ZeroCarbonWish):
        used = (of.kgce * hours) @ windows
        emitted = of.emitted @ windows
        over = emitted - wish.emissions_max_t_per_tce * used
        unclean = ((of.unclean_kgce - _ELECTRIC * of.claimed) * hours) @ windows
        yield Gap(names[0], over, emitted, wish.penalty_per_t / 1000, "kg")
        short = (unclean - used * (1 - wish.clean_energy_min)) / _ELECTRIC
        yield Gap(names[1], short, used / _ELECTRIC, wish.penalty_per_kwh, "kWh")
    elif isinstance(wish, CleanShareWish | DirectShareWish):
        yield _share(wish, names[0], of, (windows.T * hours).T)


def _share(wish: CleanShareWish | DirectShareWish, name: str, of: Sums, energy: Array) -> Gap:
    if isinstance(wish, CleanShareWish):
        counted, least = of.supply - of.unclean + of.claimed, wish.clean_share_min
    else:
        counted, least = of.supply - of.bought, wish.direct_share_min
    return Gap(name, (least * of.supply - counted) @ energy, of.supply @ energy, wish.penalty_per_kwh, "kWh")


def unmatched_kwh(of: Sums, hours: Array) -> Array:
    """(scenario,) use that is not carbon-free in its own hour."""
    return np.asarray((of.supply - np.minimum(of.supply, of.free - of.gone) - of.grid_free) @ hours)
