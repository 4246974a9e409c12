"""A schedule against what was measured: what it expected of each asset and of the whole site, and what came."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.service.schemas.schedules import Compared, Comparison
from dispatch.service.store import Tx, files, series
from dispatch.service.store.arrow import from_bytes
from dispatch.service.work import basis

if TYPE_CHECKING:
    import pyarrow as pa

    from dispatch.ladder.earlier import EarlierPlan
    from dispatch.signals import Array
    from dispatch.site import Site

_SITE = "net_import_kw"
_US = 1_000_000


def compared(tx: Tx, row: Any) -> Comparison:
    """By series that was measured, over the steps that are known of both."""
    from dispatch.ladder.earlier import EarlierPlan

    plan = EarlierPlan.from_arrow(from_bytes(files.read(tx, row.earlier_file)))
    planned = dict(_planned(plan, basis.park_at(tx, row.site, row.site_version)))
    edges = plan.horizon.edges.astype("datetime64[s]").astype(np.int64)
    found = series.read(tx, row.site, sorted(planned), row.start, row.end)
    shown, lacking = [], []
    for name, expected in sorted(planned.items()):
        came = _means(found, name, edges)
        both = np.isfinite(came)
        if both.any():
            shown.append(_compared(name, expected[both], came[both], np.diff(edges)[both] / 3600))
        else:
            lacking.append(name)
    return Comparison(
        schedule=row.id, site=row.site, start=row.start, end=row.end, steps=row.steps, compared=tuple(shown),
        not_measured=tuple(lacking),
    )  # fmt: skip


def _planned(plan: EarlierPlan, park: Site) -> Iterator[tuple[str, Array]]:
    for asset in park.assets:
        for need in asset.needs:
            if (values := plan.inputs.get((asset.name, need.quantity))) is not None:
                yield asset.name, values[0]
    flows = plan.series.get("grid_connection")
    if flows is not None:
        yield _SITE, (flows["import_kw"] - flows["export_kw"]).sum(axis=0)


def _means(found: pa.Table, name: str, edges: np.ndarray) -> Array:
    """(T,) mean of what was measured in each step, by the length of its intervals; NaN where not all of it was."""
    rows = found.filter(np.asarray(found["series"].to_numpy(zero_copy_only=False) == name))
    ends, value = rows["time"].cast("int64").to_numpy() // _US, rows["value"].to_numpy()
    out = np.full(len(edges) - 1, np.nan)
    if len(ends) < 2:
        return out
    ends, first = np.unique(ends, return_index=True)
    value, lasts = value[first], float(np.median(np.diff(ends)))
    for step, (start, end) in enumerate(pairwise(edges)):
        inside = (ends > start) & (ends <= end)
        if inside.sum() * lasts >= end - start:
            out[step] = value[inside].mean()
    return out


def _compared(name: str, planned: Array, came: Array, hours: Array) -> Compared:
    return Compared(
        series=name, steps=len(hours), planned_kwh=float(planned @ hours), measured_kwh=float(came @ hours),
        mean_absolute_error_kw=float(np.abs(planned - came) @ hours / hours.sum()),
    )  # fmt: skip
