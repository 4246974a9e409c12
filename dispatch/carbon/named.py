"""Nodes by name: rows of flows and sources of power as one writes them down, turned into arrays."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array

Labels = tuple[Hashable, ...]


def labels_of(names: Iterable[Hashable]) -> Labels:
    """Each name once, 1 and "1" being one: in ascending order where they can be ordered, else as they first appear."""
    once = tuple({str(name): name for name in reversed(tuple(dict.fromkeys(names)))}.values())[::-1]
    try:
        return tuple(sorted(once))  # type: ignore[type-var]  # what cannot be ordered raises, and stays as it came
    except TypeError:
        return once


def positions(names: Iterable[Hashable], labels: Labels, what: str = "node") -> np.ndarray:
    """Position of each name among the labels; 1 and "1" are the same name where no label is both.

    Raises:
        DataError: a name that is none of them.
    """
    exact = {label: place for place, label in enumerate(labels)}
    loose = {str(label): place for place, label in enumerate(labels)}
    found = []
    for name in names:
        plain = name.item() if isinstance(name, np.generic) else name
        place = exact.get(plain, loose.get(str(plain)))
        if place is None:
            raise DataError(f"{what} {plain!r} does not exist; accepted: {', '.join(map(str, labels[:12]))}")
        found.append(place)
    return np.array(found, dtype=np.intp)


def numbers(values: Any, what: str) -> Array:
    """An array of floats.

    Raises:
        DataError: text, a mapping, or rows of different lengths.
    """
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{what}: {str(values)[:60]}; accepted: a number, or an array of them") from None


def stacked(values: Iterable[Any], what: str) -> Array:
    """(M, T) from one number or (T,) each; a single number holds in every step.

    Raises:
        AlignmentError: numbers of steps differ.
    """
    rows = [np.atleast_1d(numbers(value, what)) for value in values]
    steps = {row.shape for row in rows if row.shape != (1,)}
    if len(steps) > 1 or any(len(shape) != 1 for shape in steps):
        raise AlignmentError(f"{what}: {sorted(steps)} steps; give one number or one per step, as many everywhere")
    shape = steps.pop() if steps else (1,)
    return np.array([np.broadcast_to(row, shape) for row in rows]).reshape(len(rows), *shape)


def branch_rows(rows: Iterable[Sequence[Any]]) -> tuple[list[Hashable], list[Hashable], Array, Array]:
    """Start and end (M,), sent and received (M, T) of rows (i, j, sent) or (i, j, sent, received).

    Raises:
        DataError: a row of another length.
    """
    listed = [tuple(row) for row in rows]
    for place, row in enumerate(listed):
        if len(row) not in (3, 4):
            raise DataError(
                f"flows: row {place} has {len(row)} entries; accepted: (i, j, sent) or (i, j, sent, received)"
            )
    sent = [row[2] for row in listed]
    both = stacked([*sent, *(row[-1] for row in listed)], "flows")
    start, end = ([plain(row[k]) for row in listed] for k in (0, 1))
    return start, end, both[: len(sent)], both[len(sent) :]


def plain(name: Any) -> Hashable:
    """A node's number as it was meant: rows in an array of floats say 1.0 for node 1."""
    if isinstance(name, float | np.floating) and float(name).is_integer():
        return int(name)
    if not isinstance(name, Hashable):
        raise DataError(f"{name!r} is no name of a node; accepted: a number or a text")
    made: Hashable = name.item() if isinstance(name, np.generic) else name
    return made


def by_node(
    injections: ArrayLike | Mapping[Any, Any], intensities: ArrayLike | Mapping[Any, Any]
) -> tuple[Any, Any, list[Any] | None]:
    """Powers, intensities and, where the powers stand by node, the node of each.

    Raises:
        AlignmentError: intensities by node for other nodes than the powers.
    """
    if not isinstance(injections, Mapping):
        if isinstance(intensities, Mapping):
            raise AlignmentError("intensities are given by node and injections are not; give both alike")
        return injections, intensities, None
    nodes = list(injections)
    if isinstance(intensities, Mapping):
        loose = {str(node): value for node, value in intensities.items()}
        missing = [node for node in nodes if str(node) not in loose]
        if missing:
            raise AlignmentError(f"intensities: none for node {missing[0]!r}; give one for each node with an injection")
        intensities = stacked([loose[str(node)] for node in nodes], "intensities")
    return stacked(injections.values(), "injections"), intensities, nodes
