r"""What several bids ask of a fleet together, held against its sites' power and energy.

Blocks and curves hold for one period by itself. Sold beside each other, bids of one direction add up, and what they
take from stores adds up over the day. A site with plan p, bands P of net draw and E of the energy drawn since the start
can give the profile λ d in its asked steps A, being free in all others, so that stores fill again, if for all a < b

.. math::
    λ d_t ≤ p_t - P^{min}_t, \qquad
    λ \sum_{A ∩ (a, b]} d_t h_t ≤ E^{max}_a + \sum_{A ∩ (a, b]} p_t h_t + \sum_{(a, b], ∉ A} P^{max}_t h_t - E^{min}_b

upwards, and likewise downwards. A profile of the fleet is shared among its sites as their power in each step is. With
λ_n the most that site n can give of its share w_n, the fleet gives the profile if Σ λ_n w_n ≥ 1 in each step: sites
that are out of energy are helped by the others. That is possible for certain, as far as the sites' bands say what is;
another split could give a little more. Up and down are each looked at as if the other were not called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from dispatch.markets.product import Product, Side
from dispatch.signals import Array, Horizon

_ROUNDING = 1e-6
_ROUNDING_KWH = 1e-3
_HALVINGS = 12


@dataclass(frozen=True, eq=False)
class Room:
    """What sites can do.

    Attributes:
        steps: T of them.
        plan_kw, least_kw, most_kw: (N, T) net draw.
        least_kwh, most_kwh: (N, T) drawn since the start, by the end of each step.
    """

    steps: Horizon
    plan_kw: Array
    least_kw: Array
    most_kw: Array
    least_kwh: Array
    most_kwh: Array

    def covers(self, start: datetime, product: Product) -> bool:
        """Is a period that starts then within the steps?"""
        own = self.steps.edges[[0, -1]].astype("datetime64[s]").astype(np.int64)
        return bool(own[0] <= start.timestamp() and start.timestamp() + 60 * product.period_minutes <= own[1])

    def spare_kw(self, side: Side) -> Array:
        """(N, T) power beside the plan."""
        spare = self.plan_kw - self.least_kw if side == "up" else self.most_kw - self.plan_kw
        return np.asarray(np.maximum(spare, 0.0))

    def shares(self, side: Side, asked_kw: Array, held: np.ndarray) -> Array:
        """(T,) in each step, what part of (T,) a profile can be given; inf where nothing is asked for.

        Args:
            held: (T,) steps in which sites follow their plan or the profile.
        """
        spare = self.spare_kw(side)
        whole = spare.sum(axis=0)
        weight = np.divide(spare, whole, out=np.zeros_like(spare), where=whole > 0)
        given = self._most(side, weight * asked_kw, held)[:, None] * weight
        return np.where(asked_kw > 0, given.sum(axis=0), np.inf)

    def _most(self, side: Side, profile_kw: Array, held: np.ndarray) -> Array:
        """(N,) how often each site can give a profile of its own (N, T), as far as helps: twice as much as is asked."""
        hours, spare = self.steps.hours, self.spare_kw(side)
        by_power = np.divide(spare, profile_kw, out=np.full_like(spare, np.inf), where=profile_kw > 0).min(axis=1)
        free = self.most_kw if side == "up" else self.least_kw
        moved = np.cumsum(np.where(held, self.plan_kw, free) * hours, axis=1)
        asked = np.cumsum(profile_kw * hours, axis=1)
        if side == "up":
            before, after = self.most_kwh - moved, self.least_kwh - moved
        else:
            before, after = moved - self.least_kwh, moved - self.most_kwh
        # (N, a, b): from the emptiest, or fullest, that a site can be at a to what it must be at b.
        before, asked = (np.concatenate([np.zeros((len(x), 1)), x], axis=1) for x in (before, asked))
        room = before[:, :-1, None] - after[:, None, :]
        taken = asked[:, None, 1:] - asked[:, :-1, None]
        later = np.triu(np.ones(room.shape[1:], bool)) & (taken > 0)
        room = np.maximum(room + _ROUNDING_KWH, 0.0)
        by_energy = np.divide(room, taken, out=np.full_like(room, np.inf), where=later).min(axis=(1, 2))
        return np.asarray(np.minimum(np.minimum(by_power, by_energy), 1e6))


@dataclass(frozen=True, eq=False)
class Sold:
    """Quantities beside the plan, step by step.

    Attributes:
        up_kw, down_kw: (T,) the most in any part of a step.
    """

    up_kw: Array
    down_kw: Array

    @classmethod
    def nothing(cls, steps: int) -> Sold:
        """Of no bid."""
        return cls(*np.zeros((2, steps)))

    @classmethod
    def of(cls, steps: Horizon, product: Product, over: Horizon, side: Side, quantity_kw: Array) -> Sold:
        """(P,) quantities in a product's periods, as far as they are within the steps; symmetric: both directions."""
        most = np.zeros(steps.steps)
        own, asked = (h.edges.astype("datetime64[s]").astype(np.int64) for h in (steps, over))
        first, last = max(own[0], asked[0]), min(own[-1], asked[-1])
        if first < last:
            edges = np.unique(np.clip(np.concatenate([own, asked]), first, last))
            step, period = (np.searchsorted(of, edges[:-1], side="right") - 1 for of in (own, asked))
            np.maximum.at(most, step, quantity_kw[period])
        nothing = np.zeros(steps.steps)
        return cls(
            most if side == "up" or product.symmetric else nothing,
            most if side == "down" or product.symmetric else nothing,
        )

    def __add__(self, other: Sold) -> Sold:
        """Both."""
        return Sold(self.up_kw + other.up_kw, self.down_kw + other.down_kw)


