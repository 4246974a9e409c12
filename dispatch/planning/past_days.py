r"""Measured days of a park, planned again: what each draws and costs, depending on what its peak is charged.

A month's demand charge is paid once and serves all its days. How much of it one day bears is not known before all days
are planned together, so each day is planned for several shares λ of it, whole numbers relaxed and the day known:

.. math::
    x_d(λ) = \arg\min_x \; m_d(x) + λ Σ_k π_k p_{dk}(x)

with m_d all that the day costs but for demand that is billed by month or year, of which π_k is the price per kW and
p_dk the day's metered peak. (p_d(λ), m_d(λ)) are points of the lower hull of what a day costs by its peak: each is the
cheapest plan of all that keep to its peaks. Between two of them lie their mixtures, which are plans as well and cost no
less than the hull (:class:`Mixtures`).

Source: Everett 1963, Generalized Lagrange multiplier method, Operations Research 11.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from dispatch.asset import Asset, Mode
from dispatch.assets.grid_connection import GridConnection
from dispatch.errors import ParkwattError
from dispatch.fields.series import Need
from dispatch.planning.outlook import known_inputs
from dispatch.problem import Problem
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.solver.program import Program
from dispatch.tariff.components import Component
from dispatch.tariff.handover import day_energy_kwh, day_peak_kw
from dispatch.tariff.tariff import Tariff

Key = tuple[str, str]
"""A connection and a component of its tariff."""

SHARES = (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125)
"""Shares of the demand charge that a day may bear: all of it, down to about one of a month's days."""

_DAY_H = 24.0
_MIXTURES = 16
"""Of two neighbouring plans: between two shares a peak may grow from nothing to thousands of kW."""


@dataclass(frozen=True)
class DayPlan:
    """The cheapest plan of a past day for one share of the demand charge.

    Attributes:
        peak_kw: metered peak by connection and component that bills it by month or year.
        energy_kwh: counted import by connection and component with blocks or a rebate.
        others: what it costs but for those peaks, as the park's objective weighs it [money].
        emitted_kg: CO2.
    """

    peak_kw: Mapping[Key, float]
    energy_kwh: Mapping[Key, float]
    others: float
    emitted_kg: float


@dataclass(frozen=True)
class Mixtures:
    """Plans of N days from the lowest peaks to the highest, G of each: those of the shares, and mixtures of two.

    Attributes:
        share: (G,) of the demand charge.
        peak_kw: by key, (N, G).
        energy_kwh: by key, (N, G).
        others: (N, G).
    """

    share: Array
    peak_kw: Mapping[Key, Array]
    energy_kwh: Mapping[Key, Array]
    others: Array

    @classmethod
    def of(cls, days: Sequence[tuple[DayPlan, ...]]) -> Mixtures:
        """Of days with a plan for each share."""
        at = np.linspace(0, len(SHARES) - 1, (len(SHARES) - 1) * _MIXTURES + 1)

        def mixed(values: Sequence[Sequence[float]]) -> Array:
            return np.array([np.interp(at, np.arange(len(SHARES)), of_day) for of_day in values])

        peaks, energies = days[0][0].peak_kw.keys(), days[0][0].energy_kwh.keys()
        return cls(
            np.interp(at, np.arange(len(SHARES)), SHARES),
            {key: mixed([[plan.peak_kw[key] for plan in plans] for plans in days]) for key in peaks},
            {key: mixed([[plan.energy_kwh[key] for plan in plans] for plans in days]) for key in energies},
            mixed([[plan.others for plan in plans] for plans in days]),
        )


