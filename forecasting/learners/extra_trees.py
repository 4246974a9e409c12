"""Extremely randomised trees whose leaves vote with all they hold: a conditional distribution without a loss.

Trees are cut at random thresholds (Geurts et al. 2006, doi:10.1007/s10994-006-6226-1), so many smooth each other; a
row's distribution is the mean over trees of the distributions in the leaves it falls into (Meinshausen 2006, quantile
regression forests):

    F(y | x) = 1/T Σ_t 1/|L_t(x)| Σ_{i ∈ L_t(x)} 1{y_i ≤ y}

Distributions and not quantiles are averaged, so leaves of five rows are enough and the width comes out honest. What
came is kept in a few hundred bins of equal count, so prediction is one product of sparse matrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.learners import levels as dense
from forecasting.learners.base import Frame
from forecasting.learners.boosted import picked

Floats = NDArray[np.float64]
CHUNK = 4_096


@dataclass(frozen=True)
class ExtraTrees:
    """Settings: `trees` with leaves of `leaf_rows` rows at least, each split the best of `column_share` of the columns.

    An unknown feature takes its median in training. `columns` are those to learn from, all where empty.
    """

    trees: int = 60
    leaf_rows: int = 5
    column_share: float = 0.35
    bins: int = 200
    columns: tuple[str, ...] = ()
    seed: int = 0
    name: str = "extra_trees"

    def fit(self, rows: Frame, actual: Floats, levels: Floats) -> ExtraTreesFitted:
        """Learn from rows whose actual (N,) is finite."""
        from sklearn.ensemble import ExtraTreesRegressor

        names = tuple(name for name in rows.names if not self.columns or name in self.columns)
        x = picked(rows, names)
        middle = medians(x)
        forest = ExtraTreesRegressor(
            n_estimators=self.trees,
            min_samples_leaf=min(self.leaf_rows, max(len(rows) // 4, 1)),
            max_features=self.column_share,
            random_state=self.seed,
            n_jobs=1,
        )
        known = filled(x, middle)
        forest.fit(known, actual)
        first, leaves = _numbered(forest, known)
        table, centre = _leaf_bins(leaves, int(first[-1]), actual, self.bins)
        return ExtraTreesFitted(forest, names, middle, first[:-1], table, centre, dense.checked(levels))


def medians(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median of what is known of each column; 0 where nothing is."""
    ordered = np.sort(x, axis=0)  # unknown ones come last
    count = np.isfinite(x).sum(axis=0)
    return np.where(count > 0, ordered[np.maximum(count - 1, 0) // 2, np.arange(x.shape[1])], np.float32(0))


def filled(x: NDArray[np.float32], middle: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features with what is unknown at its median."""
    return np.where(np.isfinite(x), x, middle)


def _numbered(forest: Any, x: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First node of each tree in one count of all nodes, with their total at the end; and the leaves (N, trees)."""
    counts = [tree.tree_.node_count for tree in forest.estimators_]
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return first, forest.apply(x) + first[:-1]


def _leaf_bins(leaves: NDArray[np.int64], nodes: int, actual: Floats, bins: int) -> tuple[Any, Floats]:
    """Shares (nodes, B) of each leaf's rows that lie in each bin, sparse, and the bins' means (B,), rising."""
    from scipy.sparse import csr_matrix

    order = np.argsort(actual, kind="stable")
    count = min(bins, len(actual))
    bin_of = np.empty(len(actual), dtype=np.int64)
    bin_of[order] = np.arange(len(actual)) * count // len(actual)
    centre = np.bincount(bin_of, weights=actual) / np.bincount(bin_of)
    size = np.bincount(leaves.ravel(), minlength=nodes)
    share = (1.0 / size[leaves]).astype(np.float32)
    at = (leaves.ravel(), np.repeat(bin_of, leaves.shape[1]))
    return csr_matrix((share.ravel(), at), shape=(nodes, count)), centre


@dataclass(frozen=True, eq=False)
class ExtraTreesFitted:
    """A forest, what its leaves hold (nodes, B) and the means (B,) of the bins."""

    forest: Any
    names: tuple[str, ...]
    middle: NDArray[np.float32]
    first: NDArray[np.int64]
    table: Any
    centre: Floats
    levels: Floats

    def predict(self, rows: Frame) -> Floats:
        """Quantiles (N, Q)."""
        found = np.empty((len(rows), len(self.levels)))
        for begin in range(0, len(rows), CHUNK):
            share = self.shares(rows.x[begin : begin + CHUNK], rows.names)
            found[begin : begin + CHUNK] = binned_quantiles(share, self.centre, self.levels)
        return found

    def mean(self, rows: Frame) -> Floats:
        """Conditional mean (N,)."""
        x = picked(rows, self.names)
        return np.asarray(self.forest.predict(filled(x, self.middle)), dtype=np.float64)

    def shares(self, x: NDArray[np.float32], names: tuple[str, ...]) -> Floats:
        """Probability (N, B) of each bin."""
        from scipy.sparse import csr_matrix

        if names != self.names:
            x = x[:, [names.index(name) for name in self.names]]
        leaves = self.forest.apply(filled(x, self.middle)) + self.first
        trees = leaves.shape[1]
        start = np.arange(len(x) + 1) * trees
        vote = csr_matrix((np.full(leaves.size, 1 / trees), leaves.ravel(), start), shape=(len(x), self.table.shape[0]))
        return np.asarray((vote @ self.table).toarray(), dtype=np.float64)


def binned_quantiles(share: Floats, centre: Floats, levels: Floats) -> Floats:
    """Quantiles (N, Q) of distributions over bins: share (N, B) at centre (B,), linear between the bins' middles."""
    total = np.cumsum(share, axis=1)
    middle = (total - share / 2) / total[:, -1:]
    found = np.empty((len(share), len(levels)))
    row, last = np.arange(len(share)), len(centre) - 1
    for k, level in enumerate(levels):
        right = np.clip((middle < level).sum(axis=1), min(1, last), last)
        left = np.maximum(right - 1, 0)
        gap = middle[row, right] - middle[row, left]
        part = np.clip((level - middle[row, left]) / np.where(gap > 0, gap, 1.0), 0.0, 1.0)
        found[:, k] = centre[left] + part * (centre[right] - centre[left])
    return found
