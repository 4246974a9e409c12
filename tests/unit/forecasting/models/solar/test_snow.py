"""Straight lines learn from the depth of snow that is forecast what it takes, though it takes a share and no amount."""

from __future__ import annotations

import numpy as np

from forecasting.archive import Archive
from forecasting.clock import DAY_NS
from forecasting.learners.linear import Linear
from forecasting.models.solar.model import LINES, Solar
from forecasting.models.solar.past import past_of
from forecasting.models.solar.rows import build, state_of
from forecasting.models.solar.weather import Weather
from tests.unit.forecasting.models.solar.plants import DAY, FIRST, LEVELS, PLACE, edges, issue, made

DAYS = 80
DEPTH_M = 0.06


def snowed_in() -> tuple[tuple, Archive]:
    """Every fourth day 6 cm of snow leave a tenth of the power."""
    targets, archive = made(DAYS, count=1, seed=5)
    one = targets[0]
    rows = archive.rows()
    power, sun = rows[one.site, one.name], rows[one.site, "shortwave_radiation"]

    def white(valid_ns: np.ndarray) -> np.ndarray:
        return (valid_ns - 1 - FIRST.as_unit("ns").value) // DAY_NS % 4 == 0

    def with_value(like: type, rows: object, value: np.ndarray) -> object:
        return like(rows.issue_ns, rows.valid_ns, rows.available_ns, rows.member, value)  # type: ignore[attr-defined]

    snow = with_value(type(sun), sun, np.where(white(sun.valid_ns), DEPTH_M, 0.0))
    left = with_value(type(power), power, np.where(white(power.valid_ns), 0.1, 1.0) * power.value)
    return targets, Archive.of_rows({**rows, (one.site, one.name): left, (one.site, "snow_depth"): snow})


def test_lines_know_a_day_under_snow_from_one_without() -> None:
    targets, archive = snowed_in()
    one = targets[0]
    model = Solar(Linear(columns=LINES, penalty=1e-2), follow=False)
    trained = model.train(archive.as_of(issue(64)), targets, PLACE, DAY, LEVELS)
    got = {0: 0.0, 1: 0.0}
    for day in (64, 65, 68, 69, 72, 73):
        said = trained.quantiles(archive.as_of(issue(day)), edges(day))[one.name][:, 2].sum()
        bare = made(DAYS, count=1, seed=5)[1].as_of(issue(day + 1)).measurements(one.site, one.name).value[-24:].sum()
        got[day % 4] += said / bare / 3
    assert got[0] < 0.3
    assert got[1] > 0.8


def test_cover_halves_at_two_centimetres_and_lines_see_it_times_the_sky() -> None:
    targets, archive = snowed_in()
    known = archive.as_of(issue(64))
    past = past_of(Weather(known), targets[0], PLACE, edges(64), 60)
    issue_ns = np.array([issue(64).as_unit("ns").value])
    step = ((edges(64)[:-1] - past.grid.start_ns) // past.grid.step_ns)[None, :]
    rows = build(Weather(known), past, (), issue_ns, step, state_of(past, issue_ns))
    noon = rows.columns["snow_cover"][0, 11]
    assert noon == DEPTH_M / (DEPTH_M + 0.02)
    np.testing.assert_allclose(rows.columns["k_under_snow"][0, 11], rows.columns["k"][0, 11] * 0.75)
