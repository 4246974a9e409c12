"""A front as values: its points from the cheapest to the cleanest, the chosen one, and where the next cap goes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import numpy as np

from dispatch.audit import Audit
from dispatch.schedule import Schedule
from dispatch.signals import Array

How = Literal["relaxation", "reused", "branched", "searched"]

# Where the whole numbers of a point come from, in words.
HOW: dict[How, str] = {
    "relaxation": "none",
    "reused": "a neighbour's",
    "branched": "branched",
    "searched": "searched",
}
_SAME = 1e-7  # of the whole front
_CLOSE = 1e-4  # of it, too: closer caps tell nothing new
_TALL = 0.02  # a triangle so tall, as a share of the longest stretch, is worth a point more than the stretch


@dataclass(frozen=True)
class FrontPoint:
    """One plan on the front; what is expected over its scenarios.

    Attributes:
        cap_t: the cap it was made under [t]; infinite where there was none.
        co2_t: what it emits [t].
        cost: what is least: money and the price of broken wishes, with the park's weight on risk.
        money, penalty: the two apart.
        price_per_t: what the last tonne costs: the dual of the cap [money/t].
        dual_at_whole: is that price of the program with its whole numbers settled?
        gap: proven relative distance of ``cost`` from the least under the cap.
        how: where its whole numbers come from.
        seconds: processor time of the calling thread that it took, the audit included.
    """

    cap_t: float
    co2_t: float
    cost: float
    money: float
    penalty: float
    price_per_t: float
    dual_at_whole: bool
    gap: float
    how: How
    schedule: Schedule = field(repr=False, compare=False)
    audit: Audit = field(repr=False, compare=False)
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True)
class Reference:
    """Another way to run the day, to be seen beside the front."""

    name: str
    co2_t: float
    cost: float


@dataclass(frozen=True)
class Choice:
    """Which point is wanted: the cheapest under a cap [t], or the best at a price of carbon [money/t]; one of them."""

    co2_t: float | None = None
    price_per_t: float | None = None


@dataclass(frozen=True)
class Front:
    """The points from the cheapest to the cleanest, none of them better than another in both.

    Attributes:
        chosen: the point wanted: at the park's own carbon price, where nothing else was.
        why: in words, what it was chosen by.
        references: other ways to run the day.
        dominated: how many caps gave a plan than which another is no worse in both.
        seconds: processor time of the calling thread for all points together, compiling included.
    """

    site: str
    currency: str
    commitment: str
    points: tuple[FrontPoint, ...]
    chosen: FrontPoint
    why: str
    references: tuple[Reference, ...] = ()
    dominated: int = 0
    seconds: float = field(default=0.0, compare=False)

    @property
    def slope_per_t(self) -> Array:
        """(point − 1,) money per tonne from each point to the next cleaner one."""
        co2, cost = (np.array([getattr(p, name) for p in self.points]) for name in ("co2_t", "cost"))
        return np.asarray(np.diff(cost) / -np.diff(co2))


def efficient(points: Sequence[FrontPoint]) -> tuple[FrontPoint, ...]:
    """Those than which no other is as good in both cost and emissions, from the cheapest to the cleanest."""
    order = sorted(points, key=lambda point: (point.co2_t, point.cost))
    spread = _spread(order)
    kept: list[FrontPoint] = []
    for point in order:
        if kept and point.cost > kept[-1].cost - _SAME * spread[1]:
            continue
        if kept and point.co2_t < kept[-1].co2_t + _SAME * spread[0]:
            kept.pop()  # the same place, and cheaper
        kept.append(point)
    return tuple(reversed(kept))


def _spread(points: Sequence[FrontPoint]) -> tuple[float, float]:
    """How far emissions and cost reach, at least something."""
    co2, cost = (np.array([getattr(point, name) for point in points]) for name in ("co2_t", "cost"))
    return max(float(np.ptp(co2)), 1e-12), max(float(np.ptp(cost)), 1e-12)


def next_cap_t(made: Sequence[FrontPoint]) -> float | None:
    """Where one more point tells the most about a front [t]; None where nothing is left to be told.

    Between two neighbours the front lies above both their tangents and, where it is convex, below their chord. The cap
    goes where the tangents meet in the interval with the tallest such triangle; where all are flat, it halves the
    longest stretch of the picture. A plan that emitted less than its cap is the best for every cap between: nothing is
    looked for there.
    """
    order = efficient(made)
    width, height = _spread(order)
    bent, flat = [], []
    for cheap, dear in pairwise(order):  # dear is cleaner
        top = max(p.cap_t for p in made if abs(p.co2_t - dear.co2_t) <= _SAME * width)
        low = max(top, dear.co2_t) if math.isfinite(top) else dear.co2_t
        apart = cheap.co2_t - low
        if apart <= _CLOSE * width:
            continue
        share = apart / (cheap.co2_t - dear.co2_t)
        meets, tall = _triangle(dear, cheap)
        bent.append((share * tall / height, float(np.clip(meets, low + 0.1 * apart, cheap.co2_t - 0.1 * apart))))
        long = float(np.hypot((cheap.co2_t - dear.co2_t) / width, (dear.cost - cheap.cost) / height))
        flat.append((share * long, low + apart / 2))
    if not flat:
        return None
    tallest, longest = max(bent), max(flat)
    return tallest[1] if tallest[0] > _TALL * longest[0] else longest[1]


def _triangle(dear: FrontPoint, cheap: FrontPoint) -> tuple[float, float]:
    """Where the tangents of two neighbours meet [t], and how far below their chord."""
    apart = cheap.co2_t - dear.co2_t
    middle = dear.co2_t + apart / 2
    turn = dear.price_per_t - cheap.price_per_t
    if apart <= 0 or turn <= 0:
        return middle, 0.0
    # dear.cost − p_d (E − E_d) = cheap.cost + p_c (E_c − E)
    meets = dear.co2_t + (dear.cost - cheap.cost - cheap.price_per_t * apart) / turn
    meets = float(np.clip(meets, dear.co2_t, cheap.co2_t))
    chord = dear.cost + (cheap.cost - dear.cost) * (meets - dear.co2_t) / apart
    lowest = max(
        dear.cost - dear.price_per_t * (meets - dear.co2_t), cheap.cost + cheap.price_per_t * (cheap.co2_t - meets)
    )
    return meets, max(chord - lowest, 0.0)
