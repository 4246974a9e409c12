"""What numbers of a grid's plant, lines and stores cannot be: refused with the row, the entry and what is accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dispatch.carbon.named import numbers
from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array


def one_each(values: Sequence[Any], what: str, key: str) -> Array:
    """(R,) of an entry that does not vary over time.

    Raises:
        DataError: several numbers, or none.
    """
    for row, value in enumerate(values):
        if np.ndim(value) != 0:
            raise DataError(f"{what} {row}: '{key}' is {str(value)[:60]}; accepted: one number for all steps")
    return numbers(values, f"{what}s' {key}")


def refuse_impossible(
    lines: Mapping[str, list[Any]],
    limit: Array,
    plant: Mapping[str, Array],
    generators: Mapping[str, list[Any]],
    stores: Mapping[str, list[Any]],
) -> None:
    """Numbers that no grid has.

    Raises:
        DataError: with the first of them.
    """
    for row, (start, end) in enumerate(zip(lines["start"], lines["end"], strict=True)):
        if start == end:
            raise DataError(f"line {row}: from {start!r} to itself")
    reactance = one_each([0.0 if x is None else x for x in lines["x"]], "line", "x")
    _all("line", "x", reactance, np.isfinite(reactance), "a finite number, or None where the flow is free")
    _all("line", "limit", limit, limit >= 0, "0 or more")
    for key in ("cost", "intensity", "min"):
        _all("generator", key, plant[key], np.isfinite(plant[key]), "a finite number")
    _all("generator", "max", plant["max"], plant["max"] >= plant["min"], "not below 'min'")
    ramp = one_each(generators["ramp"], "generator", "ramp")
    _all("generator", "ramp", ramp, ramp >= 0, "0 or more")
    own = {key: one_each(stores[key], "store", key) for key in stores if key not in ("bus", "end")}
    last = [start if end is None else end for end, start in zip(stores["end"], stores["start"], strict=True)]
    own["end"] = one_each(last, "store", "end")
    for key in ("power", "energy"):
        _all("store", key, own[key], own[key] >= 0, "0 or more")
    for key in ("start", "end"):
        _all("store", key, own[key], (own[key] >= 0) & (own[key] <= own["energy"]), "from 0 to its energy")
    for key in ("charge_efficiency", "discharge_efficiency"):
        _all("store", key, own[key], (own[key] > 0) & (own[key] <= 1), "a share above 0, at most 1")
    kept = own["retention"]
    _all("store", "retention", kept, (kept >= 0) & (kept <= 1), "a share from 0 to 1")


def _all(what: str, key: str, values: Array, fits: np.ndarray, accepted: str) -> None:
    """Refuse the first value that does not fit."""
    if not fits.all():
        place = tuple(np.argwhere(~fits)[0])
        raise DataError(f"{what} {place[0]}: '{key}' is {values[place]:g}; accepted: {accepted}")


def whole_positions(values: Any, count: int, what: str) -> np.ndarray:
    """Positions among ``count``, of any shape; or a mask of truth values.

    Raises:
        DataError: one that does not exist, or stands there twice.
        AlignmentError: a mask of another length.
    """
    given = np.asarray(values)
    if given.dtype == bool:
        if given.shape != (count,):
            raise AlignmentError(f"{what} is a mask of {given.shape}; accepted: ({count},), or positions")
        return np.flatnonzero(given)
    at = numbers(values, what)
    if not ((at >= 0) & (at < count) & (at == np.floor(at))).all() or np.unique(at).size < at.size:
        raise DataError(f"{what}: {str(values)[:60]}; accepted: positions from 0 to {count - 1}, each once, or a mask")
    return np.asarray(at.astype(np.intp))
