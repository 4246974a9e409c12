"""Forests whose leaves vote with all they hold."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from forecasting.learners.base import Frame
from forecasting.learners.extra_trees import ExtraTrees, binned_quantiles

LEVELS = np.array([0.1, 0.5, 0.9])


def frame(x: np.ndarray) -> Frame:
    """Rows of which ten make a block."""
    names = tuple(f"x{k}" for k in range(x.shape[1]))
    return Frame(x.astype(np.float32), names, np.arange(len(x)) // 10)


@pytest.fixture(scope="module")
def rows() -> tuple[Frame, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (3000, 3))
    return frame(x), x[:, 0] + (0.2 + 0.3 * (x[:, 1] > 0)) * rng.standard_normal(3000)


def test_level_and_width_follow_the_features(rows: tuple[Frame, np.ndarray]) -> None:
    fitted = ExtraTrees(leaf_rows=10, column_share=1.0).fit(*rows, LEVELS)
    found = fitted.predict(frame(np.array([[-0.5, -0.5, 0.0], [0.5, 0.5, 0.0]])))
    assert np.allclose(found[:, 1], [-0.5, 0.5], atol=0.15)
    width = found[:, 2] - found[:, 0]
    assert width[0] == pytest.approx(2 * 1.28 * 0.2, rel=0.3)
    assert width[1] == pytest.approx(2 * 1.28 * 0.5, rel=0.3)
    assert np.allclose(fitted.mean(frame(np.array([[0.5, 0.5, 0.0]]))), 0.5, atol=0.15)


def test_half_of_what_comes_lies_below_the_middle(rows: tuple[Frame, np.ndarray]) -> None:
    seen, actual = rows
    fitted = ExtraTrees(leaf_rows=10, column_share=1.0).fit(seen.take(seen.block < 200), actual[:2000], LEVELS)
    below = (actual[2000:, None] <= fitted.predict(seen.take(seen.block >= 200))).mean(axis=0)
    assert np.allclose(below, LEVELS, atol=0.05)


def test_unknown_features_and_chosen_columns(rows: tuple[Frame, np.ndarray]) -> None:
    fitted = ExtraTrees(trees=20, columns=("x0",)).fit(*rows, LEVELS)
    found = fitted.predict(frame(np.array([[np.nan, np.nan, np.nan], [0.0, 9.0, 9.0]])))
    assert np.isfinite(found).all()
    assert np.allclose(found[0], found[1], atol=0.2)  # the median of x0 is about 0


def test_the_same_rows_give_the_same_bits_also_after_pickling(rows: tuple[Frame, np.ndarray]) -> None:
    fitted, again = (ExtraTrees(trees=5).fit(*rows, LEVELS) for _ in range(2))
    kept = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(fitted.predict(rows[0]), again.predict(rows[0]))
    assert np.array_equal(fitted.predict(rows[0]), kept.predict(rows[0]))
    assert fitted.predict(rows[0].take(rows[0].block < 0)).shape == (0, 3)


def test_quantiles_of_bins() -> None:
    share = np.array([[0.5, 0.0, 0.5], [0.0, 1.0, 0.0]])
    found = binned_quantiles(share, np.array([0.0, 1.0, 2.0]), np.array([0.25, 0.75]))
    assert np.allclose(found[0], [0.0, 2.0])
    assert np.allclose(found[1], 1.0, atol=1.0)


def test_one_value_stays_that_value() -> None:
    fitted = ExtraTrees(trees=3).fit(frame(np.zeros((40, 2))), np.full(40, 7.0), LEVELS)
    assert np.array_equal(fitted.predict(frame(np.ones((2, 2)))), np.full((2, 3), 7.0))
