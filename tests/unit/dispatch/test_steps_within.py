"""What lies within some hours of each step is found on the clock, and is what looking at all pairs of steps finds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from hypothesis import given as drawn
from hypothesis import strategies as st

from dispatch.asset import Rows
from dispatch.loads import flexible
from dispatch.signals import Horizon, spans
from dispatch.stores.reserve import Moments
from dispatch.units.commitment import window
from dispatch.units.island import Pairs
from dispatch.units.matched_starts import matches

HORIZONS = st.lists(st.sampled_from([300, 900, 1200, 3600, 5400]), min_size=1, max_size=24).map(
    lambda lengths_s: Horizon(
        np.datetime64("2024-03-01", "s") + np.cumsum([0, *lengths_s]).astype("timedelta64[s]"), "UTC"
    )
)
HOURS = st.sampled_from([0.0, 0.05, 0.25, 1 / 3, 0.5, 1.0, 1.5, 4.0, 40.0])


def test_spans_stand_one_after_the_other_and_empty_ones_hold_nothing() -> None:
    whose, numbers = spans(np.array([3, 5, 0]), np.array([5, 4, 1]))
    assert whose.tolist() == [0, 0, 2]
    assert numbers.tolist() == [3, 4, 0]


@drawn(HORIZONS, HOURS)
def test_steps_before_a_step(horizon: Horizon, hours: float) -> None:
    edge = horizon.edge_h
    lasting, since = edge[1:, None] - edge[:-1], edge[:-1, None] - edge[:-1]
    fits = np.tril(lasting <= hours + 1e-9)
    np.testing.assert_array_equal(flexible.within(horizon, hours).toarray(), fits)
    recent = (since >= 0) & (since < hours - 1e-9)
    np.testing.assert_array_equal(flexible.since(edge[:-1], hours).toarray(), recent)


@drawn(HORIZONS, st.lists(HOURS, min_size=1, max_size=3))
def test_minimum_times_of_several_units(horizon: Horizon, least_h: list[float]) -> None:
    start, steps = horizon.edge_h[:-1], horizon.steps
    lag = start[:, None] - start
    whole = window(np.array(least_h)[:, None], horizon).toarray()
    for row, hours in enumerate(least_h):
        own = slice(row * steps, (row + 1) * steps)
        wanted = (lag >= 0) & (lag < max(hours, horizon.hours.min() / 2) - 1e-9)
        np.testing.assert_array_equal(whole[own, own], wanted)
        whole[own, own] = 0
    assert not whole.any()


@drawn(HORIZONS, st.lists(st.tuples(HOURS, HOURS), min_size=1, max_size=3))
def test_starts_after_stops(horizon: Horizon, units: list[tuple[float, float]]) -> None:
    members = [SimpleNamespace(cold_h=cold, min_down_h=down) for cold, down in units]
    found = matches(cast("Rows[Any]", SimpleNamespace(members=members)), horizon)
    lag = horizon.edge_h[:-1] - horizon.edge_h[:-1, None]
    usable = [(lag > 1e-9) & (lag > down - 1e-9) & (lag < cold - 1e-9) for cold, down in units]
    member, stop, start = np.nonzero(np.array(usable))
    np.testing.assert_array_equal((found.member, found.stop, found.start), (member, stop, start))
    np.testing.assert_array_equal(found.lag_h, lag[stop, start])


@drawn(HORIZONS, HOURS.filter(bool))
def test_steps_of_outages(horizon: Horizon, lasting_h: float) -> None:
    lag = horizon.edge_h[:-1] - horizon.edge_h[:-1, None]
    pairs = Pairs(horizon, lasting_h)
    np.testing.assert_array_equal((pairs.start, pairs.step), np.nonzero((lag >= 0) & (lag < lasting_h - 1e-6)))


@drawn(HORIZONS, HOURS.filter(bool))
def test_moments_of_calls(horizon: Horizon, lasting_h: float) -> None:
    moments, edge = Moments(horizon, lasting_h), horizon.edge_h
    at = moments.at_h
    inside = np.minimum(edge[1:, None], at) - np.maximum(edge[:-1, None], at - lasting_h)
    np.testing.assert_array_equal(moments.window_h.toarray(), np.maximum(inside, 0))
    weight = np.array([np.interp(at, edge, row) for row in np.eye(edge.size)])
    first, later = moments.weights
    np.testing.assert_allclose(np.vstack([first, later.toarray()]), weight, atol=1e-14)
    moment, step = np.nonzero((at[:, None] >= edge[:-1] - 1e-6) & (at[:, None] <= edge[1:] + 1e-6))
    planned = moments.in_step[2] == 1
    np.testing.assert_array_equal([part[planned] for part in moments.in_step[:2]], [moment, step])
