"""Whatever is deleted, the ladder answers, names its rung and never looks at what it must not."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.archive.known import Known
from forecasting.clock import DAY_NS, HOUR_NS, Ns
from forecasting.errors import ForecastError
from forecasting.ladder import RUNGS, Climber, Ladder
from forecasting.models.base import CannotForecast, Model
from forecasting.models.own_past import OwnPast
from forecasting.quantiles import LEVELS
from forecasting.targets import Kind, Place, Target
from tests.unit.forecasting.test_situations import DAYS, EDGES, FIRST, NOW, TARGET, archive, known

PLACE = Place(52.0, 13.0, "UTC")
HORIZON = EDGES - NOW.value


@dataclass(frozen=True, eq=False)
class Plain:
    """A model that says how old its newest run is, and declines without weather; it remembers what it was shown."""

    seen: list[int] = field(default_factory=list)
    name: str = "plain"

    def train(
        self,
        known: Known,
        targets: Sequence[Target],
        place: Place,  # noqa: ARG002 - the protocol's
        horizon_ns: Ns,  # noqa: ARG002 - likewise
        levels: np.ndarray,
    ) -> Any:
        self.seen.append(known.time_ns)
        if not any(known.runs(site, "wind_speed_10m") for target in targets for site in target.weather):
            raise CannotForecast(f"{targets[0].name}: no wind")
        return PlainTrained(tuple(targets), levels)


@dataclass(frozen=True)
class PlainTrained:
    targets: tuple[Target, ...]
    levels: np.ndarray
    card: Mapping[str, Any] = field(default_factory=dict)

    def quantiles(self, known: Known, edges_ns: Ns) -> dict[str, np.ndarray]:
        found = {}
        for target in self.targets:
            runs = [run for site in target.weather for run in known.runs(site, "wind_speed_10m")]
            age = (known.time_ns - max(run.issue_ns for run in runs)) / DAY_NS
            found[target.name] = np.tile(0.5 + (self.levels - 0.5) * (1 + age) / 4, (len(edges_ns) - 1, 1))
        return found


def plain(kind: Kind) -> tuple[Model, ...]:
    return (Plain(),) if kind == "wind" else ()


def climber(seen: Known | None = None, targets: tuple[Target, ...] = (TARGET,), of: Any = plain) -> Climber:
    return Ladder(of).train(seen or known(), targets, PLACE, HORIZON, LEVELS)


def quality(seen: Known) -> str:
    return climber(seen).answers(seen, EDGES)["farm"].quality


def test_every_rung_by_name() -> None:
    run, outage = NOW.floor("D").value, NOW.value - 9 * DAY_NS
    assert quality(known()) == "latest_nwp"
    assert quality(known().with_runs_before(run)) == "previous_run"
    assert quality(known().with_runs_before(outage, sites="near")) == "other_nwp"
    assert quality(known().with_runs_before(outage)) == "own_past"
    assert quality(known().without(sites=["near", "far"])) == "own_past"


def test_intervals_are_answered_from_the_inputs_that_reach_them() -> None:
    seen = known().with_runs_before(NOW.value - 2 * DAY_NS + 12 * HOUR_NS)
    answer = climber(seen).answers(seen, EDGES)["farm"]
    assert set(answer.rungs[:12]) == {"previous_run"}
    assert set(answer.rungs[12:]) == {"own_past"}
    assert answer.quality == "own_past"
    alone = OwnPast().train(seen, (TARGET,), PLACE, HORIZON, LEVELS).quantiles(seen, EDGES[12:])
    assert (answer.quantiles[12:] == alone["farm"]).all()


def test_a_rung_without_weather_says_why() -> None:
    gone = known().without(sites=["near", "far"])
    assert climber(gone).answers(gone, EDGES)["farm"].reason == "no weather forecast of it is known"
    short = known().with_runs_before(NOW.value - 2 * DAY_NS + 12 * HOUR_NS)
    assert climber(short).answers(short, EDGES)["farm"].reason == "no run of the weather forecast reaches there"
    whole = known()
    assert climber(whole).answers(whole, EDGES)["farm"].reason == ""
    blind = whole.without(variables="wind_speed_10m")  # there is weather, but not of the kind that tells
    assert climber(blind).answers(blind, EDGES)["farm"].reason == "no wind"


def test_rungs_are_trained_when_needed_and_kept_and_from_what_was_known_then() -> None:
    model = Plain()
    early = archive().as_of(NOW - pd.Timedelta("2D"))
    asked = Ladder(lambda _: (model,)).train(early, (TARGET,), PLACE, HORIZON, LEVELS)
    assert model.seen == []
    for _ in range(2):
        asked.quantiles(known(), EDGES)
    assert model.seen == [early.time_ns]
    asked.quantiles(known().with_runs_before(NOW.floor("D").value), EDGES)
    assert model.seen == [early.time_ns] * 2
    assert asked.rungs == {"farm": "previous_run"}


def test_a_kept_ladder_goes_on_with_the_same_bits() -> None:
    asked = climber()
    before = asked.quantiles(known(), EDGES)["farm"]
    again = pickle.loads(pickle.dumps(asked)).quantiles(known(), EDGES)["farm"]
    assert (before == again).all()
    assert asked.card["rungs"]


def test_targets_fall_each_for_itself() -> None:
    other = Target("park", "wind", 1.0, "there", weather=("far",))
    end = pd.date_range(FIRST + pd.Timedelta("1h"), periods=24 * DAYS, freq="1h")
    seen = archive().with_measurements("there", "park", end, np.linspace(1, 0, len(end))).as_of(NOW)
    seen = seen.with_runs_before(NOW.value - 9 * DAY_NS, sites="near")
    answers = climber(seen, (TARGET, other)).answers(seen, EDGES)
    assert answers["farm"].quality == "other_nwp"
    assert answers["park"].quality == "latest_nwp"


def test_of_what_is_wholly_unknown_the_error_says_what_is_missing() -> None:
    nothing = Target("ghost", "load", 1.0, "nowhere")
    with pytest.raises(ForecastError, match=r"ghost: 0\.0 days of measurements under nowhere/ghost"):
        climber(targets=(nothing,)).answers(known(), EDGES)


def deleted(seen: Known, cut: tuple[str, int, int]) -> Known:
    what, first, days = cut
    if what == "runs":
        return seen.with_runs_before(NOW.value - first * 6 * HOUR_NS)
    if what in ("near", "far"):
        return seen.with_runs_before(NOW.value - first * 6 * HOUR_NS, sites=what)
    if what == "variable":
        return seen.without(variables=("wind_speed_10m", "wind_speed_100m")[days % 2])
    last = NOW.value - first * 6 * HOUR_NS
    return seen.without_measured(last - days * DAY_NS, last)


CUT = st.tuples(st.sampled_from(("runs", "near", "far", "variable", "measured")), st.integers(0, 12), st.integers(1, 8))


@settings(max_examples=15, deadline=None)
@given(st.lists(CUT, max_size=4))
def test_any_deletion_is_answered_with_a_named_rung_and_a_band(cuts: list[tuple[str, int, int]]) -> None:
    seen = known()
    for cut in cuts:
        seen = deleted(seen, cut)
    answer = climber(seen).answers(seen, EDGES)["farm"]
    assert answer.quality in RUNGS
    assert np.isfinite(answer.quantiles).all()
    assert (np.diff(answer.quantiles, axis=1) >= 0).all()
    assert (answer.quantiles[:, -1] > answer.quantiles[:, 0]).all()
    assert answer.quantiles.min() >= 0
    assert answer.quantiles.max() <= 1
