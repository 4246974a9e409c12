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
from dispatch.fleet.coordination.coordinate import Run, Tell, scales
from dispatch.fleet.coordination.coordinated import Coordinated
from dispatch.fleet.coordination.master import Master
from dispatch.fleet.coordination.portions import Structure, cut
from dispatch.fleet.coordination.rounds import Replies, Round, Search, descend, finish, take
from dispatch.fleet.coordination.settings import Settings
from dispatch.fleet.coupling import Coupling
from dispatch.fleet.integer.kept import CommittedKept
from dispatch.fleet.integer.scope import Scope, everyone, of_sample
from dispatch.fleet.integer.tree import Effort
from dispatch.fleet.coordination.workers import Workers
from dispatch.signals import Array

GAP = 1e-3
_SITES, _MIXES = 0.35, 0.1  # of the gap: what sites' searches and mixes of plans may leave
_DUAL = 0.6  # of the gap: near enough for mixes to be rounded
_COARSE = 1e-3  # for prices that are only a beginning
_NARROW = 0.3  # of the prices that were found
_TURNS, _ROUNDS, _AGAIN = 12, 15, 3
_OFFSETS = (0.5, 0.191, 0.809)


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
    with Workers(cut(structures, coupling, settings), place or Serial(), CommittedKept) as workers:
        return Commitment(structures, coupling, settings, workers, tell).run(prices)


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
        self.excess, self.width = scales(self.coupling, first, self.settings.excess_price)
        self.effort = Effort(_SITES * self.settings.gap * float(np.abs(first.cost).sum()) / self.coupling.sites)
        if self.coupling.sites >= 4 * self.settings.sample:
            sample, told = of_sample(self.workers, self.coupling, first, start)
            price = self._whole(sample, self._relaxed(sample, start, told), _DUAL).search.price
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

    def _whole(self, scope: Scope, price: Array, share: float) -> Mixed:
        """Column generation over plans with whole numbers."""
        mixed = self._begun(scope, price)
        self._descend(mixed, partial(scope.choose, effort=self.effort), share, _TURNS)
        return mixed

    def _begun(self, scope: Scope, price: Array) -> Mixed:
        width = np.maximum(_NARROW * np.abs(price), 0.02 * self.width)
        return Mixed(Master(scope.coupling, scope.groups, self.excess), Search(price, width, 1e-2 * width))

    def _descend(self, mixed: Mixed, ask: Callable[[Array], Replies], share: float, rounds: int) -> None:
        """Go on until a share of the gap is reached."""
        if not mixed.search.turns:
            take(mixed.master, mixed.search, mixed.search.price, ask(mixed.search.price))
            finish(mixed.master, mixed.search)
        descend(mixed.master, ask, mixed.search, share * self.settings.gap, rounds, lambda _: self._is_over())

    def _searched(self, scope: Scope, price: Array) -> Coordinated:
        """Bounds, a plan; and closer bounds for another plan as long as they are too far apart."""
        bounds, ask = self._begun(scope, price), partial(scope.choose, effort=self.effort)
        best: Mixed | None = None
        share = _DUAL
        for _ in range(_AGAIN):
            self._descend(bounds, ask, share, _TURNS)
            best = self._planned(scope, bounds, best)
            if best.search.upper - bounds.search.lower <= self.settings.gap * abs(best.search.upper) or self.is_late:
                break
            share = share / 3
        assert best is not None
        proof = bounds.search
        search = replace(best.search, price=proof.price, lower=proof.lower, rounds=self.rounds)
        return self._answer(best.master, search, finish(best.master, search))

    def _planned(self, scope: Scope, bounds: Mixed, best: Mixed | None) -> Mixed:
        """The best plan of the mix's commitments, in one or another way of spreading them."""
        shares = bounds.master.shares(finish(bounds.master, bounds.search), bounds.search.turns)
        for offset in _OFFSETS:
            scope.hold(shares, offset)
            made = self._begun(scope, bounds.search.price)
            self._descend(made, scope.ask, _MIXES, _ROUNDS)
            if best is None or made.search.upper < best.search.upper:
                scope.keep()
                best = made
            self.rounds.append(Round(len(self.rounds), bounds.search.lower, best.search.upper, 0.0, 0.0))
            if self._heard(self.rounds[-1]) or self.rounds[-1].gap <= self.settings.gap:
                break
        assert best is not None
        return best
