r"""What several bids ask of a fleet together, held against its sites' power and the content of their stores.

Blocks and curves hold for one period by itself. Sold beside each other, bids of one direction add up, and what they
take from stores adds up over the day. In the asked steps A of a stretch (a, b] a store whose content x may lie between
its limits gives at most what it can hold at a and take in between, less what must be left at b, and no more than its
power allows; so a site with plan p and other plant that draws at least q can give λ times a profile d only if

.. math::
    λ \sum_A d_t h_t ≤ \sum_A (p_t - q_t) h_t + \sum_s \min\Bigl(\sum_A \overline{d}_{st} h_t,
    \frac{\overline{x}_{sa} - \underline{x}_{sb} + g_s \sum_{(a, b] ∉ A} \overline{p}_{st} h_t}{d_s}\Bigr)

upwards, and likewise downwards. In all other steps sites are free, so that stores fill again. A profile of the fleet is
shared among its sites as their power in each step is. With λ_n the most that site n can give of its share w_n, the
fleet gives the profile if Σ λ_n w_n ≥ 1 in each step: sites that are out of energy are helped by the others; another
split could give a little more. Up and down are each looked at as if the other were not called.

What others have sold of a site is gone there: it lowers the site's spare power, and its energy is taken from both sums
in the steps of A, in which the site is held whether or not the fleet asks for anything then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from dispatch.markets.product import Product, Side
from dispatch.signals import Array, Horizon

_ROUNDING = 1e-6
_ROUNDING_KWH = 1e-3
_HALVINGS = 12
_MANY = 1e6


@dataclass(frozen=True, eq=False)
class Stores:
    """M stores; arrays are (M, T).

    Attributes:
        site: (M,) whose.
        least_kw, most_kw: net draw.
        least_kwh, most_kwh: content by the end of each step, counted from that of the start.
        gain, drain: content per kWh drawn and per kWh given.
    """

    site: np.ndarray
    least_kw: Array
    most_kw: Array
    least_kwh: Array
    most_kwh: Array
    gain: Array
    drain: Array

    def of(self, sites: np.ndarray) -> Stores:
        """Those of some of the N sites, counted anew; ``sites`` is (N,) of truths."""
        own = sites[self.site]
        arrays = (self.least_kw, self.most_kw, self.least_kwh, self.most_kwh, self.gain, self.drain)
        return Stores((np.cumsum(sites) - 1)[self.site[own]], *(values[own] for values in arrays))


@dataclass(frozen=True, eq=False)
class Room:
    """What N sites can do; arrays are (N, T).

    Attributes:
        steps: T of them.
        plan_kw, least_kw, most_kw: net draw.
        other_least_kw, other_most_kw: net draw of what is no store.
        names: of the sites, where several rooms may have the same ones.
        gone: what others have sold of each site, up and down (2, N, T); None: nothing.
    """

    steps: Horizon
    plan_kw: Array
    least_kw: Array
    most_kw: Array
    other_least_kw: Array
    other_most_kw: Array
    stores: Stores
    names: tuple[str, ...] = ()
    gone: Array | None = None

    def of(self, sites: np.ndarray) -> Room:
        """Some of the sites; ``sites`` is (N,) of truths."""
        return replace(
            self,
            plan_kw=self.plan_kw[sites],
            least_kw=self.least_kw[sites],
            most_kw=self.most_kw[sites],
            other_least_kw=self.other_least_kw[sites],
            other_most_kw=self.other_most_kw[sites],
            stores=self.stores.of(sites),
            names=tuple(name for name, own in zip(self.names, sites, strict=True) if own) if self.names else (),
            gone=None if self.gone is None else self.gone[:, sites],
        )

    def less(self, taken: Sequence[Taken]) -> Room:
        """The same sites, less what others have sold of them."""
        gone = np.zeros((2, *self.plan_kw.shape)) if self.gone is None else self.gone.copy()
        at = {name: place for place, name in enumerate(self.names)}
        for one in taken:
            both = [(at[name], place) for place, name in enumerate(one.names) if name in at]
            if both:
                ours, theirs = (list(places) for places in zip(*both, strict=True))
                for side, kw in enumerate((one.up_kw, one.down_kw)):
                    gone[side, ours] += most_within(self.steps, one.steps, kw[theirs])
        return replace(self, gone=gone) if gone.any() else self

    def covers(self, start: datetime, product: Product) -> bool:
        """Is a period that starts then within the steps?"""
        own = self.steps.edges[[0, -1]].astype("datetime64[s]").astype(np.int64)
        return bool(own[0] <= start.timestamp() and start.timestamp() + 60 * product.period_minutes <= own[1])

    def spare_kw(self, side: Side) -> Array:
        """(N, T) power beside the plan and what is gone."""
        spare = self.plan_kw - self.least_kw if side == "up" else self.most_kw - self.plan_kw
        return np.asarray(np.maximum(spare - self._gone_kw(side), 0.0))

    def _gone_kw(self, side: Side) -> Array:
        return np.zeros_like(self.plan_kw) if self.gone is None else self.gone[int(side == "down")]

    def shares(self, side: Side, asked_kw: Array, held: np.ndarray) -> Array:
        """(T,) in each step, what part of (T,) a profile can be given; inf where nothing is asked for.

        Args:
            held: (T,) steps in which sites follow their plan or the profile.
        """
        return np.where(asked_kw > 0, self.parts(side, asked_kw, held).sum(axis=0), np.inf)

    def parts(self, side: Side, asked_kw: Array, held: np.ndarray) -> Array:
        """(N, T) what part of the profile each site can give; of all sites together more than 1 where they can more."""
        weight = _weights(self.spare_kw(side))
        return self._most(side, weight * asked_kw, held)[:, None] * weight

    def _most(self, side: Side, profile_kw: Array, held: np.ndarray) -> Array:
        """(N,) how often each site can give its (N, T) profile."""
        spare, hours = self.spare_kw(side), self.steps.hours
        held = np.broadcast_to(held, spare.shape) if self.gone is None else held | self.gone.any(axis=0)
        by_power = np.divide(spare, profile_kw, out=np.full_like(spare, np.inf), where=profile_kw > 0).min(axis=1)
        other = self.plan_kw - self.other_least_kw if side == "up" else self.other_most_kw - self.plan_kw
        room = _stretches(np.where(held, other * hours, 0.0))
        np.add.at(room, self.stores.site, self._of_stores(side, held[self.stores.site]))
        room -= _stretches(self._gone_kw(side) * hours)
        asked = _stretches(profile_kw * hours)
        by_energy = np.divide(
            np.maximum(room, 0.0) + _ROUNDING_KWH, asked, out=np.full_like(room, np.inf), where=asked > _ROUNDING
        )
        return np.asarray(np.minimum(np.minimum(by_power, by_energy.min(axis=(1, 2))), _MANY))

    def _of_stores(self, side: Side, held: np.ndarray) -> Array:
        """(M, T, T) the most that stores give (up) or take in the (M, T) held steps from one on up to another."""
        own, hours = self.stores, self.steps.hours
        gives, takes = -own.least_kw * hours, own.most_kw * hours
        if side == "up":
            by_power, between = gives, own.gain * takes
            full, left, rate = own.most_kwh, own.least_kwh, own.drain
        else:
            by_power, between = takes, own.drain * gives
            full, left, rate = -own.least_kwh, -own.most_kwh, own.gain
        before = np.concatenate([np.zeros((len(full), 1)), full[:, :-1]], axis=1)
        content = before[:, :, None] - left[:, None, :] + _stretches(np.where(held, 0.0, np.maximum(between, 0.0)))
        return np.asarray(
            np.minimum(_stretches(np.where(held, by_power, 0.0)), content / rate.mean(axis=1)[:, None, None])
        )


def most_within(steps: Horizon, over: Horizon, kw: Array) -> Array:
    """(…, T) the most of (…, P) powers of other periods in any part of each step; 0 where the two do not meet."""
    most = np.zeros((steps.steps, *kw.shape[:-1]))
    own, asked = (h.edges.astype("datetime64[s]").astype(np.int64) for h in (steps, over))
    first, last = max(own[0], asked[0]), min(own[-1], asked[-1])
    if first < last:
        edges = np.unique(np.clip(np.concatenate([own, asked]), first, last))
        step, period = (np.searchsorted(of, edges[:-1], side="right") - 1 for of in (own, asked))
        np.maximum.at(most, step, np.moveaxis(kw, -1, 0)[period])
    return np.asarray(np.moveaxis(most, 0, -1))


def _weights(spare_kw: Array) -> Array:
    """(N, T) each site's part of the power that is there in a step; 0 where none is."""
    whole = spare_kw.sum(axis=0)
    return np.asarray(np.divide(spare_kw, whole, out=np.zeros_like(spare_kw), where=whole > 0))


