"""Rows that join sites: what they use, what a price proves, the least-cost rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from dispatch.errors import ContractError
from dispatch.fleet.coupling import Coupling, Rest
from dispatch.signals import Array


def rows(values: object) -> csr_array:
    return csr_array(np.atleast_2d(np.asarray(values, float)))


def cap(most: float, penalty: float | None = None) -> Coupling:
    """q_0 + q_1 ≤ most over two sites with one entry; soft where a penalty is given."""
    rest = Rest.none(1)
    if penalty is not None:
        one, none = np.ones(1), np.zeros(0)
        rest = Rest(
            ("over",), penalty * one, 0 * one, np.inf * one, rows([[-1]]), csr_array((0, 1)), none, none, one < 0
        )
    return Coupling(("cap",), np.array([0]), rows([[1, 1]]), np.array([-np.inf]), np.array([most]), rest, 1)


def effects(*values: float) -> Array:
    return np.array(values)[:, None]


def test_used_residual_and_extra() -> None:
    coupling = replace(
        cap(10.0),
        names=("a", "b"),
        entry=np.array([1, 0]),
        share=rows([[1, 0, -2], [0, 1, 1]]),
        lower=np.array([-1.0, 5.0]),
        upper=np.array([2.0, 7.0]),
        rest=Rest.none(2),
        quantities=2,
    )
    q = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 2.0]])
    np.testing.assert_array_equal(coupling.used(q), [6.0, 6.0])
    np.testing.assert_array_equal(coupling.residual(q), [4.0, 0.0])
    np.testing.assert_array_equal(coupling.residual(q * [1, -1]), [-5.0, 0.0])
    np.testing.assert_array_equal(coupling.extra(np.array([3.0, -1.0])), [[0, 3], [-1, 0], [-1, -6]])
    price = np.array([0.5, -0.25])
    assert (coupling.extra(price) * q).sum() == pytest.approx(price @ coupling.used(q))
    assert coupling.part(np.array([2])).share.toarray().tolist() == [[-2.0], [1.0]]


def test_a_price_proves_a_bound_by_hand() -> None:
    """Two sites at 1 and 3 a unit need 6 in all of which the row lets 4 through; what lacks costs 5."""
    coupling = cap(4.0, penalty=5.0)
    # Site n: 0 ≤ q_n ≤ 3, own cost (v_n − 8) q_n, since eight is saved by each unit. At penalty 5 the second site is
    # indifferent to its last two units.
    best = 3 * -7 + 3 * -5 + 2 * 5
    for price, tight in ((5.0, True), (2.0, False), (0.0, False)):
        sites = np.array([3 * min(0.0, -7 + price), 3 * min(0.0, -5 + price)])
        bound = coupling.bound(np.array([price]), sites)
        assert bound <= best + 1e-12
        assert (bound == pytest.approx(best)) is tight


def test_a_price_above_the_penalty_proves_nothing() -> None:
    assert cap(4.0, penalty=5.0).bound(np.array([6.0]), 0.0) == -np.inf


def test_a_price_towards_no_side_is_refused() -> None:
    coupling = cap(4.0)
    assert coupling.allowed(np.array([-1.0])) == [0.0]
    with pytest.raises(ContractError, match="infinite side"):
        coupling.bound(np.array([-1.0]), 0.0)


def test_the_rest_pays_for_what_is_over() -> None:
    done = cap(4.0, penalty=5.0).complete(effects(3.0, 3.0))
    assert not done.excess.any()
    assert done.money == pytest.approx(10.0, abs=1e-4)
    hard = cap(4.0).complete(effects(3.0, 3.0))
    np.testing.assert_allclose(hard.excess, [2.0])


def test_a_rest_with_rows_of_its_own() -> None:
    """A peak over two steps: y_t = use, peak ≥ y_t, 10 money per unit of peak beyond 4."""
    rest = Rest(
        ("use 0", "use 1", "peak"),
        np.array([0.0, 0.0, 10.0]),
        np.array([-np.inf, -np.inf, 4.0]),
        np.full(3, np.inf),
        rows([[-1, 0, 0], [0, -1, 0]]),
        rows([[-1, 0, 1], [0, -1, 1]]),
        np.zeros(2),
        np.full(2, np.inf),
        np.zeros(3, bool),
        offset=-40.0,
    )
    coupling = Coupling(
        ("0", "1"), np.array([0, 1]), rows([[1, 1], [1, 1]]), np.zeros(2), np.zeros(2), rest, quantities=2
    )
    done = coupling.complete(np.array([[1.0, 2.0], [2.0, 5.0]]))
    assert done.money == pytest.approx(30.0, abs=1e-5)
    assert done.y[2] == pytest.approx(7.0, abs=1e-5)
    # All of the peak's price in step 1: what the sites do there costs 70 of the 30 and the 40 paid anyway.
    assert coupling.bound(np.array([0.0, 10.0]), np.array([20.0, 50.0])) == pytest.approx(30.0)
    assert coupling.bound(np.array([0.0, 11.0]), 0.0) == -np.inf


def test_hard_rows_of_the_rest_leave_what_cannot_be_helped() -> None:
    soft = cap(4.0, penalty=5.0)
    narrow = replace(soft, rest=replace(soft.rest, upper=np.array([1.5])))
    done = narrow.complete(effects(3.0, 3.0))
    np.testing.assert_allclose(done.excess, [0.5])
    assert done.money == pytest.approx(7.5)


def test_whole_numbers_of_the_rest() -> None:
    soft = cap(4.0, penalty=5.0)
    whole = replace(soft, rest=replace(soft.rest, integer=np.array([True])))
    assert whole.complete(effects(3.0, 2.5)).money == pytest.approx(10.0)


def test_what_does_not_fit_is_refused() -> None:
    good = cap(4.0)
    with pytest.raises(ContractError, match="nothing lies between"):
        replace(good, lower=np.array([5.0]))
    with pytest.raises(ContractError, match="entry must name one of 1"):
        replace(good, entry=np.array([1]))
    with pytest.raises(ContractError, match="wanted"):
        replace(good, upper=np.zeros(2))
    with pytest.raises(ContractError, match="is nan"):
        replace(good, upper=np.array([np.nan]))
    with pytest.raises(ContractError, match="reaches 2 rows"):
        replace(good, rest=Rest.none(2))
    with pytest.raises(ContractError, match="effects are"):
        good.used(np.zeros((3, 1)))
    with pytest.raises(ContractError, match="finite numbers"):
        replace(good, share=rows([[np.inf, 1]]))
    soft = cap(4.0, penalty=1.0).rest
    with pytest.raises(ContractError, match="integer"):
        replace(soft, integer=np.zeros(2, bool))
    with pytest.raises(ContractError, match="reach is"):
        replace(soft, reach=csr_array((1, 2)))
    with pytest.raises(ContractError, match="no values keep"):
        replace(soft, rows=rows([[1]]), row_lower=np.array([-2.0]), row_upper=np.array([-1.0])).minimum(np.ones(1))
