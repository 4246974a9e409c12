"""Prices from the master, answers from the sites, until the bounds meet.

The master alone jumps about: its prices are held in a box around the best ones so far, which opens where it presses
and the bound got better, and closes where it did not (Marsten, Hogan & Blankenship 1975, doi 10.1287/opre.23.3.389).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from dispatch.fleet.coordination.master import Master, Mix
from dispatch.signals import Array

_PRESSED = 1e-7  # of a row's size: what counts as passed
_CLOSER, _WIDER = 0.5, 2.0
_SETTLES = 0.7
_SERIOUS = 0.01  # of the promised gain, for a step to count
_FAR = 0.01  # of the bound: a promise by which prices have far to go
_NEW = 1e-9  # relative: an answer that undercuts by less changes nothing


@dataclass(frozen=True, eq=False)
class Replies:
    """All groups' answers to a price: (G,) costs, (G, K) effects, (G,) bounds."""

    cost: Array
    effect: Array
    bound: Array


Ask = Callable[[Array], Replies]


@dataclass(frozen=True)
class Round:
    """What was known after a round: proven bounds, and what it took.

    Attributes:
        number: from 0, the answers to the first prices.
        lower, upper: bounds of the fleet's cost, the best so far; the upper is infinite until there is a mix.
        master_s, pricing_s: wall time of the master and of the sites' answers [s].
    """

    number: int
    lower: float
    upper: float
    master_s: float
    pricing_s: float

    @property
    def gap(self) -> float:
        """Relative distance of the bounds."""
        if not np.isfinite(self.upper):
            return float("inf")
        return max(self.upper - self.lower, 0.0) / max(abs(self.upper), 1e-9)


@dataclass(eq=False)
class Search:
    """Where the prices stand.

    Attributes:
        price: (K,) the best so far.
        width: (K,) how far the next may be from it.
        least_width: (K,) what is never gone below.
        lower: the bound they prove.
        upper: cost of the best mix so far.
        turns: how often all were asked.
        rounds: what was known after each.
    """

    price: Array
    width: Array
    least_width: Array
    lower: float = -np.inf
    upper: float = np.inf
    turns: int = 0
    rounds: list[Round] = field(default_factory=list)

    @property
    def gap(self) -> float:
        """Relative distance of the bounds."""
        return (self.upper - self.lower) / max(abs(self.upper), 1e-9) if np.isfinite(self.upper) else np.inf

    def note(self, master_s: float, pricing_s: float) -> Round:
        """What is known now is a round."""
        self.rounds.append(Round(len(self.rounds), self.lower, self.upper, master_s, pricing_s))
        return self.rounds[-1]


def take(master: Master, search: Search, price: Array, replies: Replies, worth: Array | None = None) -> float:
    """Answers to a price: those that undercut ``worth`` (G,) join the master; returns the bound they prove."""
    earns = replies.cost + replies.effect @ price
    wanted = np.ones(earns.size, bool) if worth is None else earns < worth - _NEW * np.maximum(1, np.abs(earns))
    master.add(replies.cost, replies.effect, wanted, search.turns)
    search.turns += 1
    value = master.coupling.bound(price, replies.bound)
    if value > search.lower:
        search.lower, search.price = value, price
    return value


def widen(master: Master, search: Search, replies: Replies) -> None:
    """Answers to prices that differ between groups: they prove nothing, but mixes of them keep the rows."""
    master.add(replies.cost, replies.effect, np.ones(master.groups, bool), search.turns)
    search.turns += 1
    search.upper = min(search.upper, master.solve(master.least, master.most).upper)


def descend(master: Master, ask: Ask, search: Search, gap: float, rounds: int, tell: Callable[[Round], bool]) -> None:
    """Rounds until the gap is reached, their number is, or ``tell`` says to stop."""
    for _ in range(rounds):
        clock = time.perf_counter()
        low = np.maximum(search.price - search.width, master.least)
        high = np.minimum(search.price + search.width, master.most)
        mix = master.solve(low, high)
        search.upper = min(search.upper, mix.upper, master.solve(master.least, master.most).upper)
        master_s = time.perf_counter() - clock
        if search.gap <= gap:
            tell(search.note(master_s, 0.0))
            return
        promised, before = mix.model - search.lower, search.lower
        gained = take(master, search, mix.price, ask(mix.price), mix.worth) - before
        _resize(master, search, mix, (low, high), gained > _SERIOUS * promised, promised > _FAR * abs(before))
        if tell(search.note(master_s, time.perf_counter() - clock - master_s)) or search.gap <= gap:
            return


def finish(master: Master, search: Search) -> Mix:
    """The best mix of all answers, whatever the prices."""
    mix = master.solve(master.least, master.most)
    search.upper = min(search.upper, mix.upper)
    return mix


def _resize(master: Master, search: Search, mix: Mix, box: tuple[Array, Array], is_serious: bool, is_far: bool) -> None:
    """The box opens where it presses and the bound got better, and closes where it did not."""
    sides = [np.where(np.isfinite(s), np.abs(s), 0.0) for s in (master.coupling.lower, master.coupling.upper)]
    size = _PRESSED * np.maximum(1.0, np.maximum(*sides))
    low, high = box
    pressed = ((mix.over > size) & (high < master.most)) | ((mix.under > size) & (low > master.least))
    if is_serious:
        wider = _WIDER * _WIDER if is_far else _WIDER
        search.width = np.where(pressed, wider * search.width, _SETTLES * search.width)
    else:
        search.width = np.where(pressed, _CLOSER * search.width, search.width)
    search.width = np.maximum(search.width, search.least_width)
