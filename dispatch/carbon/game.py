r"""Emissions that several parties cause together, shared out by what each adds.

Shapley, exact or sampled, and Aumann–Shapley for loads that can be scaled.

.. math:: φ_i = Σ_{S ∌ i} \frac{|S|!\,(n-|S|-1)!}{n!} \, [v(S + i) - v(S)], \qquad
          φ_i = d_i ∫_0^1 \frac{∂E}{∂d_i}(λ d) \, dλ

Both are efficient (they add up to the whole), symmetric, and give nothing to who adds nothing.

Sources: Shapley 1953; Aumann & Shapley, Values of Non-Atomic Games, 1974; sampling with the variance of permutations:
Castro, Gómez & Tejada 2009, doi 10.1016/j.cor.2008.04.004.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array

MOST_EXACT = 20


def shapley(values: ArrayLike) -> Array:
    """(n,) Shapley values of a game with the values (2ⁿ,) or (2ⁿ, T) of its coalitions; with T, (n, T).

    The coalition of players i, j, … stands at position 2^i + 2^j + …; the empty one at 0.

    Raises:
        AlignmentError: their number is not a power of two.
        DataError: more than 20 players, or a value that is no number.
    """
    worth = np.asarray(values, dtype=np.float64)
    players = int(worth.shape[0]).bit_length() - 1 if worth.ndim else -1
    if players < 1 or worth.shape[0] != 2**players:
        raise AlignmentError(f"{worth.shape[0] if worth.ndim else 0} values; accepted: 2 to the number of players")
    if players > MOST_EXACT or not np.isfinite(worth).all():
        raise DataError(
            f"{players} players: exact up to {MOST_EXACT} with a finite value of every coalition; sample above"
        )
    coalition = np.arange(2**players)
    size = np.array([int(c).bit_count() for c in coalition])
    weight = np.array([factorial(s) * factorial(players - s - 1) / factorial(players) for s in range(players)])
    out = np.empty((players, *worth.shape[1:]))
    for player in range(players):
        without = coalition[(coalition >> player) & 1 == 0]
        added = worth[without | (1 << player)] - worth[without]
        out[player] = np.tensordot(weight[size[without]], added, axes=1)
    return out


@dataclass(frozen=True, eq=False)
class Sampled:
    """Shapley values by sampling.

    Attributes:
        value: (n,) estimates, which add up to v(N) − v(∅) exactly.
        half_width: (n,) of the confidence interval.
        permutations: how many were drawn.
    """

    value: Array
    half_width: Array
    permutations: int


def shapley_sampled(
    value: Callable[[frozenset[int]], float],
    players: int,
    permutations: int,
    *,
    seed: int = 0,
    confidence: float = 0.95,
) -> Sampled:
    """Shapley values from random orders in which the players join, each order with its reverse.

    Args:
        value: of a coalition; asked once for each that comes up.
        permutations: orders drawn, reverses included; an even number, 4 or more.

    Raises:
        DataError: fewer than four orders, or an odd number.
    """
    if permutations < 4 or permutations % 2:
        raise DataError(f"{permutations} permutations; accepted: an even number, 4 or more")
    random, known = np.random.default_rng(seed), dict[frozenset[int], float]()

    def worth(coalition: frozenset[int]) -> float:
        if coalition not in known:
            known[coalition] = float(value(coalition))
        return known[coalition]

    def added(order: np.ndarray) -> Array:
        out, joined = np.empty(players), frozenset[int]()
        for player in order:
            more = joined | {int(player)}
            out[player], joined = worth(more) - worth(joined), more
        return out

    # An order and its reverse: where what a player adds falls with who is there, their errors cancel.
    orders = [random.permutation(players) for _ in range(permutations // 2)]
    pairs = np.array([(added(order) + added(order[::-1])) / 2 for order in orders])
    spread = pairs.std(axis=0, ddof=1) / np.sqrt(len(pairs))
    return Sampled(pairs.mean(axis=0), spread * student.ppf((1 + confidence) / 2, len(pairs) - 1), permutations)


def aumann_shapley(slope: Callable[[Array], ArrayLike], demand: ArrayLike, *, points: int = 16) -> Array:
    """(n,) shares of continuous loads: what each adds as all grow together from nothing to ``demand`` (n,).

    Args:
        slope: ∂E/∂d (n,) at a demand (n,).
        points: of the Gauss–Legendre rule; exact for slopes that are polynomials of degree 2·points − 1.
    """
    whole = np.asarray(demand, dtype=np.float64)
    at, weight = np.polynomial.legendre.leggauss(points)
    slopes = np.array([np.asarray(slope(whole * (1 + x) / 2), dtype=np.float64) for x in at])
    if slopes.shape != (points, whole.size):
        raise AlignmentError(f"slope gives {slopes.shape[1:]} for a demand of {whole.size}; accepted: one per load")
    return np.asarray(whole * (weight / 2 @ slopes))
