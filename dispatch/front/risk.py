r"""How likely a month misses its cap of emissions, given what is emitted so far and what the rest may bring.

With M emitted to date, E_s the emissions of a plan in scenario s of probability π_s, and R the sum over the D days of
the month after the plan,

.. math:: P(\text{miss}) = Σ_s π_s \, P(R > \text{cap} - M - E_s).

The distribution of R comes from measured days, drawn as they came (circular block bootstrap): runs of consecutive days,
as long as the rest of the month or a quarter of what is measured, if that is shorter, so that what a day says of the
next, and weekends, stay in it. Few days say little of their own distribution: the same is done again for days that
could have been measured instead, drawn by runs too, and the middle 90 % of these answers is the interval. All points of
a front are held against the same draws.

Sources: Politis & Romano 1992, A circular block-resampling procedure for stationary data; Efron & Tibshirani 1993,
An Introduction to the Bootstrap, ch. 13 (percentile intervals).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array

LEAST_DAYS = 5
LEVEL = 0.9
_DRAWS, _OTHERS, _OTHER_DRAWS = 20_000, 200, 1000
_QUARTER = 4


@dataclass(frozen=True)
class Missing:
    """Probabilities of missing a month's cap, one for each plan asked for.

    Attributes:
        probability: (plan,).
        low, high: (plan,) between which they lie with 90 % confidence, for all that so few days can tell.
        cap_t, emitted_t: the cap, and what was emitted before the plan [t].
        days_left: days of the month after the plan.
        days: how many measured days the rest is drawn from.
        rest_t: (3,) of the rest of the month, what is exceeded with 95, 50 and 5 % [t].
    """

    probability: Array
    low: Array
    high: Array
    cap_t: float
    emitted_t: float
    days_left: int
    days: int
    rest_t: Array


def missing(
    cap_t: float,
    emitted_t: float,
    plan_t: ArrayLike,
    weights: ArrayLike,
    days_t: ArrayLike,
    days_left: int,
    *,
    seed: int = 0,
) -> Missing:
    """The probability that the month's emissions pass its cap.

    Args:
        cap_t: the month's cap [t].
        emitted_t: emitted before the plan begins [t].
        plan_t: (plan, scenario) emissions of each plan [t].
        weights: (scenario,) probabilities.
        days_t: (day,) emissions of measured days, in their order [t].
        days_left: days of the month after the plan.
        seed: the same seed gives the same answer.

    Raises:
        AlignmentError: scenarios and weights differ in number.
        DataError: fewer than five days are measured where any are left, or a number is none.
    """
    plan, weight, days = (np.asarray(values, dtype=np.float64) for values in (plan_t, weights, days_t))
    if plan.ndim != 2 or weight.shape != (plan.shape[1],):
        raise AlignmentError(f"plan_t {plan.shape} and weights {weight.shape}: give (plan, scenario) and (scenario,)")
    if days_left < 0:
        raise DataError(f"days_left {days_left}: must not be below 0")
    if not all(np.isfinite(values).all() for values in (plan, weight, days, np.array([cap_t, emitted_t]))):
        raise DataError("a cap, an emission or a weight is not a number; leave out days that are not measured whole")
    if days_left and days.size < LEAST_DAYS:
        raise DataError(f"{days.size} measured days tell nothing of the month's rest; accepted: {LEAST_DAYS} or more")
    room = cap_t - emitted_t - plan
    share = weight / weight.sum()
    random = np.random.default_rng(seed)
    rest = _sums(days, days_left, (_DRAWS,), random)
    found = _exceeded(rest, room) @ share
    if days_left:
        others = days[_runs(days.size, days.size, (_OTHERS,), random)]
        sums = np.array([_sums(other, days_left, (_OTHER_DRAWS,), random) for other in others])
        spread = np.array([_exceeded(one, room) @ share for one in sums])
        low, high = np.quantile(spread, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    else:
        low = high = found
    ends = np.quantile(rest, [0.05, 0.5, 0.95])
    return Missing(found, np.minimum(low, found), np.maximum(high, found), cap_t, emitted_t, days_left, days.size, ends)


def _exceeded(rest: Array, room: Array) -> Array:
    """(plan, scenario) share of the draws that are more than there is room for."""
    order = np.sort(rest)
    return np.asarray(1 - np.searchsorted(order, room, side="right") / order.size)


def _sums(days: Array, left: int, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Sums of so many days, drawn by runs."""
    if not left:
        return np.zeros(shape)
    return np.asarray(days[_runs(days.size, left, shape, random)].sum(axis=-1))


def _runs(size: int, length: int, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """(…, length) positions of days: runs of consecutive ones, the last followed by the first, cut to length."""
    run = max(1, min(length, size // _QUARTER))
    count = -(-length // run)
    begin = random.integers(size, size=(*shape, count, 1))
    at = (begin + np.arange(run)) % size
    return np.asarray(at.reshape(*shape, count * run)[..., :length])
