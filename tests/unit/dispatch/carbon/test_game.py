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


def test_what_is_no_game_is_refused() -> None:
    with pytest.raises(AlignmentError, match="3 values"):
        shapley([0, 1, 2])
    with pytest.raises(DataError, match="finite"):
        shapley([0, np.nan])
    with pytest.raises(DataError, match="3 permutations"):
        shapley_sampled(len, 3, 3)
    with pytest.raises(AlignmentError, match="one per load"):
        aumann_shapley(lambda _: [1.0], [1.0, 2.0])
