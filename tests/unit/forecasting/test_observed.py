from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.archive import Measured
from forecasting.observed import means_over

STEP = 15 * 60 * 10**9


def measured(ends: np.ndarray, values: np.ndarray) -> Measured:
    return Measured(ends * STEP, ends * STEP, values)


def test_means_keep_energy_and_know_what_is_missing() -> None:
    ends = np.array([1, 2, 3, 4, 6, 7, 8])
    values = np.array([1.0, 2.0, 3.0, 4.0, 6.0, np.nan, 8.0])
    found = means_over(measured(ends, values), np.array([0, 2, 4, 5, 6, 8]) * STEP)
    np.testing.assert_allclose(found, [1.5, 3.5, np.nan, 6.0, np.nan])


def test_parts_of_steps_and_what_lies_outside() -> None:
    found = means_over(measured(np.arange(1, 5), np.arange(1.0, 5.0)), np.array([-2, 0, 0.5, 1.5, 4, 5]) * STEP)
    np.testing.assert_allclose(found, [np.nan, 1.0, 1.5, (0.5 * 2 + 3 + 4) / 2.5, np.nan])
    assert np.isnan(means_over(measured(np.array([1]), np.array([1.0])), np.array([0, 1]) * STEP)).all()


@given(st.integers(0, 2**32 - 1))
def test_a_mean_lies_between_what_it_is_of(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=40)
    edges = np.sort(rng.choice(np.arange(0, 41), 6, replace=False)).astype(np.int64)
    found = means_over(measured(np.arange(1, 41), values), edges * STEP)
    for k, (a, b) in enumerate(pairwise(edges)):
        assert found[k] == pytest.approx(values[a:b].mean())
