from __future__ import annotations

import numpy as np
import pytest

from forecasting import calibration, quantiles
from forecasting.quantiles import LEVELS, Boosting


def test_pinball_is_its_definition() -> None:
    found = quantiles.pinball(np.array([10.0]), np.array([[8.0, 14.0]]), np.array([0.1, 0.9]))
    assert found[0] == pytest.approx((0.1 * 2 + 0.1 * 4) / 2)
    assert np.isnan(quantiles.pinball(np.array([np.nan]), np.array([[8.0, 14.0]]), np.array([0.1, 0.9]))[0])


def made_up(rows: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, (rows, 3)).astype(np.float32)
    x[::17, 2] = np.nan
    return x, 2.0 * x[:, 0] + (1 + x[:, 1]) * rng.standard_normal(rows)


def test_trained_quantiles_hold_their_share_and_never_cross() -> None:
    x, y = made_up()
    found = quantiles.predict(quantiles.fit(x, y, Boosting(rounds=60, depth=3)), x)
    assert (np.diff(found, axis=1) >= 0).all()
    np.testing.assert_allclose((y[:, None] < found).mean(axis=0), LEVELS, atol=0.05)
    wide, narrow = found[x[:, 1] > 0.5], found[x[:, 1] < -0.5]
    assert np.median(wide[:, -1] - wide[:, 0]) > 2 * np.median(narrow[:, -1] - narrow[:, 0])


def test_the_same_rows_give_the_same_bits_and_another_seed_does_not() -> None:
    x, y = made_up(1500)
    first, again, other = (
        quantiles.predict(quantiles.fit(x, y, Boosting(rounds=20, depth=3, seed=seed)), x) for seed in (0, 0, 1)
    )
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def too_narrow(days: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    lead = np.tile(np.arange(24.0), (days, 1))
    actual = 100 + 30 * rng.standard_normal((days, 24)) + 10
    z = np.array([-1.645, -1.282, -0.674, 0, 0.674, 1.282, 1.645])
    return actual, np.broadcast_to(100 + 10 * z, (days, 24, 7)).copy(), lead


def test_a_band_that_is_too_narrow_and_too_low_is_put_right() -> None:
    actual, band, lead = too_narrow()
    right = calibration.fit(actual, band, lead, 0.1).apply(band, lead)
    before = ((actual >= band[..., 0]) & (actual <= band[..., -1])).mean()
    after = ((actual >= right[..., 0]) & (actual <= right[..., -1])).mean()
    assert before < 0.5
    assert 0.88 < after < 0.96
    assert right[..., 3].mean() == pytest.approx(110, abs=3)
    assert (np.diff(right, axis=-1) >= 0).all()


def test_lead_blocks_are_put_right_apart() -> None:
    actual, band, lead = too_narrow()
    actual[:, :4] = 100.0  # the first hours are sure
    correction = calibration.fit(actual, band, lead, 0.1)
    right = correction.apply(band, lead)
    assert (right[0, 1, -1] - right[0, 1, 0]) < 0.2 * (right[0, 20, -1] - right[0, 20, 0])


def test_a_few_days_correct_nothing_and_missing_days_do_not_count() -> None:
    actual, band, lead = too_narrow(days=20)
    assert not calibration.fit(actual[:5], band[:5], lead[:5], 0.1).offset.any()
    actual[6:] = np.nan
    assert not calibration.fit(actual, band, lead, 0.1).offset.any()


def test_the_better_of_two_gets_the_weight() -> None:
    actual, band, _ = too_narrow()
    good = np.broadcast_to(np.quantile(actual, LEVELS), band.shape)
    assert calibration.blend_weight(actual, good, band) == 1.0
    assert calibration.blend_weight(actual, band, good) == 0.0
