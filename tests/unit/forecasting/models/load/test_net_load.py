"""A load with photovoltaics behind its meter, made of a workshop's rhythm and a made-up plant."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from forecasting import models
from forecasting.archive import Archive
from forecasting.archive.known import Known, Measured
from forecasting.clock import DAY_NS
from forecasting.errors import ForecastError, LookAheadError
from forecasting.learners.linear import Linear
from forecasting.models import recent
from forecasting.models.load.net_load import (
    APART,
    BETWEEN,
    DIRECT,
    Apart,
    Between,
    NetLoad,
    TrainedNetLoad,
    _crossed,
    compared,
    correlated,
)
from forecasting.models.rhythm import Rhythm
from forecasting.models.solar.model import LINES, Solar
from forecasting.models.with_forecasts import WithForecasts
from forecasting.net_load_separation import split
from forecasting.observed import means_over
from forecasting.quantiles import LEVELS
from forecasting.scores import pinball
from forecasting.targets import Target
from tests.unit.forecasting.models.solar.plants import DAY, PLACE, edges, issue, made

DAYS = 66
QUICK_LOAD = Rhythm(Linear(base=recent.BASE, penalty=0.2))
QUICK = NetLoad(QUICK_LOAD, QUICK_LOAD, Solar(Linear(columns=LINES[:8], penalty=1e-2), follow=False), held_days=7)
NET = Target("net", "net_load", 500.0, "works", weather=("roof0",), place=PLACE)


@lru_cache(maxsize=4)
def works(sun: float = 1.0, feed_in: bool = False) -> Archive:
    """A net load of a workshop under so many plants of 100 kW."""
    (plant,), archive = made(DAYS, 1)
    rows = archive.rows()[plant.site, plant.name]
    end = pd.to_datetime(rows.valid_ns, utc=True)
    local = (end - pd.Timedelta("1h")).tz_convert(PLACE.time_zone)
    busy = (local.hour >= 7) & (local.hour < 18) & (local.weekday < 5)
    load = np.where(busy, 90.0, 35.0) + np.random.default_rng(8).normal(0, 3, len(end))
    net = load - sun * rows.value
    weather = {key: one for key, one in archive.rows().items() if key != (plant.site, plant.name)}
    found = Archive.of_rows(weather)
    return found.with_measurements("works", "net", end, -net if feed_in else net, pd.Timedelta(0))


def learnt(archive: Archive, model: NetLoad = QUICK, day: int = 58) -> TrainedNetLoad:
    return model.train(archive.as_of(issue(day)), [NET], PLACE, DAY, LEVELS)


@lru_cache(maxsize=4)
def usual(way: str) -> TrainedNetLoad:
    return learnt(works(), replace(QUICK, way=way) if way != "best" else QUICK)


def loss_and_cover(model: TrainedNetLoad, days: range = range(58, 65)) -> tuple[float, float]:
    came = works().as_of(issue(DAYS)).measurements("works", "net")
    said = np.concatenate([model.quantiles(works().as_of(issue(day)), edges(day))["net"] for day in days])
    actual = np.concatenate([means_over(came, edges(day)) for day in days])
    inside = (actual >= said[:, 0]) & (actual <= said[:, -1])
    return float(pinball(actual, said, LEVELS).mean()), float(inside.mean())


def test_apart_is_better_than_the_net_load_itself_and_the_band_holds() -> None:
    chosen = usual("best").parts["net"]
    assert chosen.way in (APART, BETWEEN)
    assert chosen.losses[chosen.way] < chosen.losses[DIRECT]
    best, cover = loss_and_cover(usual("best"))
    direct, _ = loss_and_cover(usual(DIRECT))
    assert best < 0.97 * direct
    assert 0.8 < cover <= 0.98


def test_the_plant_behind_the_meter_is_found_and_told() -> None:
    card = usual("best").card["targets"]["net"]
    assert card["sun_kw"] == pytest.approx(90 / 0.86, rel=0.15)
    assert -0.95 <= card["correlation"] < 0.0  # what was falsely given to the one was falsely given to the other
    assert card["way"] == usual("best").parts["net"].way
    assert "kW of photovoltaics" in usual("best").notes["net"][0]
    assert usual("best").shown["net"].quantiles.shape == (7, 24, len(LEVELS))
    assert usual(DIRECT).notes == {}
    assert usual(DIRECT).shown == {}


def test_where_no_sun_is_found_the_net_load_itself_is_forecast() -> None:
    assert learnt(works(0.0)).parts["net"].way == DIRECT
    found = learnt(works(1.0, feed_in=True)).parts["net"]
    assert (found.way, found.why) == (DIRECT, "net: no sun is found behind the meter")
    assert found.card["way"] == DIRECT


def test_without_radiation_or_with_a_short_history_there_is_no_choice() -> None:
    known = works().as_of(issue(58)).without(sites="roof0", variables="shortwave_radiation")
    found = QUICK.train(known, [NET], PLACE, DAY, LEVELS).parts["net"]
    assert "no shortwave_radiation is forecast" in found.why
    assert "fewer than 42 days" in learnt(works(), day=40).parts["net"].why


@dataclass
class Watched:
    """A model that remembers what time it learnt at."""

    name: str = "load"
    at_ns: list[int] = field(default_factory=list)

    def train(self, known: Known, *asked: Any) -> Any:
        self.at_ns.append(known.time_ns)
        return QUICK_LOAD.train(known, *asked)


def test_ways_are_compared_on_days_that_none_has_learnt_from_and_then_learn_from_all() -> None:
    """Held out are seven days: what is compared learnt a week ago, who answers knows today."""
    now = issue(58).as_unit("ns").value
    for way, kind, direct in ((APART, Apart, [now - 7 * DAY_NS]), (BETWEEN, Between, [now - 7 * DAY_NS, now])):
        load, itself = Watched(), Watched()
        model = replace(QUICK, way=way, load=load, direct=itself)
        assert isinstance(learnt(works(), model).parts["net"].trained, kind)
        assert load.at_ns == [now - 7 * DAY_NS, now]
        assert itself.at_ns == direct


def test_errors_hang_together_as_far_as_days_are_many() -> None:
    """Wholly correlated over seven days and over one: 7/14 and 1/8, whatever their size and their mean."""
    day = np.array([[1.0, -1.0, 0.5, -0.5]])
    week = np.tile(day, (7, 1))
    assert correlated(week, 5.0 + 3.0 * week) == pytest.approx(0.5)
    assert correlated(week, 2.0 - week) == pytest.approx(-0.5)
    assert correlated(week, np.where(np.arange(7)[:, None] < 1, week, np.nan)) == pytest.approx(1 / 8)
    assert correlated(np.tile(day, (1000, 1)), np.tile(day, (1000, 1))) == 0.95
    assert correlated(week, np.zeros_like(week)) == 0.0
    assert correlated(week, np.full_like(week, np.nan)) == 0.0


def test_sun_is_never_taken_from_the_meter() -> None:
    """What its model says below nothing is nothing: 200 − max(−5, 0) = 200."""
    apart = Apart(NET, PLACE, None, (NET, NET), None, None, LEVELS)  # type: ignore[arg-type]
    shape = (3, len(LEVELS))
    np.testing.assert_allclose(apart.joined(np.full(shape, 200.0), np.full(shape, -5.0)), 200.0)
    np.testing.assert_allclose(apart.joined(np.full(shape, 200.0), np.full(shape, 50.0)), 150.0)


def test_half_way_is_half_way() -> None:
    known, ahead = works().as_of(issue(62)), edges(62)
    chosen, direct = usual("best").parts["net"].trained, usual(DIRECT).parts["net"].trained
    apart = chosen if isinstance(chosen, Apart) else chosen.apart  # type: ignore[attr-defined]
    both = Between(NET, apart, direct)
    said = [one.quantiles(known, ahead)["net"] for one in (apart, direct, both)]
    np.testing.assert_allclose(said[2], (said[0] + said[1]) / 2)
    held = compared(apart, direct, known, 2, edges(62) - known.time_ns).said
    np.testing.assert_allclose(held[BETWEEN], (held[APART] + held[DIRECT]) / 2)
    assert held[BETWEEN].shape == (2, 24, len(LEVELS))
    assert both.card["direct"]["model"] == direct.card["model"]


def test_normal_errors_are_joined_in_closed_form() -> None:
    """The difference of two normal variables is normal: (σ₁² + σ₂² − 2ρσ₁σ₂)."""
    apart = Apart(NET, PLACE, None, (NET, NET), None, None, LEVELS)  # type: ignore[arg-type]

    def joined(load: np.ndarray, rho: float) -> np.ndarray:
        return replace(apart, correlation=rho).joined(load, sun)

    z = norm.ppf(LEVELS)
    load, sun = np.tile(200 + 10 * z, (3, 1)), np.tile(60 + 6 * z, (3, 1))
    for rho in (-0.9, 0.0, 0.8):
        spread = np.sqrt(10**2 + 6**2 - 2 * rho * 60)
        # Quantile functions end at z = ±2.6, so the outer levels come out a little narrow.
        np.testing.assert_allclose(joined(load, rho)[0], 140 + spread * z, atol=0.06 * spread)
    bounded = joined(load + 1000, 0.0)
    assert bounded.max() == NET.capacity_kw


def test_a_band_that_missed_too_much_is_widened_by_half_of_it() -> None:
    apart = Apart(NET, PLACE, None, (NET, NET), None, None, LEVELS)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    said = np.tile(100 + norm.ppf(LEVELS), (40, 24, 1))
    wide = apart.calibrated(100 + 3 * rng.standard_normal((40, 24)), said)
    load, nothing = np.tile(100 + norm.ppf(LEVELS), (3, 1)), np.zeros((3, len(LEVELS)))
    widths = [np.ptp(one.joined(load, nothing)[0]) for one in (apart, wide)]
    assert widths[1] / widths[0] == pytest.approx(2.0, rel=0.15)


def test_days_held_out_are_joined_by_what_other_days_teach() -> None:
    """What came on early days corrects late ones, and the other way round; the whole is corrected by all."""
    apart = Apart(NET, PLACE, None, (NET, NET), None, None, LEVELS)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    halves = [(np.tile(100 + norm.ppf(LEVELS), (24, 1)), np.zeros((24, len(LEVELS))))] * 14
    scores, actual = rng.standard_normal((2, 14, 24)), 100 + rng.standard_normal((14, 24))
    other = actual.copy()
    other[:7] = 100 + 5 * (actual[:7] - 100)
    (one, said), (two, changed) = (_crossed(apart, came, scores, halves) for came in (actual, other))
    np.testing.assert_array_equal(said[:7], changed[:7])
    widths = [np.ptp(each[7:], axis=-1).mean() for each in (said, changed)]
    assert widths[1] / widths[0] == pytest.approx(3.0, rel=0.2), "half of a correction by five"
    assert one.offset is not None
    assert two.offset is not None
    assert np.ptp(two.offset) > 2 * np.ptp(one.offset)


def test_no_part_of_the_past_is_known_before_it_was_measured() -> None:
    """Other values after the issue change nothing."""
    later = works().as_of(issue(DAYS)).measurements("works", "net")
    after = later.end_ns > issue(62).as_unit("ns").value
    end = pd.to_datetime(later.end_ns[after], utc=True)
    changed = works().with_measurements("works", "net", end, np.full(after.sum(), 400.0), pd.Timedelta("1h"))
    one, two = (usual("best").quantiles(data.as_of(issue(62)), edges(62))["net"] for data in (works(), changed))
    np.testing.assert_array_equal(one, two)


def test_a_derived_series_stands_in_nobodys_place_and_is_not_known_later() -> None:
    known: Known = works().as_of(issue(58))
    there = known.measurements("works", "net")
    with pytest.raises(ForecastError, match="may not stand in the place"):
        known.with_derived("works", "net", there)
    late = Measured(there.end_ns, there.available_ns + DAY_NS, there.value)
    with pytest.raises(LookAheadError, match="derived value"):
        known.with_derived("works", "part", late)
    seen = known.with_derived("works", "part", there)
    np.testing.assert_array_equal(seen.measurements("works", "part").value, there.value)
    assert "part" not in known.variables("works")


def test_a_split_can_be_taken_over() -> None:
    known = works().as_of(issue(58))
    there = known.measurements("works", "net")
    end = pd.to_datetime(there.end_ns, utc=True)
    rows = known.issued("roof0", "shortwave_radiation")
    ghi = np.interp(there.end_ns, rows.valid_ns, rows.value)
    whole = split(there.value, end, PLACE, ghi, clocks_agree=True)
    part = split(there.value[-480:], end[-480:], PLACE, ghi[-480:], like=whole)
    assert part.solar_capacity_kw == pytest.approx(whole.solar_capacity_kw)
    assert np.corrcoef(part.solar_kw, whole.solar_kw[-480:])[0, 1] > 0.98
    with pytest.raises(ForecastError, match="shapes from this weather"):
        split(there.value, end, PLACE, ghi, np.full(len(end), 5.0), like=whole)


def test_modules_that_face_two_ways_are_one_plant_that_faces_between() -> None:
    there = works().as_of(issue(58)).measurements("works", "net")
    end = pd.to_datetime(there.end_ns, utc=True)
    found = split(there.value, end, PLACE, np.zeros(len(end)), clocks_agree=True)
    south = replace(found, amounts=np.array([0.0, 50.0, 0.0, 0.0]), solar_capacity_kw=50.0).plant(PLACE)
    assert (south.tilt_deg, south.azimuth_deg) == (pytest.approx(35.0), pytest.approx(180.0))
    split_roof = replace(found, amounts=np.array([0.0, 0.0, 30.0, 30.0]), solar_capacity_kw=60.0).plant(PLACE)
    assert split_roof.tilt_deg == pytest.approx(0.0, abs=1e-6)
    assert split_roof.peak_kw == 60.0


def test_a_net_load_is_asked_of_this_model() -> None:
    (model,) = models.of_kind("net_load")
    assert isinstance(model, WithForecasts)
    assert isinstance(model.model, NetLoad)
