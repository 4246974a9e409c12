from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.errors import ContractError, SolveError
from dispatch.executor import executor
from dispatch.fleet.coordination import Coordinated, Round, Settings, Structure, coordinate
from dispatch.fleet.coupling import Coupling, Rest
from tests.unit.dispatch.fleet.coordination.one_program import (
    ENTRIES,
    STEPS,
    caps,
    drawn,
    free,
    optimum,
    some,
    structure,
)

CLOSE = 1e-6
SMALL = Settings(gap=CLOSE, sample=4, portions=3)


def fleet(sites: int = 24) -> list[Structure]:
    return [structure(sites)]


def holds(made: Coordinated, structures: list[Structure], coupling: Coupling) -> None:
    """The plans are plans: every site's own rows and bounds, the shared rows, and the money."""
    money = 0.0
    for one, x in zip(structures, made.x, strict=True):
        for n in range(len(one.stack)):
            own = one.stack.matrices(n)
            activity = own.rows @ x[n]
            assert (activity >= own.row_lower - 1e-5).all()
            assert (activity <= own.row_upper + 1e-5).all()
            assert (x[n] >= own.col_lower - 1e-6).all()
            assert (x[n] <= own.col_upper + 1e-6).all()
            money += float(own.cost @ x[n]) + own.offset
    at = np.concatenate([x[:, one.at] for one, x in zip(structures, made.x, strict=True)])
    np.testing.assert_allclose(made.effect, at, atol=1e-7)
    assert money + float(coupling.rest.cost @ made.y) + coupling.rest.offset == pytest.approx(made.money, rel=1e-9)
    left = np.abs(coupling.residual(at, made.y))  # the rest may use what counts as kept
    assert (left <= 2e-7 * np.maximum(1, np.abs(coupling.used(at)))).all() or made.breaches


@given(seed=st.integers(0, 10_000), sites=st.integers(5, 24))
@settings(max_examples=6, deadline=None)
def test_finds_the_optimum_that_one_program_finds(seed: int, sites: int) -> None:
    which = np.random.default_rng(seed).permutation(24)[:sites]
    structures = [some(structure(), which)]
    coupling = drawn(structures, seed)
    best = optimum(structures, coupling)
    heard: list[Round] = []
    made = coordinate(structures, coupling, SMALL, tell=heard.append)
    size = max(1.0, abs(best))
    assert all(one.lower <= best + 1e-7 * size for one in heard)
    assert all(one.upper >= best - 1e-7 * size for one in heard)
    assert made.upper == pytest.approx(best, abs=2 * CLOSE * size)
    assert made.lower == pytest.approx(best, abs=2 * CLOSE * size)
    assert not made.breaches
    holds(made, structures, coupling)


def test_caps_bind_and_cost_what_their_prices_say() -> None:
    structures = fleet()
    coupling = caps(structures, 0.9, 0.01)
    made = coordinate(structures, coupling, SMALL)
    holds(made, structures, coupling)
    bound = np.isclose(made.used, coupling.upper, rtol=1e-6)
    assert bound.any()
    assert (made.price >= 0).all()
    assert np.allclose(made.price[~bound], 0, atol=1e-9)
    # What a little more of a cap saves is its price (envelope theorem).
    row = int(np.argmax(made.price[:-1]))
    more = replace(coupling, upper=coupling.upper + np.eye(ENTRIES)[row] * 0.01 * coupling.upper[row])
    less = replace(coupling, upper=coupling.upper - np.eye(ENTRIES)[row] * 0.01 * coupling.upper[row])
    step = 0.01 * coupling.upper[row]
    dear, cheap = (optimum(structures, c) for c in (less, more))
    assert (made.upper - cheap) / step - 1e-3 <= made.price[row] <= (dear - made.upper) / step + 1e-3


def test_without_anything_that_binds_each_site_does_what_it_would_alone() -> None:
    structures = fleet()
    coupling = caps(structures, 2.0)
    made = coordinate(structures, coupling, SMALL)
    assert len(made.rounds) == 1
    assert made.gap <= 1e-9
    np.testing.assert_allclose(made.effect.sum(axis=0), free(structures).sum(axis=0), rtol=0.2)
    assert not made.price.any()


def test_several_structures_in_one_fleet() -> None:
    structures = [structure(), structure(9, genset=False)]
    coupling = caps(structures, 0.92)
    made = coordinate(structures, coupling, SMALL)
    assert made.upper == pytest.approx(optimum(structures, coupling), rel=2 * CLOSE)
    assert len(made.names) == 33
    assert [x.shape[0] for x in made.x] == [24, 9]
    holds(made, structures, coupling)


