"""Exact aggregates: greedy vertices, exchanges and certificates against brute force and the solver."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.errors import DataError
from dispatch.flexibility import Devices, nearest, possible, reach, share, storage, support, vehicles
from dispatch.flexibility.chains import chains, inexact
from dispatch.flexibility.greedy import extreme, vertex
from dispatch.flexibility.linear import Linear
from tests.parks import hours
from tests.unit.dispatch.flexibility.flexible_fleet import mixed, own_profiles, uneven

SEEDS = st.integers(0, 10_000)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(2, 12), st.integers(4, 20), st.booleans())
def test_greedy_is_what_the_solver_finds(seed: int, steps: int, count: int, unequal: bool) -> None:
    devices = mixed(count, steps, seed, unequal=unequal)
    value = np.random.default_rng(seed).normal(size=steps)
    best, power = support(devices, value)
    assert best == pytest.approx(-Linear(devices, tracking=False).best(value).objective, rel=1e-7, abs=1e-6)
    assert not devices.broken(power)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(2, 10), st.integers(1, 6))
def test_limits_that_change_from_step_to_step(seed: int, steps: int, count: int) -> None:
    devices, rng = uneven(count, steps, seed), np.random.default_rng(seed)
    value = rng.normal(size=steps)
    best, power = support(devices, value)
    assert best == pytest.approx(-Linear(devices, tracking=False).best(value).objective, rel=1e-7, abs=1e-6)
    assert not devices.broken(power)
    made = share(devices, power.sum(axis=0) + rng.normal(0, 3, steps))
    assert made.missed_kwh.sum() == pytest.approx(Linear(devices).track(made.asked_kw).objective, rel=1e-6, abs=1e-5)
    assert not devices.broken(made.power_kw)


@pytest.mark.parametrize("seed", range(3))
def test_long_horizons_are_settled_to_the_end(seed: int) -> None:
    """Many exchanges in a row, and steps that must be given up one after the other."""
    devices, rng = mixed(24, 48, seed), np.random.default_rng(seed)
    vertices = [support(devices, np.convolve(rng.normal(size=48), np.ones(7), "same"))[1].sum(axis=0) for _ in range(2)]
    for scale in (1.0, 1.05):
        asked = scale * (0.97 * vertices[0] + 0.03 * vertices[1])
        made, best = share(devices, asked), Linear(devices).track(asked)
        assert made.missed_kwh.sum() == pytest.approx(best.objective, rel=1e-6, abs=1e-4)
        assert not devices.broken(made.power_kw)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(2, 24), st.integers(4, 40), st.booleans())
def test_sum_of_possible_profiles_is_possible(seed: int, steps: int, count: int, unequal: bool) -> None:
    devices = mixed(count, steps, seed, unequal=unequal)
    own = own_profiles(devices, np.random.default_rng(seed))
    assert not devices.broken(own)
    made = share(devices, own.sum(axis=0))
    assert made.feasible
    assert made.refusals == ()
    assert not devices.broken(made.power_kw)
    assert np.allclose(made.total_kw, own.sum(axis=0), atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(2, 10), st.integers(4, 16))
def test_distance_of_the_nearest_is_the_solvers_and_proven(seed: int, steps: int, count: int) -> None:
    devices = mixed(count, steps, seed)
    rng = np.random.default_rng(seed)
    asked = own_profiles(devices, rng).sum(axis=0) * rng.uniform(0.5, 2, steps) + rng.normal(0, 30, steps)
    made, best = share(devices, asked), Linear(devices).track(asked)
    assert not devices.broken(made.power_kw)
    assert made.missed_kwh.sum() == pytest.approx(best.objective, rel=1e-6, abs=1e-5)
    assert sum(r.by_kwh for r in made.refusals) == pytest.approx(best.objective, rel=1e-6, abs=1e-5)
    for refusal in made.refusals:
        most = -Linear(devices, tracking=False).best(refusal.weight_kwh_per_kw).objective
        assert refusal.limit_kwh == pytest.approx(most, rel=1e-7, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_every_set_of_steps_by_brute_force(seed: int) -> None:
    """All 2^T inequalities of the theory: they hold for a profile exactly when it can be shared."""
    devices = mixed(6, 4, seed)
    own, rng = chains(devices), np.random.default_rng(seed)
    sets = [np.array(s, bool) for s in itertools.product([False, True], repeat=4) if any(s)]
    limits = [(extreme(own, s, False), extreme(own, s, True)) for s in sets]
    centre = own_profiles(devices, rng).sum(axis=0)
    found = set()
    for _ in range(40):
        asked = centre + rng.normal(0, 25, 4)
        energy = own.energy(asked)
        kept = all(low - 1e-7 <= energy[s].sum() <= high + 1e-7 for s, (low, high) in zip(sets, limits, strict=True))
        assert possible(devices, asked) == kept
        found.add(kept)
    assert found == {True, False}


def test_every_vertex_is_shared_and_a_step_beyond_it_refused() -> None:
    devices = mixed(10, 4, 3)
    own = chains(devices)
    for order in itertools.permutations(range(4)):
        for signs in itertools.product([-1, 1], repeat=4):
            value = np.zeros(4)
            value[list(order)] = [4, 3, 2, 1]
            value *= signs
            total = own.power(vertex(own, value)).sum(axis=0)
            assert possible(devices, total)
            beyond = share(devices, total + 0.1 * value)
            assert not beyond.feasible
            assert not devices.broken(beyond.power_kw)


@pytest.mark.parametrize("seed", range(3))
def test_reach_ends_where_refusals_begin(seed: int) -> None:
    devices, rng = mixed(30, 24, seed), np.random.default_rng(seed)
    centre = own_profiles(devices, rng).sum(axis=0)
    direction = rng.normal(size=24)
    far = reach(devices, centre, direction)
    assert far > 0
    assert possible(devices, centre + 0.999999 * far * direction)
    made = share(devices, centre + 1.01 * far * direction)
    assert not made.feasible
    assert all(refusal.by_kwh > 0 for refusal in made.refusals)


def test_reach_needs_a_possible_centre_and_a_direction() -> None:
    devices = mixed(8, 6)
    with pytest.raises(DataError, match="centre is not possible"):
        reach(devices, np.full(6, 1e6), np.ones(6))
    with pytest.raises(DataError, match="direction is zero"):
        reach(devices, nearest(devices, np.zeros(6)), np.zeros(6))


def test_refusal_names_the_hours_and_the_energy() -> None:
    one = storage([1, 1, 1], charge_kw=10, discharge_kw=10, energy_kwh=20, start_kwh=15, names=["li"])
    made = share(one, [10, 0, 0])
    assert made.total_kw == pytest.approx([5, 0, 0])
    assert str(made.refusals[0]) == "asks for 10 kWh in 1 steps (0), where at most 5 can be drawn"
    by_clock = made.refusals[0].told(hours(made.hours.size, "2024-03-01T06:00"))
    assert by_clock == "asks for 10 kWh at 06:00–07:00, where at most 5 can be drawn"
    cars = vehicles([1, 1, 1], arrival_step=0, departure_step=2, charge_kw=10, wanted_kwh=15)
    low = share(cars, [2, 2, 0])
    assert low.missed_kwh.sum() == pytest.approx(11)
    assert "at least 15 are drawn" in str(low.refusals[0])


def test_leaking_alike_and_charging_with_loss_is_exact_and_other_leaks_are_not() -> None:
    alike = storage(
        [1] * 5, charge_kw=[4, 6], discharge_kw=[4, 6], energy_kwh=[9, 9], start_kwh=[4, 5], loss_fraction_per_h=0.02
    )
    assert not inexact(alike)
    value = np.array([1.0, -2, 0.5, 3, -1])
    assert support(alike, value)[0] == pytest.approx(-Linear(alike, tracking=False).best(value).objective)
    assert not alike.broken(support(alike, value)[1])
    cars = vehicles(
        [1] * 5, arrival_step=[0, 1], departure_step=[3, 5], charge_kw=7, wanted_kwh=5, charge_efficiency=[0.9, 0.8]
    )
    assert not inexact(cars)
    apart = storage([1] * 5, charge_kw=4, discharge_kw=4, energy_kwh=9, start_kwh=4, loss_fraction_per_h=[0.02, 0.1])
    assert "leak" in inexact(apart)
    with pytest.raises(DataError, match="no exact envelope"):
        chains(apart)


def test_unit_change_for_leaks_is_needed() -> None:
    """A leaking store cannot give tomorrow what it was given today: the sets of steps weigh what remains."""
    leaks = storage([1, 1], charge_kw=10, discharge_kw=10, energy_kwh=10, start_kwh=0, loss_fraction_per_h=0.5)
    assert possible(leaks, [8, -4])
    assert not possible(leaks, [8, -4.01])


def test_a_device_without_a_profile_is_named() -> None:
    with pytest.raises(DataError, match=r"'car_7' has no profile.*5 kWh more"):
        share(vehicles([1, 1], arrival_step=0, departure_step=1, charge_kw=5, wanted_kwh=10, names=["car_7"]), [0, 0])


def test_the_cheapest_split_costs_what_the_solver_says_and_no_more_than_an_even_one() -> None:
    devices = mixed(12, 8, 5)
    rng = np.random.default_rng(5)
    asked = own_profiles(devices, rng).sum(axis=0)
    prices = rng.uniform(0, 1, (devices.count, 8))
    cheap, even = share(devices, asked, prices), share(devices, asked)
    assert np.allclose(cheap.total_kw, asked, atol=1e-6)
    assert not devices.broken(cheap.power_kw)
    money = [float((s.power_kw * prices * devices.hours).sum()) for s in (cheap, even)]
    assert money[0] < money[1] - 1


def test_the_nearest_is_counted_in_what_is_drawn_and_not_in_what_is_stored() -> None:
    """A step that only draws stores half, one that only gives takes double: 1 kWh given less is worth 4 drawn more."""
    one = Devices.of(
        [1.0, 1.0], least_kw=[[0.0, -4.0]], most_kw=[[8.0, 0.0]], least_kwh=[[-9.0, 0.0]], gain=0.5, drain=2.0
    )  # fmt: skip
    assert not inexact(one)
    made = share(one, [4.0, -4.0])  # stores 2, and would take 8
    assert made.refusals
    assert made.exact
    assert made.missed_kwh.sum() == pytest.approx(3.0)  # giving 1 kWh, and not drawing 8 to give 2


def test_nobody_there_misses_everything() -> None:
    nobody = Devices.of([1, 1], least_kw=np.zeros((0, 2)), most_kw=np.zeros((0, 2)), names=[])
    assert share(nobody, [1, 2]).missed_kwh.tolist() == [1, 2]
