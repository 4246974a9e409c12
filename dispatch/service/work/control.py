"""What holds of a site's set-points at a moment: override > hold > schedule > the safe state of the last schedule.

A schedule holds from when it was there, while its steps last and it is young enough; after that its assets rest as its
safe state says. In the periods of an award the schedule around it holds, above plans that were made later. A value that
an operator sets stands above all; bounds that he sets hold for everything below. Whoever sets one of two flows that
exclude each other leaves none of the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.service.store import files, overrides, schedules, sites
from dispatch.service.store.arrow import from_bytes
from dispatch.service.store.remembered import Remembered
from dispatch.service.store.schedules import Plans
from dispatch.service.store.transaction import Tx
from dispatch.setpoint_limits import limits

if TYPE_CHECKING:
    import pyarrow as pa

    from dispatch.asset import Asset
    from dispatch.signals import Array

Key = tuple[str, str]
OPPOSITE = {"charge_kw": "discharge_kw", "import_kw": "export_kw", "forward_kw": "backward_kw"}
OPPOSITE |= {other: one for one, other in OPPOSITE.items()}
_UNREAD: Any = object()
_KEPT = 512  # schedules' set-points in memory, of two days of quarter-hours and ten assets 40 kB each
_END = datetime.max.replace(tzinfo=UTC)
_RANK = {"value": 0, "hold": 1}


@dataclass(frozen=True)
class Holding:
    """One set-point at a moment."""

    asset: str
    quantity: str
    value: float | None
    source: str
    valid_until: datetime | None = None
    issued_at: datetime | None = None
    schedule: str | None = None
    override: str | None = None
    bounded_from: float | None = None

    @property
    def key(self) -> Key:
        """Asset and quantity."""
        return self.asset, self.quantity


@dataclass(frozen=True)
class _Table:
    """A schedule's set-points in memory."""

    edges_s: Array
    values: dict[Key, Array]
    rest: dict[Key, float]

    @classmethod
    def of(cls, table: pa.Table) -> _Table:
        starts, ends = (table[name].cast("int64").to_numpy() for name in ("start", "end"))
        values, rest = {}, {}
        for one in table.schema:
            if one.metadata:
                key = one.metadata[b"asset"].decode(), one.metadata[b"quantity"].decode()
                values[key] = table[one.name].to_numpy()
                if b"rest" in one.metadata:
                    rest[key] = float(one.metadata[b"rest"])
        return cls(np.append(starts, ends[-1]), values, rest)

    def step(self, at: datetime) -> int:
        return int(np.searchsorted(self.edges_s, at.timestamp(), side="right")) - 1


_TABLES: Remembered[str, _Table] = Remembered(_KEPT)


@dataclass
class Control:
    """Looks up what holds, reading each schedule once.

    Attributes:
        age: up to which a schedule's set-points hold, from its issue; see ``schedules.good_until``.
    """

    tx: Tx
    site: str
    age: timedelta
    _last: Any = _UNREAD
    _park: dict[str, Asset] | None = None
    _later: Sequence[Any] = ()

    def at(self, moment: datetime) -> list[Holding]:
        """All set-points at a moment."""
        soon = moment + timedelta(seconds=1)
        found = overrides.holding(self.tx, self.site, moment, _END)
        self._later = [row for row in found if row.start > moment]
        held = self._at(moment, found, schedules.holding(self.tx, self.site, moment, soon))
        return [self._until_the_next(one) for one in held]

    def _until_the_next(self, one: Holding) -> Holding:
        """What is known to change earlier is not said to be valid for longer."""
        if one.valid_until is None:
            return one
        starts = [row.start for row in self._later if row.asset == one.asset]
        return replace(one, valid_until=min([one.valid_until, *starts]))

    def _at(self, moment: datetime, found: Sequence[Any], plans: Plans) -> list[Holding]:
        """Likewise, of overrides and schedules that are read already."""
        mine = [row for row in found if row.start <= moment < overrides.ends_at(row)]
        changes = [change for change in plans.changes() if change > moment]
        planned = self._planned(moment, plans.at(moment, self.age))
        base = {one.key: _no_longer(one, changes) for one in planned}
        for row in mine:
            key = row.asset, row.quantity
            base.setdefault(key, Holding(*key, None, "none"))
        held = stated(base, [row for row in mine if row.kind != "bounds"])
        bounds = [row for row in mine if row.kind == "bounds"]
        held = {key: _bounded(one, bounds) for key, one in held.items()}
        told = (_alone(one, held) for _, one in sorted(held.items()))
        return [self._possible(one) for one in told if one.asset in self._assets()]

    def _assets(self) -> dict[str, Asset]:
        """Those of the site as it is now: a plan or an override may be of an earlier version."""
        if self._park is None:
            park = sites.park(self.tx, self.site)
            self._park = {asset.name: asset for asset in park.assets} if park else {}
        return self._park

    def _possible(self, one: Holding) -> Holding:
        """Within what its asset can do now."""
        span = limits(self._assets()[one.asset], one.quantity)
        if one.value is None or span is None or one.value <= span.most:
            return one
        return replace(one, value=max(span.most, 0.0), bounded_from=one.value)

    def _planned(self, moment: datetime, row: Any) -> Iterator[Holding]:
        """What the schedule in force says; without one the safe state of the last."""
        if row is not None and moment < (good_until := schedules.good_until(row, self.age)):
            table = self._table(row)
            step = table.step(moment)
            until = min(datetime.fromtimestamp(float(table.edges_s[step + 1]), UTC), good_until)
            for key, values in table.values.items():
                yield Holding(*key, float(values[step]), "schedule", until, row.issued, row.id)
            return
        if (last := self._latest(moment)) is not None:
            table = self._table(last)
            for key in table.values:
                value = table.rest.get(key)
                yield Holding(*key, value, "none" if value is None else "safe_state", None, last.issued, last.id)

    def _latest(self, moment: datetime) -> Any:
        """The newest schedule that was there at a moment; of what is to come, the newest that is there."""
        if moment < self.tx.now:
            return schedules.latest(self.tx, self.site, moment)
        if self._last is _UNREAD:
            self._last = schedules.latest(self.tx, self.site)
        return self._last

    def _table(self, row: Any) -> _Table:
        file: str = row.setpoints_file
        return _TABLES.get(file, lambda: _Table.of(from_bytes(files.read(self.tx, file))))

    def spans(self, start: datetime, end: datetime, most: int) -> list[tuple[datetime, datetime, list[Holding]]]:
        """What holds from one change to the next, of at most so many changes."""
        found = overrides.holding(self.tx, self.site, start, end)
        plans = schedules.holding(self.tx, self.site, start, end)
        moments = {m for row in found for m in (row.start, overrides.ends_at(row))}
        moments |= set(plans.changes())
        out: list[tuple[datetime, datetime, list[Holding]]] = []
        at = start
        while at < end and len(out) < most:
            held = self._at(at, found, plans)
            changes = [one.valid_until for one in held if one.valid_until is not None]
            until = min([change for change in (*changes, *moments) if change > at] + [end])
            out.append((at, min(until, end), held))
            at = until
        return out


