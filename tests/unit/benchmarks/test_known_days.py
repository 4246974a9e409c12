"""Drawn days of shipped parks: the same every time, within physics, and measured by rows that could fail."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.cases import known_days
from benchmarks.rows import CannotMeasure
from benchmarks.topics.assets import parks, parks_campus, parks_ordos
from forecasting import embedded


@pytest.mark.parametrize("name", ["ordos", "campus"])
def test_a_drawn_day_is_the_same_every_time_and_no_two_are_alike(name: str) -> None:
    (site, one), (_, again), (_, other) = (known_days.drawn_day(name, number) for number in (3, 3, 4))
    assert one.state == again.state != other.state
    assert set(one.state) == {a.name for a in site.assets if "start_fill" in type(a).model_fields}
    for key, values in one.series.items():
        assert np.array_equal(values, again.series[key])
        assert values.shape == (6, 96)
    assert one.horizon.start != other.horizon.start
    for asset in site.assets:
        rated = getattr(asset, "rated_kw", getattr(asset, "peak_kw", np.inf))
        assert one.series.get((asset.name, "available_kw"), np.zeros(1)).max() <= rated


def test_without_the_measured_profiles_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "is_installed", lambda: False)
    with pytest.raises(CannotMeasure, match="simbench"):
        known_days.known_day("ordos")


def test_a_park_without_a_day_of_its_own_is_refused() -> None:
    with pytest.raises(ValueError, match="starter has no embedded day"):
        known_days.known_day("starter")


def test_the_rows_read_the_same_days(monkeypatch: pytest.MonkeyPatch) -> None:
    one = {name: known_days.runs(name, 1) for name in ("ordos", "campus")}
    monkeypatch.setattr(parks, "runs", lambda name, **_: one[name])
    for park in (parks.ORDOS, parks.CAMPUS):
        assert park.median_seconds() <= park.worst_seconds()
        assert park.widest_gap() <= 0.5
        assert park.not_passed() == 0
    assert parks_ordos.proved() >= parks_ordos.direct().value - 30
    assert 0 < parks_campus.moved() <= 80
    found = parks_campus.proved()
    assert found.value <= found.reference
    assert found.value <= parks_campus.carbon_free() <= 100


@pytest.mark.usefixtures("shared")
def test_the_published_score_is_met() -> None:
    assert parks_campus.published_score().value < 1e-9
