r"""A wish as part of the objective: by how much it is missed, as variables that cost what the wish says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from dispatch.asset import Rows
from dispatch.carbon_wanted.flow_limits import FlowLimitWish
from dispatch.carbon_wanted.wishes import CarbonFreeWish, EmissionsWish, Window, ZeroCarbonWish
from dispatch.emissions.certificates import CertificateTerms
from dispatch.emissions.coal_equivalent import KGCE_PER_KWH
from dispatch.emissions.flow_limits import FlowLimitRows
from dispatch.part import Part
from dispatch.signals import Array, Horizon
from dispatch.site import CleanShareWish, DirectShareWish, Site, wish_names

if TYPE_CHECKING:
    import cvxpy as cp


@dataclass(frozen=True)
class Breach:
    """How far a wish is missed, as a variable the objective prices.

    Attributes:
        text: the wish in the user's words: no other of the site has the same (:func:`~dispatch.site.wish_names`).
        short: (scenario, window) variable, in ``unit``.
        needed: (scenario, window) expression that ``short`` must be at least.
        penalty: money per unit.
        unit: kWh of a share, kg of emissions.
        limit: (window,) parameter of a cap on emissions [kg]: another value needs no other problem; None of others.
    """

    text: str
    short: cp.Variable
    needed: cp.Expression
    penalty: float
    unit: str = "kWh"
    limit: cp.Parameter | None = None


def to_scenario(rows: Rows[Any]) -> csr_array:
    """(scenario, row) ones: sums rows into their scenario."""
    return csr_array((np.ones(rows.count), (rows.scenario, np.arange(rows.count))), shape=(rows.scenarios, rows.count))


def emitted_kg(rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part], covers: str, horizon: Horizon) -> Any:
    """(scenario, step) emissions that a cap or a quota covers; direct ones are not those of what is bought."""
    own = {kind: part for kind, part in parts.items() if covers == "all" or part.bought_kw is None}
    return by_step(rows, own, "co2_step_kg", horizon)


def by_step(rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part], name: str, horizon: Horizon) -> Any:
    """(scenario, step) sum of one term over all kinds that have it."""
    import cvxpy as cp

    scenarios = next(iter(rows.values())).scenarios
    terms = [to_scenario(rows[k]) @ getattr(p, name) for k, p in parts.items() if getattr(p, name) is not None]
    return sum(terms, cp.Constant(np.zeros((scenarios, horizon.steps))))


@dataclass(frozen=True)
class Wished:
    """The wishes of a site, as terms over all its kinds."""

    site: Site
    horizon: Horizon
    rows: Mapping[str, Rows[Any]]
    parts: Mapping[str, Part]
    certificates: CertificateTerms | None = None

    def breaches(self) -> list[Breach]:
        """One for every wish that the objective prices, in the order of the park's file; stores price their own."""
        made: list[Breach] = []
        for wish, names in zip(self.site.wishes, wish_names(self.site.wishes), strict=True):
            if isinstance(wish, CleanShareWish | DirectShareWish):
                made.append(self._share(wish, *names))
            elif isinstance(wish, EmissionsWish):
                made.append(self._cap(wish, *names))
            elif isinstance(wish, CarbonFreeWish):
                made.append(self._carbon_free(wish, *names))
            elif isinstance(wish, ZeroCarbonWish):
                made += self._zero_carbon(wish, *names)
            elif isinstance(wish, FlowLimitWish):
                made.append(self._short(names[0], self.flow_limits.needed(wish), wish.penalty_per_kg, "kg"))
        return made

    @cached_property
    def flow_limits(self) -> FlowLimitRows:
        """Limits on traced carbon."""
        return FlowLimitRows(self.site, self.horizon, self.rows, self.parts)

    def _sum(self, name: str, kinds: Mapping[str, Part] | None = None) -> Any:
        return by_step(self.rows, self.parts if kinds is None else kinds, name, self.horizon)

    def _energy(self, over: Window) -> csr_array:
        """(step, window) hours."""
        return self._windows(over, self.horizon.hours)

    def _windows(self, over: Window, weight: Array) -> csr_array:
        """(step, window) each step's weight; sparse, as hours of a year would fill .6 GB."""
        of_step = self.site.window_of(self.horizon, over)
        return csr_array((weight, of_step, np.arange(weight.size + 1)), shape=(weight.size, of_step.max() + 1))

    @property
    def _claims_kw(self) -> Any:
        """(scenario, step) what certificates add to what is unclean: lost to sales, less used."""
        return 0.0 if self.certificates is None else self.certificates.lost_kw - self.certificates.used_kw

    def _short(self, text: str, needed: Any, penalty: float, unit: str = "kWh", limit: Any = None) -> Breach:
        import cvxpy as cp

        return Breach(text, cp.Variable(needed.shape, nonneg=True), needed, penalty, unit, limit)

    def _share(self, wish: CleanShareWish | DirectShareWish, name: str) -> Breach:
        """Σ unclean (or bought) ≤ (1 − x) Σ supply over each window."""
        supply = self._sum("supply_kw")
        if isinstance(wish, CleanShareWish):
            least, other = wish.clean_share_min, self._sum("unclean_kw") + self._claims_kw
        else:
            least, other = wish.direct_share_min, self._sum("bought_kw")
        needed = (other - (1 - least) * supply) @ self._energy(wish.over)
        return self._short(name, needed, wish.penalty_per_kwh)

    def _cap(self, wish: EmissionsWish, name: str) -> Breach:
        """Σ emissions ≤ cap over each window and in each scenario."""
        import cvxpy as cp

        windows = self._windows(wish.over, np.ones(self.horizon.steps))
        most = np.full(windows.shape[1], 1000 * wish.emissions_max_t)
        limit = cp.Parameter(windows.shape[1], nonneg=True, value=most)
        emitted = emitted_kg(self.rows, self.parts, wish.covers, self.horizon) @ windows
        needed = emitted - np.ones((emitted.shape[0], 1)) @ cp.reshape(limit, (1, limit.size), order="C")
        return self._short(name, needed, wish.penalty_per_t / 1000, "kg", limit)

    @cached_property
    def unmatched(self) -> tuple[cp.Variable, Any]:
        """(scenario, step) L − m ≥ max(0, L − C), and the row that says so.

        m ≤ L is that it is not below zero, m ≤ C the row.
        """
        import cvxpy as cp

        own = {kind: part for kind, part in self.parts.items() if part.bought_kw is None}
        free = self._sum("supply_kw", own) - self._sum("unclean_kw", own) + self._sum("contracted_kw")
        gone = 0.0 if self.certificates is None else self.certificates.gone_kw
        over = self._sum("supply_kw") - free + gone
        return cp.Variable(over.shape, nonneg=True), over

    @property
    def not_free_kw(self) -> Any:
        """(scenario, step) use that is not carbon-free in its own hour, the grid's own share taken off."""
        return self.unmatched[0] - self._sum("grid_free_kw")

    def _carbon_free(self, wish: CarbonFreeWish, name: str) -> Breach:
        """Σ not free ≤ (1 − x) Σ use over each window."""
        lacking = self.not_free_kw - (1 - wish.carbon_free_min) * self._sum("supply_kw")
        return self._short(name, lacking @ self._energy(wish.over), wish.penalty_per_kwh)

    def _zero_carbon(self, wish: ZeroCarbonWish, of_emissions: str, of_energy: str) -> list[Breach]:
        """Emissions ≤ x · coal equivalent of what is used, and unclean energy ≤ (1 − y) of it, over each window."""
        kgce, unclean_kgce = self._coal_equivalents()
        windows, energy = self._windows(wish.over, np.ones(self.horizon.steps)), self._energy(wish.over)
        emitted = emitted_kg(self.rows, self.parts, "all", self.horizon) @ windows
        over = emitted - wish.emissions_max_t_per_tce * (kgce @ energy)
        electric = KGCE_PER_KWH["electricity"]
        short = (unclean_kgce + electric * self._claims_kw - (1 - wish.clean_energy_min) * kgce) @ energy / electric
        return [
            self._short(of_emissions, over, wish.penalty_per_t / 1000, "kg"),
            self._short(of_energy, short, wish.penalty_per_kwh),
        ]

    def _coal_equivalents(self) -> tuple[Any, Any]:
        """(scenario, step) kgce per hour of all energy that is brought, and of what is not clean of it.

        Electricity out of fuel that a bus carries was counted when the fuel was brought.
        """
        first = {kind: part for kind, part in self.parts.items() if not part.of_fuel}
        electric = KGCE_PER_KWH["electricity"]
        total, unclean = electric * self._sum("supply_kw", first), electric * self._sum("unclean_kw", first)
        carriers = dict(zip(self.site.bus_names, self.site.bus_carriers, strict=True))
        for kind, part in self.parts.items():
            if part.fuel_kw is None:
                continue
            rows = self.rows[kind]
            own = np.array([KGCE_PER_KWH[carriers[member.bus]] for member in rows.members] * rows.scenarios)
            into = to_scenario(rows) * own[None, :]
            total = total + into @ part.fuel_kw
            unclean = unclean + into @ (part.fuel_kw if part.unclean_fuel_kw is None else part.unclean_fuel_kw)
        return total, unclean
