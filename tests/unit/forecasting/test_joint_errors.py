"""How the errors of several series hang together is read from days that they have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from forecasting.archive import Archive
from forecasting.archive.known import Known
from forecasting.clock import DAY_NS, HOUR_NS
from forecasting.forecast import _are_of_other_days, forecast
from forecasting.ladder import Ladder
from forecasting.models.base import Shown
from forecasting.quantiles import LEVELS
from forecasting.targets import Place, Target

PLACE = Place(52.0, 13.0, "UTC")
TARGETS = (Target("a", "load", np.inf, "site"), Target("b", "load", np.inf, "site"))
ISSUE = pd.Timestamp("2024-05-01T12:00", tz="UTC")
EDGES = pd.date_range("2024-05-02", periods=25, freq="1h", tz="UTC")
BELL = 100 + 10 * ndtri(LEVELS)


@dataclass(frozen=True)
class AlwaysTheSame:
    """Says the same of all hours; of `a` it shows days that it held out, which end so many days before the issue."""

    shown_until_days: int
    name: str = "the same"

    def train(self, *_: Any) -> Any:
        return Said(self.shown_until_days)


@dataclass(frozen=True)
class Said:
    shown_until_days: int
    card: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "card", {})

    @property
    def shown(self) -> Mapping[str, Shown]:
        first = EDGES[0].value - (self.shown_until_days + np.arange(20, 0, -1)) * DAY_NS
        start = first[:, None] + np.arange(24) * HOUR_NS
        quantiles = np.broadcast_to(BELL, (20, 24, len(LEVELS)))
        return {"a": Shown(start, came(start), quantiles)}

    def quantiles(self, known: Known, edges_ns: np.ndarray) -> dict[str, np.ndarray]:
        del known
        return {target.name: np.tile(BELL, (len(edges_ns) - 1, 1)) for target in TARGETS}


def came(start_ns: np.ndarray) -> np.ndarray:
    """Departures without memory, the same for the same hour."""
    hours = start_ns // HOUR_NS - pd.Timestamp("2024-01-01", tz="UTC").value // HOUR_NS
    found: np.ndarray = 100 + 10 * np.random.default_rng(0).standard_normal(200 * 24)[hours]
    return found


def archive() -> Archive:
    start = pd.date_range("2024-01-01", "2024-05-01T12:00", freq="1h", inclusive="left", tz="UTC")
    values = came(start.as_unit("ns").asi8)
    found = Archive.empty()
    for target in TARGETS:
        found = found.with_measurements("site", target.name, start + pd.Timedelta("1h"), values)
    return found


def correlation(shown_until_days: int) -> float:
    def models(_: object) -> Sequence[Any]:
        return (AlwaysTheSame(shown_until_days),)

    ladder = Ladder(models, models)  # type: ignore[arg-type]
    found = forecast(TARGETS, archive(), PLACE, ISSUE, EDGES, scenarios=240, model=ladder).scenarios
    return float(np.mean([np.corrcoef(found["a"][:, t], found["b"][:, t])[0, 1] for t in range(24)]))


@pytest.mark.parametrize("shown_until_days", [0, 45])
def test_a_model_that_learnt_long_ago_is_held_against_the_days_of_the_others(shown_until_days: int) -> None:
    """Both err alike by the hour; days held out two months ago and the days of last month have none in common."""
    assert correlation(shown_until_days) > 0.9


def test_days_are_asked_again_only_where_each_series_tells_of_more_than_both_do() -> None:
    """A few days of both, the same ones, are all there are; as many of each that are others are not."""

    def told(first: int, days: int) -> Shown:
        starts = (first + np.arange(days))[:, None] * DAY_NS + np.arange(24) * HOUR_NS
        return Shown(starts, np.zeros(starts.shape), np.zeros((*starts.shape, 7)))

    assert not _are_of_other_days(told(0, 5), told(0, 5))
    assert not _are_of_other_days(told(0, 40), told(35, 5))
    assert _are_of_other_days(told(0, 5), told(3, 5))
    assert _are_of_other_days(told(0, 40), told(31, 30))
    assert not _are_of_other_days(told(0, 40), told(30, 30))
