from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.carbon import Flows, Stores, tracing, tracing_with_stores
from dispatch.carbon.traced_files import TracedFile
from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array
from tests.unit.dispatch.carbon.networks import dense, meshed

STEPS, HOURS = 24, np.tile([0.25, 1.0], 12)


def case(seed: int, nodes: int, stores: int, losses: str) -> tuple[Flows, Array, Array, Stores]:
    """A random network with stores that are charged, drawn, both or neither, some drawn empty."""
    random = np.random.default_rng(seed)
    flows, power, intensity = meshed(random, nodes, STEPS)
    at = random.integers(0, nodes, stores)
    charge = random.uniform(0, 0.3, (stores, STEPS)) * (random.random((stores, STEPS)) < 0.6)
    gain, loss = random.uniform(0.85, 1, (2, stores))
    discharge, energy = np.zeros((stores, STEPS)), np.zeros(stores)
    for t in range(STEPS):
        wish = random.random(stores) < 0.5
        most = (energy + charge[:, t] * HOURS[t] * gain) * loss / HOURS[t]
        discharge[:, t] = np.where(wish, most * random.choice([0.5, 1.0], stores), 0.0)
        energy = np.maximum(energy + (charge[:, t] * gain - discharge[:, t] / loss) * HOURS[t], 0.0)
    # Stores give before sources do, and are loads of nodes that have them: what is left are sources and loads.
    np.add.at(power, at, charge)
    given = np.zeros_like(power)
    np.add.at(given, at, discharge)
    share = np.minimum(1.0, power / np.maximum(given, 1e-12))
    discharge = discharge * share[at].min(axis=0)
    given = np.zeros_like(power)
    np.add.at(given, at, discharge)
    rule = [("tank", "carry")[int(k)] for k in random.integers(0, 2, stores)]
    start = float(random.choice([0.0, 1e-3]))
    bank = Stores(at, charge, discharge, start, start / 10, gain, loss, rule=rule)  # type: ignore[arg-type]
    return flows, power - given, intensity, bank


