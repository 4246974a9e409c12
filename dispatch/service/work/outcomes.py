"""What came of a planning job, in plain data and tables: made beside the solver, looked at before it is kept.

Three tables leave the process that planned: what people look at, the set-points, and the published path for the plan
after this one. What is refused here is never published: numbers that are none, assets or steps that are not there,
set-points beyond what their asset can do, an audit that was not passed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from dispatch.errors import ParkwattError
from dispatch.service.store.arrow import from_bytes, to_bytes
from dispatch.service.work.basis import digest
from dispatch.setpoint_limits import limits
from dispatch.signals import Array
from dispatch.solver.highs import Quality
from dispatch.stores.stock import Storage

if TYPE_CHECKING:
    import pyarrow as pa

    from dispatch.plan import Plan
    from dispatch.service.work.wanted import Wanted

_TOLERANCE = 1e-3
_QUALITIES = frozenset(get_args(Quality))


@dataclass(frozen=True)
class Outcome:
    """A plan in plain data.

    Attributes:
        result: all that is said of it, as JSON.
        table, setpoints, earlier: Arrow streams.
    """

    quality: str
    money: float
    currency: str
    co2_kg: float
    result: dict[str, Any]
    table: bytes
    setpoints: bytes
    earlier: bytes

    def tables(self) -> Iterator[tuple[str, bytes]]:
        """By name."""
        yield from (("table", self.table), ("setpoints", self.setpoints), ("earlier", self.earlier))

    def columns(self) -> dict[str, Any]:
        """As a schedule's row has it."""
        return {
            "quality": self.quality, "money": self.money, "currency": self.currency, "co2_kg": self.co2_kg,
            "result": self.result,
        }  # fmt: skip

    def chained(self) -> dict[str, Any]:
        """What the audit trail holds: input hash → versions → rung."""
        said = self.result["certificate"]
        return {
            "inputs_sha256": digest(said["inputs_sha256"]),
            "versions": said["versions"],
            "quality": self.quality,
            "schedule_sha256": said["schedule_sha256"],
        }


def of(plan: Plan, start: list[dict[str, Any]], asked: Wanted, without_solver: str | None = None) -> Outcome:
    """What a plan says, with its tables.

    Args:
        without_solver: why no solver was asked; None where one was.
    """
    from dispatch.ladder.earlier import EarlierPlan
    from dispatch.tables import schedule_table

    schedule = plan.schedule
    result = {
        "certificate": plan.certificate,
        "notes": [*plan.site.notes, *plan.notes, *(plan.outlook.forecast.notes if plan.outlook.forecast else ())],
        "start_state": start,
        "goes_on_from": asked.start.schedule or None,
        "methods": [asdict(outcome) for outcome in plan.outcomes],
        "wishes": {text: [float(short.sum()), unit] for text, (short, unit) in schedule.wish_short.items()},
        "data_age_h": plan.outlook.data_age_h,
        "without_solver": without_solver,
        "kept": [] if without_solver is not None else [dict(one) for one in asked.kept],
    }
    return Outcome(
        schedule.proof.quality,
        float(schedule.weights @ schedule.money),
        plan.site.currency,
        float(schedule.weights @ schedule.co2_kg),
        _plain(result),
        to_bytes(schedule_table(schedule, plan.site.currency)),
        to_bytes(_setpoints(plan)),
        to_bytes(EarlierPlan.of(schedule).to_arrow()),
    )


def _setpoints(plan: Plan) -> pa.Table:
    """A row per step, a column per set-point; in its metadata what holds once the plan no longer does."""
    import pyarrow as pa

    from dispatch.tables import setpoints

    edges, resting = plan.horizon.edges.astype("datetime64[s]"), _resting(plan)
    stamp = pa.timestamp("s", tz="UTC")
    columns: list[tuple[str, Any, dict[str, str] | None]] = [
        ("start", pa.array(edges[:-1], stamp), None),
        ("end", pa.array(edges[1:], stamp), None),
    ]
    for name, values in setpoints(plan.schedule).items():
        asset, quantity = name.split(".", maxsplit=1)
        said = {"asset": asset, "quantity": quantity}
        if name in resting:
            said["rest"] = repr(resting[name])
        columns.append((name, pa.array(np.round(values, 6) + 0.0), said))
    schema = pa.schema([pa.field(name, array.type, metadata=said) for name, array, said in columns])
    return pa.Table.from_arrays([array for _, array, _ in columns], schema=schema)


