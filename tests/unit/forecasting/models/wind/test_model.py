"""The wind model on a made-up pair of farms: what it sees, what it does without, and what it is worth."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.clock import HOUR_NS, index_ns
from forecasting.models.base import CannotForecast
from forecasting.models.wind.features import Look
from forecasting.models.wind.model import TrainedWind, WindModel
from forecasting.models.wind.winds import Lattice, winds_of
from forecasting.scores import pinball
from forecasting.targets import Target
from tests.unit.forecasting.models.wind import made_up

LEVELS = np.array([0.1, 0.25, 0.5, 0.75, 0.9])


def trained(
    archive: Archive, targets: tuple[Target, ...] = made_up.FARMS, model: WindModel | None = None
) -> TrainedWind:
    """A model of 60 days, for 36 h."""
    known = archive.as_of(made_up.issue())
    relative = index_ns(made_up.edges(), "edges") - known.time_ns
    return (model or WindModel()).train(known, targets, made_up.PLACE, relative, LEVELS)


def asked(model: TrainedWind, archive: Archive, step: str = "1h") -> dict[str, np.ndarray]:
    """Its answer at the end of the 60 days."""
    return dict(model.quantiles(archive.as_of(made_up.issue()), index_ns(made_up.edges(step=step), "edges")))


@pytest.fixture(scope="module")
def archive() -> Archive:
    return made_up.archive()


@pytest.fixture(scope="module")
def model(archive: Archive) -> TrainedWind:
    return trained(archive)


def truth_kw(farm: Target, late: int) -> np.ndarray:
    """What came in the 36 h after the issue."""
    wind = np.roll(made_up.weather(24 * 60 + made_up.LEADS_H + 1), 2 * late, axis=1)
    return made_up.power_kw(farm.capacity_kw, np.hypot(*wind))[24 * 60 + 1 : 24 * 60 + 37]


def test_quantiles_rise_lie_within_the_capacity_and_beat_climatology(archive: Archive, model: TrainedWind) -> None:
    found = asked(model, archive)
    for late, farm in enumerate(made_up.FARMS):
        quantiles = found[farm.name]
        assert quantiles.shape == (36, len(LEVELS))
        assert (np.diff(quantiles, axis=1) >= 0).all()
        assert quantiles.min() >= 0
        assert quantiles.max() <= farm.capacity_kw
        actual = truth_kw(farm, late)
        measured = archive.as_of(made_up.issue()).measurements(farm.site, farm.name).value
        climatology = np.tile(np.quantile(measured, LEVELS), (36, 1))
        assert pinball(actual, quantiles, LEVELS).mean() < 0.6 * pinball(actual, climatology, LEVELS).mean()


def test_what_was_not_available_changes_nothing(archive: Archive, model: TrainedWind) -> None:
    late = made_up.issue() + pd.Timedelta(minutes=1)
    more = archive
    valid = made_up.edges()[1:]
    for farm in made_up.FARMS:
        more = more.with_forecast(farm.site, "wind_speed_100m", made_up.issue(), late, valid, np.full(36, 30.0))
        more = more.with_measurements(farm.site, farm.name, valid, np.full(36, farm.capacity_kw))
    again = trained(more)
    for name, quantiles in asked(model, archive).items():
        assert np.array_equal(asked(again, more)[name], quantiles)


def test_what_became_available_changes_the_answer(archive: Archive, model: TrainedWind) -> None:
    later = made_up.issue() + pd.Timedelta(hours=1)
    more = archive
    for height in (10, 100):
        valid, calm = made_up.edges()[2:], np.zeros(35)
        more = more.with_forecast("west", f"wind_speed_{height}m", made_up.issue(), later, valid, calm)
        more = more.with_forecast("west", f"wind_direction_{height}m", made_up.issue(), later, valid, calm)
    edges_ns = index_ns(made_up.edges()[1:], "edges")
    windy = model.quantiles(archive.as_of(later), edges_ns)["west"]
    calm_kw = model.quantiles(more.as_of(later), edges_ns)["west"]
    assert calm_kw[12:, 2].mean() < 0.4 * windy[12:, 2].mean()
    assert calm_kw[12:, 2].max() < 0.1 * 2000


def test_a_pickled_model_and_a_second_training_give_the_same_bits(archive: Archive, model: TrainedWind) -> None:
    first = asked(model, archive)
    kept = asked(pickle.loads(pickle.dumps(model)), archive)
    again = asked(trained(archive), archive)
    for name, quantiles in first.items():
        assert np.array_equal(kept[name], quantiles)
        assert np.array_equal(again[name], quantiles)


def test_other_steps_share_the_energy(archive: Archive, model: TrainedWind) -> None:
    hourly, halves = asked(model, archive)["west"], asked(model, archive, "30min")["west"]
    assert np.allclose(halves.reshape(36, 2, -1).mean(axis=1), hourly)


@pytest.mark.parametrize(("heights", "directions"), [((10,), True), ((100,), False), ((10, 80, 120), True)])
def test_one_farm_with_what_there_is(heights: tuple[int, ...], directions: bool) -> None:
    alone = made_up.FARMS[:1]
    archive = made_up.archive(heights=heights, directions=directions, farms=alone)
    quantiles = asked(trained(archive, alone), archive)["west"]
    climatology = np.quantile(archive.as_of(made_up.issue()).measurements("west", "west").value, LEVELS)
    actual = truth_kw(alone[0], 0)
    assert pinball(actual, quantiles, LEVELS).mean() < 0.7 * pinball(actual, climatology[None], LEVELS).mean()


def test_hours_beyond_the_run_are_answered_wider_and_never_with_zero(archive: Archive, model: TrainedWind) -> None:
    before = made_up.issue() - pd.Timedelta(days=1)
    older = archive.as_of(made_up.issue()).with_runs_before(before.value + 1)
    found = model.quantiles(older, index_ns(made_up.edges(), "edges"))["west"]
    beyond = found[24:]  # the run of the day before reaches 24 h
    assert (beyond[:, -1] - beyond[:, 0]).mean() > 0.4 * 2000
    assert (beyond[:, -1] > 0).all()


def test_without_any_run_there_is_no_answer(archive: Archive, model: TrainedWind) -> None:
    known = archive.as_of(made_up.issue())
    with pytest.raises(CannotForecast, match=r"target west: no forecast of wind_speed_…m is known of west"):
        model.quantiles(known.with_runs_before(0), index_ns(made_up.edges(), "edges"))


def test_too_short_a_past_is_refused_with_its_length(archive: Archive) -> None:
    early = archive.as_of(made_up.START + pd.Timedelta(days=10))
    relative = index_ns(made_up.edges(), "edges") - made_up.issue().value
    with pytest.raises(CannotForecast, match=r"target west: \d+ days have both"):
        WindModel().train(early, made_up.FARMS, made_up.PLACE, relative, LEVELS)


def test_hours_around_come_from_the_steps_own_run_where_asked() -> None:
    archive = made_up.archive(days=3)
    step = np.arange(1, 49)[None, :]
    lattice = Lattice(made_up.START.value, HOUR_NS)
    winds = winds_of(archive.as_of(made_up.issue(3)), "west", lattice)
    assert winds is not None
    issue_ns = np.array([made_up.START.value + 24 * HOUR_NS])
    everything, own = (Look(winds, issue_ns, step, own_run=only) for only in (False, True))
    assert np.isfinite(everything.at("speed_100", 1)).all()
    before_the_run = everything.at("speed_100", -1)[0, 24]  # hour 25 is the first of the run of 24 h
    assert np.isfinite(before_the_run)
    assert np.isnan(own.at("speed_100", -1)[0, 24])
    assert np.array_equal(own.at("speed_100", 1)[0, :20], everything.at("speed_100", 1)[0, :20])


def test_a_farm_that_gave_less_of_late_still_reaches_its_most(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of the last weeks moves the middle of a band that ends at full power, and not its end."""
    rows = dict(archive.rows())
    most_kw = {farm.name: 0.2 * farm.capacity_kw for farm in made_up.FARMS}  # so low that they often stand there
    for farm in made_up.FARMS:
        own = rows[farm.site, farm.name]
        rows[farm.site, farm.name] = replace(own, value=np.minimum(own.value, most_kw[farm.name]))
    held = Archive.of_rows(rows)
    learnt = trained(held)
    found = []
    for theta in (0.0, -1.0):
        monkeypatch.setattr(TrainedWind, "_drifts", lambda *_, theta=theta: [theta, theta])
        found.append(asked(learnt, held))
    for farm in made_up.FARMS:
        plain, moved = (one[farm.name] for one in found)
        full = (plain[:, -1] > 0.999 * most_kw[farm.name]) & (plain[:, 0] < 0.9 * most_kw[farm.name])
        assert full.any()
        np.testing.assert_allclose(moved[full, -1], plain[full, -1], rtol=0.003)
        assert (moved[full, 0] < 0.95 * plain[full, 0]).all()


def test_what_the_operator_held_back_teaches_nothing_of_the_wind(archive: Archive, model: TrainedWind) -> None:
    """Every third hour above 40 % was cut to a fifth, and the log says so: forecasts stay near what could come."""
    farm = made_up.FARMS[0]
    known = archive.as_of(made_up.issue()).measurements(farm.site, farm.name)
    held = (known.value > 0.4 * farm.capacity_kw) & (np.arange(len(known.value)) % 3 == 0)
    ends = pd.to_datetime(known.end_ns, utc=True)
    rows = {key: found for key, found in archive.rows().items() if key != (farm.site, farm.name)}
    cut = Archive.of_rows(rows).with_measurements(
        farm.site, farm.name, ends, np.where(held, 0.2 * known.value, known.value), pd.Timedelta(0)
    )
    logged = cut.with_measurements(farm.site, f"{farm.name}_curtailed", ends, held.astype(float), pd.Timedelta(0))
    actual = truth_kw(farm, 0)
    free, told, untold = (
        pinball(actual, asked(one, there)[farm.name], LEVELS).mean()
        for one, there in ((model, archive), (trained(logged), logged), (trained(cut), cut))
    )
    assert told < 1.15 * free
    assert untold > 1.3 * free
