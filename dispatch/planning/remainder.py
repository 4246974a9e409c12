r"""What the rest of the month will bring, where the park's file does not say: peaks and imports of the days before.

A plan pays what it adds to the month's bill, so it must know what will be billed anyway. Each of the last N whole days
that are measured is planned by itself, knowing the day, whole numbers relaxed and its demand priced in full: its
metered peak p_d is about the least that a plan would have drawn, and its import is e_d. With D days of the month left
after the horizon,

.. math::
    \hat P = Q_{D / (D + 1)}(p_1, …, p_N), \quad \hat E = \frac{1}{N} Σ_d e_d

Q is the quantile of the sample: the highest of D values stands, on average, at that level of the distribution they are
drawn from. A peak below \hat P is free, one above is paid; \hat E times D says in which block of a tier the month ends.
With D = 0 nothing is expected.

Source: order statistics, E[F(X_{(D)})] = D / (D + 1): David & Nagaraja 2003, Order Statistics, 3rd ed., ch. 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from dispatch.asset import Asset, Inputs, Mode
from dispatch.assets.grid_connection import GridConnection
from dispatch.errors import ParkwattError
from dispatch.fields.series import Need
from dispatch.planning.outlook import known_inputs
from dispatch.problem import Problem
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.solver.highs import continuous
from dispatch.tariff.handover import day_energy_kwh, day_peak_kw

State = Mapping[str, Mapping[str, float]]
Figures = dict[str, dict[str, float]]

_LEAST_DAYS = 3
_DAY_S = 86_400
_PEAK, _ENERGY = "expected_peak_kw", "expected_day_kwh"


@dataclass(frozen=True)
class Rest:
    """What is expected of the rest of the month.

    Attributes:
        state: by connection, ``expected_peak_kw:COMPONENT`` and ``expected_day_kwh:COMPONENT``, as ``Inputs.state`` has
            them; empty where nothing is expected.
        notes: for a reader, where it comes from.
    """

    state: State = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def joined(self, state: State) -> dict[str, dict[str, float]]:
        """Another state with it."""
        names = state.keys() | self.state.keys()
        return {name: {**state.get(name, {}), **self.state.get(name, {})} for name in sorted(names)}


@dataclass
class Remainder:
    """Past days of a park, each planned once, and what they say of a month's rest.

    Attributes:
        site: the park.
        measured: (step,) what was measured of an asset over a horizon, as known at a moment (s, UTC).
    """

    site: Site
    measured: Callable[[str, Horizon, int], Array]
    _days: dict[date, Figures | None] = field(default_factory=dict)
    _problem: Problem | None = None
    _emitted_kg: dict[date, float] = field(default_factory=dict)

    def expected(self, horizon: Horizon, moment_s: int) -> Rest:
        """What is expected after a horizon with what is known at a moment (s, UTC)."""
        wanted = {a.name: _unsaid(a) for a in self.site.assets if isinstance(a, GridConnection) and _unsaid(a)}
        left = days_left(horizon)
        needs = {asset.name: need for asset in self.site.assets for need in asset.needs}
        if not wanted or not needs or left <= 0:
            return Rest()
        days = [day for day in self._last(moment_s) if self._known(day, moment_s) is not None]
        if len(days) < _LEAST_DAYS:
            return Rest()
        state: Figures = {}
        for name, keys in wanted.items():
            values = {key: np.array([(self._days[day] or {})[name][key] for day in days]) for key in keys}
            state[name] = {key: _level(key, each, left) for key, each in values.items()}
        return Rest(state, tuple(_note(name, of, len(days), days[-1], left) for name, of in state.items()))

    def emitted_t(self, moment_s: int) -> tuple[tuple[date, float], ...]:
        """What the plan of each of these days would have emitted, of those that are known by a moment [t]."""
        known = [day for day in self._last(moment_s) if self._known(day, moment_s) is not None]
        return tuple((day, self._emitted_kg[day] / 1000) for day in known)

    def _last(self, moment_s: int) -> list[date]:
        """Whole local days before a moment, the oldest first."""
        today = datetime.fromtimestamp(moment_s, ZoneInfo(self.site.time_zone)).date()
        return [today - timedelta(days=n) for n in range(self.site.planning.rest_of_month_days, 0, -1)]

    def _known(self, day: date, moment_s: int) -> Figures | None:
        """Peaks and imports of a past day; None where it is not known as a whole by then, or has no plan.

        What is not known yet is asked for again: whenever it was asked for first, the answer at a moment is the same.
        """
        if day not in self._days:
            horizon = Horizon.local_day(day, self.site.time_zone, self.site.planning.step_minutes)
            needs = {asset.name: need for asset in self.site.assets for need in asset.needs}
            try:
                values = {name: self.measured(name, horizon, moment_s) for name in needs}
                if not all(np.isfinite(value).all() for value in values.values()):
                    return None
                self._days[day] = self._planned(horizon, needs, values)
                if self._problem is not None:
                    self._emitted_kg[day] = float(self._problem.total.co2_kg.value.sum())
            except ParkwattError:  # prices of another year, a day that its limits do not allow
                self._days[day] = None
        return self._days[day]

    def _planned(self, horizon: Horizon, needs: dict[str, Need], values: Mapping[str, Array]) -> Figures | None:
        """The cheapest plan that knew the day; None where the clock changes: it would have to be compiled anew."""
        if abs(float(horizon.edge_h[-1]) - _DAY_S / 3600) > 1e-9:
            return None
        inputs = known_inputs(self.site, horizon, needs, {n: np.maximum(v, 0.0) for n, v in values.items()})
        if self._problem is None:
            self._problem = Problem(_by_itself(self.site), inputs, Mode("exact"))
        self._problem.update(inputs)
        self._problem.take(continuous(self._problem.compiled.matrices()).x)
        return _figures(self._problem, inputs)


def _unsaid(asset: GridConnection) -> tuple[str, ...]:
    """Keys of what the park's file leaves open of the month's rest: ``expected_peak_kw:COMPONENT`` and the like."""
    bought = [c.name for c in asset.tariff.components if c.counts_energy and c.direction == "import"]
    lasting = [c.name for c in asset.tariff.components if c.is_peak and c.peak_per != "day"]
    peaks = [] if _PEAK in asset.model_fields_set else lasting
    counters = [] if _ENERGY in asset.model_fields_set else bought
    return (*(f"{_PEAK}:{name}" for name in peaks), *(f"{_ENERGY}:{name}" for name in counters))


def _by_itself(site: Site) -> Site:
    """The park as if each day were a month of its own."""
    nothing = {"month_to_date_peak_kw": 0.0, "month_to_date_kwh": 0.0, _PEAK: 0.0, _ENERGY: 0.0, "past_peaks_kw": ()}
    assets: list[Asset] = [a.model_copy(update=nothing) if isinstance(a, GridConnection) else a for a in site.assets]
    return site.model_copy(update={"assets": tuple(assets)})


def _figures(problem: Problem, inputs: Inputs) -> Figures:
    """By connection and key, metered peak and counted import of the day that the problem's values are of."""
    if "grid_connection" not in problem.rows:
        return {}
    rows = problem.rows["grid_connection"]
    series = problem.parts["grid_connection"].series["import_kw"]
    out: Figures = {}
    for row, member in enumerate(rows.members):
        imported = np.maximum(np.asarray(series.value)[row], 0.0)
        horizon, tariff = inputs.horizon, member.tariff
        parts = {c.name: c for c in tariff.components}
        counted = [c for c in tariff.components if c.counts_energy and c.direction == "import"]
        peaks = {f"{_PEAK}:{name}": day_peak_kw(parts[name], tariff, horizon, imported) for name in tariff.peak_names}
        energy = {f"{_ENERGY}:{c.name}": day_energy_kwh(c, tariff, horizon, imported) for c in counted}
        out[member.name] = peaks | energy
    return out


