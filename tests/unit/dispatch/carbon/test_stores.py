from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.carbon.stores import held
from dispatch.errors import AlignmentError, DataError


def test_a_battery_by_hand_under_both_rules() -> None:
    """10 kWh in at .5 and 90 %, 4.05 kWh out at 90 %."""
    flows: dict[str, Any] = {"start_kwh": 0.0, "charge_efficiency": 0.9, "discharge_efficiency": 0.9}
    tank = held([10.0, 0.0], [0.0, 4.05], 0.5, [1.0, 1.0], **flows)
    np.testing.assert_allclose(tank.energy_kwh[0], [0.0, 9.0, 4.5])
    np.testing.assert_allclose(tank.carbon_kg[0], [0.0, 4.5, 2.25])
    assert tank.delivered_kg_per_kwh[0, 1] == pytest.approx(0.5)
    np.testing.assert_allclose(tank.lost_kg[0], [0.5, 0.45 * 0.5])
    carry = held([10.0, 0.0], [0.0, 4.05], 0.5, [1.0, 1.0], rule="carry", **flows)
    np.testing.assert_allclose(carry.carbon_kg[0], [0.0, 5.0, 2.5])
    assert carry.delivered_kg_per_kwh[0, 1] == pytest.approx(0.5 / 0.81)


def test_a_hot_tank_loses_carbon_with_heat_or_keeps_it() -> None:
    nothing = np.zeros(1)
    for rule, left in (("tank", 4.5), ("carry", 5.0)):
        found = held(nothing, nothing, 0.0, [1.0], start_kwh=10.0, start_kg=5.0, retention=0.9, rule=rule)  # type: ignore[arg-type]
        assert found.carbon_kg[0, 1] == pytest.approx(left)
        assert found.energy_kwh[0, 1] == pytest.approx(9.0)
        assert found.lost_kg[0, 0] == pytest.approx(5.0 - left)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from(["tank", "carry"]))
def test_no_carbon_appears_or_is_lost_unsaid(seed: int, rule: Any) -> None:
    random = np.random.default_rng(seed)
    hours = random.choice([0.25, 1.0], 30)
    into = random.uniform(0, 10, (3, 30)) * (random.random((3, 30)) < 0.5)
    out = np.where(into == 0, random.uniform(0, 0.05, (3, 30)) * 100, 0.0)
    intensity = random.uniform(0, 1, into.shape)
    options: dict[str, Any] = {
        "start_kwh": 200.0,
        "start_kg": 50.0,
        "charge_efficiency": [0.9, 0.95, 1.0],
        "discharge_efficiency": [0.92, 1.0, 0.9],
        "retention": 0.995,
    }
    found = held(into, out, intensity, hours, rule=rule, **options)
    brought = (intensity * into * hours).sum(axis=1)
    left = (found.delivered_kg_per_kwh * out * hours).sum(axis=1)
    change = found.carbon_kg[:, -1] - found.carbon_kg[:, 0]
    np.testing.assert_allclose(brought, left + found.lost_kg.sum(axis=1) + change, rtol=1e-12)
    assert found.carbon_kg.min() >= 0


def test_an_empty_store_passes_on_what_it_is_given() -> None:
    found = held([0.0, 5.0], [0.0, 2.0], [0.0, 0.7], [1.0, 1.0], start_kwh=0.0)
    assert np.isnan(found.delivered_kg_per_kwh[0, 0])
    assert found.delivered_kg_per_kwh[0, 1] == pytest.approx(0.7)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match="store 0: more is drawn than it holds by the end of step 0"):
        held([0.0], [5.0], 0.0, [1.0], start_kwh=1.0)
    with pytest.raises(AlignmentError, match="hours"):
        held([0.0], [0.0], 0.0, [1.0, 1.0], start_kwh=1.0)
    with pytest.raises(DataError, match="0 or more"):
        held([-1.0], [0.0], 0.0, [1.0], start_kwh=1.0)
