"""What became of a site, and its two tables: one row a site, one row for each series of its assets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from dispatch.ladder import Climbed
from dispatch.signals import Array, unit_of

if TYPE_CHECKING:
    import pyarrow as pa

TABLES = ("sites", "series")


@dataclass(frozen=True)
class Planned:
    """A site's plan; NaN where there is no number.

    Attributes:
        rung: of the ladder that the plan stands on; empty where there is no plan at all.
        reason: what kept it from better rungs.
        failed: why the site had to be set apart; empty where it was planned like all others.
        money, co2_kg, penalty: of the published path.
        objective, bound, gap: as proved.
        series: by (asset, series), (T,) values.
    """

    name: str
    currency: str
    rung: str = ""
    reason: str = ""
    failed: str = ""
    money: float = np.nan
    co2_kg: float = np.nan
    penalty: float = np.nan
    objective: float = np.nan
    bound: float = np.nan
    gap: float = np.nan
    series: Mapping[tuple[str, str], Array] = field(default_factory=dict)

    def set_apart(self, why: str) -> Planned:
        """The same of a site that failed for this reason."""
        return replace(self, failed=why)


def of_climb(name: str, currency: str, climbed: Climbed) -> Planned:
    """A schedule as what is kept of it: the published path, series with a value per step."""
    schedule, proof = climbed.schedule, climbed.schedule.proof
    steps = schedule.inputs.horizon.steps
    series = {
        (member.name, named): np.asarray(values[place % values.shape[0]], float)
        for solved in schedule.kinds.values()
        for named, values in solved.series.items()
        for place, member in enumerate(solved.rows.members)
        if values.ndim == 2 and values.shape[-1] == steps and unit_of(named) is not None
    }
    return Planned(
        *(name, currency, proof.quality, proof.reason, ""),
        *(float(schedule.money[0]), float(schedule.co2_kg[0]), float(schedule.penalty[0])),
        *(proof.objective, proof.bound, proof.gap),
        series,
    )


def tables(plans: Sequence[Planned]) -> dict[str, pa.Table]:
    """Rows in the order of the sites, series by asset and name; what has no number is null."""
    import pyarrow as pa

    text = ("name", "currency", "rung", "reason", "failed")
    sites = {key: [asdict(replace(plan, series={}))[key] for plan in plans] for key in _SITE}
    columns = {k: pa.array(v, pa.string()) if k in text else _numbers(v) for k, v in sites.items()}
    rows = [(p.name, *key, p.series[key]) for p in plans for key in sorted(p.series)]
    series = {
        "name": pa.array([row[0] for row in rows], pa.string()),
        "asset": pa.array([row[1] for row in rows], pa.string()),
        "series": pa.array([row[2] for row in rows], pa.string()),
        "values": pa.array([row[3] for row in rows], pa.list_(pa.float64())),
    }
    return {"sites": pa.table(columns), "series": pa.table(series)}


_SITE = ("name", "currency", "rung", "reason", "failed", "money", "co2_kg", "penalty", "objective", "bound", "gap")


def _numbers(values: Sequence[float]) -> pa.Array:
    import pyarrow as pa

    return pa.array(np.asarray(values, float), pa.float64(), from_pandas=True)


def joined(pieces: Sequence[Mapping[str, pa.Table]]) -> dict[str, pa.Table]:
    """Tables of sites one after the other, the same bytes as if they had been made at once."""
    import pyarrow as pa

    return {name: pa.concat_tables([piece[name] for piece in pieces]).combine_chunks() for name in TABLES}
