"""What a plan begins from, and who says so: the request, measured contents, the plan before, the park's own file.

In that order, asset by asset and quantity by quantity. A measured content counts while it is not older than the request
says; of the plan before, what its published path comes to at the new start is carried as a replay carries it: contents,
hours on and off, the month's peak and energy so far.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from dispatch.asset import Asset
from dispatch.config.mistakes import near_miss
from dispatch.service.errors import Fault
from dispatch.service.store import series
from dispatch.service.store.transaction import Tx
from dispatch.service.work.basis import Asked
from dispatch.site import Site
from dispatch.stores.stock import Storage

if TYPE_CHECKING:
    from dispatch.ladder.earlier import EarlierPlan

STORED = "stored_kwh"
FILL = "start_fill"
Who = Literal["request", "measured", "schedule", "park"]
State = dict[str, dict[str, float]]
# Fields of the kinds that say how things stood before the horizon; what is no such field would be ignored.
_CARRIED = re.compile(
    r"^start_(fill|full|degc)$|_before(_|$)|(^|_)to_date_|^past_peaks|^owed_|^used_h$|^held_kw$|^underway_|^runs_done$|"
    r"^done_|^interrupted_|^recovered_|^chosen$|^expected_|_today_"
)
# Meters are not exact: so far beyond empty or full, as a share of what fits in, a content still counts.
_ROOM = 0.01
_SHOWN = (FILL, "on_before_h", "off_before_h", "power_before_kw", "start_degc")


@dataclass(frozen=True)
class Measured:
    """The newest content of a store."""

    stored_kwh: float
    at: datetime
    series: str


@dataclass(frozen=True)
class Start:
    """What is known of the start, before anything is computed.

    Attributes:
        wanted: by asset and quantity, what the request says.
        measured: by store, its content; only what is young enough.
        schedule: id of the schedule before, and of its published path what was kept; empty and None without one.
        carries: whether the new plan goes on from the state that it leaves.
        notes: what was measured and is not used, or is read in place of something else.
    """

    wanted: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    measured: Mapping[str, Measured] = field(default_factory=dict)
    schedule: str = ""
    before: EarlierPlan | None = None
    carries: bool = False
    notes: tuple[str, ...] = ()


def carried_fields(asset: Asset) -> list[str]:
    """Names of what an asset carries over from before the steps."""
    return [name for name in type(asset).model_fields if _CARRIED.search(name)]


def faults(park: Site, wanted: Mapping[str, Mapping[str, float]]) -> Iterator[Fault]:
    """What is wrong with a request's start state, held against the park."""
    assets = {asset.name: asset for asset in park.assets}
    for name, of in wanted.items():
        place = f"/start_state/{name}"
        if name not in assets:
            yield Fault(place, "there is no such asset", name, near_miss(name, sorted(assets)))
            continue
        known = [*([STORED] if isinstance(assets[name], Storage) else []), *carried_fields(assets[name])]
        for quantity, value in of.items():
            most = {STORED: getattr(assets[name], "energy_kwh", 0.0), FILL: 1.0}.get(quantity)
            if quantity.partition(":")[0] not in known:
                yield Fault(
                    f"{place}/{quantity}",
                    "is nothing that it has",
                    quantity,
                    near_miss(quantity, known, "nothing: it carries no state"),
                )
            elif most is not None and not 0 <= value <= most:
                yield Fault(f"{place}/{quantity}", "is not possible", value, f"0 to {most:g}")


def measured(tx: Tx, what: Asked, age: timedelta) -> tuple[dict[str, Measured], tuple[str, ...]]:
    """The newest possible content of each store, and notes of newer ones that no such store can hold.

    Only what was known at the issue time counts, and is not older than that at the start.
    """
    from dispatch.measured.names import names

    first = what.horizon.start
    meant = {n: m for n, m in names(what.park).items() if m.key.quantity == "content"}
    if not meant:
        return {}, ()
    as_of = what.issue if what.known_at == "receipt" else None
    found = series.read(tx, what.site, list(meant), first - age, min(first, what.issue), as_of)
    sizes = {asset.name: asset.energy_kwh for asset in what.park.assets if isinstance(asset, Storage)}
    newest: dict[str, Measured] = {}
    notes: dict[str, str] = {}
    for row in sorted(found.to_pylist(), key=lambda row: row["time"], reverse=True):
        meaning, value = meant[row["series"]], row["value"]
        store = meaning.key.of
        if value is None or math.isnan(value) or store in newest:
            continue
        content, room = value * meaning.unit.scale, _ROOM * sizes[store]
        if -room <= content <= sizes[store] + room:
            newest[store] = Measured(content, row["time"], row["series"])
        else:
            notes.setdefault(row["series"], _impossible(row, sizes[store] / meaning.unit.scale))
    return newest, tuple(notes.values())


def _impossible(row: Mapping[str, Any], most: float) -> str:
    return (
        f"{row['series']}: {row['value']:g} of {row['time']:%Y-%m-%d %H:%M} UTC is not used; accepted: 0 to {most:g}, "
        f"or {_ROOM:.0%} of that beyond"
    )


def state(park: Site, horizon_start: datetime, start: Start) -> tuple[State, list[dict[str, Any]]]:
    """The state as ``Inputs.state`` takes it, and who says what of it."""
    from dispatch.replay.plant import carried_from

    out: State = {}
    said: dict[tuple[str, str], tuple[Who, Measured | None]] = {}
    if start.carries and start.before is not None and (steps := _steps_by(start.before, horizon_start)):
        out = carried_from(park, start.before, steps)
        said = {(name, quantity): ("schedule", None) for name, of in out.items() for quantity in of}
    for asset in park.assets:
        if isinstance(asset, Storage) and (level := start.measured.get(asset.name)) is not None:
            out[asset.name] = {FILL: min(max(level.stored_kwh / asset.energy_kwh, 0.0), 1.0)}
            said[asset.name, FILL] = "measured", level
    sizes = {asset.name: asset.energy_kwh for asset in park.assets if isinstance(asset, Storage)}
    for name, of in start.wanted.items():
        for quantity, value in of.items():
            key = FILL if quantity == STORED else quantity
            out.setdefault(name, {})[key] = value / sizes[name] if quantity == STORED else value
            said[name, key] = "request", None
    return out, list(_told(park, out, said))


def _steps_by(before: EarlierPlan, moment: datetime) -> int:
    """How many whole steps of a plan are over at a moment."""
    import numpy as np

    edges = before.horizon.edges.astype("datetime64[s]").astype(np.int64)
    if moment.timestamp() > edges[-1]:
        return 0  # what happened since then nobody says
    return int(np.searchsorted(edges[1:], round(moment.timestamp()), side="right"))


def _told(
    park: Site, state: State, said: Mapping[tuple[str, str], tuple[Who, Measured | None]]
) -> Iterator[dict[str, Any]]:
    """Who says what of each thing that is carried in; of stores also where nobody but the park's file does."""
    for asset in park.assets:
        own = state.get(asset.name, {})
        fields = [name for name in _SHOWN if name in type(asset).model_fields]
        for quantity in dict.fromkeys([*fields[:1], *own]):
            value = own.get(quantity, getattr(asset, quantity, None))
            if value is None:
                continue
            who, level = said.get((asset.name, quantity), ("park", None))
            shown = {"asset": asset.name, "quantity": quantity, "value": float(value), "said_by": who}
            yield shown if level is None else shown | {"at": level.at.isoformat(), "series": level.series}
