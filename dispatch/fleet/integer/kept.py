"""A piece of a fleet in its worker, with commitment: whole numbers relaxed, chosen at a price, or held."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from dispatch.fleet.coordination.portions import Answer, Kept, Portion, Recovered
from dispatch.fleet.coordination.pricing import Priced
from dispatch.fleet.integer.commit import Committer
from dispatch.fleet.integer.tree import Effort
from dispatch.fleet.stack import Stack
from dispatch.signals import Array


class CommittedPricer:
    """Answers prices for sites of one structure: at the commitment that a site holds, relaxed where it holds none.

    Args:
        stack: the sites.
        at: (Q,) columns of the quantities.

    Attributes:
        held: (site,) the whole numbers that its answers keep to.
        last: (site,) those of its last answer to :meth:`choose`.
    """

    def __init__(self, stack: Stack, at: np.ndarray) -> None:
        self.stack, self.at = stack, at
        self.committer = Committer(stack)
        self.held: list[Array | None] = [None] * len(stack)
        self.last: list[Array | None] = [None] * len(stack)
        self._own, self._offset = stack.cost, stack.offset

    def price(self, extra: Array, which: np.ndarray) -> Priced:
        """See :class:`~dispatch.fleet.coordination.pricing.Pricer`.

        Raises:
            SolveError: a site has no plan; the message names it.
        """
        x, bound = np.zeros((which.size, self.stack.integer.size)), np.zeros(which.size)
        for row, n in enumerate(which):
            cost, held = self._priced(n, extra[row]), self.held[n]
            x[row], bound[row] = self.committer.relax(n, cost) if held is None else self.committer.fixed(n, cost, held)
        return self._answer(which, x, bound)

    def choose(self, extra: Array, which: np.ndarray, effort: Effort | None) -> Priced:
        """The same with whole numbers that are the best at the price, as far as the effort goes.

        Without any it is the best of each site's latest plans, and proves nothing.

        Raises:
            SolveError: a site has no plan; the message names it.
        """
        x, bound = np.zeros((which.size, self.stack.integer.size)), np.zeros(which.size)
        for row, n in enumerate(which):
            cost = self._priced(n, extra[row])
            if effort is None:
                found = self.committer.cheapest(n, cost)
            else:
                found = self.committer.commit(n, cost, effort, self.last[n])
            x[row], bound[row], self.last[n] = found.x, found.bound, found.whole
        return self._answer(which, x, bound)

    def _priced(self, n: int, extra: Array) -> Array:
        cost: Array = self._own[n].copy()
        cost[self.at] += extra
        return cost

    def _answer(self, which: np.ndarray, x: Array, bound: Array) -> Priced:
        own = np.einsum("nc,nc->n", self._own[which], x) + self._offset[which]
        return Priced(own, x[:, self.at], bound, x)


@dataclass(frozen=True)
class Wish:
    """What commitments are asked for.

    Attributes:
        price: (K,) of the shared rows.
        effort: of each site; None: only the best of what it knows.
        is_sample: only the sites of the sample.
        width: (K,) within which each group has a price of its own; None: all have the one.
        turn: which of such prices.
    """

    price: Array
    effort: Effort | None
    is_sample: bool = False
    width: Array | None = None
    turn: int = 0


@dataclass(frozen=True, eq=False)
class Offered:
    """(n,) lower bounds of own cost + price · quantities, what sites would save, and the CPU time of it."""

    bound: Array
    saving: Array
    seconds: float


class CommittedKept(Kept):
    """See :class:`~dispatch.fleet.coordination.portions.Kept`."""

    def __init__(self, portion: Portion) -> None:
        super().__init__(portion)
        self.pricer: CommittedPricer = CommittedPricer(portion.stack, portion.at)
        self._turns: list[list[Array | None]] = []
        self._best: list[Priced] = []
        self._best_held: list[Array | None] = []
        self._offers: list[Array | None] = []

    def choose(self, wish: Wish) -> Answer:
        """Answers at the best commitments; those of all sites are remembered as a turn."""
        begin, portion = time.process_time(), self.portion
        which = portion.sample if wish.is_sample else np.arange(len(portion.stack))
        if wish.width is None:
            extra = portion.coupling.extra(wish.price)
        else:
            extra = self.extra_around(wish.price, wish.width, wish.turn)
        priced = self.pricer.choose(extra[which], which, wish.effort)
        if wish.is_sample:
            return self._answer(priced, np.arange(which.size), which.size, which, begin)
        self._turns.append(list(self.pricer.last))
        return self._answer(priced, portion.group, portion.groups, which, begin)

    def hold(self, choice: tuple[Array, float]) -> None:
        """From now on answers keep to commitments that are spread over the turns as a mix is.

        Args:
            choice: (g, turns) shares of each group's turns, which sum to one, and where in a share a site stands.
        """
        shares, offset = choice
        group = self.portion.group
        place = _places(group, offset)
        ends = np.cumsum(shares, axis=1)[group]
        turn = np.minimum((ends <= place[:, None]).sum(axis=1), shares.shape[1] - 1)
        alone = np.bincount(group)[group] == 1
        if offset == 0.5:
            turn = np.where(alone, shares.argmax(axis=1)[group], turn)
        self.pricer.held = [self._turns[t][n] for n, t in enumerate(turn)]
        self._answers = []

    def keep(self, _: None) -> None:
        """The answers since the last ``hold`` are the best so far."""
        self._best, self._best_held = self._answers, list(self.pricer.held)

    def offer(self, wish: Wish) -> Offered:
        """What another commitment would save each site at a price, against that of the best answers."""
        begin, everyone = time.process_time(), np.arange(len(self.portion.stack))
        extra = self.portion.coupling.extra(wish.price)
        self.pricer.held = list(self._best_held)
        held = self.pricer.price(extra, everyone)
        self.pricer.last = list(self._best_held)
        other = self.pricer.choose(extra, everyone, wish.effort)
        self._offers = list(self.pricer.last)
        saving = [a.own_cost + np.einsum("nq,nq->n", extra, a.effect) for a in (held, other)]
        return Offered(other.bound, saving[0] - saving[1], time.process_time() - begin)

    def swap(self, wanted: np.ndarray) -> None:
        """Hold the commitments of the best answers but for some sites, (n,) which, that hold what they offered."""
        pairs = zip(wanted, self._offers, self._best_held, strict=True)
        self.pricer.held = [offer if other else held for other, offer, held in pairs]
        self._answers = []

    def recover(self, weights: Array) -> Recovered:
        """Plans out of the best answers."""
        self._answers = self._best
        return super().recover(weights)


def _places(group: np.ndarray, offset: float) -> Array:
    """(site,) in (0, 1): the sites of a group stand evenly, each group's first at the offset's part of a step."""
    size = np.bincount(group)
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    return np.asarray((np.arange(group.size) - first[group] + offset) / size[group])
