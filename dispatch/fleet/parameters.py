"""The parameters of many sites, each distinct set of numbers once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from dispatch.fleet.joined import Joined
from dispatch.problem import Problem
from dispatch.signals import Array


@dataclass(frozen=True)
class Parameters:
    """(site, parameter entry) values: what all sites share once, what repeats within each site once.

    Attributes:
        shared: (parameter entries + 1,) values of the first site, the constant's one at the end.
        column: (parameter entries + 1,) place in ``own``, −1 where all sites have the same.
        own: (place, site).
    """

    shared: Array
    column: np.ndarray
    own: Array

    @property
    def count(self) -> int:
        """Number of sites."""
        return int(self.own.shape[1])

    @classmethod
    def of(cls, problem: Problem, joined: Joined, row_by_row: Collection[str]) -> Parameters:
        """Those of a batch; kinds that are not ``row_by_row`` are asked site by site."""
        start, size = problem.compiled.tensors().start, problem.compiled.parameter_size
        shared, column = np.ones(size + 1), np.full(size + 1, -1)
        own, count = [np.zeros((0, joined.count))], 0
        for parameter, block in joined.parameters(problem, row_by_row).items():
            if parameter not in start:
                continue
            at = start[parameter] + np.arange(block.shape[1])
            shared[at] = block[0]
            mine = np.flatnonzero((block != block[:1]).any(axis=0))
            if not mine.size:
                continue
            values = block[:, mine]
            fresh = np.concatenate([[True], (values[:, 1:] != values[:, :-1]).any(axis=0)])
            column[at[mine]] = count + np.cumsum(fresh) - 1
            own.append(values[:, fresh].T)
            count += int(fresh.sum())
        return cls(shared, column, np.concatenate(own))

    @classmethod
    def together(cls, blocks: Sequence[Parameters]) -> Parameters:
        """Several batches, one behind the other."""
        if len(blocks) == 1:
            return blocks[0]
        first = blocks[0]
        # What is the same in each batch may differ between them; what repeats must do so in all of them.
        apart = np.array([(b.column >= 0) | (b.shared != first.shared) for b in blocks]).any(axis=0)
        mine = np.flatnonzero(apart)
        told = [np.where(b.column >= 0, b.column, -1.0 - np.arange(b.column.size))[mine] for b in blocks]
        _, which, place = np.unique(np.array(told), axis=1, return_index=True, return_inverse=True)
        column = np.full(first.column.size, -1)
        column[mine] = place.ravel()
        own = np.concatenate([b.rows(mine[which]) for b in blocks], axis=1)
        return cls(first.shared, column, own)

    def rows(self, entries: np.ndarray) -> Array:
        """(entry, site) values of some entries."""
        out = np.repeat(self.shared[entries][:, None], self.count, axis=1)
        there = self.column[entries] >= 0
        out[there] = self.own[self.column[entries[there]]]
        return out

    def columns(self, indices: np.ndarray) -> tuple[np.ndarray, Array]:
        """For entries used by a tensor, their places among (place, site) values that hold shared ones, too."""
        same = np.unique(indices[self.column[indices] < 0])
        place = self.column.copy()
        place[same] = self.own.shape[0] + np.arange(same.size)
        return place[indices], np.concatenate([self.own, self.rows(same)])