def days_left(horizon: Horizon) -> float:
    """Days of the month after the horizon's end; 0 where it ends with its month."""
    end = horizon.local_end[-1]
    last = horizon.local_start[-1]
    after = date(last.year + last.month // 12, last.month % 12 + 1, 1)
    month_end = datetime(after.year, after.month, after.day, tzinfo=ZoneInfo(horizon.time_zone))
    return max((month_end.timestamp() - end.timestamp()) / _DAY_S, 0.0)


def _level(key: str, values: Array, left: float) -> float:
    """The level of the past days that is expected: the highest of the days left, or their mean."""
    if key.startswith(_PEAK):
        return round(float(np.quantile(values, left / (left + 1))), 3)
    return round(float(values.mean()), 3)


def _note(name: str, of: Mapping[str, float], days: int, last: date, left: float) -> str:
    words = {_PEAK: "a peak of {:,.0f} kW", _ENERGY: "{:,.0f} kWh a day"}
    texts = [
        f"{words[key.partition(':')[0]].format(value)} ({key.partition(':')[2]})" for key, value in sorted(of.items())
    ]
    until = f"the cheapest plans of {days} measured days up to {last.isoformat()}"
    how = (
        f"peaks: their quantile at {left / (left + 1):.0%}, the highest of so many days on average; energy: their mean"
    )
    what = " and ".join(texts)
    return f"{name}: {what} expected of the {left:.0f} days of the month after this plan, from {until} ({how})"
