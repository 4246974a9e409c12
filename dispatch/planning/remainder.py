r"""What the rest of the month will bring, where the park's file does not say: peaks and imports of the days before.

A plan pays what it adds to the month's bill, so it must know what will be billed anyway. Each of the last N whole days
that are measured is planned by itself for several shares λ of the demand charge (``dispatch.planning.past_days``):
the more of it a day bears, the lower its peak p_d and the dearer all else. With D days of the month left after a
horizon of H days, what is expected is the level that makes all of them together cheapest,

.. math::
    \hat P = P(\hat λ), \quad P(λ) = Q_{D / (D + 1)}(p_1(λ), …, p_N(λ)) \\
    \hat λ = \arg\min_λ \; π (P(λ) - P_0)^+ + \frac{D + H}{N} Σ_d \min \{ m_d(μ) : p_d(μ) ≤ \max(P(λ), P_0) \}

P_0 is paid for anyway: what the meter has seen of the month, or what a ratchet or the tariff bills at least. Q is the
quantile of the sample: the highest of D values stands, on average, at that level of the distribution they are drawn
from. The import \hat E expected of a day is the mean over the days at the plans that the level lets them have. A peak
below \hat P is free, one above is paid; \hat E times D says in which block of a tier the month ends. With D = 0
nothing is expected.

Source: order statistics, E[F(X_{(D)})] = D / (D + 1): David & Nagaraja 2003, Order Statistics, 3rd ed., ch. 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np

from dispatch.assets.grid_connection import GridConnection
from dispatch.planning.past_days import SHARES, DayPlan, Key, PastDays, lasting
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.tariff.carried import slot_of

State = Mapping[str, Mapping[str, float]]

_LEAST_DAYS = 3
_DAY_S = 86_400
_PEAK, _ENERGY = "expected_peak_kw", "expected_day_kwh"
_TOLERANCE_KW = 0.01


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


@dataclass(frozen=True)
class _Billed:
    """A peak that lasts, by blocks of its price: price more than below [money/kW], and what is paid for anyway [kW]."""

    prices: Array
    paid_kw: Array

    @property
    def free_kw(self) -> float:
        """What raises no bill."""
        return float(self.paid_kw[0])

    def money(self, peak_kw: float) -> float:
        """What a peak adds to the bill."""
        return float(self.prices @ np.maximum(peak_kw - self.paid_kw, 0.0))


@dataclass(frozen=True)
class _Level:
    """Peaks that are expected, the plans that the days have under them, and what the rest of the month costs then."""

    share: float
    peak_kw: Mapping[Key, float]
    plans: Sequence[DayPlan]
    money: float


@dataclass
class Remainder:
    """Past days of a park, and what they say of a month's rest.

    Attributes:
        site: the park.
        measured: (step,) what was measured of an asset over a horizon, as known at a moment (s, UTC).
    """

    site: Site
    measured: Callable[[str, Horizon, int], Array]
    past: PastDays = field(init=False)

    def __post_init__(self) -> None:
        self.past = PastDays(self.site, self.measured)

    def expected(self, horizon: Horizon, moment_s: int, state: State | None = None) -> Rest:
        """What is expected after a horizon with what is known at a moment (s, UTC).

        Args:
            state: what is carried in: what the meter has seen of the month is paid for anyway.
        """
        wanted = {a.name: _unsaid(a) for a in self.site.assets if isinstance(a, GridConnection) and _unsaid(a)}
        left = days_left(horizon)
        if not wanted or not any(asset.needs for asset in self.site.assets) or left <= 0:
            return Rest()
        known = self._known(moment_s)
        if len(known) < _LEAST_DAYS:
            return Rest()
        unsaid = {
            (name, key.partition(":")[2]) for name, keys in wanted.items() for key in keys if key.startswith(_PEAK)
        }
        level = self._cheapest(list(known.values()), horizon, left, state or {}, unsaid)
        found = {name: {key: _figure(level, name, key) for key in keys} for name, keys in wanted.items()}
        notes = (_note(name, of, len(known), max(known), left, level.share) for name, of in found.items())
        return Rest(found, tuple(notes))

    def emitted_t(self, moment_s: int) -> tuple[tuple[date, float], ...]:
        """What the plan of each of these days would have emitted, of those that are known by a moment [t]."""
        return tuple((day, plans[0].emitted_kg / 1000) for day, plans in self._known(moment_s).items())

    def _known(self, moment_s: int) -> dict[date, tuple[DayPlan, ...]]:
        """Plans of the whole local days before a moment, the oldest first, of those that are known and have one."""
        today = datetime.fromtimestamp(moment_s, ZoneInfo(self.site.time_zone)).date()
        days = [today - timedelta(days=n) for n in range(self.site.planning.rest_of_month_days, 0, -1)]
        made = {day: self.past.plans(day, moment_s) for day in days}
        return {day: plans for day, plans in made.items() if plans is not None}

    def _cheapest(
        self, days: Sequence[tuple[DayPlan, ...]], horizon: Horizon, left: float, state: State, unsaid: set[Key]
    ) -> _Level:
        """The level that makes the days of the horizon and those left cheapest; of equal ones the lowest."""
        billed = _billed(self.site, horizon, state)
        alike = left + float(horizon.edge_h[-1]) * 3600 / _DAY_S
        levels = [_level(days, n, billed, unsaid, left, alike, self.site.objective.money) for n in range(len(SHARES))]
        least = min(level.money for level in levels)
        return next(level for level in levels if level.money <= least + 1e-6 * max(abs(least), 1.0))


def _billed(site: Site, horizon: Horizon, state: State) -> dict[Key, _Billed]:
    """Peaks of the month in which a horizon ends: price, and what is paid for in any case."""
    out: dict[Key, _Billed] = {}
    for asset in site.assets:
        if not isinstance(asset, GridConnection):
            continue
        peaks = asset.tariff.periods(horizon).peaks
        paid_kw = peaks.paid_kw(asset.carried(state.get(asset.name)))
        for component in lasting(asset.tariff):
            slots = {slot_of(start, component.peak_per) for start in horizon.local_start}
            blocks = len(component.price_steps)
            mine = np.flatnonzero([name == component.name for name in peaks.component]).reshape(blocks, -1)
            last = mine[:, len(slots) - 1]  # the month in which the horizon ends; slots after it are unused
            out[asset.name, component.name] = _Billed(peaks.price[last], paid_kw[last])
    return out


def _level(
    days: Sequence[tuple[DayPlan, ...]],
    at: int,
    billed: Mapping[Key, _Billed],
    unsaid: set[Key],
    left: float,
    alike: float,
    weight: float,
) -> _Level:
    """Peaks that are expected where each day bears one share of the demand charge, and what that costs."""
    peak_kw = {key: float(np.quantile([plans[at].peak_kw[key] for plans in days], left / (left + 1))) for key in unsaid}
    free_kw = {key: max(peak_kw.get(key, 0.0), one.free_kw) for key, one in billed.items()}
    chosen = [_cheapest_within(plans, free_kw) for plans in days]
    demand = sum(one.money(free_kw[key]) for key, one in billed.items())
    money = weight * demand + alike * float(np.mean([plan.others for plan in chosen]))
    return _Level(SHARES[at], peak_kw, chosen, money)


def _cheapest_within(plans: tuple[DayPlan, ...], free_kw: Mapping[Key, float]) -> DayPlan:
    """A day's cheapest plan that raises no peak above those that are free; the one with the least peak if none does."""
    kept = [p for p in plans if all(kw <= free_kw[key] + _TOLERANCE_KW for key, kw in p.peak_kw.items())]
    return min(kept or plans[:1], key=lambda plan: plan.others)


