r"""Emissions that several parties cause together, shared out by what each adds.

Shapley, exact or sampled, and Aumann–Shapley for loads that can be scaled.

.. math:: φ_i = Σ_{S ∌ i} \frac{|S|!\,(n-|S|-1)!}{n!} \, [v(S + i) - v(S)], \qquad
          φ_i = d_i ∫_0^1 \frac{∂E}{∂d_i}(λ d) \, dλ

Both are efficient (they add up to the whole), symmetric, and give nothing to who adds nothing.

Sources: Shapley 1953; Aumann & Shapley, Values of Non-Atomic Games, 1974; sampling with the variance of permutations:
Castro, Gómez & Tejada 2009, doi 10.1016/j.cor.2008.04.004.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import factorial
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from dispatch.carbon.named import labels_of, numbers
from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array

MOST_EXACT = 20
_FINEST = 2.0**-40  # of a ray: a jump is found as exactly as a number tells it apart


@overload
def shapley(values: ArrayLike, players: int | None = None) -> Array: ...
@overload
def shapley(values: ArrayLike, players: Iterable[Hashable]) -> dict[Hashable, Any]: ...
@overload
def shapley(values: Mapping[Any, Any], players: int | Iterable[Hashable] | None = None) -> dict[Hashable, Any]: ...
@overload
def shapley(values: Callable[[frozenset[Any]], ArrayLike], players: int) -> Array: ...
@overload
def shapley(values: Callable[[frozenset[Any]], ArrayLike], players: Iterable[Hashable]) -> dict[Hashable, Any]: ...
def shapley(values: Any, players: Any = None) -> Any:
    """Shapley values of a game.

    Args:
        values: (2ⁿ,) or (2ⁿ, T) worth of every coalition; that of players i, j, … stands at position
            2^i + 2^j + …, the empty one at 0. Or by coalition, a tuple or frozenset of players (a single one may
            stand for itself) or, where all are text, "a,b" or "ab"; an empty coalition that is not named is worth
            nothing. Or a function of a frozenset.
        players: names, or for a function their number; what the coalitions name by default.

    Returns:
        (n,) or (n, T) for an array, and for a function of numbered players; by player where they are named.

    Raises:
        AlignmentError: the number of values is no power of two, or not that of the named players.
        DataError: more than 20 players or one twice, a coalition without a value or with two, or a value that is no
            number.
    """
    if players is not None and not isinstance(players, int | np.integer):
        players = tuple(players)
        if len(set(players)) < len(players):
            raise DataError(f"players: {', '.join(map(str, players))}; accepted: each once")
    if isinstance(values, Mapping):
        if isinstance(players, int | np.integer):
            players = range(int(players))
        known = _by_coalition(values)
        return _by_name(_of_mapping(known), _named(known, players))
    if callable(values):
        if players is None:
            raise DataError("shapley of a function: give the players, by name or their number")
        if isinstance(players, int | np.integer):
            named = tuple(range(int(players)))
            return _exact(numbers([values(frozenset(c)) for c in _coalitions(named)], "values"))
        return _by_name(values, tuple(players))
    found = _exact(numbers(values, "values"))
    if players is None:
        return found
    named = tuple(range(int(players))) if isinstance(players, int | np.integer) else players
    if len(named) != len(found):
        raise AlignmentError(f"{len(named)} players for values of the coalitions of {len(found)}")
    return found if isinstance(players, int | np.integer) else _called(named, found)


def _named(values: Mapping[Any, Any], players: Iterable[Hashable] | None) -> tuple[Hashable, ...]:
    if players is not None:
        return tuple(players)
    return labels_of(player for coalition in values for player in coalition)


def _by_coalition(values: Mapping[Any, Any]) -> dict[frozenset[Any], Any]:
    """Coalitions as sets, however they are written."""
    read = _spelled if all(isinstance(key, str) for key in values) else _members
    if read is _spelled and not any("," in key for key in values):
        letters = len(set("".join(values)))
        # "ab" is a coalition where all coalitions of letters are there, and else somebody's name.
        read = _letters if len(values) >= 2**letters - 1 and all(len(set(k)) == len(k) for k in values) else _members
    made: dict[frozenset[Any], Any] = {}
    for key, value in values.items():
        coalition = read(key)
        if coalition in made and not np.array_equal(made[coalition], value):
            raise DataError(f"the coalition {key!r} has two values, {made[coalition]} and {value}; accepted: one")
        made[coalition] = value
    return made


def _members(coalition: Any) -> frozenset[Any]:
    return frozenset(coalition) if isinstance(coalition, tuple | frozenset) else frozenset([coalition])


def _spelled(coalition: str) -> frozenset[str]:
    return frozenset(name.strip() for name in coalition.split(",") if name.strip())


def _letters(coalition: str) -> frozenset[str]:
    return frozenset(coalition)


def _of_mapping(known: dict[frozenset[Any], Any]) -> Callable[[frozenset[Any]], Any]:
    nothing = np.zeros_like(np.asarray(next(iter(known.values()), 0.0), dtype=np.float64))
    known.setdefault(frozenset(), nothing)

    def worth(coalition: frozenset[Any]) -> Any:
        if coalition not in known:
            raise DataError(
                f"the coalition of {', '.join(sorted(map(str, coalition)))} has no value; give one for each"
            )
        return known[coalition]

    return worth


def _by_name(worth: Callable[[frozenset[Any]], Any], players: tuple[Hashable, ...]) -> dict[Hashable, Any]:
    return _called(players, _exact(numbers([worth(frozenset(c)) for c in _coalitions(players)], "values")))


def _called(players: Sequence[Hashable], found: Array) -> dict[Hashable, Any]:
    return {player: own if own.ndim else float(own) for player, own in zip(players, found, strict=True)}


def _coalitions(players: Sequence[Hashable]) -> list[list[Hashable]]:
    _few(len(players))
    return [[p for place, p in enumerate(players) if code >> place & 1] for code in range(2 ** len(players))]


def _few(players: int) -> None:
    if not 1 <= players <= MOST_EXACT:
        raise DataError(f"{players} players: exact from 1 to {MOST_EXACT}; sample above")


def _exact(worth: Array) -> Array:
    """(n,) or (n, T) from the worth of coalitions by position."""
    players = int(worth.shape[0]).bit_length() - 1 if worth.ndim else -1
    if players < 1 or worth.shape[0] != 2**players:
        raise AlignmentError(f"{worth.shape[0] if worth.ndim else 0} values; accepted: 2 to the number of players")
    _few(players)
    if not np.isfinite(worth).all():
        raise DataError("a coalition's value is no number; accepted: a finite value of every coalition")
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
        value: (n,) or (n, T) estimates, which add up to v(N) − v(∅) exactly.
        half_width: of the confidence interval, of the same shape.
        permutations: how many were drawn.
    """

    value: Array
    half_width: Array
    permutations: int