def by_hand(flows: Flows, power: Array, intensity: Array, stores: Stores, losses: str) -> tuple[Array, Array]:
    """Intensities (n, T) and carbon held at the end (R,), by full matrices and one step after the other.

    What a store gives that is charged from empty is found by trying until it rests.
    """
    at, charge, discharge = (np.asarray(v) for v in (stores.at, stores.charge_kw, stores.discharge_kw))
    tank = np.asarray(stores.rule) == "tank"
    gain, loss = np.asarray(stores.charge_efficiency), np.asarray(stores.discharge_efficiency)
    energy, carbon = np.full(at.size, stores.start_kwh), np.full(at.size, stores.start_kg)
    out = np.empty(power.shape)
    for t in range(STEPS):
        stored, drawn = charge[:, t] * gain * HOURS[t], discharge[:, t] / loss * HOURS[t]
        mixes = ((energy <= 1e-9) | (drawn > energy)) & (stored > 0)
        shows = 1 / np.where(tank, 1.0, loss)
        begin = np.where(energy > 1e-9, carbon / np.maximum(energy, 1e-9), 0.0) * shows
        gives = begin
        for _ in range(2000):
            # All that comes in at a node, of a source or a store, is one source of the mixed intensity.
            own, brought = power[:, t].copy(), power[:, t] * intensity[:, t]
            np.add.at(own, at, discharge[:, t])
            np.add.at(brought, at, discharge[:, t] * gives)
            mixed = np.divide(brought, own, out=np.zeros_like(own), where=own > 0)
            out[:, t] = dense(flows.at_steps(np.array([t])), 0, own[:, None], mixed[:, None], losses)[0]
            taken = out[at, t] * charge[:, t] * HOURS[t] * np.where(tank, gain, 1.0)
            after = np.where(mixes, (carbon + taken) / np.where(mixes, energy + stored, 1.0) * shows, begin)
            if np.abs(after - gives).max() < 1e-15:
                break
            gives = after
        content = gives * np.where(tank, 1.0, loss)
        taken = out[at, t] * charge[:, t] * HOURS[t]
        carbon = carbon + taken * np.where(tank, gain, 1.0) - content * discharge[:, t] * HOURS[t] / loss
        energy = energy + (charge[:, t] * gain - discharge[:, t] / loss) * HOURS[t]
    return out, carbon


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6), st.integers(2, 8), st.integers(1, 3), st.sampled_from(["net", "gross"]))
def test_a_year_in_small_is_what_one_step_after_the_other_says(seed: int, nodes: int, stores: int, losses: Any) -> None:
    flows, power, intensity, bank = case(seed, nodes, stores, losses)
    found = tracing_with_stores(flows, power, intensity, HOURS, bank, losses=losses)
    known, carbon = by_hand(flows, power, intensity, bank, losses)
    np.testing.assert_allclose(found.traced.intensity, known, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(found.held.carbon_kg[:, -1], carbon, rtol=1e-7, atol=1e-10)
    assert found.residual < 1e-9


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6), st.integers(1, 23), st.sampled_from(["net", "gross"]))
def test_parts_of_a_year_make_the_same_year(seed: int, cut: int, losses: Any) -> None:
    flows, power, intensity, bank = case(seed, 5, 2, losses)
    whole = tracing_with_stores(flows, power, intensity, HOURS, bank, losses=losses)

    def part(steps: slice, stores: Stores) -> Any:
        powers = (np.asarray(v)[:, steps] for v in (stores.charge_kw, stores.discharge_kw))
        mine = replace(stores, **dict(zip(("charge_kw", "discharge_kw"), powers, strict=True)))
        some = flows.at_steps(steps)
        return tracing_with_stores(some, power[:, steps], intensity[:, steps], HOURS[steps], mine, losses=losses)

    first = part(slice(0, cut), bank)
    second = part(slice(cut, STEPS), bank.after(first))
    both = np.concatenate([first.traced.intensity, second.traced.intensity], axis=1)
    np.testing.assert_allclose(both, whole.traced.intensity, rtol=1e-9)
    np.testing.assert_allclose(second.held.carbon_kg[:, -1], whole.held.carbon_kg[:, -1], rtol=1e-9, atol=1e-12)


def two_steps(**more: Any) -> tuple[Flows, list[list[float]], list[float], float, Stores]:
    """A clean hour in which a battery is charged, and a dirty one in which it gives; a line of two nodes."""
    flows = Flows(2, [0], [1], [[5.0, 1.0]], [[-5.0, -1.0]])
    return flows, [[5.0, 1.0]], [0.2], 1.0, Stores([1], [[4.0, 0.0]], [[0.0, 3.0]], **more)


def test_a_battery_gives_in_the_evening_what_it_took_at_noon() -> None:
    flows, power, _, hours, stores = two_steps()
    found = tracing_with_stores(flows, power, [[0.1, 0.9]], hours, stores, at=[0], shares=True)
    assert found.held.delivered_kg_per_kwh[0, 1] == pytest.approx(0.1)
    assert found.traced.intensity[1, 1] == pytest.approx((1.0 * 0.9 + 3.0 * 0.1) / 4)
    np.testing.assert_allclose(found.charged_kg, [[0.4, 0.0]])
    np.testing.assert_allclose(found.delivered_kg, [[0.0, 0.3]])
    np.testing.assert_allclose(found.load_kg, [0.1, 1.2])
    assert found.traced.share is not None
    np.testing.assert_allclose(found.traced.share[:, 1, 1], [0.25, 0.75])
    assert found.residual < 1e-12
    assert found.held.carbon_kg[0, -1] == pytest.approx(0.1)


