"""The page of a fleet under what it shares: uses, prices and bills are those of the plan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dispatch.fleet.reporting import Around, data_of
from dispatch.fleet.reporting_shared import charged, shared_uses, write_shared_page
from dispatch.fleet.shared.files import load_fleet
from dispatch.fleet.shared.written import Answered, answer
from tests.unit.dispatch.report.test_page import Page


@pytest.fixture(scope="module")
def answered() -> Answered:
    return answer(load_fleet("three_owners"))


def test_uses_are_laid_over_the_steps(answered: Answered) -> None:
    plan = answered.plan
    made = {one.name: one for one in shared_uses(plan.uses)}
    limit = made["transformer_2: net import"]
    rows = plan.uses.of("transformer_2")
    np.testing.assert_array_equal(limit.used, plan.uses.used[rows])
    assert limit.upper.max() == 1000
    assert limit.unit == "kW"
    assert limit.missed is not None
    assert not limit.missed.any()
    balance = made["pcc: balance behind the connection"]
    assert np.isinf(balance.upper).all()
    assert balance.price is not None
    assert balance.price.max() > 0.5


def test_charges_are_prices_times_use(answered: Answered) -> None:
    plan = answered.plan
    money = charged(plan)
    coupling = plan.made.coupling
    whole = float(plan.solution.price @ coupling.used(plan.solution.effects))
    assert sum(money.values()) == pytest.approx(whole)
    assert set(money) == set(plan.fleet.scope.names)


def test_the_page_counts_joint_bills(answered: Answered, tmp_path: Path) -> None:
    answered.write(tmp_path)
    path = write_shared_page(answered.plan, tmp_path, name="three owners")
    page = Page(path.read_text("utf-8"))
    bill = sum(meter.money for meter in answered.plan.meters.values())
    assert f"{answered.plan.money:,.0f}".replace(",", "\u202f") in page.text
    assert f"{bill:,.0f}".replace(",", "\u202f") in page.text
    assert "3 of 3 planned" in page.text
    assert "2 of 2 kept" in page.text


def test_power_in_the_picture_balances(answered: Answered, tmp_path: Path) -> None:
    answered.write(tmp_path)
    data = data_of(tmp_path, answered.plan.fleet.members, answered.fleet.horizon, Around())
    supply, use = (np.sum([line.values for line in side], axis=0) for side in (data.supply, data.use))
    np.testing.assert_allclose(supply, use, atol=1e-2)