def _figure(level: _Level, name: str, key: str) -> float:
    """What a key of a connection's state is expected to be [kW or kWh]."""
    what, _, component = key.partition(":")
    if what == _PEAK:
        return round(level.peak_kw[name, component], 3)
    return round(float(np.mean([plan.energy_kwh[name, component] for plan in level.plans])), 3)


def _unsaid(asset: GridConnection) -> tuple[str, ...]:
    """Keys of what the park's file leaves open of the month's rest: ``expected_peak_kw:COMPONENT`` and the like."""
    bought = [c.name for c in asset.tariff.components if c.counts_energy and c.direction == "import"]
    peaks = [] if _PEAK in asset.model_fields_set else [c.name for c in lasting(asset.tariff)]
    counters = [] if _ENERGY in asset.model_fields_set else bought
    return (*(f"{_PEAK}:{name}" for name in peaks), *(f"{_ENERGY}:{name}" for name in counters))


def days_left(horizon: Horizon) -> float:
    """Days of the month after the horizon's end; 0 where it ends with its month."""
    end = horizon.local_end[-1]
    last = horizon.local_start[-1]
    after = date(last.year + last.month // 12, last.month % 12 + 1, 1)
    month_end = datetime(after.year, after.month, after.day, tzinfo=ZoneInfo(horizon.time_zone))
    return max((month_end.timestamp() - end.timestamp()) / _DAY_S, 0.0)


def _note(name: str, of: Mapping[str, float], days: int, last: date, left: float, share: float) -> str:
    words = {_PEAK: "a peak of {:,.0f} kW", _ENERGY: "{:,.0f} kWh a day"}
    texts = [
        f"{words[key.partition(':')[0]].format(value)} ({key.partition(':')[2]})" for key, value in sorted(of.items())
    ]
    until = f"the cheapest plans of {days} measured days up to {last.isoformat()}"
    borne = "all" if share == 1 else str(Fraction(share))
    ways = {
        _PEAK: f"peaks: their quantile at {left / (left + 1):.0%}, the highest of so many days on average, if each day "
        f"bears {borne} of the demand charge, as is cheapest for the month",
        _ENERGY: "energy: their mean",
    }
    how = "; ".join(words for what, words in ways.items() if any(key.startswith(what) for key in of))
    what = " and ".join(texts)
    return f"{name}: {what} expected of the {left:.0f} days of the month after this plan, from {until} ({how})"
