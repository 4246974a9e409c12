from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dispatch.config import load_site
from dispatch.errors import DataError
from dispatch.executor import executor
from dispatch.replay import Case, Settings
from dispatch.replay.worth import AS_IT_CAME, PERFECT, as_it_came, issued_by, worth
from dispatch.signals import Horizon
from dispatch.sources import gather
from forecasting.backtest.references import Reference
from tests.unit.dispatch.replay.days import FIRST, case, history
from tests.unit.forecasting.backtest.models import Mean


def with_days_after(folder: Path) -> Case:
    """The two days of the small park, with data that go on beyond them."""
    made = case(folder)
    history("2024-04-03", 19).to_csv(folder / "measured.csv", index=False)
    site = load_site(folder / "park.yaml")
    span = Horizon.local_day(FIRST, site.time_zone, 60, days=2)
    sources = gather(site, span, folder)
    return Case(site, span, sources.actual, sources.archive, Settings(every_h=3.0, methods=made.settings.methods))


def test_worth_of_a_forecast_is_above_foresight(tmp_path: Path) -> None:
    lines = {
        one.forecast: one
        for one in worth(with_days_after(tmp_path), [Mean(), Reference("climatology")], executor("serial"))
    }
    assert list(lines) == ["mean", "climatology", AS_IT_CAME, PERFECT]
    assert lines[PERFECT].lost_objective == 0
    assert not any(one.unproved for one in lines.values())
    for name in ("mean", AS_IT_CAME):
        assert lines[name].lost_objective > -0.01 * abs(lines[PERFECT].objective)
    assert lines[AS_IT_CAME].lost_objective < lines["mean"].lost_objective


def test_forecasts_hold_what_was_known_and_the_right_one_what_came(tmp_path: Path) -> None:
    made = with_days_after(tmp_path)
    right = as_it_came(made)
    assert len(right) == 2
    first = (made.start_s - right[0].start_s) // made.step_s
    np.testing.assert_allclose(right[0].central["hall"][first : first + 23], made.actual["hall"][:23])
    issued = issued_by(made, Reference("climatology"))
    assert [one.issue_s for one in issued] == [one.issue_s for one in right]
    assert issued[0].central["roof"].shape == right[0].central["roof"].shape
    other = replace(made, actual={name: values * 0 for name, values in made.actual.items()})
    np.testing.assert_array_equal(
        issued_by(other, Reference("climatology"))[0].central["hall"], issued[0].central["hall"]
    )


def test_what_cannot_be_forecast_or_did_not_come_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no measurement of"):
        as_it_came(case(tmp_path))
    made = case(tmp_path)
    early = replace(made, archive=type(made.archive).empty())
    with pytest.raises(DataError, match=r"mean on 2024-03-30.*nothing known"):
        issued_by(early, Mean())