def test_without_stores_that_move_it_is_plain_tracing() -> None:
    flows, power, intensity = meshed(np.random.default_rng(8), 6, STEPS)
    idle = Stores([2], np.zeros((1, STEPS)), np.zeros((1, STEPS)), start_kwh=5.0, start_kg=2.0)
    found = tracing_with_stores(flows, power, intensity, 0.25, idle)
    np.testing.assert_array_equal(found.traced.intensity, tracing(flows, power, intensity).intensity)
    np.testing.assert_array_equal(found.held.carbon_kg, 2.0)


def test_a_step_without_a_solution_is_passed_by_a_store_that_stands_still() -> None:
    flows, power, intensity, bank = case(4, 5, 2, "net")
    charge, discharge = np.array(bank.charge_kw), np.array(bank.discharge_kw)
    flows.start_in[:, 7], flows.end_in[:, 7] = np.nan, np.nan
    assert flows.shunt is not None
    flows.shunt[:, 7] = np.nan
    holed = Flows(5, flows.start, flows.end, flows.start_in, flows.end_in, flows.shunt)
    charge[0, 7], discharge[:, 7] = 0.1, 0.0
    charge[1, 7] = 0.0
    with pytest.raises(DataError, match="store 0 moves in step 7, which has no flows"):
        tracing_with_stores(holed, power, intensity, HOURS, replace(bank, charge_kw=charge, discharge_kw=discharge))
    charge[0, 7] = 0.0
    discharge[:, 8:] = 0.0
    found = tracing_with_stores(holed, power, intensity, HOURS, replace(bank, charge_kw=charge, discharge_kw=discharge))
    assert np.isnan(found.traced.intensity[:, 7]).all()
    assert np.isfinite(found.traced.intensity[:, 8:]).all()
    np.testing.assert_array_equal(found.held.carbon_kg[:, 7], found.held.carbon_kg[:, 8])
    assert found.residual < 1e-9


def test_what_cannot_be_is_refused() -> None:
    flows, power, intensity, hours, stores = two_steps()
    with pytest.raises(DataError, match="store 0: more is drawn"):
        tracing_with_stores(flows, power, intensity, hours, replace(stores, discharge_kw=[[0.0, 9.0]]), at=[0])
    with pytest.raises(DataError, match="rule 'bucket' is not known"):
        tracing_with_stores(flows, power, intensity, hours, replace(stores, rule="bucket"), at=[0])  # type: ignore[arg-type]
    with pytest.raises(AlignmentError, match="3 steps and flows 2"):
        tracing_with_stores(flows, power, intensity, hours, Stores([1], [[0.0] * 3], [[0.0] * 3]), at=[0])
    with pytest.raises(DataError, match="node 2 does not exist"):
        tracing_with_stores(flows, power, intensity, hours, replace(stores, at=[2]), at=[0])
    dead = Flows(2, [0], [1], [[5.0, 1.0]], [[0.0, 0.0]])
    with pytest.raises(DataError, match="store 0 is charged in step 0"):
        tracing_with_stores(dead, power, intensity, hours, replace(stores, discharge_kw=[[0.0, 0.0]]), at=[0])


def test_a_traced_year_stands_in_a_file_part_by_part(tmp_path: Path) -> None:
    flows, power, intensity, hours, stores = two_steps()
    found = tracing_with_stores(flows, power, intensity, hours, stores, at=[0])
    path, start = tmp_path / "traced.parquet", np.array(["2026-01-01T00", "2026-01-01T01"], "datetime64[us]")
    with TracedFile(path, ["a", "b"], ["line"], ["battery"]) as file:
        file.write(start, found)
        with pytest.raises(AlignmentError, match="nodes, branches and stores"):
            file.write(start[:1], found)
    table = pq.read_table(path).to_pandas()
    np.testing.assert_allclose(table["intensity/b"], found.traced.intensity[1])
    np.testing.assert_allclose(table["held_kg/battery"], found.held.carbon_kg[0, 1:])
    assert list(table["time"]) == list(start)
    with pytest.raises(KeyError), TracedFile(tmp_path / "broken.parquet", ["a"], [], []):
        raise KeyError
    assert not (tmp_path / "broken.parquet").exists()
