"""The map of a plant's best share of the clear sky, on a plant behind a made-up horizon."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.archive import Archive
from forecasting.clock import HOUR_NS
from forecasting.learners.linear import Linear
from forecasting.models.solar.model import LINES, OF_SHADE, Solar
from forecasting.models.solar.past import past_of
from forecasting.models.solar.shade import SECTOR_DEG, Shade, _horizon, fit, sector_of, shade_of
from forecasting.models.solar.sun import sun_over
from forecasting.models.solar.weather import Weather
from forecasting.physics import PvPlant
from forecasting.scores import pinball
from tests.unit.forecasting.models.solar.plants import DAY, LEVELS, PLACE, edges, issue, made

PLANT = PvPlant(100.0, 30.0, 180.0, 45.0, 9.0, losses=0.0)
STEP_NS = HOUR_NS // 4
START_NS = pd.Timestamp("2023-02-01", tz="UTC").value + np.arange(200 * 96) * STEP_NS
SKY = 0.79  # what one step in six reaches under these clouds
HILL_FROM, HILL_TO, HILL_DEG, LEFT = 90.0, 135.0, 22.0, 0.3


def shares(hill: bool, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Shares of the clear sky under changing clouds, behind a hill in the east or not; sun and day."""
    sun = sun_over(PLANT, START_NS, STEP_NS)
    use = sun.elevation > 3
    rng = np.random.default_rng(seed)
    day = (START_NS // (24 * HOUR_NS))[use]
    sky = rng.beta(2, 1, day.max() - day.min() + 1)[day - day.min()] * rng.uniform(0.8, 1.0, len(day))
    elevation, azimuth = sun.elevation[use], sun.azimuth[use]
    behind = hill & (azimuth >= HILL_FROM) & (azimuth < HILL_TO) & (elevation < HILL_DEG)
    return np.where(behind, LEFT, 1.0) * sky, elevation, azimuth, day


def test_the_horizon_is_recovered_where_it_stands_and_nowhere_else() -> None:
    found = fit(*shares(hill=True))
    assert found is not None
    hill = sector_of(np.arange(HILL_FROM, HILL_TO, SECTOR_DEG))
    np.testing.assert_allclose(found.horizon_deg[hill], HILL_DEG, atol=2.0)
    np.testing.assert_allclose(found.left[hill], LEFT, atol=0.12)
    others = np.setdiff1d(np.arange(24), hill)
    assert np.isnan(found.horizon_deg[others]).all()
    at = found.share(np.array([10.0, 40.0, 10.0]), np.array([110.0, 110.0, 250.0]))
    assert at[0] < 0.45
    assert at[1:] == pytest.approx([SKY, SKY], abs=0.06)


def test_the_sun_comes_up_over_a_horizon_within_a_degree_and_a_half() -> None:
    """Half of what the hill takes is back where the sun's centre stands on it: .5 · (.2 + .8/2)."""
    horizon, left = np.full(24, np.nan), np.full(24, np.nan)
    horizon[6], left[6] = 20.0, 0.2
    map_ = Shade(np.full((2, 5), 0.5), horizon, left)
    elevation = np.array([19.0, 19.25, 20.0, 20.75, 21.0, 5.0])
    azimuth = np.array([90.0] * 5 + [120.0])
    np.testing.assert_allclose(map_.share(elevation, azimuth), [0.1, 0.1, 0.3, 0.5, 0.5, 0.5])


def test_sectors_go_round() -> None:
    assert sector_of(np.array([0.0, 14.9, 15.0, 359.9, 360.0, 375.0])).tolist() == [0, 0, 1, 23, 0, 1]


def hidden(below: int, left: float, days: int) -> tuple[np.ndarray, ...]:
    """240 shares over their level at 30°, half of them 1 and half 0, and some at 10° behind a hill, of so many days."""
    over = np.concatenate([np.tile([1.0, 0.0], 120), np.full(below, left)])
    day = np.concatenate([np.arange(240) // 10, np.arange(below) % days])
    return over, np.repeat([30.0, 10.0], [240, below]), day


@pytest.mark.parametrize(
    ("below", "left", "days", "horizon"),
    [
        (24, 0.6, 12, 11.0),
        (60, 0.8, 12, np.nan),  # takes less than a quarter
        (24, 0.6, 11, np.nan),  # too few days, however many rows
        (12, 0.6, 12, np.nan),  # gains 12 · .4 of 120 + 12 · .4, less than a twentieth; 24 rows gain .07
    ],
)
def test_an_obstacle_takes_a_quarter_on_twelve_days_and_explains_a_twentieth(
    below: int, left: float, days: int, horizon: float
) -> None:
    found = _horizon(*hidden(below, left, days))
    np.testing.assert_allclose(found, (horizon, left if np.isfinite(horizon) else np.nan))


def test_clouds_alone_make_no_horizon() -> None:
    for seed in range(5):
        found = fit(*shares(hill=False, seed=seed))
        assert found is not None
        assert np.isnan(found.horizon_deg).all()
        assert found.share(np.array([20.0]), np.array([100.0]))[0] == pytest.approx(SKY, abs=0.06)


def test_a_broken_meter_on_a_few_days_moves_nothing() -> None:
    share, elevation, azimuth, day = shares(hill=True)
    broken = np.isin(day, np.unique(day)[::25])
    whole, robust = fit(share, elevation, azimuth, day), fit(np.where(broken, 5.0, share), elevation, azimuth, day)
    assert whole is not None
    assert robust is not None
    np.testing.assert_allclose(robust.horizon_deg, whole.horizon_deg, atol=2.0)
    np.testing.assert_allclose(robust.level, whole.level, atol=0.1)


def test_few_days_make_no_map() -> None:
    share, elevation, azimuth, day = shares(hill=True)
    early = day < day.min() + 8
    assert fit(share[early], elevation[early], azimuth[early], day[early]) is None
    targets, archive = made(35, 1)
    past = past_of(Weather(archive.as_of(issue(35))), targets[0], PLACE, edges(35), 60)
    assert shade_of(past) is None


def behind_a_hill(days: int) -> tuple[tuple, Archive]:
    """The made-up plant of the other tests, of which a hill takes the mornings' sun below 25°."""
    targets, archive = made(days, 1)
    one = targets[0]
    rows = archive.rows()[one.site, one.name]
    sun = sun_over(one.plant, rows.valid_ns - HOUR_NS, HOUR_NS)
    shaded = (sun.azimuth < 150) & (sun.elevation < 25)
    power = np.where(shaded, 0.15, 1.0) * rows.value
    return targets, Archive.of_rows({**archive.rows(), (one.site, one.name): replace(rows, value=power)})


def test_the_map_is_one_more_column_for_those_who_ask() -> None:
    targets, archive = behind_a_hill(110)
    lines = Linear(columns=(LINES[0], "clear_x_k"), penalty=1e-3)
    loss = []
    for shade in (False, True):
        learner = replace(lines, columns=(*lines.columns, *OF_SHADE)) if shade else lines
        model = Solar(learner, follow=False, shade=shade)
        trained = model.train(archive.as_of(issue(90)), targets, PLACE, DAY, LEVELS)
        assert [isinstance(one, Shade) for one in trained.shades] == [shade]
        came = archive.as_of(issue(110)).measurements(targets[0].site, targets[0].name).value
        said = [trained.quantiles(archive.as_of(issue(d)), edges(d))[targets[0].name] for d in range(90, 108, 3)]
        actual = [came[24 * d : 24 * d + 24] for d in range(90, 108, 3)]
        loss.append(float(np.mean([pinball(a, s, LEVELS).mean() for a, s in zip(actual, said, strict=True)])))
    assert loss[1] < 0.9 * loss[0]
