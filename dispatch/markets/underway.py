"""An award while it runs: what was delivered of it so far, against the plan that it was sold beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch.markets.alongside import Asked as Told
from dispatch.markets.alongside import Other, own_part
from dispatch.markets.awards import Award
from dispatch.markets.delivery import by_period, check
from dispatch.markets.portfolio import Metered, asked
from dispatch.markets.product import Product
from dispatch.signals import Array

Times = NDArray[np.datetime64]


@dataclass(frozen=True)
class Underway:
    """The awarded periods, P of them.

    Attributes:
        delivered_kw: (P,) of the sites whose meters are known all through the period; NaN before any is.
        short_kw: (P,) what lacks by the product's rules; NaN until all sites are known.
        known: (N, P) which sites' are.
    """

    start: Times
    end: Times
    award_kw: Array
    delivered_kw: Array
    short_kw: Array
    known: NDArray[np.bool_]

    @property
    def metered(self) -> NDArray[np.int64]:
        """(P,) how many sites are known."""
        return np.asarray(self.known.sum(axis=0))

    @property
    def hours(self) -> Array:
        """(P,)."""
        return np.asarray((self.end - self.start) / np.timedelta64(3600, "s"))


def underway(
    award: Award,
    product: Product,
    plan_kw: Array,
    metered: Metered,
    setpoint_kw: Array | None = None,
    others: Sequence[Other] = (),
) -> Underway:
    """What is delivered so far.

    Args:
        plan_kw: (N, T) net import without the award and the others, on the meters' steps.
        setpoint_kw: (N, T) what each site is to give; needed beside others.
        others: other awards of these sites, which meters show too.

    Raises:
        DataError: nothing was awarded.
        AlignmentError: the meters' steps do not fit the periods.
    """
    asks = asked(product, [award])
    plan, read = (by_period(v, metered.steps, asks.start, asks.end) for v in (plan_kw, metered.net_import_kw))
    given = plan - read if award.side == "up" else read - plan
    if others and setpoint_kw is not None:
        parts = by_period(setpoint_kw, metered.steps, asks.start, asks.end)
        given = own_part(Told(award.side, asks.start, asks.end, asks.kw, parts), given, others, metered.steps)
    known = np.isfinite(given)
    count = known.sum(axis=0)
    delivered = np.where(count > 0, np.where(known, given, 0.0).sum(axis=0), np.nan)
    whole = count == len(metered.sites)
    short = check(product.delivery, asks.kw, np.where(whole, delivered, 0.0)).short_kw
    return Underway(asks.start, asks.end, asks.kw, delivered, np.where(whole, short, np.nan), known)


def on_steps(values_kw: Array, edges: Times, onto: Times) -> Array:
    """(N, T) means over other steps of a series (N, S); NaN beyond its ends."""
    own, asked_s = (e.astype("datetime64[s]").astype(np.int64) for e in (edges, onto))
    energy = np.concatenate([np.zeros((len(values_kw), 1)), np.cumsum(values_kw * np.diff(own), axis=1)], axis=1)
    made = np.stack([np.diff(np.interp(asked_s, own, row)) for row in energy]) / np.diff(asked_s)
    inside = (asked_s[:-1] >= own[0]) & (asked_s[1:] <= own[-1])
    return np.asarray(np.where(inside, made, np.nan))
