"""Gradient-boosted quantiles: one multi-output tree ensemble for all levels at once.

Minimises the pinball loss  ρ_τ(y − q) = max(τ(y − q), (τ − 1)(y − q))  summed over the levels τ (Koenker &
Bassett 1978) with XGBoost's `reg:quantileerror` and vector leaves. Vector leaves share the splits of all
levels, so far fewer rows cross than with one ensemble per level; the rest is sorted. One thread per model and
a fixed seed: the same rows give the same bits on any number of cores (models run beside each other instead).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVELS = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])


@dataclass(frozen=True)
class Boosting:
    """Settings of one ensemble; `rounds` trees."""

    rounds: int = 150
    depth: int = 5
    learning_rate: float = 0.08
    min_rows: float = 40.0
    row_share: float = 0.7
    column_share: float = 0.7
    seed: int = 0


def pinball(actual: Floats, quantiles: Floats, levels: Floats = LEVELS) -> Floats:
    """Pinball loss averaged over levels, in the unit of `actual` (…); quantiles (…, Q). NaN actual gives NaN."""
    miss = actual[..., None] - quantiles
    return np.asarray(np.maximum(levels * miss, (levels - 1) * miss).mean(axis=-1), dtype=np.float64)


def fit(x: NDArray[np.float32], y: Floats, settings: Boosting) -> Any:
    """Train on features x (rows, F) and finite targets y (rows,); returns the booster."""
    import xgboost as xgb

    params = {
        "objective": "reg:quantileerror",
        "quantile_alpha": LEVELS,
        "multi_strategy": "multi_output_tree",
        "tree_method": "hist",
        "max_bin": 64,
        "max_depth": settings.depth,
        "learning_rate": settings.learning_rate,
        "min_child_weight": settings.min_rows,
        "subsample": settings.row_share,
        "colsample_bytree": settings.column_share,
        "seed": settings.seed,
        "nthread": 1,
        "verbosity": 0,
    }
    data = xgb.QuantileDMatrix(x, label=y, max_bin=64, nthread=1)
    return xgb.train(params, data, num_boost_round=settings.rounds)


def predict(model: Any, x: NDArray[np.float32]) -> Floats:
    """Sorted quantiles (rows, Q)."""
    import xgboost as xgb

    raw = model.predict(xgb.DMatrix(x, nthread=1))
    return np.sort(np.asarray(raw, dtype=np.float64), axis=1)
