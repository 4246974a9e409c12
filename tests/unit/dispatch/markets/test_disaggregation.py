from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.errors import AlignmentError
from dispatch.fields.flexible_devices import Devices
from dispatch.flexibility import storage
from dispatch.markets.awards import Award, AwardPeriod
from dispatch.markets.calendar import periods
from dispatch.markets.catalogue import product
from dispatch.markets.disaggregation import disaggregate
from dispatch.markets.product import Side
from tests.unit.dispatch.markets.offers import DAY, horizon

STEPS = horizon(minutes=60)
PRODUCT = product("afrr_capacity", DAY)


def stores(count: int, efficiency: float = 1.0) -> Devices:
    return storage(
        STEPS.hours, charge_kw=np.linspace(400, 900, count), discharge_kw=np.linspace(500, 800, count),
        energy_kwh=np.linspace(1500, 3000, count), start_kwh=np.linspace(900, 1200, count), end_least_kwh=800.0,
        charge_efficiency=efficiency, discharge_efficiency=efficiency,
    )  # fmt: skip


def award(*kw: float, side: Side = "up") -> Award:
    starts = periods(PRODUCT, DAY).local_start
    rows = tuple(AwardPeriod(start=starts[k], quantity_kw=q, price=5.0) for k, q in enumerate(kw))
    return Award(product=PRODUCT.name, day=DAY, side=side, periods=rows)


@settings(max_examples=25)
@given(st.lists(st.sampled_from([0.0, 300.0, 600.0]), min_size=6, max_size=6), st.sampled_from(["up", "down"]))
def test_what_is_given_is_what_every_store_can_do(kw: list[float], side: Side) -> None:
    devices = stores(4)
    found = disaggregate(award(*kw, side=side), PRODUCT, STEPS, devices)
    given = found.given_kw.sum(axis=0)
    np.testing.assert_allclose(np.abs(found.asked_kw - given) * STEPS.hours, found.missed_kwh, atol=1e-6)
    assert (found.power_kw <= devices.most_kw + 1e-6).all()
    assert (found.power_kw >= devices.least_kw - 1e-6).all()
    content = np.cumsum(found.power_kw * STEPS.hours, axis=1)
    assert (content >= devices.least_kwh - 1e-6).all()
    assert (content <= devices.most_kwh + 1e-6).all()
    assert found.feasible or found.reasons


def test_a_store_fills_again_where_nothing_is_asked() -> None:
    found = disaggregate(award(0, 500, 0, 500), PRODUCT, STEPS, stores(2))
    assert found.feasible
    assert found.reasons == ()
    assert (found.given_kw.sum(axis=0) == found.asked_kw).all() or np.allclose(
        found.given_kw.sum(axis=0), found.asked_kw
    )
    assert (found.power_kw[:, 8:12] > 0).any()  # charged between the two calls


def test_what_the_stores_do_not_hold_is_missed_with_its_reason() -> None:
    found = disaggregate(award(1000, 1000), PRODUCT, STEPS, stores(2))
    assert not found.feasible
    # 2 100 kWh are in them, and nothing comes in between.
    assert found.missed_kwh.sum() == pytest.approx(8000 - 2100)
    assert "kWh" in found.reasons[0]


def test_a_plan_is_what_it_is_counted_against() -> None:
    devices = stores(2)
    plan = np.zeros((2, 24))
    plan[:, 0:2] = 200.0
    found = disaggregate(award(300), PRODUCT, STEPS, devices, plan)
    assert found.feasible
    np.testing.assert_allclose((plan - found.power_kw).sum(axis=0)[:4], 300)


def test_losses_are_shared_out_too_and_other_steps_refused() -> None:
    found = disaggregate(award(0, 300), PRODUCT, STEPS, stores(3, 0.95))
    assert found.feasible
    with pytest.raises(AlignmentError):
        disaggregate(award(300), PRODUCT, horizon(), stores(2))