def shapley_sampled(
    value: Callable[[frozenset[int]], ArrayLike],
    players: int,
    permutations: int,
    *,
    seed: int = 0,
    confidence: float = 0.95,
) -> Sampled:
    """Shapley values from random orders in which the players join, each order with its reverse.

    Args:
        value: of a coalition, a number or (T,); asked once for each that comes up.
        permutations: orders drawn, reverses included; an even number, 4 or more.

    Raises:
        DataError: fewer than four orders or an odd number, no players, a value that is no number, or a confidence that
            is no share.
    """
    asked: Any = players
    if not isinstance(asked, int | np.integer) or asked < 1:
        raise DataError(f"players is {players!r}; accepted: their number, 1 or more; the function is asked by position")
    if not 0 < confidence < 1:
        raise DataError(f"confidence is {confidence:g}; accepted: a share between 0 and 1")
    return sampled(added_by_pairs(value, orders(players, permutations, seed)), confidence)


def orders(players: int, permutations: int, seed: int) -> np.ndarray:
    """(permutations / 2, n) orders; each stands for its reverse, too.

    Raises:
        DataError: fewer than four permutations, or an odd number.
    """
    if permutations < 4 or permutations % 2:
        raise DataError(f"{permutations} permutations; accepted: an even number, 4 or more")
    random = np.random.default_rng(seed)
    return np.array([random.permutation(players) for _ in range(permutations // 2)])


def added_by_pairs(value: Callable[[frozenset[int]], ArrayLike], orders: np.ndarray) -> Array:
    """(pair, n) or (pair, n, T): what each player adds, the mean of an order and its reverse."""
    known = dict[frozenset[int], Array]()

    def worth(coalition: frozenset[int]) -> Array:
        if coalition not in known:
            known[coalition] = numbers(value(coalition), "value")
            if not np.isfinite(known[coalition]).all():
                raise DataError(f"the value of {sorted(coalition)} is {known[coalition]}; accepted: finite numbers")
        return known[coalition]

    def added(order: np.ndarray) -> Array:
        joined, before = frozenset[int](), worth(frozenset())
        out = np.empty((order.size, *before.shape))
        for player in order:
            joined |= {int(player)}
            after = worth(joined)
            out[player], before = after - before, after
        return out

    # An order and its reverse: where what a player adds falls with who is there, their errors cancel.
    return np.array([(added(order) + added(order[::-1])) / 2 for order in orders])


def sampled(pairs: Array, confidence: float = 0.95) -> Sampled:
    """The mean of pairs of orders with its confidence interval by Student's t."""
    spread = pairs.std(axis=0, ddof=1) / np.sqrt(len(pairs))
    width = spread * student.ppf((1 + confidence) / 2, len(pairs) - 1)
    return Sampled(pairs.mean(axis=0), width, 2 * len(pairs))


def aumann_shapley(
    slope: Callable[[Array], ArrayLike], demand: ArrayLike, *, points: int = 5, tolerance: float = 1e-9
) -> Array:
    """(n,) shares of continuous loads: what each adds as all grow together from nothing to ``demand`` (n,).

    A piece of the ray is halved until the slope between the points is what a polynomial through them says: so the rule
    finds where the slope jumps, which in a dispatch is wherever another plant takes over.

    Args:
        slope: ∂E/∂d (n,) at a demand (n,).
        points: of the Gauss–Lobatto rule on each piece, 2 or more; both ends are among them, so that a jump is seen.
        tolerance: of each piece's shares, relative to the greatest.

    Raises:
        AlignmentError: a slope without one number per load.
        DataError: a demand or a slope that is no number.
    """
    whole = np.atleast_1d(numbers(demand, "demand"))
    if not np.isfinite(whole).all():
        raise DataError(f"demand: {whole.tolist()}; accepted: finite numbers")
    at, weight = _lobatto(points)
    inner = np.concatenate([(at - 1) / 2, (at + 1) / 2])
    between = np.polynomial.legendre.legvander(inner, points - 1) @ np.linalg.inv(
        np.polynomial.legendre.legvander(at, points - 1)
    )

    def seen(start: float, end: float) -> Array:
        """(point, n) slopes from start to end."""
        places = start + (end - start) * (1 + at) / 2
        slopes = np.array([np.asarray(slope(whole * place), dtype=np.float64) for place in places])
        if slopes.shape != (points, whole.size):
            raise AlignmentError(f"slope gives {slopes.shape[1:]} for a demand of {whole.size}; accepted: one per load")
        if not np.isfinite(slopes).all():
            raise DataError(f"slope is no number between {start:g} and {end:g} of the demand; accepted: finite numbers")
        return slopes

    waiting, total = [(0.0, 1.0, seen(0.0, 1.0))], np.zeros(whole.size)
    scale = float(np.abs(whole * waiting[0][2]).max(initial=0.0)) or 1.0
    while waiting:
        start, end, found = waiting.pop()
        middle = (start + end) / 2
        halves = seen(start, middle), seen(middle, end)
        off = float(np.abs(whole * (between @ found - np.concatenate(halves))).max(initial=0.0))
        if off * (end - start) <= tolerance * scale or end - start < _FINEST:
            total += (end - start) / 4 * (weight @ (halves[0] + halves[1]))
        else:
            waiting += [(start, middle, halves[0]), (middle, end, halves[1])]
    return np.asarray(whole * total)


def _lobatto(points: int) -> tuple[Array, Array]:
    """Points from −1 to 1 with both ends, and their weights: 2 / (n (n−1) P(x)²), P of degree n − 1.

    Raises:
        DataError: fewer than two points.
    """
    if points < 2:
        raise DataError(f"{points} points; accepted: 2 or more")
    polynomial = np.polynomial.Legendre.basis(points - 1)
    at = np.concatenate([[-1.0], np.sort(polynomial.deriv().roots().real), [1.0]])
    return at, np.asarray(2 / (points * (points - 1) * polynomial(at) ** 2))
