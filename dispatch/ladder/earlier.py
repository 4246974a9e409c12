"""A plan that was made before, as far as a later one needs it: its published path, in a form that can be kept.

A later plan falls back on its decisions (``last_good``) and goes on from the state that it leaves. Both read the
central path alone, so that is what is kept: an Arrow table with a row per step and a column per asset and series, the
inputs and the state that it was made with beside them. Nothing in it needs the park's file or this code to be read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from dispatch.errors import DataError
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon, days_before

if TYPE_CHECKING:
    import pyarrow as pa

_FORM = b"parkwatt.earlier"
_VERSION = 1
_DAY_S = 24 * 3600
_CO2 = "co2_step_kg"
Series = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class EarlierPlan:
    """The published path of a plan.

    Attributes:
        horizon: its steps.
        names: by kind, its members in order.
        series: by kind and series, (member, step).
        co2_step_kg: by kind, (member, step).
        inputs: by (asset, quantity), (1, …) what it knew: forecasts and prices of the central path.
        state: by asset name, what it began with.
    """

    horizon: Horizon
    names: Mapping[str, tuple[str, ...]]
    series: Mapping[str, Series]
    co2_step_kg: Mapping[str, Array] = field(default_factory=dict)
    inputs: Mapping[tuple[str, str], Array] = field(default_factory=dict)
    state: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, schedule: Schedule) -> Self:
        """Scenario 0 of a schedule."""
        steps = schedule.inputs.horizon.steps
        names, series, co2 = {}, dict[str, Series](), {}
        for kind, solved in schedule.kinds.items():
            names[kind] = tuple(member.name for member in solved.rows.members)
            first = slice(len(names[kind]))
            by_step = {n: v for n, v in solved.series.items() if v.ndim == 2 and v.shape[1] == steps}
            series[kind] = {name: np.asarray(values[first], float) for name, values in by_step.items()}
            co2[kind] = np.asarray(solved.co2_step_kg[first], float)
        inputs = {key: np.asarray(v[:1], float) for key, v in schedule.inputs.series.items()}
        return cls(schedule.inputs.horizon, names, series, co2, inputs, schedule.inputs.state)

    def to_arrow(self) -> pa.Table:
        """A row per step; which column is whose stands in the fields' metadata."""
        import pyarrow as pa

        edges = self.horizon.edges.astype("datetime64[s]")
        columns: list[tuple[str, pa.Array, dict[str, str]]] = [
            ("start", pa.array(edges[:-1], _utc()), {}),
            ("end", pa.array(edges[1:], _utc()), {}),
        ]
        for kind, members in self.names.items():
            held = {**self.series[kind], **({_CO2: self.co2_step_kg[kind]} if kind in self.co2_step_kg else {})}
            for row, name in enumerate(members):
                said = {"kind": kind, "asset": name}
                columns += [(f"{name}.{s}", pa.array(v[row]), {**said, "series": s}) for s, v in held.items()]
        fields = [pa.field(name, array.type, metadata=said or None) for name, array, said in columns]
        schema = pa.schema(fields, metadata={_FORM: json.dumps(self._beside(), sort_keys=True)})
        return pa.Table.from_arrays([array for _, array, _ in columns], schema=schema)

    def _beside(self) -> dict[str, Any]:
        """What has no value for every step, or is no series of an asset."""
        return {
            "version": _VERSION,
            "time_zone": self.horizon.time_zone,
            "kinds": {kind: list(members) for kind, members in self.names.items()},
            "inputs": [[asset, quantity, v[0].tolist()] for (asset, quantity), v in sorted(self.inputs.items())],
            "state": {name: dict(of) for name, of in self.state.items()},
        }

    @classmethod
    def from_arrow(cls, table: pa.Table) -> Self:
        """What ``to_arrow`` made.

        Raises:
            DataError: it is no such table.
        """
        told = (table.schema.metadata or {}).get(_FORM)
        beside = json.loads(told) if told is not None else {}
        if beside.get("version") != _VERSION:
            raise DataError(f"this table is no earlier plan of version {_VERSION}")
        columns = {_owner(one): table.column(i).to_numpy() for i, one in enumerate(table.schema) if one.metadata}
        names = {kind: tuple(members) for kind, members in beside["kinds"].items()}
        series, co2 = dict[str, Series](), {}
        for kind, members in names.items():
            own = dict.fromkeys(s for k, _, s in columns if k == kind)
            held = {s: np.array([columns[kind, name, s] for name in members]) for s in own}
            co2[kind] = held.pop(_CO2, np.zeros((len(members), table.num_rows)))
            series[kind] = held
        inputs = {(a, q): np.array([v], float) for a, q, v in beside["inputs"]}
        return cls(_horizon(table, beside["time_zone"]), names, series, co2, inputs, beside["state"])


def overlap(before: Horizon, now: Horizon) -> Array:
    """(step before, step now) share of the time of each step now that lies in each step before; columns add up to 1.

    A time beyond the end of the plan before is the same time of the clock on its last day that holds it.
    """
    seconds = [h.edges.astype("datetime64[s]").astype(np.int64) for h in (before, now)]
    edges, target = seconds
    lasts, zone = np.diff(target), now.time_zone
    days = np.maximum((target[1:] - edges[-1]) // _DAY_S, 0)  # a whole day may be 25 hours long, never 26
    starts = days_before(target[:-1], days, zone)
    while (late := starts + lasts > edges[-1]).any():
        days = days + late
        starts = days_before(target[:-1], days, zone)
    ends = starts + lasts
    starts = np.clip(starts, edges[0], edges[-1])
    lasting = np.minimum(edges[1:, None], ends) - np.maximum(edges[:-1, None], starts)
    shared = np.maximum(lasting, 0).astype(np.float64)
    total = shared.sum(axis=0)
    # A time before the previous plan began, or one that a plan of hours never held: its first step stands in.
    shared[0, total <= 0] = 1.0
    return np.asarray(shared / shared.sum(axis=0))


def _utc() -> pa.DataType:
    import pyarrow as pa

    return pa.timestamp("s", tz="UTC")


def _owner(one: pa.Field) -> tuple[str, str, str]:
    said = one.metadata
    return said[b"kind"].decode(), said[b"asset"].decode(), said[b"series"].decode()


def _horizon(table: pa.Table, time_zone: str) -> Horizon:
    starts, ends = (table.column(name).cast("int64").to_numpy() for name in ("start", "end"))
    return Horizon(np.append(starts, ends[-1]).astype("datetime64[s]"), time_zone)
