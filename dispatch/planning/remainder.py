r"""What the rest of the month will bring, where the park's file does not say: peaks and imports of the days before.

A plan pays what it adds to the month's bill, so it must know what will be billed anyway. Each of the last N whole days
that are measured is planned by itself for several shares λ of the demand charge (``dispatch.planning.past_days``):
the more of it a day bears, the lower its peak p_d and the dearer all else, m_d. With D days of the month left after a
horizon of H days, what is expected is the level that makes all of them together cheapest,

.. math::
    \hat P = P(\hat λ), \quad P(λ) = Q_{D / (D + 1)}(p_1(λ), …, p_N(λ)) \\
    \hat λ = \arg\min_λ \; π (P(λ) - P_0)^+ + \frac{D + H}{N} Σ_d \min \{ m_d(μ) : p_d(μ) ≤ \max(P(λ), P_0) \}

P_0 is paid for anyway: what the meter has seen of the month, or what a ratchet or the tariff bills at least. Q is the
quantile of the sample: the highest of D values stands, on average, at that level of the distribution they are drawn
from. Where the energy of a level's plans reaches a rebate, all of max(P, P_0) is charged at the lower π. The import
\hat E expected of a day is the mean over the days at the plans that the level lets them have. A peak below \hat P is
free, one above is paid; \hat E times D says in which block of a tier the month ends. With D = 0 nothing is expected.

Source: order statistics, E[F(X_{(D)})] = D / (D + 1): David & Nagaraja 2003, Order Statistics, 3rd ed., ch. 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from dispatch.assets.grid_connection import GridConnection
from dispatch.planning.past_days import DayPlan, Key, Mixtures, PastDays, lasting
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.tariff.carried import slot_of

State = Mapping[str, Mapping[str, float]]

_LEAST_DAYS = 3
_DAY_S = 86_400
_PEAK, _ENERGY = "expected_peak_kw", "expected_day_kwh"
_TOLERANCE_KW = 0.01
_SAME = 1e-6


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
    """A peak that lasts.

    Attributes:
        prices: (block,) price more than below [money/kW].
        paid_kw: (block,) what is paid for anyway.
        rebate_share: of the money, remitted where the month's energy is high enough.
        need_kwh: how much that is of the days whose energy the file does not say.
        days: how many those are.
    """

    prices: Array
    paid_kw: Array
    rebate_share: float
    need_kwh: float
    days: float

    @property
    def free_kw(self) -> float:
        """What raises no bill."""
        return float(self.paid_kw[0])

    def money(self, peak_kw: Array, day_kwh: Array) -> Array:
        """What peaks add to the bill of a month whose days take an energy."""
        above_kw = np.maximum(peak_kw[..., None] - self.paid_kw, 0.0)
        remitted = self.rebate_share * (self.days * day_kwh >= self.need_kwh)
        return np.asarray(above_kw @ self.prices - remitted * ((self.paid_kw + above_kw) @ self.prices))


@dataclass(frozen=True)
class _Level:
    """Peaks and energies of a day that are expected, and the share of the demand charge that a day bears then."""

    share: float
    peak_kw: Mapping[Key, float]
    energy_kwh: Mapping[Key, float]


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
        billed, days = _billed(self.site, horizon, state or {}), Mixtures.of(list(known.values()))
        alike = left + horizon_days(horizon)
        level = _cheapest(days, billed, unsaid, left, alike, self.site.objective.money)
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


def _billed(site: Site, horizon: Horizon, state: State) -> dict[Key, _Billed]:
    """Peaks of the month in which a horizon ends: price, and what is paid for in any case."""
    out: dict[Key, _Billed] = {}
    for asset in site.assets:
        if not isinstance(asset, GridConnection):
            continue
        peaks = asset.tariff.periods(horizon).peaks
        paid_kw = peaks.paid_kw(asset.carried(state.get(asset.name)))
        need_kwh = peaks.rebate_need_kwh(asset.carried(state.get(asset.name)))
        of_rest = 0.0 if _ENERGY in asset.model_fields_set else days_left(horizon)
        for component in lasting(asset.tariff):
            slots = {slot_of(start, component.peak_per) for start in horizon.local_start}
            blocks = len(component.price_steps)
            mine = np.flatnonzero([name == component.name for name in peaks.component]).reshape(blocks, -1)
            last = mine[:, len(slots) - 1]  # the month in which the horizon ends; slots after it are unused
            out[asset.name, component.name] = _Billed(
                peaks.price[last],
                paid_kw[last],
                float(peaks.rebate_share[last[0]]),
                float(need_kwh[last[0]]),
                horizon_days(horizon) + of_rest,
            )
    return out


def _cheapest(
    days: Mixtures, billed: Mapping[Key, _Billed], unsaid: set[Key], left: float, alike: float, weight: float
) -> _Level:
    """The level that makes all days together cheapest; of equal ones the lowest.

    Args:
        unsaid: peaks that are looked for; of the others nothing is expected but what is paid for anyway.
        left: days after the horizon, whose highest peak counts.
        alike: days whose costs count: those and the horizon's.
        weight: of money in the park's objective.
    """
    count, points = days.others.shape
    level = {key: np.quantile(days.peak_kw[key], left / (left + 1), axis=0) for key in unsaid}
    free = {key: np.maximum(level.get(key, np.zeros(points)), one.free_kw) for key, one in billed.items()}
    # (level, day, point): may the day have this plan under this level?
    kept = np.ones((points, count, points), bool)
    for key, free_kw in free.items():
        kept &= days.peak_kw[key][None] <= free_kw[:, None, None] + _TOLERANCE_KW
    chosen = np.where(kept, days.others[None], np.inf).argmin(axis=2)
    chosen[~kept.any(axis=2)] = 0  # the least peak that it can have is above
    each = np.arange(count)[None, :]
    energy = {key: values[each, chosen].mean(axis=1) for key, values in days.energy_kwh.items()}
    nothing = np.zeros(points)
    demand = sum((billed[key].money(kw, energy.get(key, nothing)) for key, kw in free.items()), nothing)
    money = weight * demand + alike * days.others[each, chosen].mean(axis=1)
    best = int(np.flatnonzero(money <= money.min() + _SAME * max(abs(money.min()), 1.0))[0])
    of_best = [{key: float(values[best]) for key, values in of.items()} for of in (level, energy)]
    return _Level(float(days.share[best]), *of_best)


def _figure(level: _Level, name: str, key: str) -> float:
    """What a key of a connection's state is expected to be [kW or kWh]."""
    what, _, component = key.partition(":")
    return round((level.peak_kw if what == _PEAK else level.energy_kwh)[name, component], 3)


def _unsaid(asset: GridConnection) -> tuple[str, ...]:
    """Keys of what the park's file leaves open of the month's rest: ``expected_peak_kw:COMPONENT`` and the like."""
    bought = [c.name for c in asset.tariff.components if c.counts_energy and c.direction == "import"]
    peaks = [] if _PEAK in asset.model_fields_set else [c.name for c in lasting(asset.tariff)]
    counters = [] if _ENERGY in asset.model_fields_set else bought
    return (*(f"{_PEAK}:{name}" for name in peaks), *(f"{_ENERGY}:{name}" for name in counters))


def horizon_days(horizon: Horizon) -> float:
    """Length of a horizon [d]."""
    return float(horizon.edge_h[-1]) * 3600 / _DAY_S


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
    ways = {
        _PEAK: f"peaks: their quantile at {left / (left + 1):.0%}, the highest of so many days on average, if each day "
        f"bears {share:.0%} of the demand charge, as is cheapest for the month",
        _ENERGY: "energy: their mean",
    }
    how = "; ".join(words for what, words in ways.items() if any(key.startswith(what) for key in of))
    what = " and ".join(texts)
    return f"{name}: {what} expected of the {left:.0f} days of the month after this plan, from {until} ({how})"
