"""The least-cost plan of a fleet whose sites share limits and have plant that is on or off, with a certificate.

Any price p of the shared rows bounds the fleet's cost by what the sites' own problems, whole numbers and all, cost at p
(``Coupling.bound``). Column generation over the sites' whole plans finds the price that bounds best, and with it how
often each of a group's commitments should be taken: a mix, of which about as many sites are torn as there are rows
that bind. Each site then takes one of its commitments, the sites of a group spread as the mix is. Any commitment of all
sites leaves a linear program, which column generation again solves to its own gap, and mixes of a site's plans of one
commitment are plans: what was lost by rounding, storage and output make up for.

Prices are looked for by a sample of a large fleet first, and with whole numbers relaxed before that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from dispatch.executor import Serial, Workplace
from dispatch.fleet.coordination.coordinate import Run, Tell, persistent, spread_of
from dispatch.fleet.coordination.coordinated import Coordinated
from dispatch.fleet.coordination.master import Master
from dispatch.fleet.coordination.portions import Structure, cut
from dispatch.fleet.coordination.rounds import Replies, Round, Search, descend, finish, take, widen
from dispatch.fleet.coordination.scales import scales
from dispatch.fleet.coordination.settings import Settings
from dispatch.fleet.coordination.workers import Workers
from dispatch.fleet.coupling import Coupling
from dispatch.fleet.integer.kept import CommittedKept
from dispatch.fleet.integer.scope import Scope, everyone, of_sample
from dispatch.fleet.integer.tree import Effort
from dispatch.signals import Array

GAP = 1e-3
_SITES, _MIXES = 0.35, 0.1  # of the gap: what sites' searches and mixes of plans may leave
_ROUNDED = 0.8  # of the gap: a mix so near its bound is worth rounding
_COARSE = 1e-3  # for prices that are only a beginning
_NARROW = 0.25  # of the prices that were found
_FREE = 0.02  # of what prices may move at first: for rows that had none
_TURNS, _ROUNDS, _SCOUTS = 16, 15, 8
_SPREADS = 2
_WIDTHS = (4.0, 1.0)  # of what linear programs are spread by: whole numbers change at some distance or not at all
_SAMPLE = 200  # sites: whole numbers make what a site does jump, and more of them are needed to see what all do
_SHARES = (1.0, 0.4, 0.15, 0.05, 0.0)  # of the sites that would save by another commitment; 0 for one of them
_GAINS = 1e-7  # of the cost
_OFFSETS = (0.5, 0.191, 0.809)

Ask = Callable[[Array], Replies]
Enough = Callable[[Search], bool]


def commit_fleet(
    structures: Sequence[Structure],
    coupling: Coupling,
    settings: Settings = Settings(gap=GAP),  # noqa: B008 - frozen
    *,
    place: Workplace | None = None,
    prices: Array | None = None,
    tell: Tell | None = None,
) -> Coordinated:
    """Plans of all sites, whole numbers and all, under what they share.

    Args:
        structures: the sites; the coupling counts them in this order.
        coupling: what they share.
        settings: when to stop.
        place: where the sites' problems are solved; in this process unless said otherwise.
        prices: (K,) of the shared rows to begin from.
        tell: hears of every round.

    Raises:
        SolveError: a site has no plan whatever the others do; the message names it.
        ContractError: structures and coupling do not belong together.
    """
    most = max(settings.sample, min(_SAMPLE, coupling.sites // 10))
    settings = replace(settings, sample=most)

    def once(settings: Settings, prices: Array | None, dear: float) -> Coordinated:
        with Workers(cut(structures, coupling, settings), place or Serial(), CommittedKept) as workers:
            return Commitment(structures, coupling, settings, workers, tell, dear).run(prices)

    return persistent(once, settings, prices)


@dataclass(eq=False)
class Mixed:
    """The fleet's linear program over the answers known: its master, and where its prices stand."""

    master: Master
    search: Search


