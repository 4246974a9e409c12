"""Powers of a network's branches over time: what carbon is traced along, and what of it makes no sense.

A branch's power counts into it at either end, so that both ends' sum is its loss, and each step has its own directions.
A step without a solution is missing (NaN) throughout; a step of which some powers are missing is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dispatch.carbon.named import Labels, branch_rows, labels_of, numbers, positions
from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array


@dataclass(frozen=True, eq=False)
class Flows:
    """Powers of M branches over T steps, in any unit of power.

    Attributes:
        nodes: how many nodes there are.
        start, end: (M,) nodes of the two ends.
        start_in, end_in: (M, T), or (M,) of one step, power into the branch at either end; the loss is their sum.
        shunt: (n, T) power that shunts take up at the nodes, losses as well; None without any.
        labels: (n,) names of the nodes, in the order of all results; 0 … n−1 where none are given.

    Raises:
        DataError: an end is no node, two nodes have one name, or a step of which only some powers are known.
        AlignmentError: numbers of branches, nodes or steps differ.
    """

    nodes: int
    start: np.ndarray
    end: np.ndarray
    start_in: Array
    end_in: Array
    shunt: Array | None = None
    labels: Labels = ()

    def __post_init__(self) -> None:
        """Plain lists and single steps are welcome; what is stored are arrays of one shape."""
        count: Any = self.nodes
        if not isinstance(count, int | np.integer) or count < 0:
            raise DataError(f"nodes is {count!r}; accepted: how many there are; names are `labels`")
        start_in, end_in = per_step(self.start_in, "start_in"), per_step(self.end_in, "end_in")
        if start_in.shape != end_in.shape:
            raise AlignmentError(f"start_in is {start_in.shape} and end_in {end_in.shape}; give one of each per branch")
        powers = [start_in, end_in]
        set_ = object.__setattr__
        set_(self, "start_in", start_in)
        set_(self, "end_in", end_in)
        set_(self, "start", ends(self.start, self.nodes, len(start_in)))
        set_(self, "end", ends(self.end, self.nodes, len(start_in)))
        if self.shunt is not None:
            shunt = per_step(self.shunt, "shunt")
            if shunt.shape != (self.nodes, start_in.shape[1]):
                wanted = (self.nodes, start_in.shape[1])
                raise AlignmentError(f"shunt is {shunt.shape}; accepted: {wanted}, one row per node")
            set_(self, "shunt", shunt)
            powers.append(shunt)
        if self.labels and len(self.labels) != self.nodes:
            raise AlignmentError(f"{len(self.labels)} labels for {self.nodes} nodes; give each a name, or none")
        twice = [name for name, count in Counter(map(str, self.labels)).items() if count > 1]
        if twice:
            raise DataError(f"two nodes are called {twice[0]!r}; accepted: a name for each")
        _refuse_half_known(powers)

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
        both = positions(start, labels), positions(end, labels)
        if (around := both[0] == both[1]).any():
            branch = int(np.argmax(around))
            raise DataError(f"branch {start[branch]}–{end[branch]} (row {branch}) ends where it begins")
        return cls(len(labels), *both, into, -np.minimum(into, out), labels=labels)

    @classmethod
    def matrix(cls, received: ArrayLike, sent: ArrayLike | None = None, nodes: Iterable[Hashable] = ()) -> Flows:
        """From P[i, j] ≥ 0, what j receives from i, (n, n) or (n, n, T), and what i sends for it (the same by default).

        Raises:
            DataError: more is received than sent, a negative number, or one on the diagonal.
            AlignmentError: not square, or shapes differ.
        """
        out = numbers(received, "received")
        into = out if sent is None else numbers(sent, "sent")
        if out.ndim not in (2, 3) or out.shape[0] != out.shape[1] or out.shape != into.shape:
            raise AlignmentError(f"received is {out.shape} and sent {into.shape}; give (n, n) or (n, n, T) of each")
        itself = [np.einsum("ii...->i...", power) for power in (out, into)]
        if (np.abs(itself) > 0).any():
            raise DataError("received and sent: a node sends to itself; accepted: a diagonal of zeros")
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

    @cached_property
    def solved(self) -> np.ndarray:
        """(T,) whether the step's powers are known."""
        known = np.isfinite(self.start_in).all(axis=0)
        return np.asarray(known if self.shunt is None else known & np.isfinite(self.shunt).all(axis=0))

    def name(self, node: int) -> str:
        """A node as errors call it."""
        return f"{self.labels[node]!r}" if self.labels else f"{node}"

    def branch_name(self, branch: int) -> str:
        """A branch as errors call it."""
        ends_ = (self.labels[node[branch]] for node in (self.start, self.end)) if self.labels else ()
        return "–".join(map(str, ends_)) or f"{branch}"

    def at_steps(self, steps: slice | np.ndarray) -> Flows:
        """The same branches in some of the steps."""
        shunt = None if self.shunt is None else self.shunt[:, steps]
        return replace(self, start_in=self.start_in[:, steps], end_in=self.end_in[:, steps], shunt=shunt)

    def directed(self, steps: slice | np.ndarray) -> tuple[np.ndarray, np.ndarray, Array, Array]:
        """Sending and receiving node (M, t), power sent and received (M, t) of some steps.

        Where both ends take power in, nothing is received and the lesser end's part is left to :meth:`given_away`.
        """
        into, out = self.start_in[:, steps], self.end_in[:, steps]
        forward = into >= out
        sender = np.where(forward, self.start[:, None], self.end[:, None])
        taker = np.where(forward, self.end[:, None], self.start[:, None])
        return sender, taker, np.maximum(into, out), np.maximum(-np.minimum(into, out), 0.0)

    def given_away(self, steps: slice | np.ndarray) -> tuple[np.ndarray, Array]:
        """Node (M, t) and power (M, t) that the lesser end of a branch loses which takes power in at both ends."""
        into, out = self.start_in[:, steps], self.end_in[:, steps]
        lesser = np.where(into >= out, self.end[:, None], self.start[:, None])
        return lesser, np.maximum(np.minimum(into, out), 0.0)