def why_not(room: Room, sold: Sold) -> str | None:
    """Why not all of it together is possible; None where it is."""
    held = (sold.up_kw > 0) | (sold.down_kw > 0)
    sides: tuple[tuple[Side, Array], ...] = (("up", sold.up_kw), ("down", sold.down_kw))
    for side, asked in sides:
        if not asked.any():
            continue
        there = room.spare_kw(side).sum(axis=0)
        over = asked - there * (1 + _ROUNDING)
        if over.max() > _ROUNDING:
            at = int(over.argmax())
            return f"at {_at(room, at)} {asked[at]:g} kW {side} are asked for, and {there[at]:g} kW are there"
        share = room.shares(side, asked, held)
        if share.min() < 1 - _ROUNDING:
            at = int(share.argmin())
            return (
                f"what stores hold is enough for {share[at]:.1%} of the {asked[at]:g} kW {side} at {_at(room, at)} "
                "beside all else that is asked for"
            )
    return None


def _at(room: Room, step: int) -> str:
    return room.steps.local_start[step].isoformat()


@dataclass(frozen=True, eq=False)
class Beside:
    """A product's periods beside what is sold already.

    Attributes:
        over: the P periods that are asked about.
    """

    room: Room
    sold: Sold
    product: Product
    side: Side
    over: Horizon

    def whole(self, quantity_kw: Array) -> str | None:
        """Why (P,) quantities are not possible together with what is sold; None where they are."""
        return why_not(self.room, self.sold + self._asked(quantity_kw))

    def left_kw(self, quantity_kw: Array) -> Array:
        """(P,) of each quantity what is possible in its period, nothing being sold in the others."""
        out = np.zeros(self.over.steps)
        for place in np.flatnonzero(quantity_kw > 0):
            alone = np.zeros(self.over.steps)
            alone[place] = quantity_kw[place]
            out[place] = quantity_kw[place] * self._share(alone)
        return out

    def together_kw(self, quantity_kw: Array) -> Array:
        """(P,) the largest common share of quantities that is possible in all periods together."""
        return np.asarray(quantity_kw * self._share(quantity_kw))

    def _share(self, quantity_kw: Array) -> float:
        if self.whole(quantity_kw) is None:
            return 1.0
        least, most = 0.0, 1.0
        for _ in range(_HALVINGS):
            share = (least + most) / 2
            least, most = (share, most) if self.whole(share * quantity_kw) is None else (least, share)
        return least

    def _asked(self, quantity_kw: Array) -> Sold:
        return Sold.of(self.room.steps, self.product, self.over, self.side, quantity_kw)


def quantities(over: Horizon, of: Sequence[tuple[float, float]]) -> Array:
    """(P,) kW in a product's periods, from (start [s, UTC], kW); what starts elsewhere counts for nothing.

    Args:
        over: its periods, as :func:`dispatch.markets.calendar.periods` has them.
    """
    at = {int(edge): place for place, edge in enumerate(over.edges[:-1].astype("datetime64[s]").astype(np.int64))}
    out = np.zeros(over.steps)
    for start_s, kw in of:
        if (place := at.get(round(start_s))) is not None:
            out[place] += kw
    return out
