r"""Hourly proof of origin: of each step's use, what was direct, what contracted, and what nothing stands for.

Electricity mixes: what is on buses that are joined leaves them in the shares in which it came in, so that use, export
and what stores take have the mix of their step (proportional sharing, Bialek, IEE Proc. 143, 1996, on one bus). A store
gives what it holds, mixed by energy; of what it held at the start nothing is known, so nothing is claimed.

.. math:: CFE = \frac{Σ_t \min(L_t, C_t) + (L_t - C_t)^+ \, g_t}{Σ_t L_t}

with the load L, carbon-free supply C of the same step and the carbon-free share g of the grid's own mix. A surplus of
one step stands for nothing in another.

Source: "24/7 Carbon-Free Energy: Methodologies and Metrics", Google, 2021.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dispatch.assets.grid_connection import GridConnection
from dispatch.carbon.matching import cfe_score
from dispatch.schedule import Schedule, Solved
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.stores.stock import Storage
from dispatch.tariff import agreements

ORIGINS = ("direct", "contract", "grid_clean", "fuel", "rest", "stored")
_SMALL_KW = 1e-9


@dataclass(frozen=True)
class Matched:
    """One path's electricity by origin, (step,) mean powers [kW].

    Attributes:
        direct_kw: generated on site or on a line of its own, clean.
        contract_kw: green power of contracts whose certificates are kept.
        grid_clean_kw: clean part of the grid's own mix, as the connection states it hour by hour.
        fuel_kw: generated on site and not clean.
        rest_kw: the rest of the grid's mix.
        stored_kw: what stores held at the start.
        offered_kw: what the contracts' sellers offer by an agreed curve, taken or not.
    """

    horizon: Horizon
    direct_kw: Array
    contract_kw: Array
    grid_clean_kw: Array
    fuel_kw: Array
    rest_kw: Array
    stored_kw: Array
    offered_kw: Array

    @property
    def use_kw(self) -> Array:
        """All that is used: no export, and what goes into stores only when it comes out again, or is lost."""
        return np.asarray(sum(getattr(self, f"{origin}_kw") for origin in ORIGINS))

    @property
    def direct_share(self) -> float:
        """Of all use."""
        return self._share(self.direct_kw)

    @property
    def green_share(self) -> float:
        """Direct and contracted, of all use."""
        return self._share(self.direct_kw + self.contract_kw)

    @property
    def cfe(self) -> float:
        """Step by step, the grid's clean share included."""
        own, use = self.direct_kw + self.contract_kw, self.use_kw
        grid = np.divide(self.grid_clean_kw, use - own, out=np.zeros_like(use), where=use - own > _SMALL_KW)
        hours = self.horizon.hours
        return cfe_score(use * hours, own * hours, grid)

    @property
    def by_volume(self) -> float:
        """What a claim over the whole horizon would say: all that is direct or offered, whenever it came."""
        use = float(self.use_kw @ self.horizon.hours)
        own = float((self.direct_kw + np.maximum(self.offered_kw, self.contract_kw)) @ self.horizon.hours)
        return min(own / use, 1.0) if use > 0 else float("nan")

    @property
    def step_share(self) -> Array:
        """(step,) direct and contracted over use; NaN where nothing is used."""
        use = self.use_kw
        own = self.direct_kw + self.contract_kw
        return np.divide(own, use, out=np.full_like(use, np.nan), where=use > _SMALL_KW)

    def _share(self, part_kw: Array) -> float:
        use = float(self.use_kw @ self.horizon.hours)
        return float(part_kw @ self.horizon.hours) / use if use > 0 else float("nan")


def matched(site: Site, schedule: Schedule, scenario: int = 0) -> Matched:
    """Origins of all electricity used; buses that nothing joins are matched apart."""
    nothing = np.zeros((len(ORIGINS) + 1, schedule.inputs.horizon.steps))
    total = sum((_used(schedule, group) for group in _joined(site, schedule, scenario)), nothing)
    return Matched(schedule.inputs.horizon, *total)


_Row = tuple[Solved, int]


