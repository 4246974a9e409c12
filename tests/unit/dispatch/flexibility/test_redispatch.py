"""A device drops out: what happened stays, the rest makes up for it or says what is missed."""

from __future__ import annotations

import numpy as np
import pytest

from dispatch.errors import DataError
from dispatch.flexibility import redispatch, share, storage
from tests.unit.dispatch.flexibility.flexible_fleet import mixed, own_profiles


@pytest.mark.parametrize("efficiency", [1.0, 0.9])
def test_the_past_stays_and_everybody_keeps_to_limits(efficiency: float) -> None:
    devices, rng = mixed(20, 12, 4, efficiency=efficiency), np.random.default_rng(4)
    asked = np.mean([own_profiles(devices, rng).sum(axis=0) for _ in range(4)], axis=0)
    plan = share(devices, asked).power_kw
    made = redispatch(devices, asked, plan, ["store_1", "car_2"], 5)
    assert np.array_equal(made.power_kw[:, :5], plan[:, :5])
    gone = [devices.names.index(name) for name in ("store_1", "car_2")]
    assert not made.power_kw[gone, 5:].any()
    stays = [n for n in range(20) if n not in gone]
    assert not devices.some(stays).broken(made.power_kw[stays], 1e-5)
    assert np.allclose((made.power_kw.sum(axis=0) - asked)[:5], 0, atol=1e-5)
    assert np.allclose(np.abs(made.power_kw.sum(axis=0) - asked) * devices.hours, made.missed_kwh, atol=1e-5)


def test_the_shortfall_is_named_when_the_rest_cannot() -> None:
    two = storage([1] * 4, charge_kw=10, discharge_kw=10, energy_kwh=20, start_kwh=[[10], [10]], names=["a", "b"])
    plan = share(two, [-4, -4, -4, -4]).power_kw
    made = redispatch(two, [-4, -4, -4, -4], plan, "a", 1)
    # b has given 2 of its 10 kWh in the first hour: 8 remain of the 12 that are wanted.
    assert made.missed_kwh.sum() == pytest.approx(4)
    assert not made.feasible
    assert made.refusals[0].steps.tolist() == [1, 2, 3]
    assert "4 kWh are missed" in str(made)
    assert "the rest asks for only -12 kWh" in str(made)
    cheap = redispatch(two, [-4, -4, -4, -4], plan, 0, 3, prices_per_kwh=[[1], [2]])
    assert cheap.feasible
    assert str(cheap) == "the others make up for all of it"


def test_what_it_falls_back_to_counts() -> None:
    two = storage([1] * 3, charge_kw=10, discharge_kw=10, energy_kwh=20, start_kwh=[[10], [10]], names=["a", "b"])
    made = redispatch(two, [0, 0, 0], np.zeros((2, 3)), ["a"], 0, fallback_kw=3)
    assert made.power_kw.tolist() == [[3, 3, 3], [-3, -3, -3]]


def test_mistakes_are_named() -> None:
    two = storage([1] * 3, charge_kw=10, discharge_kw=10, energy_kwh=20, start_kwh=[[10], [10]], names=["a", "b"])
    nothing = np.zeros((2, 3))
    with pytest.raises(DataError, match="'c' is none of the devices; accepted: a, b"):
        redispatch(two, [0, 0, 0], nothing, ["c"], 0)
    with pytest.raises(DataError, match="device 2 is not there"):
        redispatch(two, [0, 0, 0], nothing, [2], 0)
    with pytest.raises(DataError, match="step 3 is not in the horizon"):
        redispatch(two, [0, 0, 0], nothing, "a", 3)
    with pytest.raises(DataError, match="power_kw has shape"):
        redispatch(two, [0, 0, 0], np.zeros((3, 3)), "a", 0)


def test_what_it_is_given_is_read_like_a_share_and_refused_in_words() -> None:
    two = storage([1] * 3, charge_kw=[10, 10], discharge_kw=10, energy_kwh=20, start_kwh=10)
    plan = share(two, [2, 2, 2]).power_kw
    assert redispatch(two, [2, 2, 2], plan, 0, 1, prices_per_kwh=[0.1, 0.2]).feasible
    with pytest.raises(DataError, match=r"prices_per_kwh has shape"):
        redispatch(two, [2, 2, 2], plan, 0, 1, prices_per_kwh=[0.1, 0.2, 0.3, 0.4])
    with pytest.raises(DataError, match=r"fallback_kw has shape"):
        redispatch(two, [2, 2, 2], plan, 0, 1, fallback_kw=[1, 2])
    with pytest.raises(DataError, match=r"step 1\.5 is not in the horizon"):
        redispatch(two, [2, 2, 2], plan, 0, 1.5)  # type: ignore[arg-type]