def _resting(plan: Plan) -> dict[str, float]:
    """Set-points of the safe state, as it is at the end of the steps: what may stop has stopped by then."""
    from dispatch.ladder.fallback import safe_state
    from dispatch.tables import setpoints

    if plan.problem is None:
        return {}
    try:
        made = setpoints(safe_state(plan.problem))
    except ParkwattError:
        return {}
    return {name: round(float(values[-1]), 6) + 0.0 for name, values in made.items() if np.isfinite(values[-1])}


def _plain(value: Any) -> Any:
    """JSON has neither NaN nor infinity."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return value


def refused(asked: Wanted, outcome: Any) -> str | None:
    """Why what came is no plan for what was asked; None where it is one."""
    if not isinstance(outcome, Outcome):
        return f"a {type(outcome).__name__} is no plan"
    try:
        return next(_mistakes(asked, outcome), None)
    except Exception as error:  # noqa: BLE001 - whatever cannot be read is no plan
        return f"it cannot be read ({type(error).__name__})"


def _mistakes(asked: Wanted, outcome: Outcome) -> Iterator[str]:
    from dispatch.ladder.earlier import EarlierPlan

    if outcome.quality not in _QUALITIES:
        yield f"there is no rung '{outcome.quality}'"
    if not (math.isfinite(outcome.money) and math.isfinite(outcome.co2_kg)):
        yield "its money or carbon is not a number"
    audit = outcome.result["certificate"]["audit"]
    if audit["violations"]:
        yield f"its audit was not passed: {audit['violations'][0]}"
    tables = {name: from_bytes(data) for name, data in outcome.tables()}
    edges = asked.what.horizon.edges.astype("datetime64[s]").astype(np.int64)
    for name, table in tables.items():
        if not np.array_equal(table["start"].cast("int64").to_numpy(), edges[:-1]):
            yield f"its {name} has not the steps that were asked for"
        yield from _not_numbers(name, table)
    there = {name for members in EarlierPlan.from_arrow(tables["earlier"]).names.values() for name in members}
    lacking = [asset.name for asset in asked.what.park.assets if asset.name not in there]
    if lacking:
        yield f"it says nothing of '{lacking[0]}'"
    yield from _beyond(asked, tables["setpoints"])


def _not_numbers(name: str, table: pa.Table) -> Iterator[str]:
    for field in table.schema:
        values = table[field.name]
        if field.type == "double" and not (values.null_count == 0 and np.isfinite(values.to_numpy()).all()):
            yield f"its {name} has values of {field.name} that are no numbers"


def _beyond(asked: Wanted, setpoints: pa.Table) -> Iterator[str]:
    """Powers of stores above their rating: no rung of the ladder may pass those."""
    stores = {asset.name: asset for asset in asked.what.park.assets if isinstance(asset, Storage)}
    for field in setpoints.schema:
        asset, quantity = ((field.metadata or {}).get(key, b"").decode() for key in (b"asset", b"quantity"))
        span = limits(stores[asset], quantity) if asset in stores else None
        if span is not None:
            values, room = setpoints[field.name].to_numpy(), _TOLERANCE * max(1.0, span.most)
            if values.min() < -room or values.max() > span.most + room:
                yield f"its {field.name} is beyond what '{asset}' can do"


def paths(table: pa.Table, central: Mapping[str, list[float]]) -> tuple[dict[str, Array], Array]:
    """(1 + S, T) by series and (S,) weights, out of a forecast's table of scenarios and its central path."""
    names = table["variable"].to_numpy(zero_copy_only=False)
    values, scenario = table["value"].to_numpy(), table["scenario"].to_numpy()
    count = int(scenario.max()) + 1
    out = {
        name: np.vstack([np.array(path), values[names == name].reshape(count, -1)]) for name, path in central.items()
    }
    first = names == names[0]
    return out, table["weight"].to_numpy()[first].reshape(count, -1)[:, 0]