def test_the_order_of_sites_makes_no_difference_to_the_optimum() -> None:
    order = np.random.default_rng(1).permutation(24)
    coupling = caps(fleet(), 0.9, 0.01)
    turned = replace(coupling, share=coupling.share[:, order])
    one = coordinate(fleet(), coupling, SMALL)
    other = coordinate([some(structure(), order)], turned, SMALL)
    assert one.upper == pytest.approx(other.upper, rel=2 * CLOSE)
    assert other.names == tuple(np.array(one.names)[order])


def test_processes_give_the_same_bytes_as_one_after_the_other() -> None:
    structures, coupling = fleet(), caps(fleet(), 0.9, 0.01)
    one = coordinate(structures, coupling, SMALL)
    other = coordinate(structures, coupling, SMALL, place=executor("processes", 2))
    assert one.x[0].tobytes() == other.x[0].tobytes()
    assert one.price.tobytes() == other.price.tobytes()
    assert (one.lower, one.upper) == (other.lower, other.upper)


def test_what_cannot_be_kept_is_named_with_its_amount_and_price() -> None:
    structures = fleet()
    coupling = replace(caps(structures, 0.9), upper=np.append(np.full(STEPS, 1e9), -1e5))
    made = coordinate(structures, coupling, SMALL)
    assert [one.row for one in made.breaches] == ["emissions"]
    breach = made.breaches[0]
    assert breach.amount == pytest.approx(made.used[-1] - coupling.upper[-1], rel=1e-6)
    assert breach.price > 0
    assert "emissions is passed by" in breach.text
    assert made.upper == pytest.approx(made.money + breach.amount * breach.price, rel=1e-9)
    assert made.gap <= CLOSE
    # As low as the sites can get: a cap there can be kept.
    least = replace(coupling, upper=np.append(np.full(STEPS, 1e9), made.used[-1] + 1e-3))
    assert not coordinate(structures, least, SMALL).breaches


def test_ends_with_the_best_so_far_when_time_or_rounds_are_over() -> None:
    structures, coupling = fleet(), caps(fleet(), 0.9, 0.01)
    best = optimum(structures, coupling)
    late = coordinate(structures, coupling, replace(SMALL, deadline_s=0.0))
    few = coordinate(structures, coupling, replace(SMALL, rounds=1, spreads=0))
    for made, why in ((late, "deadline"), (few, "rounds")):
        assert made.stopped == why
        assert made.lower <= best * (1 + 1e-9)
        assert made.upper >= best * (1 - 1e-9)
        assert made.gap > CLOSE


def test_begins_from_prices_that_are_given() -> None:
    structures, coupling = fleet(), caps(fleet(), 0.9, 0.01)
    cold = coordinate(structures, coupling, replace(SMALL, gap=1e-5))
    warm = coordinate(structures, coupling, replace(SMALL, gap=1e-5, least_sampled=10**6), prices=cold.price)
    assert warm.rounds[0].lower == pytest.approx(cold.lower, rel=1e-9)
    assert warm.upper == pytest.approx(cold.upper, rel=2e-5)


def test_a_site_without_a_plan_is_named() -> None:
    one = structure(6)
    table = one.stack.limit
    values = table.values.copy()
    values[4] = -1e7
    broken = Structure(replace(one.stack, limit=replace(table, values=values)), one.at)
    with pytest.raises(SolveError, match=one.stack.names[4]):
        coordinate([broken], caps([one], 0.9), SMALL)


def test_what_does_not_belong_together_is_refused() -> None:
    one = structure(6)
    with pytest.raises(ContractError, match="6 sites"):
        coordinate([one], caps(fleet(), 0.9), SMALL)
    narrow = Structure(one.stack, one.at[:-1])
    with pytest.raises(ContractError, match="quantities"):
        coordinate([narrow], caps([one], 0.9), SMALL)


def test_rest_without_values_is_refused() -> None:
    structures = [structure(6)]
    coupling = caps(structures, 0.9)
    empty = np.zeros(1)
    rest = Rest(
        ("y",),
        empty,
        empty,
        np.ones(1),
        coupling.share[:, :1] * 0.0,
        coupling.share[:1, :1],
        np.full(1, 2.0),
        np.full(1, 3.0),
        np.zeros(1, bool),
    )
    with pytest.raises(ContractError, match="own"):
        coordinate(structures, replace(coupling, rest=rest), SMALL)
