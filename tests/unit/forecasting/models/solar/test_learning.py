from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from forecasting.learners.base import Frame
from forecasting.models.solar.learning import LEAST_STRANGE, OWN_FROM_BLOCKS, OwnAndAll, Scaled

LEVELS = np.array([0.1, 0.5, 0.9])


@dataclass(frozen=True)
class Median:
    """Says the median of what it saw, and one below and above it, whatever rows and levels are."""

    plus: float = 0.0
    name: str = "median"

    def fit(self, rows: Frame, actual: np.ndarray, levels: np.ndarray) -> Median:  # noqa: ARG002 - the protocol's
        return Median(float(np.median(actual)) + self.plus)

    def predict(self, rows: Frame) -> np.ndarray:
        return np.full((len(rows), 1), self.plus) + np.array([-1.0, 0.0, 1.0])


def _rows(days: dict[int, int], gain: float = 1.0) -> Frame:
    """Two rows a day of each site."""
    site = np.concatenate([np.full(2 * count, number) for number, count in days.items()])
    block = np.concatenate([np.repeat(np.arange(count), 2) for count in days.values()])
    x = np.stack([site, np.full(len(site), gain)], axis=1).astype(np.float32)
    return Frame(x, ("site", "gain"), block)


def test_scaled_learns_quotients_and_answers_in_the_rows_own_units() -> None:
    rows = _rows({0: 4}, gain=0.5)
    fitted = Scaled(Median(), "gain").fit(rows, np.full(8, 2.0), LEVELS)
    np.testing.assert_allclose(fitted.predict(_rows({0: 1}, gain=2.0)), np.tile([6.0, 8.0, 10.0], (2, 1)))


def test_a_plant_becomes_itself_as_its_history_grows_and_a_new_one_is_a_stranger() -> None:
    days = {0: 180, 1: OWN_FROM_BLOCKS - 1}
    rows = _rows(days)
    actual = np.where(rows.column("site") == 0, 10.0, 4.0)
    learner = OwnAndAll((Median(), Median(1.0)), Median(100.0), Median(1000.0), borrowed=20.0)
    found = learner.fit(rows, actual, LEVELS).predict(rows)
    old, new = found[rows.column("site") == 0][0, 1], found[rows.column("site") == 1][0, 1]
    share = 180 / 200 * 2 / 3
    assert LEAST_STRANGE > 1 - 180 / 200
    assert old == pytest.approx(share * 10.5 + (1 - share) * 110.0)
    assert new == pytest.approx(1010.0)
    assert (np.diff(found, axis=1) >= 0).all()


def test_where_nobody_is_new_no_stranger_is_learnt() -> None:
    rows = _rows({0: 200})
    fitted = OwnAndAll((Median(),), Median(), Median()).fit(rows, np.ones(400), LEVELS)
    assert fitted.strange is None
    assert len(fitted.predict(rows.take(np.zeros(400, dtype=bool)))) == 0
