"""A load without forecasts around it is left to its own past, one with them to its model."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting import models
from forecasting.models.base import CannotForecast
from forecasting.models.with_forecasts import WithForecasts
from forecasting.quantiles import LEVELS
from forecasting.targets import Kind, Target
from tests.unit.forecasting.test_ladder import HORIZON, PLACE, Plain
from tests.unit.forecasting.test_situations import TARGET, known


def test_it_declines_without_and_asks_with() -> None:
    model = WithForecasts(Plain())
    assert model.name == "plain"
    assert model.train(known(), (TARGET,), PLACE, HORIZON, LEVELS).levels is LEVELS
    bare = Target("farm", "load", np.inf, "here", weather=("here",))
    with pytest.raises(CannotForecast, match=r"nothing is forecast under weather=\['here'\]"):
        model.train(known(), (TARGET, bare), PLACE, HORIZON, LEVELS)


@pytest.mark.parametrize("kind", ["wind", "pv", "load", "net_load", "intensity", "price"])
def test_every_kind_has_a_model_and_a_last_resort(kind: Kind) -> None:
    assert models.of_kind(kind)
    assert models.of_last_resort(kind)[-1].name == "own_past"
