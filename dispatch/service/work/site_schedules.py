"""A fleet's plan as schedules of its sites: for each the tables that a schedule planned by itself has.

What is made of a fleet is one long table of published series; the tables here are cut from it. A later plan that goes
on from such a schedule finds its published series and what was known of the day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.errors import ParkwattError
from dispatch.fleet.members import Member
from dispatch.fleet.shared.gathered import Templates
from dispatch.ladder.earlier import EarlierPlan
from dispatch.ladder.fallback import safe_state
from dispatch.service.store.arrow import to_bytes
from dispatch.service.store.fleet_schedules import SiteSchedule
from dispatch.signals import Array, Horizon
from dispatch.tables import SETPOINTS, setpoints

if TYPE_CHECKING:
    import pyarrow as pa

_NONE = "none"
Values = dict[tuple[str, str], Array]


def schedules(
    members: Sequence[Member], horizon: Horizon, summary: pa.Table, series: pa.Table
) -> tuple[SiteSchedule, ...]:
    """Of every site that has a plan."""
    by_site = dict(_by_site(series, horizon.steps))
    rows = {row["site"]: row for row in summary.to_pylist() if row["quality"] != _NONE}
    templates = Templates(horizon, ())
    return tuple(
        _schedule(member, horizon, rows[member.name], by_site[member.name], templates)
        for member in members
        if member.name in rows and member.name in by_site
    )


def _by_site(series: pa.Table, steps: int) -> Iterator[tuple[str, Values]]:
    """Values by asset and series; the rows of one stand together, a step each."""
    columns = [_texts(series[name])[::steps] for name in ("site", "asset", "series")]
    values = series["value"].to_numpy().reshape(-1, steps)
    found: dict[str, Values] = {}
    for place, (site, asset, name) in enumerate(zip(*columns, strict=True)):
        found.setdefault(site, {})[asset, name] = values[place]
    yield from found.items()


def _texts(column: pa.ChunkedArray) -> Any:
    import pyarrow as pa

    return column.cast(pa.string()).to_numpy(zero_copy_only=False)


def _schedule(
    member: Member, horizon: Horizon, row: dict[str, Any], values: Values, templates: Templates
) -> SiteSchedule:
    named = {f"{asset}.{name}": own for (asset, name), own in values.items()}
    rest = _resting(member, horizon, templates)
    given = {name: own for name, own in named.items() if name.rsplit(".", maxsplit=1)[-1] in SETPOINTS}
    earlier = _earlier(member, horizon, values)
    return SiteSchedule(
        member.name,
        member.site.currency,
        row,
        to_bytes(_table(horizon, named, {})),
        to_bytes(_table(horizon, {name: np.round(own, 6) + 0.0 for name, own in given.items()}, rest)),
        to_bytes(earlier.to_arrow()),
    )


def _table(horizon: Horizon, named: Mapping[str, Array], rest: Mapping[str, float]) -> pa.Table:
    """A row per step, a column per series, which says whose it is; set-points also what holds after the last step."""
    import pyarrow as pa

    edges, stamp = horizon.edges.astype("datetime64[s]"), pa.timestamp("s", tz="UTC")
    columns: list[tuple[str, Any, dict[str, str] | None]] = [
        ("start", pa.array(edges[:-1], stamp), None),
        ("end", pa.array(edges[1:], stamp), None),
    ]
    for name, own in named.items():
        asset, quantity = name.split(".", maxsplit=1)
        said = {"asset": asset, "quantity": quantity} | ({"rest": repr(rest[name])} if name in rest else {})
        columns.append((name, pa.array(own), said))
    schema = pa.schema([pa.field(name, array.type, metadata=said) for name, array, said in columns])
    return pa.Table.from_arrays([array for _, array, _ in columns], schema=schema)


def _resting(member: Member, horizon: Horizon, templates: Templates) -> dict[str, float]:
    """Set-points of the safe state at the end of the steps."""
    try:
        problem = templates.of(member).problem
        problem.update(member.inputs(horizon), site=member.site)
        made = setpoints(safe_state(problem))
    except ParkwattError:
        return {}
    return {name: round(float(own[-1]), 6) + 0.0 for name, own in made.items() if np.isfinite(own[-1])}


def _earlier(member: Member, horizon: Horizon, values: Values) -> EarlierPlan:
    site, names, series = member.site, dict[str, tuple[str, ...]](), dict[str, dict[str, Array]]()
    for kind, rows in site.rows(1).items():
        names[kind] = tuple(rows.names)
        own = dict.fromkeys(name for asset, name in values if asset in names[kind])
        nothing = np.zeros(horizon.steps)
        series[kind] = {name: np.array([values.get((asset, name), nothing) for asset in names[kind]]) for name in own}
    inputs = member.inputs(horizon)
    known = {key: np.asarray(given[:1], float) for key, given in inputs.series.items()}
    return EarlierPlan(horizon, names, series, {}, known, inputs.state)
