"""What awards have fixed of sites' net exchange: plans that are made later take it as given.

The schedule around an award says what each connection of a site draws or gives in the awarded periods. A later plan is
held to that there and free in all other steps, so that it agrees with the award whatever it does before and after. In
scenarios net exchange may differ: only the published path is promised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np

from dispatch.assets.grid_connection import GridConnection
from dispatch.service.store import files, schedules
from dispatch.service.store.arrow import from_bytes
from dispatch.service.store.schedules import Promise
from dispatch.service.store.transaction import Tx
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.tariff.contracts import Awarded, awarded_kw


@dataclass(frozen=True, eq=False)
class Kept:
    """What is promised of a site.

    Attributes:
        net_kw: by connection, (T,) net import; NaN where nothing is promised.
        awards: which, for the answer: award, schedule, start and end.
        notes: what of it cannot be kept, and why.
    """

    net_kw: Mapping[str, Array] = field(default_factory=dict)
    awards: tuple[dict[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def total_kw(self, steps: int) -> Array:
        """(T,) of all connections; NaN where nothing is promised."""
        return np.sum(list(self.net_kw.values()), axis=0) if self.net_kw else np.full(steps, np.nan)

    def on(self, park: Site, horizon: Horizon, but: np.ndarray | None = None) -> Site:
        """The park held to it.

        Args:
            but: (T,) steps that are left free.
        """
        sold = {name: _entries(np.where(but, np.nan, net) if but is not None else net, horizon)
                for name, net in self.net_kw.items()}  # fmt: skip
        return _with(park, {name: entries for name, entries in sold.items() if entries})


def without(park: Site) -> Site:
    """The park held to nothing: whoever plans by rules does not look at it."""
    return _with(park, {asset.name: () for asset in park.assets if isinstance(asset, GridConnection) and asset.awarded})


def _with(park: Site, sold: Mapping[str, tuple[Awarded, ...]]) -> Site:
    if not sold:
        return park
    assets = tuple(
        asset.model_copy(update={"awarded": sold[asset.name]}) if asset.name in sold else asset for asset in park.assets
    )
    return park.model_copy(update={"assets": assets})


def _entries(net_kw: Array, horizon: Horizon) -> tuple[Awarded, ...]:
    return tuple(
        Awarded(start=horizon.local_start[step], end=horizon.local_end[step], net_import_kw=float(net_kw[step]))
        for step in np.flatnonzero(np.isfinite(net_kw))
    )


def of_site(tx: Tx, site: str, park: Site, horizon: Horizon, only: frozenset[str] | None = None) -> Kept:
    """What awards promise of a site in some steps.

    Args:
        only: of these schedules; of all by default.
    """
    return of_sites(tx, {site: park}, horizon, only)[site]


def of_sites(
    tx: Tx, parks: Mapping[str, Site], horizon: Horizon, only: frozenset[str] | None = None
) -> dict[str, Kept]:
    """Likewise of several."""
    first, last = (datetime.fromtimestamp(float(edge), UTC) for edge in _seconds(horizon)[[0, -1]])
    found = schedules.promises_of(tx, list(parks), first, last)
    return {
        site: _kept(tx, park, horizon, [one for one in found.get(site, ()) if only is None or one.schedule in only])
        for site, park in parks.items()
    }


def _seconds(horizon: Horizon) -> Array:
    return horizon.edges.astype("datetime64[s]").astype(np.float64)


def _kept(tx: Tx, park: Site, horizon: Horizon, promises: Sequence[Promise]) -> Kept:
    names = [asset.name for asset in park.assets if isinstance(asset, GridConnection)]
    sold: dict[str, list[Awarded]] = {name: [] for name in names}
    taken: list[tuple[float, float]] = []
    notes: list[str] = []
    for one in promises:  # the newest first: where two speak of one time, it knew of the other
        table = from_bytes(files.read(tx, one.setpoints_file))
        if lacking := [name for name in names if f"{name}.import_kw" not in table.column_names]:
            notes.append(f"award '{one.award}' is not kept: its schedule says nothing of connection '{lacking[0]}'")
            continue
        for start, end, step in _pieces(one, table, taken):
            for name in names:
                net = table[f"{name}.import_kw"][step].as_py() - table[f"{name}.export_kw"][step].as_py()
                sold[name].append(Awarded(start=_time(start), end=_time(end), net_import_kw=net))
        taken.append((one.start.timestamp(), one.end.timestamp()))
    net_kw = {name: awarded_kw(entries, horizon) for name, entries in sold.items() if entries}
    if not any(np.isfinite(values).any() for values in net_kw.values()):
        return Kept(notes=tuple(notes))
    notes += _between(sold, net_kw, horizon)
    told = tuple(
        {"award": one.award, "schedule": one.schedule, "start": one.start.isoformat(), "end": one.end.isoformat()}
        for one in sorted(promises, key=lambda one: one.start)
        if _is_within(one, next(iter(net_kw.values())), horizon)
    )
    return Kept(net_kw, told, tuple(notes))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _pieces(one: Promise, table: Any, taken: Sequence[tuple[float, float]]) -> list[tuple[float, float, int]]:
    """Start, end and step of the schedule's set-points within a promised period, less what is taken."""
    edges = np.append(table["start"].cast("int64").to_numpy(), table["end"].cast("int64").to_numpy()[-1]).astype(float)
    first, last = one.start.timestamp(), one.end.timestamp()
    cuts = np.unique(np.clip([*edges, *(edge for span in taken for edge in span)], first, last))
    return [
        (float(start), float(end), int(np.searchsorted(edges, start, side="right")) - 1)
        for start, end in pairwise(cuts)
        if edges[0] <= start < edges[-1] and not any(a <= start < b for a, b in taken)
    ]


def _is_within(one: Promise, net_kw: Array, horizon: Horizon) -> bool:
    edges = _seconds(horizon)
    inside = (edges[:-1] < one.end.timestamp()) & (edges[1:] > one.start.timestamp())
    return bool(np.isfinite(net_kw[inside]).any())


def _between(sold: Mapping[str, list[Awarded]], net_kw: Mapping[str, Array], horizon: Horizon) -> list[str]:
    """Steps that are promised in part: no number of theirs would be the promised one."""
    name = next(iter(net_kw))
    edges = _seconds(horizon)
    touched = np.zeros(horizon.steps, bool)
    for one in sold[name]:
        touched |= (edges[:-1] < one.end.timestamp()) & (edges[1:] > one.start.timestamp())
    loose = np.flatnonzero(touched & ~np.isfinite(net_kw[name]))
    return [
        f"the step from {horizon.local_start[step].isoformat()} is promised to an award in part; the plan is free in it"
        for step in loose
    ]
