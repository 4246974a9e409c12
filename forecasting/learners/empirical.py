"""Empirical quantiles of like cases: the sister that assumes nothing and always stays in the stack.

Forest: trees cut the cases into leaves of like ones; each leaf keeps the quantiles of what came there, a row takes the
mean over its leaves (as quantile regression forests, Meinshausen 2006, but averaging quantiles and not distributions:
one table per forest, so prediction is a look-up).

Analog: the nearest past cases in a few columns, weighted by nearness and by recency (Delle Monache et al. 2013,
doi:10.1175/MWR-D-12-00281.1). With recency it follows a shift of level that trees would average away.
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
CHUNK = 20_000


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


@dataclass(frozen=True)
class Analog:
    """The `neighbours` nearest past rows in standardised `columns` (all where empty; choose a few).

    `stretch` multiplies a standardised column: what is stretched must agree better. Weights fall with the distance
    (to 0 at the farthest neighbour) and by half in `half_life_blocks`.
    """

    columns: tuple[str, ...] = ()
    stretch: tuple[tuple[str, float], ...] = ()
    neighbours: int = 150
    half_life_blocks: float | None = 90.0
    base: str | None = None
    name: str = "analog"

    def fit(self, rows: Frame, actual: Floats, levels: Floats) -> AnalogFitted:
        """Keep the rows whose actual (N,) is finite."""
        levels = dense.checked(levels)
        names = tuple(name for name in rows.names if not self.columns or name in self.columns)
        middle = float(np.median(actual)) if self.base is not None else 0.0
        x = np.asarray(picked(rows, names), dtype=np.float64)
        centre = np.nan_to_num(_nan_free_mean(x))
        spread = np.sqrt(_nan_free_mean((x - centre) ** 2))
        stretched = np.array([dict(self.stretch).get(name, 1.0) for name in names])
        scale = np.where(spread > 1e-9, stretched / np.where(spread > 1e-9, spread, 1.0), 0.0)
        target = actual - base_of(rows, self.base, middle)
        age = float(rows.block.max()) - rows.block
        weight = np.ones(len(rows)) if self.half_life_blocks is None else np.exp2(-age / self.half_life_blocks)
        count = min(self.neighbours, len(rows))
        return AnalogFitted(names, centre, scale, (x, target, weight), count, levels, self.base, middle)


def _nan_free_mean(x: Floats) -> Floats:
    known = np.isfinite(x)
    return np.asarray(np.where(known, x, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))


@dataclass(frozen=True, eq=False)
class AnalogFitted:
    """Past cases (features, what came, weight)."""

    names: tuple[str, ...]
    centre: Floats
    scale: Floats
    cases: tuple[Floats, Floats, Floats]
    count: int
    levels: Floats
    base: str | None
    middle: float

    def predict(self, rows: Frame) -> Floats:
        """Quantiles (N, Q)."""
        from scipy.spatial import KDTree

        past, target, weight = self.cases
        tree = KDTree(self._placed(past))
        found = np.empty((len(rows), len(self.levels)))
        x = self._placed(np.asarray(picked(rows, self.names), dtype=np.float64))
        for begin in range(0, len(rows), CHUNK):
            part = slice(begin, begin + CHUNK)
            distance, near = tree.query(x[part], k=np.arange(1, self.count + 1))
            farthest = np.maximum(distance[:, -1:], 1e-12)
            nearness = 1 - (distance / (1.001 * farthest)) ** 2
            found[part] = weighted_quantiles(target[near], nearness * weight[near], self.levels)
        return found + base_of(rows, self.base, self.middle)[:, None]

    def _placed(self, x: Floats) -> Floats:
        """Standardised columns; an unknown value lies at the middle, as far from all as it can be said to be."""
        return np.where(np.isfinite(x), (x - self.centre) * self.scale, 0.0)


def weighted_quantiles(values: Floats, weights: Floats, levels: Floats) -> Floats:
    """Quantiles (N, Q) of values (N, K) with weights (N, K), linear between the middles of the weights."""
    order = np.argsort(values, axis=1, kind="stable")
    values = np.take_along_axis(values, order, axis=1)
    weights = np.take_along_axis(weights, order, axis=1)
    total = np.cumsum(weights, axis=1)
    middle = (total - weights / 2) / total[:, -1:]
    found = np.empty((len(values), len(levels)))
    last = values.shape[1] - 1
    row = np.arange(len(values))
    for k, level in enumerate(levels):
        right = np.clip((middle < level).sum(axis=1), 1, last) if last else np.zeros(len(values), dtype=np.intp)
        left = np.maximum(right - 1, 0)
        gap = middle[row, right] - middle[row, left]
        share = np.clip((level - middle[row, left]) / np.where(gap > 0, gap, 1.0), 0.0, 1.0)
        found[:, k] = values[row, left] + share * (values[row, right] - values[row, left])
    return found
