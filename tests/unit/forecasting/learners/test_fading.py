"""What usually comes, moved by what is known at the issue: on a process whose memory is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from forecasting.learners.base import Frame
from forecasting.learners.fading import Fading, FadingFitted
from forecasting.learners.usual import Usual

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
NAMES = ("hour", "lead_h", "age_h", "last_kw")
LEADS_H = np.array([1.0, 6.0, 24.0, 96.0])
TAU_H = 12.0
DAYS = 3000


def value_of(score: np.ndarray) -> np.ndarray:
    """A farm's power of a normal score: between 0 and 100, and calm for an eighth of the time."""
    return np.maximum(ndtr(score) * 114 - 14, 0.0)


def rows(last_kw: np.ndarray, lead_h: np.ndarray, block: np.ndarray, age_h: float | np.ndarray = 0.0) -> Frame:
    shape = np.broadcast_shapes(last_kw.shape, lead_h.shape)
    columns = [np.broadcast_to(c, shape).ravel() for c in (np.zeros(1), lead_h, np.asarray(age_h, float), last_kw)]
    return Frame(np.stack(columns, axis=1).astype(np.float32), NAMES, np.broadcast_to(block, shape).ravel())


@pytest.fixture(scope="module")
def fitted() -> FadingFitted:
    """Learnt from days on each of which a value is known, and what came 1 to 96 h later with correlation e^(−h/12)."""
    random = np.random.default_rng(7)
    last = random.standard_normal((DAYS, 1))
    keeps = np.exp(-LEADS_H / TAU_H)
    later = keeps * last + np.sqrt(1 - keeps**2) * random.standard_normal((DAYS, 4))
    known = rows(value_of(last), LEADS_H, np.arange(DAYS)[:, None])
    learner = Fading(Usual(per_day=1, window_h=0.0, last_blocks=DAYS), ("last_kw",))
    return learner.fit(known, value_of(later).ravel(), LEVELS)


def test_quantiles_are_those_of_the_process_at_every_lead(fitted: FadingFitted) -> None:
    for score in (-0.5, 0.0, 1.2):
        told = fitted.predict(rows(value_of(np.array([[score]])), LEADS_H, np.array([[DAYS]])))
        keeps = np.exp(-LEADS_H / TAU_H)[:, None]
        true = value_of(keeps * score + np.sqrt(1 - keeps**2) * ndtri(LEVELS))
        assert told == pytest.approx(true, abs=4.0)


def test_a_lead_counts_from_the_last_value_that_is_known(fitted: FadingFitted) -> None:
    high = np.array([[95.0]])
    old = fitted.predict(rows(high, np.array([[1.0]]), np.array([[DAYS]]), age_h=23.0))
    assert old == pytest.approx(fitted.predict(rows(high, np.array([[24.0]]), np.array([[DAYS]]))))


def test_without_a_known_value_the_usual_comes(fitted: FadingFitted) -> None:
    unknown = rows(np.array([[np.nan]]), np.array([[96.0]]), np.array([[DAYS]]), age_h=np.nan)
    assert fitted.predict(unknown)[0] == pytest.approx(value_of(ndtri(LEVELS)), abs=4.0)


def test_nothing_is_said_beyond_what_was_seen_and_quantiles_rise(fitted: FadingFitted) -> None:
    last = np.array([[0.0], [3.0], [60.0], [100.0], [500.0]])
    told = fitted.predict(rows(last, np.linspace(0.0, 400.0, 41)[None, :], np.array([[DAYS]])))
    assert told.min() >= 0.0
    assert told.max() <= 100.0
    assert (np.diff(told, axis=1) >= 0).all()


def test_of_a_farm_that_never_turns_nothing_comes() -> None:
    still = rows(np.zeros((30, 1)), LEADS_H, np.arange(30)[:, None])
    found = Fading(Usual(per_day=1, window_h=0.0), ("last_kw",)).fit(still, np.zeros(120), LEVELS)
    assert (found.predict(still) == 0).all()


def test_days_that_agree_are_believed_as_far_as_ten_others_would_let_them() -> None:
    """Each day what comes is what was known: least squares say 1, and ten days without effect m / (m + 1).

    m is the mean square of the normal scores of ten values, whose ranks stand evenly from .005 to .995.
    """
    last = value_of(np.linspace(-1.0, 2.0, 10))[:, None]
    found = Fading(Usual(per_day=1, window_h=0.0), ("last_kw",)).fit(
        rows(last, np.array([[6.0]]), np.arange(10)[:, None]), last.ravel(), LEVELS
    )
    square = np.mean(ndtri(np.linspace(0.005, 0.995, 10)) ** 2)
    assert found.slopes[0, 0] == pytest.approx(square / (square + 1), abs=0.01)
