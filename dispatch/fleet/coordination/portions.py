"""The pieces a fleet is cut into, and what a worker does with the piece it holds.

A piece holds sites of one structure. They answer as groups: one column of the master for each group and price, made of
all its sites' answers. Every mix of a group's columns is, for each of its sites, the same mix of its own points, and so
a plan of the site: the set of its plans is convex.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dispatch.errors import ContractError
from dispatch.fleet.coordination.pricing import Priced, Pricer, SimplexPricer
from dispatch.fleet.coordination.settings import Settings
from dispatch.fleet.coupling import Coupling
from dispatch.fleet.stack import Stack
from dispatch.signals import Array

MakePricer = Callable[[Stack, np.ndarray], Pricer]


@dataclass(frozen=True, eq=False)
class Structure:
    """Sites of one structure and where their quantities stand.

    Attributes:
        stack: the sites.
        at: (Q,) columns of the quantities, in the order in which a coupling counts them.
    """

    stack: Stack
    at: np.ndarray


@dataclass(frozen=True, eq=False)
class Portion:
    """A piece of work.

    Attributes:
        structure: which of the fleet's structures, by position.
        stack, at: its sites and their quantities' columns.
        sites: (n,) their positions in the fleet.
        group: (n,) which of the piece's groups a site is in.
        groups: how many there are.
        sample: positions within the piece of those that look for prices beforehand.
        coupling: the shared rows over the piece's sites.
        make: makes what answers prices.
    """

    structure: int
    stack: Stack
    at: np.ndarray
    sites: np.ndarray
    group: np.ndarray
    groups: int
    sample: np.ndarray
    coupling: Coupling
    make: MakePricer = SimplexPricer


@dataclass(frozen=True, eq=False)
class Answer:
    """What a piece says to a price.

    Attributes:
        cost: (g,) own cost of each group.
        effect: (g, K) what each uses of each row.
        bound: (g,) lower bounds of own cost + price · effect.
        seconds: CPU time it took.
    """

    cost: Array
    effect: Array
    bound: Array
    seconds: float


@dataclass(frozen=True, eq=False)
class Recovered:
    """Plans of a piece's sites: (n,) own cost, (n, Q) quantities, (n, C) points."""

    own_cost: Array
    effect: Array
    x: Array


