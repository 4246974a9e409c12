"""Empirical quantiles of like cases: the sister that assumes nothing and always stays in the stack.

Trees cut the cases into leaves of like ones; each leaf keeps the quantiles of what came there, a row takes the
mean over its leaves (as quantile regression forests, Meinshausen 2006, but averaging quantiles and not distributions:
one table per forest, so prediction is a look-up).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.learners import levels as dense
from forecasting.learners.base import Frame
from forecasting.learners.boosted import base_of, picked

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Forest:
    """Leaf-sharing forest; leaves of `leaf_rows` rows and `leaf_blocks` blocks' worth at least."""

    trees: int = 60
    leaf_rows: int = 20
    leaf_blocks: float = 1.0
    column_share: float = 0.4
    row_share: float = 0.5
    columns: tuple[str, ...] = ()
    base: str | None = None
    seed: int = 0
    name: str = "empirical"

    def fit(self, rows: Frame, actual: Floats, levels: Floats) -> ForestFitted:
        """Learn from rows whose actual (N,) is finite."""
        from sklearn.ensemble import RandomForestRegressor

        levels = dense.checked(levels)
        names = tuple(name for name in rows.names if not self.columns or name in self.columns)
        middle = float(np.median(actual)) if self.base is not None else 0.0
        target = actual - base_of(rows, self.base, middle)
        leaf = max(self.leaf_rows, round(self.leaf_blocks * len(rows) / len(np.unique(rows.block))))
        forest = RandomForestRegressor(
            n_estimators=self.trees,
            min_samples_leaf=min(leaf, max(len(rows) // 4, 1)),
            max_features=self.column_share,
            max_samples=self.row_share,
            random_state=self.seed,
            n_jobs=1,
        )
        x = _known_or_lost(picked(rows, names))
        forest.fit(x, target)
        tables, first = _leaf_tables(forest.apply(x), forest, target, levels)
        return ForestFitted(forest, names, tables, first, self.base, middle)


def _known_or_lost(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features with unknown ones far below all others, where a tree can part them from the rest."""
    return np.where(np.isfinite(x), x, np.float32(-1e9))


def _leaf_tables(leaves: Any, forest: Any, target: Floats, levels: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Quantiles of all cases in each node of each tree, stacked (nodes, Q), and each tree's first node."""
    counts = np.array([tree.tree_.node_count for tree in forest.estimators_])
    first = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
    tables = np.zeros((int(counts.sum()), len(levels)))
    ordered = np.argsort(target, kind="stable")
    for tree, start in enumerate(first):
        node = leaves[ordered, tree]
        by_leaf = np.argsort(node, kind="stable")  # within a leaf the values keep rising
        values = target[ordered][by_leaf]
        found, begin, size = np.unique(node[by_leaf], return_index=True, return_counts=True)
        at = (size[:, None] - 1) * levels
        low = np.floor(at).astype(np.int64)
        high = np.minimum(low + 1, size[:, None] - 1)
        lower, upper = values[begin[:, None] + low], values[begin[:, None] + high]
        tables[start + found] = lower + (at - low) * (upper - lower)
    return tables, first


@dataclass(frozen=True, eq=False)
class ForestFitted:
    """A forest and the quantiles (nodes, Q) of its leaves."""

    forest: Any
    names: tuple[str, ...]
    tables: Floats
    first: NDArray[np.int64]
    base: str | None
    middle: float

    def predict(self, rows: Frame) -> Floats:
        """Quantiles (N, Q)."""
        found = np.zeros((len(rows), self.tables.shape[1]))
        if not len(rows):
            return found
        leaves = self.forest.apply(_known_or_lost(picked(rows, self.names))) + self.first
        for tree in leaves.T:
            found += self.tables[tree]
        return found / len(self.first) + base_of(rows, self.base, self.middle)[:, None]
