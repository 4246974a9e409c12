"""Photovoltaic forecasts of a plant's first days stand on physics, and on what was learnt as far as days tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecasting.archive import Archive
from forecasting.learners.base import Frame
from forecasting.models.physics_only import PhysicsOnly
from forecasting.models.solar.anchor import DOUBTED_DAYS, USUAL_DAYS, WEIGHTS, Physical, Tried, mixed, trust
from forecasting.models.solar.model import SURE_DAYS, Solar, _grown
from forecasting.scores import pinball
from tests.unit.forecasting.models.solar.plants import DAY, LEVELS, PLACE, edges, issue, made

THREE = np.array([0.1, 0.5, 0.9])
Z_90 = 1.2815515655446004


def _rows(days: int, physics: float = 0.5) -> Frame:
    """Two rows a day: physics says half the capacity under a clear sky of .8, and the plant gives .9 of it."""
    x = np.tile([0.8, 0.9, physics, 0.6, 0.0, 0.0], (2 * days, 1)).astype(np.float32)
    names = ("clear_share", "gain", "physics_share", "k", "curtailed", "site")
    return Frame(x, names, np.repeat(np.arange(days), 2))


def test_physics_has_published_errors_until_days_show_its_own() -> None:
    rows = _rows(5)
    # Errors of ±.09 in units of gain × clear sky (.72): ±.125, √(π/2) of which is .15666; five days of it, five of .2.
    actual = 0.45 + np.tile([-0.09, 0.09], 5)
    usual = Physical().fit(rows.take(np.zeros(10, dtype=bool)), np.empty(0), THREE).predict(rows)[0]
    np.testing.assert_allclose(usual, [0.45 - 0.72 * 0.2 * Z_90, 0.45, 0.45 + 0.72 * 0.2 * Z_90], rtol=1e-6)
    own = Physical().fit(rows, actual, THREE).predict(rows)[0]
    assert USUAL_DAYS == 5
    width = 0.72 * 0.178332 * Z_90
    np.testing.assert_allclose(own, [0.45 - width, 0.45, 0.45 + width], rtol=1e-4)


def test_curtailed_rows_say_nothing_of_the_errors_and_clouds_stand_in_for_physics() -> None:
    rows = _rows(5)
    x = rows.x.copy()
    x[:, rows.names.index("curtailed")] = 1.0
    cut = Physical().fit(replace(rows, x=x), np.zeros(10), THREE)
    np.testing.assert_allclose(cut.error, [-0.2 * Z_90, 0.0, 0.2 * Z_90], rtol=1e-6)
    # k of .6 times a clear sky of .8 times a gain of .9.
    assert cut.predict(_rows(1, physics=np.nan))[0, 1] == pytest.approx(0.432)


def _tried(days: int, learnt: float, physics: float) -> Tried:
    """Medians that lie so far above what came on each day."""
    one = np.array([0.5])
    return Tried.of(np.full((days, 1), learnt), np.full((days, 1), physics), np.zeros(days), np.arange(days), one)


def test_trust_in_what_was_learnt_grows_with_the_days_that_bear_it_out() -> None:
    # A learnt median half as far off: a mean with weight w loses (1 − w/2) of physics' loss a day, against
    # DOUBTED_DAYS (1 + w): the sum falls from 6 days on (6/2 = 3), and does not before.
    assert DOUBTED_DAYS == 3
    assert trust({0: _tried(5, 0.5, 1.0)}) == {0: 0.0}
    assert trust({0: _tried(7, 0.5, 1.0)}) == {0: 1.0}
    assert trust({0: _tried(60, 1.5, 1.0)}) == {0: 0.0}
    assert trust({0: _tried(0, 0.5, 1.0)}) == {0: 0.0}


def test_other_plants_days_bear_on_a_new_one_up_to_twenty() -> None:
    new = _tried(2, 1.5, 1.0)
    assert trust({0: new}) == {0: 0.0}
    assert trust({0: new, 1: _tried(60, 0.5, 1.0)}) == {0: 1.0, 1: 1.0}
    # Twenty days at a slope of −1/2 outweigh 3 + 12/2 of its own, and not 3 + 16/2.
    assert trust({0: _tried(12, 1.5, 1.0), 1: _tried(60, 0.5, 1.0)})[0] == 1.0
    assert trust({0: _tried(16, 1.5, 1.0), 1: _tried(60, 0.5, 1.0)})[0] == 0.0


def test_what_speaks_against_a_learner_fades_as_it_outgrows_who_was_tried() -> None:
    assert SURE_DAYS == 60
    # Physics has .6 up to 60 days, half of that at 90 and nothing at 120.
    assert [_grown(0.4, days) for days in (0, 60, 90, 120, 400)] == pytest.approx([0.4, 0.4, 0.7, 1.0, 1.0])


def test_quantiles_are_averaged_with_each_plants_own_weight() -> None:
    learnt, physics = np.full((3, 2), [1.0, 2.0]), np.full((3, 2), [3.0, 6.0])
    found = mixed(learnt, physics, np.array([0.0, 1.0, 2.0]), {0: 0.25, 1: 1.0})
    np.testing.assert_allclose(found, [[2.5, 5.0], [1.0, 2.0], [3.0, 6.0]])
    assert WEIGHTS[[0, -1]].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("days", [4, 9, 16])
def test_some_days_of_history_never_make_a_forecast_worse_than_none(days: int) -> None:
    targets, archive = made(40, count=1)
    one = targets[0]
    rows = archive.rows()[one.site, one.name]
    lost, without = 0.0, 0.0
    for day in (24, 28, 32, 36):
        few = rows.take(rows.valid_ns > issue(day - days).as_unit("ns").value)
        known = Archive.of_rows(dict(archive.rows()) | {(one.site, one.name): few}).as_of(issue(day))
        none = archive.as_of(issue(day)).without(sites=one.site, variables=one.name)
        came = archive.as_of(issue(day + 1)).measurements(one.site, one.name).value[-24:]
        said = Solar().train(known, targets, PLACE, DAY, LEVELS).quantiles(known, edges(day))[one.name]
        cold = PhysicsOnly().train(none, targets, PLACE, DAY, LEVELS).quantiles(none, edges(day))[one.name]
        lost += float(pinball(came, said, LEVELS).sum())
        without += float(pinball(came, cold, LEVELS).sum())
    assert lost < 1.05 * without
