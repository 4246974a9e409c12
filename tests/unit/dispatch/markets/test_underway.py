"""Deliveries that are counted while they come."""

from __future__ import annotations

import numpy as np

from dispatch.markets.awards import Award, AwardPeriod
from dispatch.markets.calendar import periods
from dispatch.markets.catalogue import product
from dispatch.markets.portfolio import Metered
from dispatch.markets.underway import on_steps, underway
from tests.unit.dispatch.markets.offers import DAY, horizon

PRODUCT = product("hainan_demand_response", DAY)
OVER = periods(PRODUCT, DAY)


def award(*kw: float) -> Award:
    rows = tuple(AwardPeriod(start=OVER.local_start[k], quantity_kw=q, price=1.0) for k, q in enumerate(kw))
    return Award(product=PRODUCT.name, day=DAY, side="up", periods=rows)


def test_a_period_counts_once_all_meters_of_it_are_there() -> None:
    plan = np.full((2, 24), 500.0)
    read = np.full((2, 24), np.nan)
    read[:, 0], read[0, 1] = [300.0, 400.0], 300.0
    made = underway(award(300, 300, 300), PRODUCT, plan, Metered(("a", "b"), OVER, read))
    assert made.metered.tolist() == [2, 1, 0]
    assert made.delivered_kw[:2].tolist() == [300.0, 200.0]
    assert np.isnan(made.delivered_kw[2])
    assert made.short_kw[0] == 0
    assert np.isnan(made.short_kw[1:]).all()
    assert made.hours.tolist() == [1, 1, 1]
    less = underway(award(300), PRODUCT, plan, Metered(("a", "b"), OVER, np.full((2, 24), 450.0)))
    assert less.short_kw[0] == 200


def test_series_keep_their_energy_on_other_steps() -> None:
    hours, quarters = horizon(minutes=60), horizon(minutes=15)
    values = np.arange(24.0)[None, :] ** 2
    fine = on_steps(values, hours.edges, quarters.edges)
    assert np.array_equal(fine, np.repeat(values, 4, axis=1))
    assert np.allclose(on_steps(fine, quarters.edges, hours.edges), values)
    assert np.isnan(on_steps(values[:, :10], hours.edges[:11], hours.edges)[0, 10:]).all()
