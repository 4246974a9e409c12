"""Problems are written out as cvxpy does it, in what they hold and not in the square of their steps."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from cvxpy.lin_ops import backends
from cvxpy.lin_ops.backends import CooCanonBackend, get_backend
from scipy.sparse import csr_array

from dispatch.problem import Problem
from dispatch.signals import Horizon
from dispatch.solver import canonical
from dispatch.solver.highs import Compiled
from tests.parks import battery, given, grid, hours, load, park, tariff, unit

SHAPE = (2, 5)
MIB = 2**20


def _scaled(p: Any, x: Any) -> Any:
    return cp.multiply(p, x)


def _of_a_sum(p: Any, x: Any) -> Any:
    return cp.multiply(p + p - 3, x) + cp.multiply(cp.multiply(np.arange(10.0).reshape(SHAPE), p), x)


def _of_parts(p: Any, x: Any) -> Any:
    return cp.hstack([cp.multiply(p[:, 1:3], x[:, :2] - x[:, 2:4]), cp.multiply(-p[:, :3], x[:, 2:])])


def _of_a_row(p: Any, x: Any) -> Any:
    return cp.multiply(p, np.ones((2, 1)) @ x[:1]) @ csr_array(np.tri(5)) + cp.multiply(cp.sum(p), x)


def _written(term: Callable[[Any, Any], Any], backend: str) -> tuple[Any, Any]:
    """Coefficients and costs as functions of the parameters."""
    rng = np.random.default_rng(1)
    p = cp.Parameter(SHAPE, value=rng.random(SHAPE))
    x = cp.Variable(SHAPE, nonneg=True)
    made = cp.Problem(cp.Minimize(cp.sum(term(p, x))), [term(p, x) >= p])
    data, _, _ = made.get_problem_data(cp.HIGHS, enforce_dpp=True, canon_backend=backend, solver_opts={})
    return data["param_prob"].reduced_A.reduced_mat, data["param_prob"].q


@pytest.mark.parametrize("term", [_scaled, _of_a_sum, _of_parts, _of_a_row])
def test_what_is_written_is_what_another_backend_of_cvxpy_writes(term: Callable[[Any, Any], Any]) -> None:
    with canonical.backend() as name:
        written = _written(term, name)
    for ours, theirs in zip(written, _written(term, cp.SCIPY_CANON_BACKEND), strict=True):
        assert ours.shape == theirs.shape
        assert abs(ours - theirs).max() <= 1e-14


def _found(name: str = cp.COO_CANON_BACKEND) -> type:
    return type(get_backend(name, {}, {}, {}, 1, 0))


def test_the_backend_that_cvxpy_finds_by_the_name_is_ours_inside_and_for_no_other_thread() -> None:
    register = backends._BACKEND_REGISTRY
    before = dict(register)
    with canonical.backend() as name, ThreadPoolExecutor(1) as other:
        assert issubclass(_found(name), CooCanonBackend)
        assert _found(name) is not CooCanonBackend
        assert other.submit(_found).result() is CooCanonBackend
    assert register == before
    assert _found() is CooCanonBackend


def test_blocks_may_overlap_and_the_last_one_leaves_cvxpy_as_it_was() -> None:
    before = dict(backends._BACKEND_REGISTRY)
    with ThreadPoolExecutor(1) as other:
        first, second = canonical.backend(), canonical.backend()
        other.submit(first.__enter__).result()
        name = second.__enter__()
        other.submit(first.__exit__, None, None, None).result()
        assert _found(name) is not CooCanonBackend, "who left first took nothing away"
        second.__exit__(None, None, None)
    assert before == backends._BACKEND_REGISTRY


def test_a_call_that_fails_leaves_cvxpy_as_it_was() -> None:
    before = dict(backends._BACKEND_REGISTRY)
    x = cp.Variable()
    with pytest.raises(cp.error.DCPError):
        Compiled(cp.Problem(cp.Minimize(-cp.square(x)), [x >= 0]))
    assert before == backends._BACKEND_REGISTRY


def _park(steps: int) -> Problem:
    """A store with reserve, a unit with least times and start tiers, and a wish for every hour."""
    site = park(
        grid(export_kw=100.0, tariff=tariff(feed_in=0.05)),
        battery(),
        unit(min_kw=20, min_up_h=4, min_down_h=3, start_tiers=[{"below_off_h": 8, "cost": 5}, {"cost": 9}]),
        {"kind": "reserve", "name": "up", "required_kw": 5.0, "duration_minutes": 60.0},
        load(),
        wishes=[{"clean_share_min": 0.5, "over": "hour"}],
    )
    horizon: Horizon = hours(steps)
    return Problem(site, given(site, horizon, {("load", "demand_kw"): 40.0 + np.arange(steps) % 24}))


def test_a_year_takes_memory_for_what_it_holds() -> None:
    """56 MiB; one matrix of steps × steps would hold 138, and the row pointers of one coefficient take it to 154."""
    tracemalloc.start()
    try:
        problem = _park(4_250)
        assert tracemalloc.get_traced_memory()[1] < 100 * MIB
    finally:
        tracemalloc.stop()
    rows = problem.compiled.matrices().rows
    assert rows.nnz < 200 * 4_250


def test_four_times_the_steps_take_no_more_than_that_in_time() -> None:
    """They take less than four times as long; where all steps were sorted anew for each, it was nine times."""
    best = {}
    for steps in (500, 2_000):
        times = []
        for _ in range(2):
            start = time.process_time()
            _park(steps)
            times.append(time.process_time() - start)
        best[steps] = min(times)
    assert best[2_000] < 6 * best[500]
