"""When a model learns again: on its schedule, or earlier where drift was found since it last learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from forecasting.clock import DAY_NS, utc_text
from forecasting.drift import Drift
from forecasting.errors import ForecastError


@dataclass(frozen=True)
class Policy:
    """How often a model learns.

    Attributes:
        every_days: the schedule.
        at_least_days: it does not learn again before so many days, drift or not: new behaviour needs days to show.
        on_drift: learn when drift is found.
    """

    every_days: float = 30.0
    at_least_days: float = 7.0
    on_drift: bool = True

    def __post_init__(self) -> None:
        """Refuse what is no schedule."""
        if not 0 < self.at_least_days <= self.every_days:
            raise ForecastError(
                f"retraining: at_least_days {self.at_least_days:g} must be above 0 and at most every_days "
                f"{self.every_days:g}"
            )


@dataclass(frozen=True)
class Due:
    """Learn now, and why."""

    reason: Literal["first", "schedule", "drift"]
    text: str


def due(policy: Policy, trained_ns: int | None, now_ns: int, drifts: Sequence[Drift] = ()) -> Due | None:
    """Whether a model that learnt at `trained_ns` learns again now; drift that was found before it learnt is past.

    Raises:
        ForecastError: it learnt after now.
    """
    if trained_ns is None:
        return Due("first", "it has not learnt yet")
    age_days = (now_ns - trained_ns) / DAY_NS
    if age_days < 0:
        raise ForecastError(f"the model learnt at {utc_text(trained_ns)}, after {utc_text(now_ns)}")
    if age_days >= policy.every_days:
        return Due("schedule", f"it learnt {age_days:.0f} days ago; the schedule says {policy.every_days:g}")
    fresh = [drift for drift in drifts if drift.found_day * DAY_NS >= trained_ns]
    if policy.on_drift and fresh and age_days >= policy.at_least_days:
        since = utc_text(fresh[0].since_day * DAY_NS)
        return Due("drift", f"{fresh[0].text}, since about {since[:10]}")
    return None
