"""What a network can take: held by the other engine, whatever steps the search begins with; a broken one is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from grid_models import hosting
from grid_models.errors import GridError
from grid_models.hosting import Addition, Capacity, capacities
from grid_models.injections import Injections
from grid_models.layout import positions
from grid_models.limits import Limits, violations
from grid_models.network import Network
from grid_models.power_flow import solve_reference

BUSES = ("Bus 5", "Bus 9", "Bus 11")
TOLERANCE_KW = 5.0
HOURS = 12
SUN = np.sin(np.linspace(0, np.pi, HOURS)) ** 2
SUN[[0, -1]] = 0.0


@pytest.fixture(scope="module")
def own(inject: Callable[..., Injections]) -> Injections:
    """A customer that draws most when the sun is low, so that the worst step is not the sunniest for everybody."""
    return inject({"Bus 9": -800 * (1 - 0.7 * SUN), "Bus 5": np.linspace(-300, 200, HOURS)})


def limits(network: Network) -> Limits:
    return Limits.of(network, voltage_min_pu=0.93, voltage_max_pu=1.05, branch_loading_max_pu=1.0)


def found(network: Network, own: Injections, addition: Addition, **other: Any) -> list[Capacity]:
    settings = {"most_kw": 40_000.0, "tolerance_kw": TOLERANCE_KW} | other
    return capacities(network, own, None, addition, limits(network), **settings)


def breaches(network: Network, own: Injections, addition: Addition, row: int, rating_kw: float) -> int:
    """By the reference engine, step by step."""
    count = 0
    for profile in addition.kw_per_kw:
        p_kw = addition.shares[row][:, None] * rating_kw * profile
        p_kw[network.bus_index(own.bus)] += own.p_kw
        flows = solve_reference(network, Injections(network.bus_names, p_kw, np.zeros_like(p_kw)))
        count += len(violations(network, flows, limits(network), tolerance_pu=1e-5))
    return count


@pytest.mark.parametrize("profile", [SUN[None], -SUN[None], np.stack([np.ones(HOURS), -np.ones(HOURS)])])
def test_a_rating_holds_in_every_step_and_a_little_more_does_not(cigre: Network, own: Injections, profile: Any) -> None:
    addition = Addition.at_buses(cigre, BUSES, profile)
    for row, one in enumerate(found(cigre, own, addition)):
        assert one.binding is not None
        assert breaches(cigre, own, addition, row, one.rating_kw) == 0
        assert breaches(cigre, own, addition, row, one.rating_kw + 2 * TOLERANCE_KW + 0.002 * one.rating_kw) > 0


def test_what_binds_is_named_with_its_step(cigre: Network, own: Injections) -> None:
    addition = Addition.at_buses(cigre, BUSES, SUN)
    one = found(cigre, own, addition)[1]
    assert one.binding is not None
    p_kw = addition.shares[1][:, None] * (one.rating_kw + 2 * TOLERANCE_KW) * SUN
    p_kw[cigre.bus_index(own.bus)] += own.p_kw
    flows = solve_reference(cigre, Injections(cigre.bus_names, p_kw, np.zeros_like(p_kw)))
    seen = violations(cigre, flows, limits(cigre))
    assert (one.binding.element, one.binding.kind, one.binding.step) in {(b.element, b.kind, b.step) for b in seen}
    assert one.binding.margin > 0


def test_a_step_that_the_search_did_not_begin_with_is_found(
    cigre: Network, own: Injections, monkeypatch: pytest.MonkeyPatch
) -> None:
    addition = Addition.at_buses(cigre, BUSES, SUN)
    best = [one.rating_kw for one in found(cigre, own, addition)]
    monkeypatch.setattr(hosting._Search, "first_cases", lambda *_: np.array([1]))  # almost no sun
    blind = [one.rating_kw for one in found(cigre, own, addition)]
    np.testing.assert_allclose(blind, best, atol=2 * TOLERANCE_KW)


def test_a_rating_without_an_ac_solution_does_not_hold(cigre: Network, own: Injections) -> None:
    addition = Addition.at_buses(cigre, BUSES[:1], -np.ones(HOURS))
    (near,), (far,) = (found(cigre, own, addition, most_kw=most) for most in (40_000.0, 3e6))
    assert far.rating_kw == pytest.approx(near.rating_kw, abs=2 * TOLERANCE_KW)


def test_a_tolerance_widens_limits_at_either_end(cigre: Network, own: Injections) -> None:
    """Voltage alone binds: down where it is drawn, up where it is fed in."""

    def rating(profile: Any, least: float, most: float, more: float) -> float:
        chosen = Limits.of(cigre, voltage_min_pu=least, voltage_max_pu=most, branch_loading_max_pu=100.0)
        addition = Addition.at_buses(cigre, BUSES[2:], profile)
        (one,) = capacities(cigre, own, None, addition, chosen, most_kw=4e4, tolerance_pu=more)
        return one.rating_kw

    for profile in (SUN, -SUN):
        assert rating(profile, 0.94, 1.06, 0.0) == pytest.approx(rating(profile, 0.95, 1.05, 0.01), abs=20)
        assert rating(profile, 0.94, 1.06, 0.0) > rating(profile, 0.95, 1.05, 0.0) + 200


def test_either_direction_of_a_store_counts(cigre: Network, own: Injections) -> None:
    both = np.stack([np.ones(HOURS), -np.ones(HOURS)])
    store, out, in_ = (
        [one.rating_kw for one in found(cigre, own, Addition.at_buses(cigre, BUSES, p))]
        for p in (both, both[:1], both[1:])
    )
    np.testing.assert_allclose(store, np.minimum(out, in_), atol=2 * TOLERANCE_KW)


def test_together_they_take_less_than_one_by_one(cigre: Network, own: Injections) -> None:
    addition = Addition.at_buses(cigre, BUSES, SUN)
    alone = np.array([one.rating_kw for one in found(cigre, own, addition)])
    (together,) = found(cigre, own, addition.together(alone), most_kw=float(alone.sum()))
    assert 0 < together.rating_kw < alone.sum()
    assert addition.together(alone).shares.sum() == pytest.approx(1.0)


def test_where_nothing_binds_the_end_of_the_search_is_the_answer(cigre: Network, own: Injections) -> None:
    shares: list[float] = []
    (one,) = found(cigre, own, Addition.at_buses(cigre, BUSES[:1], SUN), most_kw=50.0, progress=shares.append)
    assert one == Capacity(50.0, None)
    assert shares[-1] == 1.0


def test_a_network_that_is_broken_already_is_refused_by_element_and_step(cigre: Network, inject: Any) -> None:
    heavy = inject({"Bus 9": np.where(np.arange(HOURS) == 7, -30_000.0, 0.0)})
    with pytest.raises(GridError, match=r"passes a limit without any addition: .* in step 7"):
        found(cigre, heavy, Addition.at_buses(cigre, BUSES, SUN))


def test_a_network_without_a_solution_is_refused_too(cigre: Network, inject: Any) -> None:
    hopeless = inject({"Bus 9": np.where(np.arange(HOURS) == 3, -3e6, 0.0)})
    with pytest.raises(GridError, match="no AC solution in step 3"):
        found(cigre, hopeless, Addition.at_buses(cigre, BUSES, SUN))


def test_what_does_not_fit_is_refused(cigre: Network, own: Injections) -> None:
    with pytest.raises(GridError, match="has 3 steps, the injections have 12"):
        found(cigre, own, Addition.at_buses(cigre, BUSES, np.ones(3)))
    with pytest.raises(GridError, match="most_kw 0"):
        found(cigre, own, Addition.at_buses(cigre, BUSES, SUN), most_kw=0.0)
    with pytest.raises(GridError, match="unknown bus 'Bus 99'"):
        Addition.at_buses(cigre, ("Bus 99",), SUN)


def test_surveyed_buses_stand_where_the_network_says(cigre: Network) -> None:
    places, surveyed = positions(cigre)
    assert surveyed
    assert cigre.reference is not None
    assert f"[{places[0, 0]}, {places[0, 1]}]" in cigre.reference.net.bus["geo"].iloc[0]


def test_other_networks_are_drawn_as_a_tree_from_the_slack(case33: Network) -> None:
    places, surveyed = positions(case33.without_reference())
    assert not surveyed
    assert len(np.unique(places, axis=0)) == len(case33.bus_names)
    slack = np.flatnonzero(np.isin(case33.ac.bus_node, case33.ac.slack_node))
    assert (places[slack, 1] == places[:, 1].max()).all()
    steps = np.abs(places[case33.branch_from, 1] - places[case33.branch_to, 1])
    assert (steps <= 1).sum() >= len(case33.bus_names) - 1
