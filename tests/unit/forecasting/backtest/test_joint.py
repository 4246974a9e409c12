from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from forecasting.backtest.joint import joint_scores
from forecasting.backtest.results import Results, block
from forecasting.backtest.tables import Scored
from forecasting.clock import DAY_NS, HOUR_NS
from forecasting.targets import Place, Target

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
A, B = (Target(name, "wind", 200.0, "park") for name in "ab")


def made(memory: float, days: int = 40, later: float = 0.0) -> Scored:
    """Two farms with the same forecasts N(100, 10) every day; errors fade with `memory` from hour to hour."""
    import pyarrow as pa

    rng = np.random.default_rng(0)
    root = np.linalg.cholesky(memory ** np.abs(np.subtract.outer(np.arange(24), np.arange(24))) + 1e-9 * np.eye(24))
    shared = rng.standard_normal((days, 24)) @ root.T
    quantiles = np.tile(100 + 10 * norm.ppf(LEVELS), (24, 1))
    parts = []
    for target in (A, B):
        z = 0.9 * shared + np.sqrt(1 - 0.81) * rng.standard_normal((days, 24)) @ root.T
        z[-1] += later
        for day in range(days):
            edges = day * DAY_NS + np.arange(25) * HOUR_NS
            parts.append(block("ours", target.name, day * DAY_NS, edges, LEVELS, quantiles, 100 + 10 * z[day], "ours"))
    return Scored(Results(pa.concat_tables(parts)).series(), {"a": A, "b": B}, Place(0.0, 0.0, "UTC"))


def row(rows: list[dict[str, object]], method: str, of: str) -> dict[str, float]:
    (found,) = [r for r in rows if (r["method"], r["of"]) == (method, of)]
    return found  # type: ignore[return-value]


def test_both_ways_are_scored_by_series_and_kind() -> None:
    rows = joint_scores(made(0.9))
    assert len(rows) == 2 * 3
    together = row(rows, "toeplitz", "wind, all sites together")
    assert together["issues"] == 30
    single = row(rows, "toeplitz", "a")
    # A day's energy of a single farm has a deviation of 10 · √(Σ ρ) over the hours; a calibrated CRPS is .56 of it.
    spread = 10 * np.sqrt((0.9 ** np.abs(np.subtract.outer(np.arange(24), np.arange(24)))).sum())
    assert single["energy_crps"] == pytest.approx(spread / np.sqrt(np.pi), rel=0.35)
    assert together["energy_crps"] == pytest.approx(1.9 * single["energy_crps"], rel=0.2)
    for method in ("toeplitz", "schaake"):
        assert 0 < row(rows, method, "a")["ramp_crps"] < 10


def test_only_earlier_issues_teach() -> None:
    """What came on the last day changes the scores of that day and no other."""
    one, two = (joint_scores(made(0.5, later=x)) for x in (0.0, 5.0))
    few = (joint_scores(made(0.5, days=39)), joint_scores(made(0.5, days=11)))
    assert row(one, "toeplitz", "a")["energy_crps"] != row(two, "toeplitz", "a")["energy_crps"]
    assert row(few[1], "toeplitz", "a")["issues"] == 1


def test_too_few_issues_give_no_row() -> None:
    assert joint_scores(made(0.5, days=8)) == []
