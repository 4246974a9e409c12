"""Adaptive conformal correction follows what comes."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy.special import ndtri

from forecasting.learners.adaptive import Adaptive

LEVELS = np.array([0.05, 0.5, 0.95])


def days(count: int, per_day: int, spread: float, shift: float, seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    actual = shift + spread * rng.standard_normal(count * per_day)
    quantiles = np.broadcast_to(ndtri(LEVELS), (count * per_day, 3)).copy()
    return quantiles, actual, np.arange(count * per_day) // per_day


def follow(
    state: Adaptive,
    quantiles: np.ndarray,
    actual: np.ndarray,
    block: np.ndarray,
    cell: np.ndarray | int = 0,
    delay: int = 1,
) -> tuple[Adaptive, np.ndarray]:
    """Quantiles (N, Q) as they would have been issued block by block, a block's outcome known `delay` blocks later."""
    where = np.broadcast_to(np.asarray(cell), actual.shape)
    found = np.empty_like(quantiles)
    waiting: list[np.ndarray] = []
    for number in np.unique(block):
        if len(waiting) >= delay:
            past = waiting.pop(0)
            state = state.updated(quantiles[past], actual[past], where[past])
        inside = block == number
        found[inside] = state.apply(quantiles[inside], where[inside])
        waiting.append(inside)
    return state, found


@pytest.mark.parametrize(("spread", "shift"), [(1.0, 0.0), (2.0, 0.0), (1.0, 1.5), (0.5, -1.0)])
def test_coverage_comes_back_after_any_change(spread: float, shift: float) -> None:
    quantiles, actual, block = days(400, 24, spread, shift, seed=1)
    _, issued = follow(Adaptive.start(LEVELS), quantiles, actual, block)
    late = block >= 200
    share = (actual[late, None] <= issued[late]).mean(axis=0)
    assert share == pytest.approx(LEVELS, abs=0.02)
    assert (np.diff(issued, axis=1) >= 0).all()


def test_cells_learn_apart_and_missing_values_teach_nothing() -> None:
    quantiles, actual, block = days(300, 24, 1.0, 0.0, seed=2)
    cell = np.arange(len(actual)) % 2
    actual = np.where(cell == 1, actual + 3.0, np.nan)
    state, issued = follow(Adaptive.start(LEVELS, cells=2), quantiles, actual, block, cell)
    assert (state.offset[0] == 0).all()
    assert state.blocks.tolist() == [0, 299]
    assert (issued[cell == 0] == quantiles[cell == 0]).all()
    assert issued[(cell == 1) & (block > 150), 1].mean() == pytest.approx(3.0, abs=0.3)


def test_an_outcome_counts_only_once_it_is_known() -> None:
    quantiles, actual, block = days(20, 4, 3.0, 0.0, seed=3)
    changed = np.where(block >= 10, 99.0, actual)
    for delay in (1, 3):
        before, after = (follow(Adaptive.start(LEVELS), quantiles, y, block, 0, delay)[1] for y in (actual, changed))
        same = block < 10 + delay
        assert (before[same] == after[same]).all()
        assert (before[~same] != after[~same]).any()


def test_state_can_be_kept_and_carried_on() -> None:
    quantiles, actual, block = days(40, 4, 2.0, 0.5, seed=4)
    whole, _ = follow(Adaptive.start(LEVELS), quantiles, actual, block, delay=1)
    half = block < 21
    state, _ = follow(Adaptive.start(LEVELS), quantiles[half], actual[half], block[half])
    state = pickle.loads(pickle.dumps(state)).updated(quantiles[block == 20], actual[block == 20])
    state, _ = follow(state, quantiles[~half], actual[~half], block[~half])
    assert (state.offset == whole.offset).all()
