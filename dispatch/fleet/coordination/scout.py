"""A sample of the fleet that looks for prices, at a fraction of what asking all would take.

Each site of the sample stands for a number of sites. What all use at the first prices and the sample does not is taken
off the shared rows' sides, so that the sample has to foretell only how use changes, and not how large it is. (Once more
at the price it finds gains nothing: there sites are torn between plans, and which they take is chance.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from dispatch.fleet.coordination.master import Master
from dispatch.fleet.coordination.rounds import Replies, Search, descend, take
from dispatch.fleet.coordination.settings import Settings
from dispatch.fleet.coordination.workers import Workers, sampled
from dispatch.fleet.coupling import Coupling
from dispatch.signals import Array


@dataclass(eq=False)
class Scout:
    """The sample, its master and where its prices stand."""

    workers: Workers
    coupling: Coupling
    settings: Settings
    factor: float
    master: Master
    search: Search

    @classmethod
    def of(cls, workers: Workers, master: Master, search: Search, first: Replies, settings: Settings) -> Self:
        """From where all stand after their first answers."""
        count = sum(portion.sample.size for portion in workers.portions)
        factor, price = master.coupling.sites / count, search.price
        told = _scaled(workers.sample(price), factor)
        seen = sampled(master.coupling, first.effect.sum(axis=0), told.effect.sum(axis=0), 1.0)
        own = Search(price, search.width, search.least_width)
        made = cls(workers, master.coupling, settings, factor, Master(seen, count, master.excess), own)
        take(made.master, own, price, told)
        return made

    def ask(self, price: Array) -> Replies:
        """What the sample does, as if all did."""
        return _scaled(self.workers.sample(price), self.factor)

    def look(self, is_over: Callable[[], bool]) -> None:
        """Rounds of the sample."""
        settings = self.settings
        descend(self.master, self.ask, self.search, settings.gap, settings.sample_rounds, lambda _: is_over())


def _scaled(told: Replies, factor: float) -> Replies:
    return Replies(*(factor * getattr(told, name) for name in ("cost", "effect", "bound")))
