"""Devices with losses: what the inner bound promises is possible, what the outer refuses is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.errors import DataError
from dispatch.flexibility import Devices, bounds, share, storage
from dispatch.flexibility.linear import Linear
from tests.unit.dispatch.flexibility.flexible_fleet import mixed, own_profiles

SEEDS = st.integers(0, 10_000)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(2, 10), st.sampled_from([0.8, 0.92, 0.99]))
def test_what_was_done_is_never_refused_and_is_shared_out(seed: int, steps: int, efficiency: float) -> None:
    devices = mixed(8, steps, seed, efficiency=efficiency)
    own = own_profiles(devices, np.random.default_rng(seed))
    assert not devices.broken(own)
    made = share(devices, own.sum(axis=0))
    assert made.refusals == ()
    assert not devices.broken(made.power_kw)
    # Around what each really does, the inner bound holds it.
    inner = bounds(devices, own).share(own.sum(axis=0))
    assert inner.feasible
    assert not devices.broken(inner.power_kw)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(2, 8))
def test_whatever_the_inner_bound_gives_is_possible(seed: int, steps: int) -> None:
    devices = mixed(8, steps, seed, efficiency=0.85)
    value = np.random.default_rng(seed).normal(size=steps)
    found = Linear(devices, np.sqrt(devices.gain * devices.drain), tracking=False).best(value)
    assert not devices.broken(found.power_kw)
    outer = -Linear(devices, tracking=False).best(value).objective
    assert -found.objective <= outer + 1e-6


def test_burning_is_not_promised() -> None:
    """A full store asked to draw on could only burn: the outer bound believes it, the answer does not."""
    full = storage(
        [1, 1, 1], charge_kw=10, discharge_kw=10, energy_kwh=10, start_kwh=10,
        charge_efficiency=0.8, discharge_efficiency=0.8,
    )  # fmt: skip
    outer = Linear(full).track(np.array([1.0, 1, 1]))
    assert outer.burnt_kw.max() > 0.1
    made = share(full, [1, 1, 1])
    assert not made.feasible
    assert not made.exact
    assert not full.broken(made.power_kw)
    assert made.total_kw == pytest.approx([0, 0, 0], abs=1e-6)


def test_what_must_be_given_can_be_shared_where_burning_would_keep_the_limit() -> None:
    """Content must fall by 5 kWh, at 2 per kWh given: burning could do it while drawing, the device gives 2.5 kW."""
    one = Devices.of([1.0], least_kw=[[-5.0]], most_kw=[[5.0]], most_kwh=[[-5.0]], gain=0.5, drain=2.0)
    made = share(one, [5.0])
    assert made.total_kw == pytest.approx([-2.5])
    assert not one.broken(made.power_kw)


def test_a_lossy_device_without_a_profile_is_named() -> None:
    stores = storage(
        [1, 1], charge_kw=5, discharge_kw=5, energy_kwh=10, start_kwh=[[5], [0]], end_least_kwh=10,
        charge_efficiency=0.9, names=["half", "empty"],
    )  # fmt: skip
    with pytest.raises(DataError, match=r"'empty' has no profile that keeps its limits; accepted"):
        share(stores, [1, 1])
    giver = Devices.of([1.0], least_kw=[[-3.0]], most_kw=[[5.0]], most_kwh=[[-5.0]], gain=0.5, drain=2.0)
    with pytest.raises(DataError, match="inner bound's rates"):
        bounds(giver).gap(20)


def test_a_refusal_of_the_outer_bound_holds_for_everything_that_was_ever_done() -> None:
    devices, rng = mixed(8, 6, 1, efficiency=0.9), np.random.default_rng(1)
    done = [own_profiles(devices, rng).sum(axis=0) for _ in range(200)]
    made = share(devices, done[0] * 3)
    assert len(made.refusals) == 1
    refusal = made.refusals[0]
    assert refusal.by_kwh > 1
    assert max(refusal.weight_kwh_per_kw @ total for total in done) <= refusal.limit_kwh + 1e-6
    assert "beyond what can be moved" in str(refusal) or "can be drawn" in str(refusal)


def test_cheapest_split_with_losses_keeps_the_total() -> None:
    devices, rng = mixed(8, 6, 2, efficiency=0.9), np.random.default_rng(2)
    total = own_profiles(devices, rng).sum(axis=0)
    prices = rng.uniform(0.1, 1, (8, 6))
    cheap, even = share(devices, total, prices), share(devices, total)
    assert np.allclose(cheap.total_kw, even.total_kw, atol=1e-5)
    assert not devices.broken(cheap.power_kw)
    assert (cheap.power_kw * prices).sum() < (even.power_kw * prices).sum()


def test_gap_of_a_known_body() -> None:
    """One step of one store: by burning, the outer bound draws 7.4 kW; the inner one stores 2.5 kWh at one rate."""
    one = storage(
        [1], charge_kw=9, discharge_kw=9, energy_kwh=7.5, start_kwh=5, charge_efficiency=0.5, discharge_efficiency=0.8
    )  # fmt: skip
    found = bounds(one).gap(400, seed=1)
    rate = np.sqrt(0.5 / 0.8)
    assert found.dimensions == 1
    assert found.volume_ratio == pytest.approx((4 + 2.5 / rate) / (4 + 7.4), abs=4 * found.standard_error + 1e-6)
    assert found.per_dimension == found.volume_ratio


def test_gap_in_two_dimensions_is_the_ratio_of_areas() -> None:
    from scipy.spatial import ConvexHull

    lossy = storage(
        [1, 1], charge_kw=[[5], [4]], discharge_kw=[[5], [3]], energy_kwh=[[6], [5]], start_kwh=[[3], [2]],
        charge_efficiency=0.7, discharge_efficiency=0.8,
    )  # fmt: skip
    made, angles, areas = bounds(lossy), np.linspace(0, 2 * np.pi, 361), []
    for rate in (made.rate, None):
        free = Linear(lossy, rate, tracking=False)
        ends = [free.best(np.array([np.cos(a), np.sin(a)])).power_kw.sum(axis=0) for a in angles]
        areas.append(ConvexHull(np.array(ends)).volume)
    found = made.gap(600, seed=2)
    assert found.dimensions == 2
    assert found.volume_ratio == pytest.approx(areas[0] / areas[1], abs=4 * found.standard_error)
    assert found.standard_error < 0.03
    assert found.per_dimension == pytest.approx(np.sqrt(found.volume_ratio))


def test_gap_is_one_without_losses_and_repeats_itself() -> None:
    exact = mixed(6, 4, 3)
    assert bounds(exact).gap(20).volume_ratio == pytest.approx(1, abs=1e-6)
    lossy = mixed(6, 4, 3, efficiency=0.9)
    first = bounds(lossy).gap(20)
    assert 0 < first.volume_ratio < 1
    assert bounds(lossy).gap(20) == first


def test_up_to_the_inner_border_everything_is_shared() -> None:
    devices, rng = mixed(10, 6, 4, efficiency=0.9), np.random.default_rng(4)
    made = bounds(devices)
    centre = made.centre()
    for _ in range(5):
        direction = rng.normal(size=6)
        far = made.reach(centre, direction)
        assert far > 0
        inside, beyond = (made.share(centre + s * far * direction) for s in (0.999, 1.02))
        assert inside.feasible
        assert not devices.broken(inside.power_kw)
        assert not beyond.feasible
        assert not devices.broken(beyond.power_kw)


def test_gap_needs_samples_and_plans_fit() -> None:
    devices = mixed(6, 4, 3, efficiency=0.9)
    with pytest.raises(DataError, match="3 samples"):
        bounds(devices).gap(3)
    with pytest.raises(DataError, match="the plan has shape"):
        bounds(devices, [1, 2])
