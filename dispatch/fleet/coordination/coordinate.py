"""The least-cost plan of a fleet whose sites share limits and products, with a certificate."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from dispatch.executor import Serial, Workplace
from dispatch.fleet.coordination.coordinated import Breach, Coordinated
from dispatch.fleet.coordination.master import Master, Mix
from dispatch.fleet.coordination.portions import MakePricer, Structure, cut
from dispatch.fleet.coordination.pricing import SimplexPricer
from dispatch.fleet.coordination.rounds import Round, Search, descend, finish, take, widen
from dispatch.fleet.coordination.scales import DEAR, DEARER, magnitude, scales, typical_cost
from dispatch.fleet.coordination.scout import Scout
from dispatch.fleet.coordination.settings import Settings
from dispatch.fleet.coordination.workers import Workers
from dispatch.fleet.coupling import Coupling
from dispatch.signals import Array

Tell = Callable[[Round], None]
_NARROW = 0.2  # of the prices that a sample found
_SPREAD = 0.1  # of a price: how far groups' own prices may be from it
_SETTLED = 1e-3  # of a width: never narrower


def coordinate(
    structures: Sequence[Structure],
    coupling: Coupling,
    settings: Settings = Settings(),  # noqa: B008 - frozen
    *,
    place: Workplace | None = None,
    prices: Array | None = None,
    make: MakePricer = SimplexPricer,
    tell: Tell | None = None,
) -> Coordinated:
    """Column generation over all sites; whole numbers are relaxed by the pricer that is the default.

    Args:
        structures: the sites; the coupling counts them in this order.
        coupling: what they share.
        settings: when to stop.
        place: where the sites' problems are solved; in this process unless said otherwise.
        prices: (K,) of the shared rows to begin from.
        make: makes what answers prices, importable by name.
        tell: hears of every round.

    Raises:
        SolveError: a site has no plan whatever the others do; the message names it.
        ContractError: structures and coupling do not belong together.
    """
    settings = settings.sized(coupling.sites)

    def once(settings: Settings, prices: Array | None, dear: float) -> Coordinated:
        with Workers(cut(structures, coupling, settings, make), place or Serial()) as workers:
            return Run(structures, coupling, settings, workers, tell, dear).run(prices)

    return persistent(once, settings, prices)


def persistent(
    once: Callable[[Settings, Array | None, float], Coordinated], settings: Settings, prices: Array | None
) -> Coordinated:
    """The answer, sought once more at a far higher price of passing rows where it passes some.

    What a fleet pays on the whole says little of what its dearest remedy costs: where power is all but free, load shed
    at the value of lost load is thousands of times as dear. Both bounds of the fleet's least cost hold.
    """
    made = once(settings, prices, DEAR)
    if not made.breaches or settings.excess_price is not None or made.stopped == "deadline":
        return made
    if settings.deadline_s is not None:
        settings = replace(settings, deadline_s=max(settings.deadline_s - made.seconds["total"], 0.0))
    again = once(settings, made.price, DEARER)
    if sum(abs(one.amount) for one in again.breaches) >= sum(abs(one.amount) for one in made.breaches):
        return made
    return replace(again, lower=made.lower, price=made.price) if made.lower > again.lower else again


class Run:
    """One coordination: its clock, its master, its answer."""

    def __init__(
        self,
        structures: Sequence[Structure],
        coupling: Coupling,
        settings: Settings,
        workers: Workers,
        tell: Tell | None,
        dear: float = DEAR,
    ) -> None:
        self.dear, self.typical = dear, typical_cost(structures, coupling)
        self.structures, self.coupling, self.settings, self.workers = structures, coupling, settings, workers
        self.tell, self.began, self.is_late = tell, time.monotonic(), False
        self.seconds: dict[str, float] = {}

    def run(self, prices: Array | None) -> Coordinated:
        """See :func:`coordinate`."""
        start = self.coupling.allowed(np.zeros(len(self.coupling.names)) if prices is None else prices)
        clock = time.perf_counter()
        first = self.workers.everyone(start)
        excess, width = scales(self.coupling, first, self.settings.excess_price, self.dear, self.typical)
        master = Master(self.coupling, self.workers.groups, excess)
        search = Search(start, width, _SETTLED * width)
        take(master, search, start, first)
        finish(master, search)
        self._heard(search.note(0.0, time.perf_counter() - clock))
        if not self.is_late and search.gap > self.settings.gap:
            if self.coupling.sites >= self.settings.least_sampled * self.settings.sample:
                self._scouted(master, search, Scout.of(self.workers, master, search, first, self.settings))
            descend(master, self.workers.everyone, search, self.settings.gap, self.settings.rounds, self._heard)
        return self._answer(master, search, finish(master, search))

    def _scouted(self, master: Master, search: Search, scout: Scout) -> None:
        """All at the prices that a sample finds, then each group at some of its own."""
        clock = time.perf_counter()
        scout.look(self._is_over)
        scouted = time.perf_counter() - clock
        price = scout.search.price
        take(master, search, price, self.workers.everyone(price))
        finish(master, search)
        search.width = np.maximum(_NARROW * np.abs(price), 0.1 * np.minimum(search.width, scout.search.width))
        self._heard(search.note(scouted, time.perf_counter() - clock - scouted))
        self._spread(master, search)

    def _spread(self, master: Master, search: Search) -> None:
        """Sites that see one price do the same at the same time; groups with prices of their own can be mixed."""
        width = spread_of(search)
        for turn in range(self.settings.spreads):
            clock = time.perf_counter()
            if self.is_late or search.gap <= self.settings.gap:
                return
            widen(master, search, self.workers.spread(search.price, width, turn))
            self._heard(search.note(0.0, time.perf_counter() - clock))

    def _is_over(self) -> bool:
        limit = self.settings.deadline_s
        self.is_late = limit is not None and time.monotonic() - self.began > limit
        return self.is_late

    def _heard(self, last: Round) -> bool:
        if self.tell is not None:
            self.tell(last)
        return self._is_over()

    def _answer(self, master: Master, search: Search, mix: Mix) -> Coordinated:
        clock = time.perf_counter()
        parts = self.workers.recover(master.shares(mix, search.turns))
        own, effect = np.zeros(self.coupling.sites), np.zeros((self.coupling.sites, self.coupling.quantities))
        x = [np.zeros((len(one.stack), one.stack.integer.size)) for one in self.structures]
        starts = np.concatenate([[0], np.cumsum([len(one.stack) for one in self.structures])])
        for portion, part in zip(self.workers.portions, parts, strict=True):
            own[portion.sites], effect[portion.sites] = part.own_cost, part.effect
            x[portion.structure][portion.sites - starts[portion.structure]] = part.x
        rest = self.coupling.complete(effect)
        over = rest.excess
        money = float(own.sum()) + rest.money
        breaches = tuple(
            Breach(self.coupling.names[k], float(over[k]), float(master.excess[k])) for k in np.flatnonzero(over)
        )
        self.seconds |= {
            "recovery": time.perf_counter() - clock,
            "pricing": sum(r.pricing_s for r in search.rounds),
            "sites_cpu": self.workers.cpu_s,
            "total": time.monotonic() - self.began,
        }
        used = self.coupling.used(effect) + self.coupling.rest.reach @ rest.y
        names = tuple(name for one in self.structures for name in one.stack.names)
        upper = money + float(np.abs(over) @ master.excess)
        reached = upper - search.lower <= self.settings.gap * abs(upper)
        stopped = "gap" if reached else "deadline" if self.is_late else "rounds"
        return Coordinated(
            search.price, search.lower, upper, tuple(search.rounds), names, own, effect, tuple(x), rest.y, money, used,
            breaches, dict(self.seconds), stopped,
        )  # fmt: skip


def spread_of(search: Search) -> Array:
    """(K,) a tenth of a price; for rows without one, half that of the rows of about their worth."""
    level = np.abs(search.price)
    _, kind = np.unique(magnitude(search.least_width), return_inverse=True)
    typical = np.bincount(kind, level) / np.maximum(np.bincount(kind, level > 0), 1)
    return np.asarray(np.where(level > 0, _SPREAD * level, 0.5 * _SPREAD * typical[kind]))
