"""The sites that are asked at a time: all of a fleet, or a sample that stands for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dispatch.fleet.coordination.rounds import Replies
from dispatch.fleet.coordination.workers import Workers, sampled
from dispatch.fleet.coupling import Coupling
from dispatch.fleet.integer.kept import Wish
from dispatch.fleet.integer.tree import Effort
from dispatch.signals import Array


@dataclass(eq=False)
class Scope:
    """Sites in their workers.

    Attributes:
        coupling: the shared rows as these sites see them.
        groups: how many answer a price.
        factor: for how many sites each stands.
        is_sample: only some are asked.
    """

    workers: Workers
    coupling: Coupling
    groups: int
    factor: float = 1.0
    is_sample: bool = False

    def ask(self, price: Array) -> Replies:
        """What the groups do at a price, at the commitments they hold."""
        return _scaled(self.workers.sample(price) if self.is_sample else self.workers.everyone(price), self.factor)

    def choose(self, price: Array, effort: Effort) -> Replies:
        """The same at the best commitments there."""
        wish = Wish(price, effort, is_sample=self.is_sample)
        return _scaled(self.workers.replies("choose", wish), self.factor)

    def spread(self, price: Array, width: Array, turn: int) -> Replies:
        """What the groups do at prices of their own around one, at what they hold."""
        return self.workers.spread(price, width, turn)

    def known(self, price: Array, width: Array, turn: int) -> Replies:
        """The same by the best of the commitments that each site has had of late."""
        return self.workers.replies("choose", Wish(price, None, width=width, turn=turn))

    def hold(self, shares: Array, offset: float) -> None:
        """Sites hold commitments that are spread as the mix is: (G, turns) its shares."""
        ends = np.cumsum([portion.groups for portion in self.workers.portions])[:-1]
        self.workers.call("hold", [(part, offset) for part in np.split(shares, ends)])

    def keep(self) -> None:
        """The answers since the last ``hold`` are the best so far."""
        self.workers.call("keep", [None] * len(self.workers.portions))

    def offer(self, price: Array, effort: Effort) -> tuple[Array, Array]:
        """(N,) lower bounds at a price, and what sites would save there by another commitment than their best one."""
        told = self.workers.call("offer", [Wish(price, effort)] * len(self.workers.portions))
        self.workers.cpu_s += sum(one.seconds for one in told)
        return np.concatenate([one.bound for one in told]), np.concatenate([one.saving for one in told])

    def swap(self, wanted: np.ndarray) -> None:
        """Some sites, (N,) which, hold what they offered, the others what they held when answers were the best."""
        ends = np.cumsum([len(portion.stack) for portion in self.workers.portions])[:-1]
        self.workers.call("swap", np.split(wanted, ends))


def everyone(workers: Workers, coupling: Coupling) -> Scope:
    """All sites."""
    return Scope(workers, coupling, workers.groups)


def of_sample(workers: Workers, coupling: Coupling, first: Replies, price: Array) -> tuple[Scope, Replies]:
    """The sample, and what it answers to the price of everybody's first answers."""
    count = sum(portion.sample.size for portion in workers.portions)
    told = workers.sample(price)
    factor = coupling.sites / count
    seen = sampled(coupling, first.effect.sum(axis=0), told.effect.sum(axis=0), factor)
    return Scope(workers, seen, count, factor, is_sample=True), _scaled(told, factor)


def _scaled(told: Replies, factor: float) -> Replies:
    if factor == 1.0:
        return told
    return Replies(*(factor * getattr(told, name) for name in ("cost", "effect", "bound")))
