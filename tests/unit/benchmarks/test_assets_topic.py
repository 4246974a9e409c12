"""The topic of asset kinds: shared cases, peers that may be missing, a simulation that notices what a plan lacks."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.cases import multi_carrier, outages
from benchmarks.cases.multi_carrier import Case
from benchmarks.rows import CannotMeasure, Measured
from benchmarks.topics import measurements
from benchmarks.topics.assets import golden, peers

CASES = pytest.mark.parametrize("case", multi_carrier.CASES, ids=lambda case: case.__name__)


@CASES
def test_a_shared_case_is_the_same_every_time_and_uses_all_that_it_has(case: Callable[[], Case]) -> None:
    one, other = case(), case()
    for mine, theirs in zip(one.of(multi_carrier.Demand), other.of(multi_carrier.Demand), strict=True):
        assert np.array_equal(mine.kw, theirs.kw)
    site, inputs = multi_carrier.site(one)
    assert {asset.name for asset in site.assets} == {part.name for part in one.parts}
    assert inputs.horizon.steps == one.steps
    assert abs(peers.ours(case)) > 100


@CASES
@pytest.mark.parametrize("peer", peers.PEERS)
def test_a_peer_that_is_not_installed_is_no_failure(
    peer: str, case: Callable[[], Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("oemof", "pypsa", f"benchmarks.peers.{peers.PEERS[peer]}"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, f"benchmarks.peers.{peers.PEERS[peer]}")
    peers.theirs.cache_clear()
    with pytest.raises(CannotMeasure, match="make bench-env"):
        peers.theirs(peer, case)


@CASES
@pytest.mark.parametrize(("peer", "package"), [("oemof-solph", "oemof"), ("PyPSA", "pypsa")])
def test_a_peer_reaches_our_optimum(peer: str, package: str, case: Callable[[], Case]) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: make bench-env")
    peers.theirs.cache_clear()
    assert peers.ours(case) == pytest.approx(peers.theirs(peer, case), rel=1e-6)


def test_a_plan_that_is_to_survive_does_and_one_that_is_not_is_caught() -> None:
    asked, free = outages.case(0), outages.case(0, asked=False)
    held, plain = outages.planned(asked), outages.planned(free)
    at = range(1, outages.STEPS)
    long_enough = [min(asked.survival_h, (outages.STEPS - k) * outages.STEP_H) for k in at]
    assert [outages.simulated_h(asked, held, k, asked.weather_share) for k in at] == pytest.approx(long_enough)
    assert (
        min(outages.simulated_h(free, plain, k, free.weather_share) - h for k, h in zip(at, long_enough, strict=True))
        < -1
    )
    # A little less in the batteries than planned is noticed where it is all needed.
    stores = held.kinds["battery"]
    drained = stores.series["stored_kwh"] - 3.0
    less = replace(
        held,
        kinds=dict(held.kinds) | {"battery": replace(stores, series=dict(stores.series) | {"stored_kwh": drained})},
    )
    assert (
        min(outages.simulated_h(asked, less, k, asked.weather_share) - h for k, h in zip(at, long_enough, strict=True))
        < 0
    )


def test_the_published_answers_are_met() -> None:
    try:
        found = golden.electrolyser_yield(), golden.negative_prices(), golden.dense_air()
    except CannotMeasure as reason:
        pytest.skip(str(reason))
    yields, prices, wind = (one.value if isinstance(one, Measured) else one for one in found)
    assert yields < 5e-4
    assert prices < 1e-4
    assert wind == 461.0029


def test_the_topic_has_its_rows() -> None:
    names = [one.name for one in measurements("assets")]
    assert sum("optimum" in name for name in names) == 7
    assert any("outages survived" in name for name in names)
    assert any("price of surviving" in name for name in names)
    assert any("dropped in" in name for name in names)
