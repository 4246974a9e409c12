r"""A portfolio's revenue shared out among its sites, to the cent.

- *delivered*: payments by what each site gave (none at all: by its share of the award), penalties by what each was
  short of its share, imbalance by each one's own deviation at the price that the portfolio had.
- *marginal*: what the portfolio would lose without the site, :math:`m_i = v(N) - v(N - i)`, and what is left over or
  missing by *delivered*.
- *shapley*: the mean of what a site adds over all orders of joining; exact up to 12 sites, sampled above.

v(S) settles the sites S alone, with their own shares of the award: what one site gives too much makes up for what
another lacks, and that is what the last two rules share out. A share may be below 0, of a site that is told to go the
other way so that others can give more: sites whose shares come to less than nothing have sold nothing, and what counts
of them is how far they are from where they were told to be. Cents follow the largest remainder, of equal ones the
first site's.

Source of the Shapley value: :mod:`dispatch.carbon.game`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dispatch.errors import AlignmentError, DataError
from dispatch.markets.settlement import CENTS, Cents, Facts, Item, Settlement, Terms, money
from dispatch.signals import Array

if TYPE_CHECKING:
    import pyarrow as pa

By = Literal["delivered", "marginal", "shapley"]
MOST_EXACT = 12
_PERMUTATIONS = 400
_WIDE = 512  # coalitions settled at a time


@dataclass(frozen=True)
class Split:
    """What each of N sites gets, by kind of line.

    Attributes:
        cents: (N, K) to the site.
        half_width: (N,) of a sampled share's confidence interval [cents]; None where it is exact.
    """

    sites: tuple[str, ...]
    kinds: tuple[str, ...]
    cents: Cents
    by: By
    half_width: Array | None = None

    @property
    def total(self) -> Cents:
        """(N,)."""
        return np.asarray(self.cents.sum(axis=1))

    def table(self, currency: str) -> pa.Table:
        """A row per site and kind."""
        import pyarrow as pa

        n, k = self.cents.shape
        return pa.table(
            {
                "site": np.repeat(self.sites, k),
                "kind": list(self.kinds) * n,
                "revenue": decimals(self.cents.ravel()),
                "currency": [currency] * (n * k),
                "by": [self.by] * (n * k),
            }
        )


def decimals(cents: Cents) -> Any:
    """Cents as exact decimals with two places."""
    from decimal import Decimal

    import pyarrow as pa

    hundred = Decimal(CENTS)
    return pa.array([Decimal(int(c)) / hundred for c in cents], type=pa.decimal128(18, 2))


def apportion(cents: Cents, raw: Array) -> Cents:
    """(N, …) whole cents next to ``raw`` that add up to ``cents`` along the first axis.

    Args:
        cents: (…) the sums, next to those of ``raw``.
        raw: (N, …) shares in cents, positive or negative.

    Raises:
        AlignmentError: the sums are not those of the shares.
    """
    base = np.floor(raw).astype(np.int64)
    rest = np.asarray(cents - base.sum(axis=0))
    if not ((rest >= 0) & (rest <= raw.shape[0])).all():
        raise AlignmentError("shares do not add up to their sum; accepted: shares of the whole")
    # Differences far below a cent are not allowed to decide: they are those of another order of summation.
    left = np.round(raw - base, 6)
    order = np.argsort(-left, axis=0, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.broadcast_to(_column(raw), order.shape), axis=0)
    return np.asarray(base + (place < rest[None]))


def _column(raw: Array) -> Any:
    return np.arange(raw.shape[0]).reshape((-1,) + (1,) * (raw.ndim - 1))


def split(
    settlement: Settlement, sites: Sequence[str], delivered_kw: Array, award_kw: Array, by: By = "delivered"
) -> Split:
    """Share a settlement out.

    Args:
        delivered_kw: (N, P) of each site; its sum is the portfolio's.
        award_kw: (N, P) of each site; its sum is the portfolio's.

    Raises:
        AlignmentError: sums that are not the portfolio's.
        DataError: a rule there is not, no sites, or a number that is missing.
    """
    if not sites or by not in ("delivered", "marginal", "shapley"):
        raise DataError(
            f"split by '{by}' among {len(sites)} sites; accepted: delivered, marginal or shapley, 1 site or more"
        )
    delivered_kw, award_kw = np.asarray(delivered_kw, float), np.asarray(award_kw, float)
    _require_sum("delivery", delivered_kw, settlement.facts.delivered_kw, len(sites))
    _require_sum("award", award_kw, settlement.terms.award_kw, len(sites))
    fair = _by_delivery(settlement, tuple(sites), delivered_kw, award_kw)
    if by == "delivered":
        return fair
    worth = _Worth(settlement, delivered_kw, award_kw)
    value, width = (_marginal(worth), None) if by == "marginal" else _shapley(worth)
    whole = np.array(settlement.cents)
    raw = CENTS * value
    raw = raw + (whole - raw.sum()) * _shares(np.abs(fair.total.astype(float))[:, None])[:, 0]
    return Split(fair.sites, ("all",), apportion(whole, raw)[:, None], by, width)


def _require_sum(what: str, parts: Array, whole: Array, sites: int) -> None:
    if parts.shape != (sites, whole.size):
        raise AlignmentError(f"the sites' {what} has shape {parts.shape}; accepted: ({sites}, {whole.size})")
    if not np.isfinite(parts).all():
        site, period = np.argwhere(~np.isfinite(parts))[0]
        raise DataError(f"the sites' {what} of site {site} is missing in period {period}; accepted: all, 0 included")
    scale = np.abs(parts).sum(axis=0) + 1.0
    if (np.abs(parts.sum(axis=0) - whole) > 1e-6 * scale).any():
        raise AlignmentError(f"the sites' {what} does not add up to the portfolio's; accepted: parts of the whole")


def _shares(weights: Array) -> Array:
    """(N, P) shares of one; alike where nobody has a weight."""
    total = weights.sum(axis=0)
    some = total > 0
    return np.asarray(np.where(some, weights / np.where(some, total, 1.0), 1.0 / weights.shape[0]))


def _by_delivery(settlement: Settlement, sites: tuple[str, ...], delivered_kw: Array, award_kw: Array) -> Split:
    useful = np.maximum(delivered_kw, 0.0)
    anyone = useful.sum(axis=0) > 0
    gave = _shares(np.where(anyone, useful, award_kw))
    ready = _shares(award_kw)
    product = settlement.terms.product
    short = np.maximum(award_kw * _called(settlement) - useful, 0.0)
    owes = _shares(np.where(short.sum(axis=0) > 0, short, award_kw))
    pays_delivery = product.kind != "capacity" and product.delivery.pays == "delivered"
    kinds = tuple(dict.fromkeys(line.kind for line in settlement.lines))
    made = np.zeros((len(sites), len(kinds)), dtype=np.int64)
    for line in settlement.lines:
        if line.kind == "imbalance":
            raw = _deviation_shares(line, delivered_kw - award_kw, settlement)
        elif line.kind == "penalty":
            raw = line.cents * owes
        elif line.kind == "activation" or pays_delivery:
            raw = line.cents * gave
        else:
            raw = line.cents * ready
        made[:, kinds.index(line.kind)] += apportion(line.cents, raw).sum(axis=1)
    return Split(sites, kinds, made, "delivered")


def _called(settlement: Settlement) -> Array | float:
    """What was called of an award, as a share of it: of capacity what was activated, else all."""
    called = settlement.facts.activated_kw
    if settlement.terms.product.kind != "capacity" or called is None:
        return 1.0
    whole = settlement.terms.award_kw
    return np.asarray(called / np.where(whole > 0, whole, 1.0))


def _deviation_shares(line: Item, deviation_kw: Array, settlement: Settlement) -> Array:
    """Each one's own deviation at the portfolio's price; where the portfolio has none, nobody pays for the others."""
    whole = settlement.facts.delivered_kw - settlement.terms.award_kw
    part = deviation_kw / np.where(np.abs(whole) > 1e-9, whole, 1.0)
    alike = 1.0 / deviation_kw.shape[0]
    share = np.where(np.abs(whole) > 1e-9, part / np.where(part.sum(axis=0) == 0, 1.0, part.sum(axis=0)), alike)
    # Not the rounded cents: where deviations all but cancel, each one's own is a large multiple of what is rounded.
    return np.asarray(CENTS * line.money * share)


class _Worth:
    """What coalitions of sites would have been paid by themselves."""

    def __init__(self, settlement: Settlement, delivered_kw: Array, award_kw: Array) -> None:
        self.terms, self.facts = settlement.terms, settlement.facts
        self.delivered_kw, self.award_kw = delivered_kw, award_kw
        # What was called of a portfolio's capacity was called of each site by its share of the award.
        self.called = None if self.facts.activated_kw is None else _called(settlement)

    @property
    def sites(self) -> int:
        return int(self.delivered_kw.shape[0])

    def of(self, members: Array) -> Array:
        """(C,) money of coalitions (C, N), ones and zeros."""
        parts = [self._some(members[at : at + _WIDE]) for at in range(0, len(members), _WIDE)]
        return np.concatenate(parts)

    def _some(self, members: Array) -> Array:
        told = members @ self.award_kw
        # Who is told to go the other way, so that others can give more, has sold nothing: what counts is how far it
        # is from where it was told to be.
        award, against = np.maximum(told, 0.0), np.minimum(told, 0.0) * (1.0 if self.called is None else self.called)
        terms: Terms = replace(self.terms, award_kw=award)
        facts: Facts = replace(self.facts, delivered_kw=members @ self.delivered_kw - against)
        if self.called is not None:
            facts = replace(facts, activated_kw=award * self.called)
        return money(terms, facts)


def _marginal(worth: _Worth) -> Array:
    """(N,) what the portfolio loses without each site."""
    everyone = np.ones((1, worth.sites))
    without = np.ones((worth.sites, worth.sites)) - np.eye(worth.sites)
    return np.asarray(worth.of(everyone)[0] - worth.of(without))


def _shapley(worth: _Worth) -> tuple[Array, Array | None]:
    """(N,) Shapley values, and the half-width of their confidence interval [cents] where they are sampled."""
    from dispatch.carbon.game import shapley, shapley_sampled

    n = worth.sites
    if n <= MOST_EXACT:
        code = np.arange(2**n)
        members = ((code[:, None] >> np.arange(n)) & 1).astype(float)
        return np.asarray(shapley(worth.of(members))), None

    def value(coalition: frozenset[int]) -> Array:
        one = np.zeros((1, n))
        one[0, list(coalition)] = 1.0
        return np.asarray(worth.of(one)[0])

    found = shapley_sampled(value, n, max(4, 2 * (_PERMUTATIONS // n)))
    return found.value, CENTS * found.half_width
