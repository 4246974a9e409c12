from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.carbon import aumann_shapley, shapley, shapley_sampled
from dispatch.errors import AlignmentError, DataError


def by_orders(worth: np.ndarray, players: int) -> np.ndarray:
    """The definition: what each adds, over all orders."""
    total = np.zeros(players)
    orders = list(permutations(range(players)))
    for order in orders:
        coalition = 0
        for player in order:
            total[player] += worth[coalition | 1 << player] - worth[coalition]
            coalition |= 1 << player
    return total / len(orders)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.integers(0, 10**6))
def test_shapley_is_the_mean_over_all_orders(players: int, seed: int) -> None:
    worth = np.random.default_rng(seed).normal(size=2**players)
    found = shapley(worth)
    np.testing.assert_allclose(found, by_orders(worth, players), atol=1e-12)
    assert found.sum() == pytest.approx(worth[-1] - worth[0])


def test_who_adds_nothing_gets_nothing_and_equals_get_the_same() -> None:
    # Players 0 and 1 burn 3 together and 1 alone, player 2 nothing.
    base = np.array([0.0, 1.0, 1.0, 3.0])
    np.testing.assert_allclose(shapley(np.tile(base, 2)), [1.5, 1.5, 0.0])


def test_a_value_for_each_step_gives_shares_for_each() -> None:
    steps = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 2.0], [4.0, 2.0]])
    np.testing.assert_allclose(shapley(steps), [[1.5, 1.0], [2.5, 1.0]])


def test_sampling_covers_the_exact_value_and_adds_up() -> None:
    demand = np.array([3.0, 1.0, 2.0, 5.0, 0.5, 1.5])
    whole = lambda s: float(sum(demand[i] for i in s) ** 2)  # noqa: E731
    coalitions = [frozenset(i for i in range(6) if c >> i & 1) for c in range(64)]
    exact = shapley([whole(c) for c in coalitions])
    sampled = shapley_sampled(lambda s: whole(s) + 4 * max(len(s) - 2, 0) ** 2, 6, 400, seed=1)
    assert sampled.value.sum() == pytest.approx(demand.sum() ** 2 + 4 * 16)
    extra = shapley([whole(c) + 4 * max(len(c) - 2, 0) ** 2 for c in coalitions])
    assert np.all(np.abs(sampled.value - extra) <= 2 * sampled.half_width + 1e-9)
    # Of a quadratic game an order and its reverse tell the whole truth.
    np.testing.assert_allclose(shapley_sampled(whole, 6, 4).value, exact)


def test_aumann_shapley_of_a_quadratic_is_exact_and_adds_up() -> None:
    matrix = np.array([[2.0, 0.5], [0.5, 1.0]])
    demand = np.array([3.0, 4.0])
    found = aumann_shapley(lambda d: 2 * matrix @ d, demand, points=2)
    assert found.sum() == pytest.approx(demand @ matrix @ demand)
    np.testing.assert_allclose(found, demand * (matrix @ demand))


@settings(max_examples=30)
@given(st.integers(1, 6), st.integers(0, 10**6))
def test_axioms(players: int, seed: int) -> None:
    """Efficient, symmetric, nothing for who adds nothing, and additive; each over several steps at once."""
    r = np.random.default_rng(seed)
    first, second = r.normal(size=(2, 2**players, 3))
    share = shapley(first)
    np.testing.assert_allclose(share.sum(axis=0), first[-1] - first[0], atol=1e-9)
    np.testing.assert_allclose(shapley(first + 2 * second), share + 2 * shapley(second), atol=1e-9)
    # A player is added who changes nothing, and one who is the twin of the last.
    with_null = np.concatenate([first, first])
    np.testing.assert_allclose(shapley(with_null), [*share, np.zeros(3)], atol=1e-9)
    twins = np.concatenate([first, first[np.arange(2**players) | 2 ** (players - 1)]])
    both = shapley(twins)
    np.testing.assert_allclose(both[-1], both[-2], atol=1e-9)


def test_a_game_by_name_from_a_mapping_or_a_function() -> None:
    worth = {(): 1.0, "a": 3.0, ("b",): 2.0, frozenset("ab"): 9.0}
    assert shapley(worth) == {"a": 4.5, "b": 3.5}
    assert shapley(lambda s: float(len(s)), ["x", "y"]) == {"x": 1.0, "y": 1.0}
    np.testing.assert_allclose(shapley(lambda s: [len(s), len(s) ** 2], 2), [[1, 2], [1, 2]])
    assert shapley({1: 4.0, 2: 2.0, (1, 2): 9.0}, players=[2, 1]) == {2: 3.5, 1: 5.5}
    assert shapley({"": 0, "1": 4, "2": 2, "12": 9}) == {"1": 5.5, "2": 3.5}
    assert shapley({"a1": 4, "b": 2, "a1, b": 9}) == {"a1": 5.5, "b": 3.5}
    assert shapley({"works": 4.0}) == {"works": 4.0}
    with pytest.raises(DataError, match="the coalition of 1, 2 has no value"):
        shapley({1: 4.0, 2: 2.0})
    with pytest.raises(DataError, match="give the players"):
        shapley(len)  # type: ignore[call-overload]
    with pytest.raises(DataError, match="21 players"):
        shapley(len, 21)


def test_aumann_shapley_finds_where_the_slope_jumps() -> None:
    demand = np.array([30.0, 50.0, 17.0])
    corner = 41.0

    def slope(d: np.ndarray) -> np.ndarray:
        return np.full(3, 0.9 if d.sum() < corner else 0.4)

    found = aumann_shapley(slope, demand)
    whole = corner * 0.9 + (demand.sum() - corner) * 0.4
    assert found.sum() == pytest.approx(whole, rel=1e-8)
    np.testing.assert_allclose(found, whole * demand / demand.sum(), rtol=1e-8)


def test_what_is_no_game_is_refused() -> None:
    with pytest.raises(AlignmentError, match="3 values"):
        shapley([0, 1, 2])
    with pytest.raises(DataError, match="finite"):
        shapley([0, np.nan])
    with pytest.raises(DataError, match="3 permutations"):
        shapley_sampled(len, 3, 3)
    with pytest.raises(DataError, match="1 points"):
        aumann_shapley(lambda d: d, [1.0], points=1)
    with pytest.raises(AlignmentError, match="one per load"):
        aumann_shapley(lambda _: [1.0], [1.0, 2.0])
