"""Every reference park can be run, accounted for and audited day by day, its carbon in all ledgers."""

from __future__ import annotations

import pytest

from benchmarks.cases.folder import find
from benchmarks.cases.series import lay
from benchmarks.methods.base import Options
from benchmarks.methods.found import methods
from benchmarks.study.checking import default_days
from benchmarks.study.laying import planned
from benchmarks.study.measure import Extent, measured
from benchmarks.study.spec import Settings
from dispatch.replay import Journal
from dispatch.replay import Settings as ReplaySettings

LEDGERS = ("co2_traced_kg", "co2_marginal_kg", "co2_contracts_kg", "co2_game_kg")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["yizhuang", "ordos", "chifeng", "sino_german", "campus"])
def test_a_reference_park_by_its_rules(name: str) -> None:
    found = find(name)
    settings = ReplaySettings(every_h=1.0, methods=())
    laid = lay(found, default_days(found), settings, planned(Settings(step_minutes=60)))
    method = methods()["rule_based"]
    days = measured(laid.case, method, method.run(laid.case, Journal(), Options()), Extent(accounts=True), None)
    ((_, figures),) = days.rows
    assert days.notes == ()
    assert figures["violations"] == 0
    assert all(figures[ledger] is not None for ledger in LEDGERS)
    assert figures["own_used_kwh"] is not None