class Commitment(Run):
    """One run; see the module."""

    def run(self, prices: Array | None) -> Coordinated:
        """See :func:`commit_fleet`."""
        start = self.coupling.allowed(np.zeros(len(self.coupling.names)) if prices is None else prices)
        scope = everyone(self.workers, self.coupling)
        first = scope.ask(start)
        self.rounds: list[Round] = []
        given = self.settings.excess_price
        self.excess, self.width = scales(self.coupling, first, given, self.dear, self.typical)
        self.effort = Effort(_SITES * self.settings.gap * float(np.abs(first.cost).sum()) / self.coupling.sites)
        if self.coupling.sites >= self.settings.least_sampled * self.settings.sample:
            sample, told = of_sample(self.workers, self.coupling, first, start)
            found = self._begun(sample, self._relaxed(sample, start, told))
            self._descend(found, partial(sample.choose, effort=self.effort), 1.0, _SCOUTS)
            price = found.search.price
        else:
            price = self._relaxed(scope, start, first)
        return self._searched(scope, price)

    def _relaxed(self, scope: Scope, start: Array, first: Replies) -> Array:
        """The price of the relaxation."""
        search = Search(start, self.width, 1e-3 * self.width)
        master = Master(scope.coupling, scope.groups, self.excess)
        take(master, search, start, first)
        finish(master, search)
        descend(master, scope.ask, search, _COARSE, self.settings.sample_rounds, lambda _: self._is_over())
        return search.price

    def _begun(self, scope: Scope, price: Array) -> Mixed:
        width = np.maximum(_NARROW * np.abs(price), _FREE * self.width)
        return Mixed(Master(scope.coupling, scope.groups, self.excess), Search(price, width, 1e-2 * width))

    def _descend(self, mixed: Mixed, ask: Ask, share: float, rounds: int, enough: Enough | None = None) -> None:
        """Go on for some rounds, or until a share of the gap is reached or it is enough."""
        master, search = mixed.master, mixed.search
        if not search.turns:
            take(master, search, search.price, ask(search.price))
            finish(master, search)
            rounds -= 1
            if enough is not None and enough(search):
                return
        gap = share * self.settings.gap
        descend(master, ask, search, gap, rounds, lambda _: self._is_over() or (enough is not None and enough(search)))

    def _searched(self, scope: Scope, price: Array) -> Coordinated:
        """Turns of all sites, plans once the mix is near its bound, and exchanges where none of them is near enough."""
        bounds = self._begun(scope, price)
        best = self._rounded(scope, bounds)
        while not self._is_done(bounds, best) and not self.is_late:
            better = self._exchanged(scope, bounds, best)
            if better is None:
                break
            best = better
            self._note(bounds, best)
        search = replace(best.search, price=bounds.search.price, lower=bounds.search.lower, rounds=self.rounds)
        return self._answer(best.master, search, finish(best.master, search))

    def _rounded(self, scope: Scope, bounds: Mixed) -> Mixed:
        """Closer bounds and plans of the mix's commitments, in one or another way of spreading them."""
        best: Mixed | None = None
        tries = 0
        choose, gap = partial(scope.choose, effort=self.effort), self.settings.gap
        for turn in range(_TURNS):
            self._descend(bounds, choose, 0.0, 1)
            price, width = bounds.search.price, spread_of(bounds.search)
            for k, factor in enumerate(_WIDTHS):
                widen(bounds.master, bounds.search, scope.known(price, factor * width, len(_WIDTHS) * turn + k))
            if bounds.search.gap <= _ROUNDED * gap or turn == _TURNS - 1 or self.is_late:
                made = self._planned(scope, bounds, _OFFSETS[tries % len(_OFFSETS)])
                tries += 1
                if best is None or made.search.upper < best.search.upper:
                    scope.keep()
                    best = made
            if self._note(bounds, best) or tries == len(_OFFSETS) or self.is_late:
                break
        assert best is not None
        return best

    def _note(self, bounds: Mixed, best: Mixed | None) -> bool:
        """What is known now; is it near enough, or too late?"""
        upper = np.inf if best is None else best.search.upper
        self.rounds.append(Round(len(self.rounds), bounds.search.lower, upper, 0.0, 0.0))
        return self._heard(self.rounds[-1]) or (best is not None and self._is_done(bounds, best))

    def _is_done(self, bounds: Mixed, best: Mixed) -> bool:
        return _is_near(bounds.search.lower, best.search.upper, self.settings.gap)

    def _planned(self, scope: Scope, bounds: Mixed, offset: float) -> Mixed:
        """The plan of commitments that are spread as the mix is."""
        scope.hold(bounds.master.shares(finish(bounds.master, bounds.search), bounds.search.turns), offset)
        return self._fixed(scope, bounds, bounds.search.price)

    def _fixed(self, scope: Scope, bounds: Mixed, price: Array) -> Mixed:
        """The linear program at what is held."""
        gap, lower = self.settings.gap, bounds.search.lower

        def enough(search: Search) -> bool:
            return _is_near(lower, search.upper, gap)

        made = self._begun(scope, price)
        self._descend(made, scope.ask, _MIXES, 1, enough)
        for turn in range(_SPREADS):
            if enough(made.search) or self._is_over():
                return made
            widen(made.master, made.search, scope.spread(price, spread_of(made.search), turn))
        if not enough(made.search):
            self._descend(made, scope.ask, _MIXES, _ROUNDS, enough)
        return made

    def _exchanged(self, scope: Scope, bounds: Mixed, best: Mixed) -> Mixed | None:
        """Those sites hold others that save most at the best plan's prices; None where none of that is cheaper."""
        price = best.search.price
        bound, saving = scope.offer(price, self.effort)
        value = self.coupling.bound(price, bound)
        if value > bounds.search.lower:
            bounds.search.lower, bounds.search.price = value, price
        order = np.argsort(-saving, kind="stable")
        order = order[saving[order] > 0]
        counts = dict.fromkeys(max(int(share * order.size), 1) for share in _SHARES) if order.size else {}
        for count in counts:
            wanted = np.zeros(saving.size, bool)
            wanted[order[:count]] = True
            scope.swap(wanted)
            made = self._fixed(scope, bounds, price)
            if made.search.upper < best.search.upper - _GAINS * abs(best.search.upper):
                scope.keep()
                return made
        return None


def _is_near(lower: float, upper: float, gap: float) -> bool:
    return upper - lower <= gap * max(abs(upper), 1e-9)
