from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from forecasting.archive import Archive
from forecasting.backtest import Backtest, daily, run
from forecasting.backtest.product import Product
from forecasting.clock import DAY_NS
from forecasting.model_card import keep, load
from forecasting.quantiles import LEVELS
from forecasting.targets import Target
from tests.unit.forecasting.synthetic import BERLIN, LOAD, archive, ends

DAY = date(2023, 3, 15)
TASKS = daily(DAY, DAY, BERLIN.time_zone, before_h=12, step_min=60)


def test_the_ladder_answers_and_says_which_rung() -> None:
    data = archive(ends("2023-03-01", 18), (LOAD,))
    found = run(Backtest((Product(),), (LOAD,), BERLIN, TASKS, LEVELS), data)
    (series,) = found.series()
    assert set(series.rung) == {"own_past"}
    assert np.isfinite(series.quantiles).all()
    trained = Product().train(data.as_of("2023-03-14T12:00Z"), [LOAD], BERLIN, np.arange(3), LEVELS)
    assert trained.card["model"] == "parkwatt"


def test_one_series_that_cannot_be_forecast_leaves_the_others() -> None:
    other = Target("unknown", "load", float("inf"), "park")
    found = run(Backtest((Product(),), (LOAD, other), BERLIN, TASKS, LEVELS), archive(ends("2023-03-01", 18), (LOAD,)))
    answered = {one.target: bool(np.isfinite(one.quantiles).all()) for one in found.series()}
    assert answered == {"offices": True, "unknown": False}


def test_none_at_all() -> None:
    (series,) = run(Backtest((Product(),), (LOAD,), BERLIN, TASKS, LEVELS), Archive.empty()).series()
    assert series.rung[0].startswith("none: offices")


def test_a_trained_ladder_is_kept_with_its_card_and_answers_as_before(tmp_path: Path) -> None:
    data = archive(ends("2023-03-01", 30), (LOAD,))
    issue, edges = data.as_of("2023-03-28T12:00Z"), TASKS[0].edges_ns + 14 * DAY_NS
    trained = Product().train(issue, [LOAD], BERLIN, edges - issue.time_ns, LEVELS)
    before = trained.quantiles(issue, edges)
    card = keep(
        tmp_path, trained, targets=["offices"], trained_ns=issue.time_ns, data={"days": 27}, scores={"pinball": 1.5}
    )
    again, read = load(tmp_path, card.sha256)
    np.testing.assert_array_equal(again.quantiles(issue, edges)["offices"], before["offices"])
    assert read.model == "parkwatt"
    assert read.settings["version"]
    assert read.trained_at == "2023-03-28T12:00Z"