class Kept:
    """A piece in its worker: solver, bases, and every site's answers so far."""

    def __init__(self, portion: Portion) -> None:
        self.portion = portion
        self.pricer = portion.make(portion.stack, portion.at)
        share = portion.coupling.share.tocoo()
        self._row, self._site, self._factor = share.row, share.col, share.data
        self._entry = portion.coupling.entry[share.row]
        self._answers: list[Priced] = []

    def price(self, price: Array) -> Answer:
        """All sites' answers, by group; kept until the plans are asked for."""
        begin = time.process_time()
        everyone = np.arange(len(self.portion.stack))
        priced = self.pricer.price(self.portion.coupling.extra(price), everyone)
        self._answers.append(priced)
        return self._answer(priced, self.portion.group, self.portion.groups, everyone, begin)

    def spread(self, asked: tuple[Array, Array, int]) -> Answer:
        """All sites' answers, each group's to a price of its own around the one given; kept like others."""
        begin, everyone = time.process_time(), np.arange(len(self.portion.stack))
        priced = self.pricer.price(self.extra_around(*asked), everyone)
        self._answers.append(priced)
        return self._answer(priced, self.portion.group, self.portion.groups, everyone, begin)

    def extra_around(self, price: Array, width: Array, turn: int) -> Array:
        """(n, Q) what prices of the groups' own, within ``width`` of the one given, make of a unit of quantities."""
        rng = np.random.default_rng([turn, int(self.portion.sites[0])])
        own = price + width * rng.uniform(-1.0, 1.0, (self.portion.groups, price.size))
        coupling = self.portion.coupling
        allowed = np.apply_along_axis(coupling.allowed, 1, own)
        extra = np.zeros((len(self.portion.stack), coupling.quantities))
        np.add.at(extra, (self._site, self._entry), self._factor * allowed[self.portion.group[self._site], self._row])
        return extra

    def probe(self, price: Array) -> Answer:
        """The sample's answers, each site for itself; only the bases are kept."""
        begin = time.process_time()
        which = self.portion.sample
        priced = self.pricer.price(self.portion.coupling.extra(price)[which], which)
        return self._answer(priced, np.arange(which.size), which.size, which, begin)

    def recover(self, weights: Array) -> Recovered:
        """Plans as mixes: (g, rounds) shares of each group's answers, which sum to one."""
        share = weights[self.portion.group]
        rows = [(share[:, r], answer) for r, answer in enumerate(self._answers) if share[:, r].any()]
        own = np.sum([s * a.own_cost for s, a in rows], axis=0)
        effect = np.sum([s[:, None] * a.effect for s, a in rows], axis=0)
        x = np.zeros_like(rows[0][1].x)
        for s, answer in rows:
            x += s[:, None] * answer.x
        return Recovered(own, effect, x)

    def _answer(self, priced: Priced, group: np.ndarray, groups: int, which: np.ndarray, begin: float) -> Answer:
        rows = len(self.portion.coupling.names)
        at = np.full(len(self.portion.stack), -1)
        at[which] = np.arange(which.size)
        mine = at[self._site] >= 0
        place = at[self._site[mine]]
        used = self._factor[mine] * priced.effect[place, self._entry[mine]]
        effect = _summed(group[place] * rows + self._row[mine], used, groups * rows)
        cost, bound = (_summed(group, values, groups) for values in (priced.own_cost, priced.bound))
        return Answer(cost, effect.reshape(groups, rows), bound, time.process_time() - begin)


def _summed(place: np.ndarray, values: Array, size: int) -> Array:
    return np.bincount(place, values, minlength=size).astype(np.float64)


def cut(
    structures: Sequence[Structure], coupling: Coupling, settings: Settings, make: MakePricer = SimplexPricer
) -> list[Portion]:
    """The fleet's pieces; each has sites of one structure, and those that stand in the same rows lie together.

    Raises:
        ContractError: the coupling is over another number of sites, or a structure has other quantities.
    """
    total = sum(len(one.stack) for one in structures)
    if total != coupling.sites:
        raise ContractError(f"coordination: {total} sites, the coupling is over {coupling.sites}")
    pattern, portions, first = _patterns(coupling), [], 0
    most = max(1, min(settings.portion, -(-total // settings.portions)))
    every = max(1, total // settings.sample)
    for number, one in enumerate(structures):
        if one.at.size != coupling.quantities:
            raise ContractError(f"coordination: {one.at.size} quantities, the coupling is over {coupling.quantities}")
        order = np.argsort(pattern[first : first + len(one.stack)], kind="stable")
        for piece in np.array_split(order, -(-order.size // most)) if order.size else ():
            groups = min(piece.size, max(1, round(settings.groups * piece.size / total)))
            portions.append(
                Portion(
                    number,
                    one.stack.part(piece),
                    one.at,
                    first + piece,
                    np.arange(piece.size) * groups // piece.size,
                    groups,
                    np.flatnonzero((first + piece) % every == 0),
                    coupling.part(first + piece),
                    make,
                )
            )
        first += len(one.stack)
    return portions


def _patterns(coupling: Coupling) -> np.ndarray:
    """(N,) sites in the same rows have the same number."""
    columns = coupling.share.tocsc()
    seen: dict[bytes, int] = {}
    ends = columns.indptr
    keys = [np.sort(columns.indices[ends[n] : ends[n + 1]]).tobytes() for n in range(coupling.sites)]
    return np.array([seen.setdefault(key, len(seen)) for key in keys], dtype=int)