def _joined(site: Site, schedule: Schedule, scenario: int) -> list[list[_Row]]:
    """Assets in groups of electricity buses between which power flows, each with its kind's values."""
    electric = np.array([carrier == "electricity" for carrier in site.bus_carriers])
    at: list[tuple[_Row, frozenset[int]]] = []
    for solved in schedule.kinds.values():
        for row in np.flatnonzero(solved.rows.scenario == scenario):
            flows = [port for port, power in solved.power_kw.items() if np.abs(power[row]).max() > _SMALL_KW]
            found = [int(solved.bus[port][row] % electric.size) for port in flows]
            at.append(((solved, int(row)), frozenset(bus for bus in found if electric[bus])))
    groups: list[frozenset[int]] = []
    for _, buses in at:
        apart = [group for group in groups if not group & buses]
        groups = [*apart, buses.union(*(group for group in groups if group & buses))] if buses else groups
    return [[one for one, buses in at if buses & group] for group in groups]


def _used(schedule: Schedule, group: list[_Row]) -> Array:
    """(origin + 1, step) use by origin [kW], and what contracts offer."""
    hours = schedule.inputs.horizon.hours
    brought, exported, offered = np.zeros((len(ORIGINS), hours.size)), np.zeros(hours.size), np.zeros(hours.size)
    stores = []
    for solved, row in group:
        member = solved.rows.members[row % len(solved.rows.members)]
        if isinstance(member, GridConnection):
            free = solved.rows.series(schedule.inputs, "carbon_free_fraction")
            brought += _imported(solved, row, free[row])
            exported += solved.series["export_kw"][row]
            offered += _offered(member, solved, row, schedule.inputs.horizon)
        elif isinstance(member, Storage):
            stores.append(_Store(member.charge_efficiency, sum(p[row] for p in solved.power_kw.values()),
                                 solved.series["stored_kwh"][row]))  # fmt: skip
        else:
            unclean = solved.unclean_kw[row]
            brought[ORIGINS.index("direct")] += np.maximum(solved.supply_kw[row] - unclean, 0)
            brought[ORIGINS.index("fuel")] += unclean
    used = np.zeros_like(brought)
    for step in range(hours.size):
        pool = brought[:, step] + sum((store.given(step) for store in stores), np.zeros(len(ORIGINS)))
        mix = pool / max(float(pool.sum()), _SMALL_KW)
        taken = sum(store.take(step, mix, hours[step]) for store in stores)
        used[:, step] = np.maximum(pool - (taken + exported[step]) * mix, 0)
    return np.vstack([used, offered])


@dataclass
class _Store:
    """What a store holds, by origin; at first of no known one."""

    charge_efficiency: float
    power_kw: Array
    stored_kwh: Array
    shares: Array = field(default_factory=lambda: np.eye(len(ORIGINS))[-1])

    def given(self, step: int) -> Array:
        return np.asarray(self.shares * max(self.power_kw[step], 0.0))

    def take(self, step: int, mix: Array, hours: float) -> float:
        """Power drawn; its mix becomes part of what the store holds at the end of the step."""
        drawn = max(-float(self.power_kw[step]), 0.0)
        added = self.charge_efficiency * drawn * hours
        if added > 0:
            self.shares = self.shares + (mix - self.shares) * (added / max(float(self.stored_kwh[step]), added))
        return drawn


def _imported(solved: Solved, row: int, free: Array) -> Array:
    """(origin, step) of one connection's import, of which the grid's own mix is carbon-free by (step,) shares."""
    green = agreements.certified_kw(solved.rows, solved.series)[row]
    left = solved.series["import_kw"][row] - green
    brought = np.zeros((len(ORIGINS), left.size))
    brought[ORIGINS.index("contract")], brought[ORIGINS.index("grid_clean")] = green, free * left
    brought[ORIGINS.index("rest")] = (1 - free) * left
    return brought


def _offered(member: GridConnection, solved: Solved, row: int, horizon: Horizon) -> Array:
    """(step,) certified green power by the curves that are agreed; a mere limit offers what is delivered."""
    total = np.zeros(horizon.steps)
    for number, contract in enumerate(member.green_power):
        curve = contract.max_kw is not None and not isinstance(contract.max_kw, float | int)
        delivered = solved.series[f"green_{number}_kw"][row]
        total += contract.certificates_kept * (contract.most_kw(horizon, member.name) if curve else delivered)
    return total