def _stretches(values: Array) -> Array:
    """(X, T, T) sums of (X, T) values from one step on up to another; 0 where that is an earlier one."""
    until = np.cumsum(values, axis=1)
    before = np.concatenate([np.zeros((len(values), 1)), until[:, :-1]], axis=1)
    return np.triu(until[:, None, :] - before[:, :, None])


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
        most = most_within(steps, over, quantity_kw)
        nothing = np.zeros(steps.steps)
        return cls(
            most if side == "up" or product.symmetric else nothing,
            most if side == "down" or product.symmetric else nothing,
        )

    def __add__(self, other: Sold) -> Sold:
        """Both."""
        return Sold(self.up_kw + other.up_kw, self.down_kw + other.down_kw)


@dataclass(frozen=True, eq=False)
class Taken:
    """What a fleet needs of its N sites for what it has sold.

    Attributes:
        up_kw, down_kw: (N, T) beside the plans.
    """

    names: tuple[str, ...]
    steps: Horizon
    up_kw: Array
    down_kw: Array


def needed(room: Room, sold: Sold, shared: np.ndarray) -> Taken:
    """What a fleet needs of each site at least, where others would rather have some of them: the rest gives first.

    Args:
        shared: (N,) sites that others would have; they give what all others together cannot.
    """
    held = (sold.up_kw > 0) | (sold.down_kw > 0)
    given = np.zeros((2, *room.plan_kw.shape))
    sides: tuple[tuple[Side, Array], ...] = (("up", sold.up_kw), ("down", sold.down_kw))
    for kw, (side, asked) in zip(given, sides, strict=True):
        parts = room.of(~shared).parts(side, asked, held)
        can = parts.sum(axis=0)
        kw[~shared] = parts * np.divide(asked, can, out=asked.copy(), where=can > 1)
        rest = np.where(can < 1 - _ROUNDING, asked * (1 - can), 0.0)
        kw[shared] = _weights(room.of(shared).spare_kw(side)) * rest
    return Taken(room.names, room.steps, *given)


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
            out[place] = self._up_to_a_step(quantity_kw[place] * self._share(alone), alone)
        return out

    def _up_to_a_step(self, kw: float, alone: Array) -> float:
        """What the search for a share leaves below a step of the product is that step, where it is possible."""
        unit = self.product.quantity_step_kw
        step = float(np.ceil(kw / unit) * unit)
        if not 0 < step - kw <= alone.max() / 2**_HALVINGS:
            return kw
        return step if self.whole(np.where(alone > 0, step, 0.0)) is None else kw

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
