"""A plant that was extended is learnt as one plant, and what is forecast is of the capacity that stands then."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.capacity import at_present_capacity, share_at
from forecasting.errors import ForecastError
from forecasting.forecast import Place, Target, forecast
from forecasting.ladder import Ladder
from forecasting.models.untrained import Untrained

PLACE = Place(53.5, 8.0, "Europe/Berlin")
ENDS = pd.date_range("2023-05-01T01:00Z", periods=60 * 24, freq="1h")
DOUBLED = pd.Timestamp("2023-06-01T00:00Z")
FARM = Target("farm", "wind", 1000.0, "coast", past_capacities=((DOUBLED.value, 500.0),))


def archive() -> Archive:
    """A farm at 60 % of what is built."""
    built = np.where(ENDS <= DOUBLED, 500.0, 1000.0)
    return Archive.empty().with_measurements("coast", "farm", ENDS, 0.6 * built, pd.Timedelta(0))


def test_a_history_is_read_as_if_the_plant_had_always_been_what_it_is() -> None:
    known = archive().as_of(ENDS[-1])
    found = at_present_capacity(known, [FARM]).measurements("coast", "farm").value
    np.testing.assert_allclose(found, 600.0)
    plain = at_present_capacity(known, [replace(FARM, past_capacities=())])
    assert plain is known


def test_the_interval_that_ends_with_the_last_day_is_still_the_smaller_plants() -> None:
    end_ns = DOUBLED.value + np.array([-1, 0, 1])
    np.testing.assert_allclose(share_at(FARM, end_ns), [0.5, 0.5, 1.0])
    thrice = replace(FARM, past_capacities=((0, 250.0), (DOUBLED.value, 2000.0)))
    np.testing.assert_allclose(share_at(thrice, np.array([0, 1, DOUBLED.value + 1])), [0.25, 2.0, 1.0])


@pytest.mark.parametrize(("issue", "central"), [("2023-05-30T00:00Z", 300.0), ("2023-06-20T00:00Z", 600.0)])
def test_a_forecast_is_of_the_capacity_that_stands_then(issue: str, central: float) -> None:
    edges = pd.date_range(issue, periods=25, freq="1h")
    said = forecast([FARM], archive(), PLACE, issue, edges, scenarios=1)
    np.testing.assert_allclose(said.central["farm"], central, rtol=0.05)


def test_what_was_forecast_of_the_past_is_held_against_the_same_plant() -> None:
    """Scenarios learn how errors hang together from past forecasts: beside unscaled powers all would err by half."""
    heard: list[float] = []

    class Listening(Untrained):
        name = "own_past"

        def one(self, known, target, place, edges_ns, levels):  # noqa: ARG002 - the protocol's
            heard.append(float(np.nanmean(known.measurements(target.site, target.name).value)))
            return np.tile(np.linspace(500.0, 700.0, len(levels)), (len(edges_ns) - 1, 1))

    ladder = Ladder(of_kind=lambda _: (), last_resort=lambda _: (Listening(),))
    forecast(
        [FARM],
        archive(),
        PLACE,
        "2023-06-10T00:00Z",
        pd.date_range("2023-06-10T00:00Z", periods=25, freq="1h"),
        scenarios=1,
        model=ladder,
    )
    assert len(heard) > 20
    np.testing.assert_allclose(heard, 600.0)


@pytest.mark.parametrize(
    ("past", "says"),
    [
        (((2, 500.0), (1, 700.0)), "rise in time"),
        (((1, 0.0),), "finite and above 0"),
        (((1, np.inf),), "finite and above 0"),
    ],
)
def test_capacities_that_cannot_be_are_refused(past: tuple[tuple[int, float], ...], says: str) -> None:
    with pytest.raises(ForecastError, match=says):
        replace(FARM, past_capacities=past)
