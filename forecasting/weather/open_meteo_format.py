"""The format in which all services of Open-Meteo answer: a block of parallel lists, with their units beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.errors import AnswerError, ForecastError
from forecasting.weather.base import CATALOGUE

Floats = NDArray[np.float64]
Resolution = Literal["hourly", "minutely_15"]
PER_HOUR = {"hourly": 1.0, "minutely_15": 4.0}


@dataclass(frozen=True, eq=False)
class Block:
    """columns[name as answered] (N,) on the unbroken times valid_time (N,); `notes` say what was missing."""

    valid_time: pd.DatetimeIndex
    columns: Mapping[str, Floats]
    notes: tuple[str, ...] = ()

    def between(self, start: pd.Timestamp, end: pd.Timestamp, place: str) -> Block:
        """The part over [start, end], with one stamp more on each side so that all inside can be interpolated."""
        valid = self.valid_time
        step = valid[1] - valid[0] if len(valid) > 1 else pd.Timedelta(0)
        inside = np.asarray((valid >= start - step) & (valid <= end + step))
        if not inside.any():
            raise AnswerError(f"{place}: the run holds {valid[0]} … {valid[-1]}, not {start} … {end}")
        return Block(valid[inside], {name: values[inside] for name, values in self.columns.items()}, self.notes)


def read_block(body: Any, resolution: Resolution, known: Mapping[str, str], place: str) -> Block:
    """The block of an answer; `known` maps names as answered to canonical ones, others are passed over.

    Raises AnswerError for anything that is not as documented: no block, times off UTC or not rising, another
    unit, another length, text, and numbers that cannot be on earth.
    """
    if not isinstance(body, dict):
        raise AnswerError(f"{place}: the answer is a {type(body).__name__}, not an object")
    if body.get("error"):
        raise ForecastError(f"{place}: request refused: {body.get('reason', 'no reason given')}")
    block, units = body.get(resolution), body.get(f"{resolution}_units")
    if not isinstance(block, dict) or not isinstance(units, dict) or not isinstance(block.get("time"), list):
        raise AnswerError(
            f"{place}: no {resolution!r} with 'time' and units in the answer; it has {sorted(map(str, body))}"
        )
    if body.get("utc_offset_seconds") not in (0, None):
        raise AnswerError(f"{place}: times are {body['utc_offset_seconds']} s off UTC; UTC was asked for")
    valid = pd.DatetimeIndex(pd.to_datetime(block["time"], utc=True, errors="coerce"))
    if valid.hasnans or not valid.is_monotonic_increasing or not valid.is_unique or not len(valid):
        raise AnswerError(f"{place}: 'time' is not a rising list of times")
    columns = {
        name: _values(block[name], units.get(name), known[name], len(valid), f"{place}, {name}")
        for name in block
        if name in known
    }
    if not columns:
        raise AnswerError(f"{place}: none of {sorted(set(known.values()))} in the answer")
    columns |= {
        name: values * PER_HOUR[resolution] for name, values in columns.items() if CATALOGUE[known[name]].over == "sum"
    }
    return _unbroken(valid, columns, pd.Timedelta(hours=1 / PER_HOUR[resolution]), place)


def _values(raw: Any, unit: Any, canonical: str, count: int, place: str) -> Floats:
    """One column; null is NaN."""
    expected = CATALOGUE[canonical]
    if unit != expected.unit:
        raise AnswerError(f"{place}: unit {unit!r}; {expected.unit!r} was asked for")
    if not isinstance(raw, list) or len(raw) != count:
        raise AnswerError(f"{place}: {len(raw) if isinstance(raw, list) else raw!r} values for {count} times")
    if bad := [v for v in raw if v is not None and (isinstance(v, bool) or not isinstance(v, int | float))]:
        raise AnswerError(f"{place}: {bad[0]!r} is not a number")
    values = expected.within(np.array([np.nan if v is None else v for v in raw], dtype=np.float64))
    if (wrong := expected.beyond(values)).any():
        raise AnswerError(
            f"{place}: {values[wrong][0]:g} {expected.unit} is not between {expected.least:g} and {expected.most:g}"
        )
    return values


def _unbroken(valid: pd.DatetimeIndex, columns: Mapping[str, Floats], step: pd.Timedelta, place: str) -> Block:
    """All times from the first to the last, NaN where the answer had none; a time between the steps is refused."""
    full = pd.date_range(valid[0], valid[-1], freq=step)
    at = full.get_indexer(valid)
    if (at < 0).any():
        off = valid[int(np.argmax(at < 0))]
        raise AnswerError(f"{place}: {off} is not on the {step / pd.Timedelta(minutes=1):g}-min steps from {valid[0]}")
    if len(full) == len(valid):
        return Block(valid, columns)
    filled = {name: np.full(len(full), np.nan) for name in columns}
    for name, values in columns.items():
        filled[name][at] = values
    return Block(full, filled, (f"{place}: {len(full) - len(valid)} of {len(full)} times are missing",))
