"""What became of sites, as two tables: a row for each site, and a row for each value of their series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dispatch.ladder import Climbed
from dispatch.signals import unit_of

if TYPE_CHECKING:
    import pyarrow as pa

TABLES = ("sites", "series")
NONE = "none"
"""Quality of a site that has no plan at all."""

_TEXTS = ("site", "quality", "reason")
_NUMBERS = ("objective", "bound", "gap", "money", "co2_kg", "penalty")
Tables = Mapping[str, "pa.Table"]


def of_climb(site: str, climbed: Climbed) -> Tables:
    """A site's schedule: the published path, series with a value per step."""
    import pyarrow as pa

    schedule, proof = climbed.schedule, climbed.schedule.proof
    horizon = schedule.inputs.horizon
    found = [
        (member.name, named, np.asarray(values[place % values.shape[0]], float))
        for solved in schedule.kinds.values()
        for named, values in solved.series.items()
        for place, member in enumerate(solved.rows.members)
        if values.ndim == 2 and values.shape[-1] == horizon.steps and unit_of(named) is not None
    ]
    found.sort(key=lambda one: one[:2])
    count, steps = len(found), horizon.steps
    start = pa.array(np.tile(horizon.edges[:-1].astype("datetime64[s]"), count), pa.timestamp("s", tz="UTC"))
    series = {
        "site": pa.array([site] * (count * steps), pa.string()),
        "asset": pa.array(np.repeat([one[0] for one in found], steps).tolist(), pa.string()),
        "series": pa.array(np.repeat([one[1] for one in found], steps).tolist(), pa.string()),
        "step": pa.array(np.tile(np.arange(steps, dtype=np.int32), count)),
        "start": start,
        "value": _numbers(np.concatenate([np.zeros(0), *(one[2] for one in found)])),
    }
    numbers = (proof.objective, proof.bound, proof.gap)
    sums = (float(schedule.money[0]), float(schedule.co2_kg[0]), float(schedule.penalty[0]))
    sites = _site((site, proof.quality, proof.reason), (*numbers, *sums))
    return {"sites": sites, "series": pa.table(series)}


def no_plan(site: str, reason: str) -> Tables:
    """A site without any: no number, no series."""
    import pyarrow as pa

    text, whole, number = (pa.array([], kind) for kind in (pa.string(), pa.int32(), pa.float64()))
    start = pa.array([], pa.timestamp("s", tz="UTC"))
    series = {"site": text, "asset": text, "series": text, "step": whole, "start": start, "value": number}
    return {"sites": _site((site, NONE, reason), (np.nan,) * len(_NUMBERS)), "series": pa.table(series)}


def joined(pieces: Sequence[Tables]) -> Tables:
    """Tables of sites one after the other, the same bytes as if they had been made at once."""
    import pyarrow as pa

    return {name: pa.concat_tables([piece[name] for piece in pieces]).combine_chunks() for name in TABLES}


def with_column(tables: Tables, name: str, values: Sequence[str]) -> Tables:
    """With one more column of text for the sites."""
    import pyarrow as pa

    return {**tables, "sites": tables["sites"].append_column(name, pa.array(values, pa.string()))}


def _site(texts: tuple[str, ...], numbers: tuple[float, ...]) -> pa.Table:
    import pyarrow as pa

    told = {name: pa.array([text], pa.string()) for name, text in zip(_TEXTS, texts, strict=True)}
    return pa.table(told | {name: _numbers(np.array([n])) for name, n in zip(_NUMBERS, numbers, strict=True)})


def _numbers(values: np.ndarray) -> pa.Array:
    """What is no number is null."""
    import pyarrow as pa

    return pa.array(values, pa.float64(), from_pandas=True)
