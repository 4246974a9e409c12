"""Powers of branches, as arrays or as rows with the nodes' names: what carbon is traced along."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dispatch.carbon.named import Labels, branch_rows, labels_of, positions
from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array


@dataclass(frozen=True, eq=False)
class Flows:
    """Powers of M branches over T steps, in any unit of power.

    Attributes:
        nodes: how many nodes there are.
        start, end: (M,) nodes of the two ends.
        start_in, end_in: (M, T) power into the branch at either end; the loss is their sum.
        labels: (n,) names of the nodes, in the order of all results; 0 … n−1 where none are given.
    """

    nodes: int
    start: np.ndarray
    end: np.ndarray
    start_in: Array
    end_in: Array
    labels: Labels = ()

    @classmethod
    def of(cls, rows: Iterable[Sequence[Any]], nodes: Iterable[Hashable] = ()) -> Flows:
        """From rows (i, j, sent) or (i, j, sent, received), nodes by any names, powers one number or (T,) each.

        Powers count from i to j; where both are negative, power runs from j to i.

        Args:
            rows: the branches; without ``received`` nothing is lost.
            nodes: all names in the order wanted; by default those of the rows, ascending where they can be ordered.

        Raises:
            DataError: a row of another form, a node that does not exist, or more is received than sent.
            AlignmentError: numbers of steps differ.
        """
        start, end, into, out = branch_rows(rows)
        labels = tuple(nodes) or labels_of([*start, *end])
        more = ~(into - out >= -1e-9 * np.maximum(np.abs(into), np.abs(out)))
        if more.any():
            branch, step = np.argwhere(more)[0]
            raise DataError(
                f"branch {start[branch]}–{end[branch]} in step {step}: sent {into[branch, step]:g}, "
                f"received {out[branch, step]:g}; accepted: numbers with received ≤ sent"
            )
        ends = positions(start, labels), positions(end, labels)
        return cls(len(labels), *ends, into, -np.minimum(into, out), labels)

    @classmethod
    def matrix(cls, received: ArrayLike, sent: ArrayLike | None = None, nodes: Iterable[Hashable] = ()) -> Flows:
        """From P[i, j] ≥ 0, what j receives from i, (n, n) or (n, n, T), and what i sends for it (the same by default).

        Raises:
            DataError: more is received than sent, or a negative number.
            AlignmentError: not square, or shapes differ.
        """
        out = np.asarray(received, dtype=np.float64)
        into = out if sent is None else np.asarray(sent, dtype=np.float64)
        if out.ndim not in (2, 3) or out.shape[0] != out.shape[1] or out.shape != into.shape:
            raise AlignmentError(f"received is {out.shape} and sent {into.shape}; give (n, n) or (n, n, T) of each")
        used = np.argwhere((into.reshape(*out.shape[:2], -1) != 0).any(axis=2))
        start, end = used.T
        made = cls.sent(len(out), start, end, into[start, end], out[start, end])
        return replace(made, labels=tuple(nodes))

    def place(self, nodes: Iterable[Hashable]) -> np.ndarray:
        """Positions of nodes by name.

        Raises:
            DataError: a name that no node has.
        """
        return positions(nodes, self.labels or tuple(range(self.nodes)))

    @classmethod
    def sent(cls, nodes: int, start: ArrayLike, end: ArrayLike, send: ArrayLike, receive: ArrayLike) -> Flows:
        """From what each branch is sent at ``start`` and gives at ``end``, (M,) or (M, T), neither negative.

        Raises:
            DataError: a branch gives more than it is sent, or an end is no node.
            AlignmentError: numbers of branches or steps differ.
        """
        into, out = per_step(send, "send"), per_step(receive, "receive")
        if into.shape != out.shape:
            raise AlignmentError(f"send is {into.shape} and receive {out.shape}; give one of each per branch and step")
        if (out < 0).any() or (out > into).any():
            branch, step = np.argwhere((out < 0) | (out > into))[0]
            raise DataError(
                f"branch {branch} in step {step}: sent {into[branch, step]:g}, received {out[branch, step]:g}; "
                "accepted: 0 ≤ received ≤ sent, the start being the sending end"
            )
        return cls(nodes, ends(start, nodes, len(into)), ends(end, nodes, len(into)), into, -out)

    @property
    def steps(self) -> int:
        """T."""
        return int(self.start_in.shape[1])

    def directed(self, steps: slice) -> tuple[np.ndarray, np.ndarray, Array, Array]:
        """Sending and receiving node (M, t), power sent and received (M, t) of some steps.

        Where both ends take power in, nothing is received and the lesser end's part is left to :meth:`given_away`.
        """
        into, out = self.start_in[:, steps], self.end_in[:, steps]
        forward = into >= out
        sender = np.where(forward, self.start[:, None], self.end[:, None])
        taker = np.where(forward, self.end[:, None], self.start[:, None])
        return sender, taker, np.maximum(into, out), np.maximum(-np.minimum(into, out), 0.0)

    def given_away(self, steps: slice) -> tuple[np.ndarray, Array]:
        """Node (M, t) and power (M, t) that the lesser end of a branch loses which takes power in at both ends."""
        into, out = self.start_in[:, steps], self.end_in[:, steps]
        lesser = np.where(into >= out, self.end[:, None], self.start[:, None])
        return lesser, np.maximum(np.minimum(into, out), 0.0)


def with_sources(rows: list[Sequence[Any]], names: Iterable[Hashable]) -> Flows:
    """Flows of rows, among whose nodes are also those that only have a source."""
    made = Flows.of(rows)
    known = set(map(str, made.labels))
    alone = [name for name in names if str(name) not in known]
    return Flows.of(rows, labels_of([*made.labels, *alone])) if alone else made


def per_step(values: ArrayLike, name: str) -> Array:
    """(M, T) from (M,) or (M, T)."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim not in (1, 2):
        raise AlignmentError(f"{name}: {array.ndim} dimensions; accepted: one value per row, or one per row and step")
    return array.reshape(len(array), -1) if array.size else np.zeros((len(array), 1))


def ends(nodes: ArrayLike, count: int, branches: int) -> np.ndarray:
    """(M,) nodes as positions, each one of 0 … count − 1."""
    index = np.asarray(nodes)
    if index.shape != (branches,):
        raise AlignmentError(f"{index.size} nodes are named for {branches} rows; give one each")
    if index.size and (index.min() < 0 or index.max() >= count):
        raise DataError(
            f"node {index.min() if index.min() < 0 else index.max()} does not exist; accepted: 0 to {count - 1}"
        )
    return index.astype(np.intp)