@dataclass
class PastDays:
    """Past days of a park, each planned once for each share.

    Attributes:
        site: the park.
        measured: (step,) what was measured of an asset over a horizon, as known at a moment (s, UTC).
    """

    site: Site
    measured: Callable[[str, Horizon, int], Array]
    _plans: dict[date, tuple[DayPlan, ...] | None] = field(default_factory=dict)
    _problem: Problem | None = None

    def plans(self, day: date, moment_s: int) -> tuple[DayPlan, ...] | None:
        """One plan for each of ``SHARES``; None where the day is not known as a whole by then, or has no plan.

        What is not known yet is asked for again: whenever it was asked for first, the answer at a moment is the same.
        """
        if day not in self._plans:
            horizon = Horizon.local_day(day, self.site.time_zone, self.site.planning.step_minutes)
            needs = {asset.name: need for asset in self.site.assets for need in asset.needs}
            try:
                values = {name: self.measured(name, horizon, moment_s) for name in needs}
                if not all(np.isfinite(value).all() for value in values.values()):
                    return None
                self._plans[day] = self._planned(horizon, needs, values)
            except ParkwattError:  # prices of another year, a day that its limits do not allow
                self._plans[day] = None
        return self._plans[day]

    def _planned(
        self, horizon: Horizon, needs: dict[str, Need], values: Mapping[str, Array]
    ) -> tuple[DayPlan, ...] | None:
        """The cheapest plans that knew the day; None where the clock changes: it would have to be compiled anew."""
        if abs(float(horizon.edge_h[-1]) - _DAY_H) > 1e-9:
            return None
        inputs = known_inputs(self.site, horizon, needs, {n: np.maximum(v, 0.0) for n, v in values.items()})
        if self._problem is None:
            self._problem = Problem(by_itself(self.site), inputs, Mode("exact"), template=True)
        problem = self._problem
        problem.update(inputs, site=by_itself(self.site, 0.0))
        free = problem.compiled.matrices()
        problem.update(site=by_itself(self.site))
        full = problem.compiled.matrices()
        program, found = Program(full), []
        for share in SHARES:
            answer = program.solve(replace(full, cost=free.cost + share * (full.cost - free.cost)))
            if answer is None:
                return None
            found.append(_read(problem, self.site, answer.x, float(free.cost @ answer.x + free.offset)))
        return tuple(found)


def lasting(tariff: Tariff) -> tuple[Component, ...]:
    """Components that bill the highest power of more than a day."""
    return tuple(c for c in tariff.components if c.is_peak and c.peak_per != "day")


def by_itself(site: Site, share: float = 1.0) -> Site:
    """The park as if each day were a month of its own, with a share of the price of its demand."""
    nothing: dict[str, object] = {"month_to_date_peak_kw": 0.0, "month_to_date_kwh": 0.0}
    nothing |= {"expected_peak_kw": 0.0, "expected_day_kwh": 0.0, "past_peaks_kw": ()}

    def alone(asset: Asset) -> Asset:
        if not isinstance(asset, GridConnection):
            return asset
        return asset.model_copy(update={**nothing, "tariff": _shared(asset.tariff, share)})

    return site.model_copy(update={"assets": tuple(alone(asset) for asset in site.assets)})


def _shared(tariff: Tariff, share: float) -> Tariff:
    """The tariff with a share of its prices of demand by month and year.

    Without a rebate: no day reaches it by itself, and a share of the price is what it would be for many.
    """
    of_peaks = {c.name for c in lasting(tariff)}

    def priced(one: Component) -> Component:
        prices = {name: getattr(one, name) for name in ("price_per_kw_month", "price_per_kw_year")}
        update: dict[str, object] = {name: share * price for name, price in prices.items() if price is not None}
        blocks = (b.model_copy(update={"price_per_kw_month": share * b.price_per_kw_month}) for b in one.demand_blocks)
        update |= {"demand_blocks": tuple(blocks), "rebate": None}
        return one.model_copy(update=update) if one.name in of_peaks else one

    return tariff.model_copy(update={"components": tuple(priced(one) for one in tariff.components)})


def _read(problem: Problem, site: Site, x: Array, others: float) -> DayPlan:
    """The plan that a solver's point is, counted by the tariffs of the park itself."""
    problem.take(x)
    horizon = problem.horizon
    peak_kw: dict[Key, float] = {}
    energy_kwh: dict[Key, float] = {}
    tariffs = {a.name: a.tariff for a in site.assets if isinstance(a, GridConnection)}
    rows = problem.rows.get("grid_connection")
    for row, member in enumerate(rows.members if rows is not None else ()):
        series = problem.parts["grid_connection"].series["import_kw"]
        imported = np.maximum(np.asarray(series.value)[row], 0.0)
        tariff = tariffs[member.name]
        counted = [c for c in tariff.components if c.counts_energy and c.direction == "import"]
        peak_kw |= {(member.name, c.name): day_peak_kw(c, tariff, horizon, imported) for c in lasting(tariff)}
        energy_kwh |= {(member.name, c.name): day_energy_kwh(c, tariff, horizon, imported) for c in counted}
    return DayPlan(peak_kw, energy_kwh, others, float(problem.total.co2_kg.value.sum()))
