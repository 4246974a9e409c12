"""Coverage of a band where powers have a probability of their own: by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.topics.forecasting.deletion import within_band

STILL, RATED = [0.0, 0.0, 0.0, 5.0, 9.0, 10.0, 12.0], [1.0, 2.0, 3.0, 4.0, 10.0, 10.0, 10.0]


@pytest.mark.parametrize(
    ("levels", "actual", "share"),
    [
        (STILL, 0.0, 0.8),  # a quarter of the distribution stands at nothing: of it a twentieth is below the band
        (STILL, 5.0, 1.0),
        (STILL, 12.0, 0.0),  # the last level alone stands there, and all beyond it
        (STILL, 13.0, 0.0),
        (RATED, 10.0, 0.8),
        (RATED, 0.5, 0.0),
        ([0.0] * 7, 0.0, 0.9),  # nothing is all that is expected: nine tenths of it are within
    ],
)
def test_what_stands_at_a_bound_counts_by_the_part_that_is_within(
    levels: list[float], actual: float, share: float
) -> None:
    found = within_band(np.array([actual]), np.array([levels]))
    assert found[0] == pytest.approx(share)