def _refuse_half_known(powers: Sequence[Array]) -> None:
    """Infinite powers, and steps of which only some are known."""
    every = np.concatenate(powers)
    if np.isinf(every).any():
        row, step = np.argwhere(np.isinf(every))[0]
        raise DataError(f"flows: row {row} in step {step} is infinite; accepted: powers, or NaN throughout a step")
    unknown = np.isnan(every)
    half = unknown.any(axis=0) & ~unknown.all(axis=0)
    if half.any():
        step = int(np.argmax(half))
        raise DataError(
            f"flows: in step {step} {int(unknown[:, step].sum())} of {len(every)} powers are missing; "
            "accepted: all of a step, or NaN throughout where it has no solution"
        )


def with_sources(rows: list[Sequence[Any]], names: Iterable[Hashable]) -> Flows:
    """Flows of rows, among whose nodes are also those that only have a source."""
    made = Flows.of(rows)
    known = set(map(str, made.labels))
    alone = [name for name in names if str(name) not in known]
    return Flows.of(rows, labels_of([*made.labels, *alone])) if alone else made


def per_step(values: ArrayLike, name: str) -> Array:
    """(M, T) from (M,) or (M, T)."""
    array = numbers(values, name)
    if array.ndim not in (1, 2):
        raise AlignmentError(f"{name}: {array.ndim} dimensions; accepted: one value per row, or one per row and step")
    return array[:, None] if array.ndim == 1 else array


def ends(nodes: ArrayLike, count: int, rows: int) -> np.ndarray:
    """(rows,) positions of nodes, of which there are ``count``."""
    index = np.asarray(nodes)
    if index.shape != (rows,):
        raise AlignmentError(f"{index.size} nodes are named for {rows} rows; give one each")
    if index.size and (index.min() < 0 or index.max() >= count):
        raise DataError(
            f"node {index.min() if index.min() < 0 else index.max()} does not exist; accepted: 0 to {count - 1}"
        )
    if (index != index.astype(np.intp)).any():
        raise DataError("nodes are counted: accepted are whole numbers")
    return index.astype(np.intp)
