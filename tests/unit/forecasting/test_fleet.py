"""Many sites at once say what each would say alone."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from benchmarks.datasets.made_up_fleet import Made, make
from forecasting.archive.known import Known
from forecasting.archive.rows import Rows
from forecasting.clock import DAY_NS, HOUR_NS, utc_index
from forecasting.fleet import Fleet, FleetTrained, forecast_fleet
from forecasting.learners.boosted import Boosted
from forecasting.models.base import CannotForecast
from forecasting.models.fleet.panel import panel_of, suns, weather_of
from forecasting.models.own_past import OwnPast
from forecasting.physics import solar_elevation_deg
from forecasting.quantiles import LEVELS
from forecasting.targets import Place

SITES, DAYS = 5, 70
QUICK = Fleet(Boosted(rounds=40, depth=4, learning_rate=0.15, leaf_blocks=0.0, min_rows=60), rows_at_most=9000)


@pytest.fixture(scope="module")
def made() -> Made:
    return make(SITES, DAYS)


@pytest.fixture(scope="module")
def known(made: Made) -> Known:
    return made.archive.as_of(utc_index(np.array([made.issue_ns]))[0])


@pytest.fixture(scope="module")
def trained(made: Made, known: Known) -> FleetTrained:
    return QUICK.train(known, made.targets, made.place, made.edges_ns - made.issue_ns, LEVELS)


def test_all_at_once_are_each_alone(made: Made, known: Known, trained: FleetTrained) -> None:
    together = trained.quantiles(known, made.edges_ns)
    for target in made.targets:
        alone = trained.only([target.name]).quantiles(known, made.edges_ns)
        assert list(alone) == [target.name]
        assert (alone[target.name] == together[target.name]).all()


def test_quantiles_are_those_of_what_comes(made: Made, known: Known, trained: FleetTrained) -> None:
    found = trained.quantiles(known, made.edges_ns)
    covered = []
    for k, target in enumerate(made.targets):
        values, came = found[target.name], made.actual[k, DAYS * 96 : DAYS * 96 + 384]
        assert values.shape == (384, 7)
        assert (np.diff(values, axis=1) >= 0).all()
        assert values.min() >= 0
        assert values.max() <= target.capacity_kw
        covered.append(((came >= values[:, 0]) & (came <= values[:, -1])).mean())
        flat = np.ptp(np.quantile(made.actual[k, : DAYS * 96], [0.05, 0.95]))
        assert np.ptp(values[:96][:, [0, -1]], axis=1).mean() < flat
        if target.kind == "pv":
            assert (values[came == 0].min(axis=1) == 0).all()
    assert np.mean(covered) > 0.75


def test_scenarios_are_joint_and_the_same_again(made: Made, trained: FleetTrained) -> None:
    edges = utc_index(made.edges_ns)
    first, again = (forecast_fleet(trained, made.archive, edges[0], edges, scenarios=20) for _ in range(2))
    assert set(first.names) == {target.name for target in made.targets}
    for name in first.names:
        assert first.scenarios[name].shape == (20, 384)
        assert first.scenarios[name].tobytes() == again.scenarios[name].tobytes()
    assert first.weights.sum() == pytest.approx(1)
    assert first.quality["power_000"] == "latest_nwp"
    assert first.quality["power_002"] == "own_past"
    wind = [target.name for target in made.targets if target.kind == "wind"]
    a, b = (first.scenarios[name] - first.scenarios[name].mean(axis=0) for name in wind)
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.1, "sites share half of their weather"


def test_a_site_whose_input_fails_goes_down_the_ladder_alone(made: Made, trained: FleetTrained) -> None:
    rows = {
        key: one.take(one.issue_ns < made.issue_ns - 6 * DAY_NS) if key == ("site_001", "shortwave_radiation") else one
        for key, one in made.archive.rows().items()
    }
    edges, archive = utc_index(made.edges_ns), type(made.archive).of_rows(rows)
    found = forecast_fleet(trained, archive, edges[0], edges, scenarios=4)
    assert found.quality["power_001"] == "own_past"
    assert found.quality["power_004"] == "latest_nwp"
    assert any("power_001" in note for note in found.notes)
    whole = forecast_fleet(trained, made.archive, edges[0], edges, scenarios=4)
    assert (found.quantiles["power_000"] == whole.quantiles["power_000"]).all()
    assert (found.quantiles["power_001"] != whole.quantiles["power_001"]).any()


def test_a_kept_fleet_gives_the_same_bits(made: Made, known: Known, trained: FleetTrained) -> None:
    again = pickle.loads(pickle.dumps(trained)).quantiles(known, made.edges_ns)
    assert all((again[name] == values).all() for name, values in trained.quantiles(known, made.edges_ns).items())
    assert trained.card["kinds"]["wind"]["sites"] == 2


def test_nothing_after_the_issue_matters(made: Made, known: Known, trained: FleetTrained) -> None:
    rows = {
        key: Rows(
            one.issue_ns,
            one.valid_ns,
            one.available_ns,
            one.member,
            np.where(one.available_ns > made.issue_ns - DAY_NS, one.value + 99.0, one.value),
        )
        for key, one in made.archive.rows().items()
    }
    before = utc_index(np.array([made.issue_ns - DAY_NS]))[0]
    changed = type(made.archive).of_rows(rows).as_of(before)
    edges = made.edges_ns - DAY_NS
    same = trained.quantiles(made.archive.as_of(before), edges)
    assert all((values == same[name]).all() for name, values in trained.quantiles(changed, edges).items())


def test_what_a_fleet_cannot_do_is_said(made: Made, known: Known, trained: FleetTrained) -> None:
    with pytest.raises(CannotForecast, match="trained for steps of"):
        trained.quantiles(known, made.edges_ns[::4])
    early = made.archive.as_of(utc_index(np.array([made.issue_ns - (DAYS - 20) * DAY_NS]))[0])
    with pytest.raises(CannotForecast, match="20 days of measurements; 28 are needed"):
        QUICK.train(early, made.targets, made.place, made.edges_ns - made.issue_ns, LEVELS)
    uneven = np.concatenate([made.edges_ns[:5], made.edges_ns[5:] + HOUR_NS])
    with pytest.raises(CannotForecast, match="not equal"):
        QUICK.train(known, made.targets, made.place, uneven - made.issue_ns, LEVELS)


def test_the_panel_is_what_was_measured_and_known(made: Made, known: Known) -> None:
    first = made.issue_ns - 2 * DAY_NS
    panel = panel_of(known, made.targets, 4 * 15 * 60 * 10**9, first, made.issue_ns + DAY_NS)
    hourly = made.actual[0, (DAYS - 2) * 96 : DAYS * 96].reshape(-1, 4).mean(axis=1)
    assert panel.value[0, :47] == pytest.approx(hourly[:47])
    assert np.isnan(panel.value[0, 48:]).all()
    late = panel.seen(np.array([46, 47, 500, -1]), np.array([made.issue_ns - HOUR_NS // 2]))
    assert np.isfinite(late[0]).tolist() == [True, False, False, False]


def test_weather_is_that_of_the_latest_run_at_each_issue(made: Made, known: Known) -> None:
    runs = known.runs("site_000", "wind_speed_100m")
    issues = np.array([made.issue_ns - 3 * DAY_NS, made.issue_ns])
    middle = issues[:, None] + np.array([0, 2, 95, 200]) * HOUR_NS
    found = weather_of(known, "site_000", "wind_speed_100m", issues, middle)
    for row, run in ((0, runs[-4]), (1, runs[-1])):
        assert found[row, :3] == pytest.approx(run.value[[0, 2, 95]])
    assert np.isnan(found[:, 3]).all()


def test_suns_are_those_of_each_place() -> None:
    places = [Place(52.5, 13.4, "UTC", 30.0), Place(-33.0, 151.0, "UTC", 10.0)]
    index = utc_index(np.arange(0, 96) * 15 * 60 * 10**9)
    elevation, clear = suns(np.asarray(index.as_unit("ns").asi8), places)
    for k, place in enumerate(places):
        alone = solar_elevation_deg(index, place.latitude_deg, place.longitude_deg, place.altitude_m)
        assert elevation[k] == pytest.approx(alone, abs=1e-9)
    assert (clear[elevation <= 0] == 0).all()
    assert 200 < clear.max() < 1100


def test_a_fleet_is_as_good_as_each_sites_own_past(made: Made, known: Known, trained: FleetTrained) -> None:
    from forecasting.scores import pinball

    wind = made.targets[:1]
    own = OwnPast().train(known, wind, made.place, made.edges_ns - made.issue_ns, LEVELS)
    came = made.actual[0, DAYS * 96 : DAYS * 96 + 384]
    fleet = pinball(came, trained.quantiles(known, made.edges_ns)["power_000"], LEVELS).mean()
    assert fleet < pinball(came, own.quantiles(known, made.edges_ns)["power_000"], LEVELS).mean()
