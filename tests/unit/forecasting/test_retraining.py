from __future__ import annotations

import pytest

from forecasting.clock import DAY_NS
from forecasting.drift import Drift
from forecasting.errors import ForecastError
from forecasting.retraining import Policy, due

POLICY = Policy(every_days=30, at_least_days=7)
DRIFT = Drift("loss", 1, 105, 110)


def reason(trained_day: int | None, now_day: int, *drifts: Drift, policy: Policy = POLICY) -> str | None:
    trained = None if trained_day is None else trained_day * DAY_NS
    found = due(policy, trained, now_day * DAY_NS, drifts)
    return None if found is None else found.reason


def test_schedule_and_drift() -> None:
    assert reason(None, 5) == "first"
    assert reason(100, 129) is None
    assert reason(100, 130) == "schedule"
    assert reason(100, 111, DRIFT) == "drift"
    assert reason(100, 111, DRIFT, policy=Policy(on_drift=False)) is None


def test_drift_before_the_training_is_past_and_new_models_get_time() -> None:
    assert reason(111, 125, DRIFT) is None
    assert reason(108, 111, DRIFT) is None
    assert reason(108, 115, DRIFT) == "drift"


def test_why_is_said() -> None:
    found = due(POLICY, 100 * DAY_NS, 111 * DAY_NS, (DRIFT,))
    assert found is not None
    assert found.text == "the loss is larger than it was, since about 1970-04-16"


def test_what_is_no_schedule() -> None:
    with pytest.raises(ForecastError, match="at_least_days 9 must be"):
        Policy(every_days=3, at_least_days=9)
    with pytest.raises(ForecastError, match="after 1970-01-05"):
        due(POLICY, 9 * DAY_NS, 4 * DAY_NS)
