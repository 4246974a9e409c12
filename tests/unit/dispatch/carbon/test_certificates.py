"""Certificates: golden T9, an uneven load worked out by hand, exact balances, and that nothing is used twice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.carbon.certificates import PER_KWH, Supply, covered, split
from dispatch.errors import AlignmentError, DataError

FACTOR = np.array([0.4, 0.5, 0.7, 0.3])
# Two meters that do not use alike, by hand: hour 0 is covered, in hour 1 all goes to b, hour 2 is shared 3 : 1.
UNEVEN = np.array([[10.0, 0, 30, 20], [2.0, 8, 10, 0]])
GREEN = np.array([12.0, 4, 16, 0])


def open_kg(load: np.ndarray, supplies: list[Supply], matching: str, names: tuple[str, ...]) -> np.ndarray:
    found = covered(load, supplies, names, matching=matching)  # type: ignore[arg-type]  # one of the two
    return np.asarray((load * found.open_share * FACTOR).sum(axis=1))


def test_t9_of_the_golden_file(shared: Path) -> None:
    golden = json.loads((shared / "golden" / "carbon.json").read_text(encoding="utf-8"))["T9_cfe"]
    load, supply = np.array([golden["load"]], float), [Supply("ppa", np.array(golden["contracted"], float))]
    hourly = covered(load, supply, ("site",))
    assert (load * hourly.open_share * golden["ef"]).sum() == pytest.approx(golden["market_hourly_t"], abs=1e-12)
    assert hourly.balances[0].closing == golden["excess"] * PER_KWH
    annual = covered(load, supply, ("site",), matching="year")
    assert (load * annual.open_share * golden["ef"]).sum() == pytest.approx(golden["market_annual_t"], abs=1e-12)
    assert annual.balances[0].closing == 0


def test_an_uneven_load_by_hand() -> None:
    supply = [Supply("ppa", GREEN)]
    assert open_kg(UNEVEN, supply, "hour", ("a", "b")) == pytest.approx([18 * 0.7 + 20 * 0.3, 4 * 0.5 + 6 * 0.7])
    # By the year 32 of 80: what is open has the mean factor weighted with the load, 0.535 and not 0.475.
    yearly = open_kg(UNEVEN, supply, "year", ("a", "b"))
    assert yearly == pytest.approx([0.6 * 31, 0.6 * 11.8])
    assert yearly.sum() == pytest.approx((80 - 32) * 42.8 / 80)


def test_what_is_sold_or_retired_covers_nothing() -> None:
    sold = Supply("pv", GREEN, sold_kwh=np.array([12.0, 0, 0, 0]), retired_kwh=np.array([0.0, 1, 0, 0]))
    found = covered(UNEVEN, [sold], ("a", "b"))
    assert not found.used[:, :, 0].any()
    assert found.used_kwh[0, :, 1] == pytest.approx([0, 3])
    balance = found.balances[0].kwh()
    assert balance == {
        "opening_kwh": 0.0, "issued_kwh": 32.0, "bought_kwh": 0.0, "used_kwh": 19.0, "sold_kwh": 12.0,
        "retired_kwh": 1.0, "closing_kwh": 0.0,
    }  # fmt: skip
    with pytest.raises(DataError, match="can be given away once"):
        covered(UNEVEN, [Supply("pv", GREEN, sold_kwh=GREEN, retired_kwh=GREEN)], ("a", "b"))


def test_certificates_without_an_hour_cover_the_year_only() -> None:
    lot = Supply("gec", np.array([40.0, 0, 0, 0]), entry="bought", timed=False)
    assert covered(UNEVEN, [lot], ("a", "b")).balances[0].closing == 40 * PER_KWH
    found = covered(UNEVEN, [lot], ("a", "b"), matching="year")
    assert found.used_kwh[0, :, 0] == pytest.approx([30, 10])
    assert found.balances[0].bought == found.balances[0].used == 40 * PER_KWH


def test_a_year_lends_nothing_to_the_next() -> None:
    load, supply = np.array([[5.0, 5.0]]), [Supply("ppa", np.array([10.0, 0.0]))]
    found = covered(load, supply, ("m",), matching="year", years=[2024, 2025])
    assert found.open_share.tolist() == [[0.0, 1.0]]
    assert found.balances[0].closing == 5 * PER_KWH


def test_named_shares_go_to_their_meters_and_the_rest_by_load() -> None:
    load = np.array([[4.0], [4.0], [2.0]])
    found = covered(load, [Supply("ppa", np.array([10.0]), shares={"a": 0.7})], ("a", "b", "c"))
    # 7 for a, which uses 4; the other 3 by the load of those that are not named.
    assert found.used_kwh[0, :, 0] == pytest.approx([4, 2, 1])
    assert found.balances[0].closing == 3 * PER_KWH
    with pytest.raises(DataError, match="'d', which is no meter; a, b, c are"):
        covered(load, [Supply("ppa", np.array([10.0]), shares={"d": 0.7})], ("a", "b", "c"))
    with pytest.raises(DataError, match=r"add up to 1.5"):
        covered(load, [Supply("ppa", np.array([10.0]), shares={"a": 0.7, "b": 0.8})], ("a", "b", "c"))


def test_the_first_supply_is_used_first() -> None:
    found = covered(np.array([[5.0]]), [Supply("pv", np.array([4.0])), Supply("ppa", np.array([4.0]))], ("m",))
    assert [balance.used / PER_KWH for balance in found.balances] == [4, 1]


def test_what_cannot_be_counted_is_refused() -> None:
    with pytest.raises(DataError, match="none of them missing"):
        covered(np.array([[np.nan]]), [], ("m",))
    with pytest.raises(DataError, match="too many to be counted"):
        covered(np.array([[1e13]]), [], ("m",))
    with pytest.raises(AlignmentError, match="2 values for 1 steps"):
        covered(np.array([[1.0]]), [Supply("ppa", np.array([1.0, 2.0]))], ("m",))
    with pytest.raises(AlignmentError, match="1 rows of load for 2 meters"):
        covered(np.array([[1.0]]), [], ("a", "b"))
    with pytest.raises(AlignmentError, match="3 years for 1 steps"):
        covered(np.array([[1.0]]), [], ("a",), years=[1, 2, 3])


@given(
    st.lists(st.integers(0, 10**15), min_size=1, max_size=6),
    st.integers(0, 10**15),
)
def test_a_split_adds_up_and_passes_no_limit(weights: list[int], total: int) -> None:
    weight = np.array(weights, dtype=np.int64)[:, None]
    wanted = np.minimum(np.array([total], dtype=np.int64), weight.sum(axis=0))
    found = split(wanted, weight, weight)
    assert found.sum(axis=0).tolist() == wanted.tolist()
    assert (found >= 0).all()
    assert (found <= weight).all()


@given(st.integers(0, 2**32 - 1), st.sampled_from(["hour", "year"]))
def test_balances_are_exact_and_nothing_is_used_twice(seed: int, matching: str) -> None:
    random = np.random.default_rng(seed)
    load = random.random((4, 50)) * 10 ** random.integers(0, 6, (4, 1))
    names, supplies = ("a", "b", "c", "d"), []
    for k in range(3):
        energy = random.random(50) * 10 ** random.integers(0, 6)
        shares = {"b": 0.25, "c": 0.5} if k == 1 else {}
        supplies.append(Supply(f"s{k}", energy, sold_kwh=energy * random.random(50), shares=shares, timed=k < 2))
    found = covered(load, supplies, names, matching=matching, years=np.arange(50) // 25)  # type: ignore[arg-type]
    assert [balance.residual for balance in found.balances] == [0, 0, 0]
    assert all(min(vars(balance)[name] for name in ("used", "sold", "closing")) >= 0 for balance in found.balances)
    assert (found.used.sum(axis=0) <= found.load).all()
    for k, (supply, balance) in enumerate(zip(supplies, found.balances, strict=True)):
        assert balance.issued == sum(round(e * PER_KWH) for e in supply.energy_kwh.tolist())
        assert int(found.used[k].sum()) == balance.used
        free = np.rint(supply.energy_kwh * PER_KWH) - np.rint(np.asarray(supply.sold_kwh) * PER_KWH)
        there = free if matching == "hour" else np.array([free[:25].sum(), free[25:].sum()])
        assert (found.used[k].sum(axis=0) <= there + 1e-9).all()
