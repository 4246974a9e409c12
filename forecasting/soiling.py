"""How dirty photovoltaic modules are, how fast they get dirtier, and whether cleaning them pays.

The state comes from the plant's own performance ratio, day by day, between rains that wash it:

    ratio_d = clean · (1 − rate · s_d)

with s_d the days of dirt by Kimber et al. 2006 (doi:10.1109/WCPEC.2006.279690, pvlib): it grows by one a day, and a
rain of `CLEANING_RAIN_MM` or more takes it away. The slope is that of Theil and Sen, the median over all pairs of days,
which cloud forecasts gone wrong do not move; dry spells are drawn with repetition for its uncertainty, since days of a
spell err together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.errors import ForecastError

Floats = NDArray[np.float64]
CLEANING_RAIN_MM = 6.0  # in a day; Kimber et al. found 5 to 10 mm
MOST_LOSS = 0.3
LEAST_DAYS = 10
BRIGHT_SHARE = 0.5  # of the best day's energy: under clouds the ratio is that of their forecast
DRAWS = 200
BAND = (0.05, 0.95)


@dataclass(frozen=True)
class Soiling:
    """Share of the energy lost to dirt today and what is added each dry day, with 5 % and 95 % bounds.

    clean_ratio is the performance ratio of clean modules; `dirt_days` are days' worth of dirt on them now.
    """

    loss: float
    loss_low: float
    loss_high: float
    rate_per_day: float
    rate_low: float
    rate_high: float
    clean_ratio: float
    dirt_days: float
    draws: tuple[float, ...]


@dataclass(frozen=True)
class Cleaning:
    """What cleaning now is worth until rain would have done it: expected gain less cost, with bounds, and break-even.

    `break_even_day` counts days from today; None where the cost never comes back within the horizon.
    """

    gain: float
    gain_low: float
    gain_high: float
    cost: float
    break_even_day: int | None

    @property
    def pays(self) -> float:
        """Gain less cost, in money."""
        return self.gain - self.cost

    def text(self, today: pd.Timestamp, currency: str) -> str:
        """One sentence for a report."""
        bounds = f"{self.gain_low - self.cost:.0f} to {self.gain_high - self.cost:.0f}"
        if self.break_even_day is None:
            return (
                f"Cleaning now would cost {-self.pays:.0f} {currency} more than it brings ({bounds}); "
                "it never pays back."
            )
        date = (today + pd.Timedelta(days=self.break_even_day)).date()
        return f"Cleaning now pays {self.pays:.0f} {currency} ({bounds}); it has paid back on {date}."


def dirt_days(rain_mm: Floats, threshold_mm: float = CLEANING_RAIN_MM) -> Floats:
    """Days' worth of dirt (D,) at the end of each day from its rain [mm] (D,); unknown rain counts as none.

    Kimber's model without its days of grace, which only hold where the ground stays wet.
    """
    from pvlib.soiling import kimber

    index = pd.date_range("2000-01-01", periods=len(rain_mm), freq="D")
    per_day = 1e-4  # any rate: the loss is linear in it
    rain = pd.Series(np.nan_to_num(rain_mm), index=index)
    loss = kimber(rain, cleaning_threshold=threshold_mm, soiling_loss_rate=per_day, grace_period=0, max_soiling=1.0)
    return np.asarray(loss, dtype=np.float64) / per_day


def state_of(ratio: Floats, weight: Floats, rain_mm: Floats, seed: int = 0) -> Soiling:
    """The state after the last day, from performance ratios (D,), their days' energies as weights, and rain [mm] (D,).

    Days without a ratio are NaN. Raises ForecastError where fewer than 10 days can be compared or no two of them
    differ in dirt.
    """
    dirt = dirt_days(rain_mm)
    use = np.isfinite(ratio) & (weight > BRIGHT_SHARE * np.nanmax(weight, initial=0.0))
    if use.sum() < LEAST_DAYS or np.ptp(dirt[use]) < 1:
        raise ForecastError(
            f"soiling: {int(use.sum())} days with a performance ratio and {int(np.ptp(dirt[use])) if use.any() else 0} "
            f"days' worth of dirt between them; needed are {LEAST_DAYS} days, some cleaner than others"
        )
    spell = np.cumsum(np.diff(dirt, prepend=dirt[0]) < 0).astype(np.int64)
    clean, rate = _fit(ratio[use], dirt[use])
    draws = _drawn(ratio[use], dirt[use], np.asarray(spell[use], dtype=np.int64), seed)
    losses = np.clip(draws * dirt[-1], 0.0, MOST_LOSS)
    low, high = (float(np.quantile(draws, level)) for level in BAND)
    bounds = [float(np.quantile(losses, level)) for level in BAND]
    loss = float(np.clip(rate * dirt[-1], 0.0, MOST_LOSS))
    return Soiling(loss, bounds[0], bounds[1], rate, low, high, clean, float(dirt[-1]), tuple(losses.tolist()))


def _fit(ratio: Floats, dirt: Floats) -> tuple[float, float]:
    """Clean ratio and loss per day's worth of dirt, not below 0."""
    from scipy.stats import theilslopes

    if np.ptp(dirt) < 1:
        return float(np.median(ratio)), 0.0
    found = theilslopes(ratio, dirt)
    slope = min(float(found.slope), 0.0)
    clean = float(np.median(ratio - slope * dirt))
    return clean, -slope / clean if clean > 0 else 0.0


def _drawn(ratio: Floats, dirt: Floats, spell: NDArray[np.int64], seed: int) -> Floats:
    """Rates (DRAWS,) of dry spells drawn with repetition; of weeks where there are fewer than four spells."""
    if len(np.unique(spell)) < 4:
        spell = np.arange(len(ratio)) // 7
    members = [np.flatnonzero(spell == number) for number in np.unique(spell)]
    rng = np.random.default_rng(seed)
    found = np.empty(DRAWS)
    for k in range(DRAWS):
        drawn = np.concatenate([members[m] for m in rng.integers(len(members), size=len(members))])
        found[k] = _fit(ratio[drawn], dirt[drawn])[1]
    return found


def dry_chance(rain_mm: Floats, days: int, threshold_mm: float = CLEANING_RAIN_MM) -> Floats:
    """Chance (days,) that no cleaning rain has come by each day ahead, from how often it came: (1 − p)^d.

    p counts one more rainy day in as many days as were seen than there were: rain is never impossible.
    """
    known = rain_mm[np.isfinite(rain_mm)]
    rainy = (float((known >= threshold_mm).sum()) + 1) / (len(known) + 2)
    return np.asarray((1 - rainy) ** np.arange(1, days + 1), dtype=np.float64)


def cleaning(state: Soiling, clean_energy_kwh: Floats, price: Floats, dry: Floats, cost: float) -> Cleaning:
    """What cleaning today brings over the days ahead.

    By day, energy of clean modules [kWh], price [money/kWh] and chance that no rain has washed them yet (D,). The dirt
    that falls after today falls on clean and dirty modules alike, so the gain is today's loss for as long as it would
    have stayed:  Σ loss · energy_d · price_d · dry_d.
    """
    if cost < 0:
        raise ForecastError(f"cleaning: cost {cost} is negative")
    worth = clean_energy_kwh * price * dry
    total = np.cumsum(worth * state.loss)
    back = np.flatnonzero(total >= cost)
    low, high = (float(np.quantile(np.asarray(state.draws), level) * worth.sum()) for level in BAND)
    return Cleaning(float(total[-1]), low, high, cost, int(back[0]) + 1 if len(back) else None)