def _no_longer(one: Holding, changes: Sequence[datetime]) -> Holding:
    """Than until another schedule may hold."""
    return one if one.valid_until is None else replace(one, valid_until=min([one.valid_until, *changes]))


def stated(base: dict[Key, Holding], rows: Sequence[Any]) -> dict[Key, Holding]:
    """What values and holds say, the strongest last: a value above a hold, of the same kind the newest."""
    out = dict(base)
    for row in sorted(rows, key=lambda row: (_RANK[row.kind], _Newest(row.id)), reverse=True):
        source = "override" if row.kind == "value" else "hold"
        said = Holding(row.asset, row.quantity, row.value, source, overrides.ends_at(row), row.created, override=row.id)
        out[said.key] = said
        for quantity, value in _along(row, out):
            key = row.asset, quantity
            if key in out:
                out[key] = replace(said, quantity=quantity, value=value)
    return out


class _Newest:
    """Sorts ids the newest first."""

    def __init__(self, id_: str) -> None:
        self.id = id_

    def __lt__(self, other: _Newest) -> bool:
        return self.id > other.id


def _along(row: Any, there: dict[Key, Holding]) -> Iterator[tuple[str, float]]:
    """What else of the asset follows: the opposite flow rests, and plant runs if and only if it gives something."""
    if row.value and row.quantity in OPPOSITE:
        yield OPPOSITE[row.quantity], 0.0
    if row.quantity == "power_kw" and (row.asset, "on") in there:
        now = there[row.asset, "on"].value or 0.0
        yield "on", max(now, 1.0) if row.value else 0.0
    if row.quantity == "on" and not row.value:
        yield "power_kw", 0.0


def _bounded(one: Holding, rows: Sequence[Any]) -> Holding:
    """Within the bounds that operators set; of several that contradict each other the newest holds."""
    if one.source == "override" or one.value is None:
        return one
    for row in reversed(rows):
        if (row.asset, row.quantity) != one.key:
            continue
        least, most = (-np.inf if row.least is None else row.least), (np.inf if row.most is None else row.most)
        value = float(min(max(one.value, least), most))
        if value != one.value:
            ends = overrides.ends_at(row)
            until = ends if one.valid_until is None else min(one.valid_until, ends)
            before = one.value if one.bounded_from is None else one.bounded_from
            one = replace(one, value=value, valid_until=until, override=row.id, bounded_from=before)
    return one


def _alone(one: Holding, held: Mapping[Key, Holding]) -> Holding:
    """A flow rests where bounds make the one flow that excludes it."""
    other = held.get((one.asset, OPPOSITE.get(one.quantity, "")))
    if not one.value or other is None or not other.value or other.bounded_from is None or one.source == "override":
        return one
    if one.bounded_from is not None and (one.override or "") > (other.override or ""):
        return one  # of bounds that contradict each other the newest hold
    ends = [until for until in (one.valid_until, other.valid_until) if until is not None]
    before = one.value if one.bounded_from is None else one.bounded_from
    return replace(one, value=0.0, valid_until=min(ends, default=None), override=other.override, bounded_from=before)
