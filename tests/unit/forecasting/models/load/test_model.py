"""Loads at any lead: each part where it knows more, one alone where the other cannot answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from forecasting.archive import Archive, Known
from forecasting.models.base import CannotForecast
from forecasting.models.load.by_temperature import ByTemperature
from forecasting.models.load.model import LoadModel, TrainedLoad
from forecasting.targets import Place, Target

LEVELS = np.array([0.1, 0.5, 0.9])
DAY_NS = 86_400_000_000_000
PLACE = Place(52.0, 5.0, "Europe/Amsterdam")
TARGET = Target("load", "load", np.inf, "site")
KNOWN = Archive.empty().as_of("2021-01-01T00:00Z")


@dataclass(frozen=True)
class Says:
    """A model that says one number, or that it cannot train or answer."""

    value: float
    fails: str = ""
    name: str = "says"

    def train(
        self,
        known: Known,
        targets: Sequence[Target],
        place: Place,
        horizon_ns: NDArray[np.int64],
        levels: NDArray[np.float64],
    ) -> Says:
        del known, targets, place, horizon_ns, levels
        if self.fails == "train":
            raise CannotForecast(f"no past for {self.value:g}")
        return self

    @property
    def card(self) -> Mapping[str, Any]:
        return {"targets": {"load": {"value": self.value}}}

    def quantiles(self, known: Known, edges_ns: NDArray[np.int64]) -> Mapping[str, NDArray[np.float64]]:
        del known
        if self.fails == "ask":
            raise CannotForecast(f"no weather for {self.value:g}")
        return {"load": np.full((len(edges_ns) - 1, 3), self.value)}


def train(near: Says, far: Says, days: int) -> tuple[TrainedLoad, NDArray[np.int64]]:
    edges = np.arange(days + 1) * DAY_NS
    return LoadModel(near, far).train(KNOWN, [TARGET], PLACE, edges, LEVELS), KNOWN.time_ns + edges


def middle(near: Says, far: Says, days: int) -> NDArray[np.float64]:
    model, edges = train(near, far, days)
    return model.quantiles(KNOWN, edges)["load"][:, 1]


def test_the_parts_change_over_between_the_fourth_and_the_eighth_day() -> None:
    found = middle(Says(1.0), Says(2.0), 10)
    assert np.allclose(found, [1, 1, 1, 1, 1.25, 1.5, 1.75, 2, 2, 2])
    assert np.allclose(middle(Says(1.0), Says(2.0), 5), [1, 1, 1, 1, 1.25])
    model, _ = train(Says(1.0), Says(2.0), 5)
    assert model.card["targets"]["load"] == {"value": 1.0, "parts": ["near", "far"], "missing": ()}


def test_a_short_horizon_needs_no_far_part() -> None:
    assert np.allclose(middle(Says(1.0), Says(2.0, "train"), 4), 1.0)
    model, _ = train(Says(1.0), Says(2.0, "train"), 4)
    assert model.card["targets"]["load"] == {"value": 1.0, "parts": ["near"], "missing": ()}


def test_one_part_answers_alone_where_the_other_cannot() -> None:
    assert np.allclose(middle(Says(1.0, "ask"), Says(2.0), 10), 2.0)
    with pytest.raises(CannotForecast, match="no weather for 1"):
        middle(Says(1.0, "ask"), Says(2.0), 3)
    with pytest.raises(CannotForecast, match="no past for 1"):
        train(Says(1.0, "train"), Says(2.0), 3)


def test_without_measurements_it_says_so() -> None:
    with pytest.raises(CannotForecast, match="load: nothing measured is known"):
        LoadModel(far=ByTemperature()).train(KNOWN, [TARGET], PLACE, np.arange(30) * DAY_NS, LEVELS)
