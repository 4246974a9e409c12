"""What jobs of fleets begin with: the sites of a day with what is forecast of it, or was forecast by an earlier job."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.errors import ConfigError, DataError, ParkwattError
from dispatch.fleet.members import Member
from dispatch.fleet.read import Listed
from dispatch.fleet.run import When, common_horizon, foreseen
from dispatch.service.errors import Fault, InvalidError
from dispatch.service.store import fleet_results, fleets, known_series
from dispatch.service.store.fleet_results import Result
from dispatch.service.store.jobs import Job
from dispatch.service.store.transaction import Tx
from dispatch.service.work import promised
from dispatch.service.work.promised import Kept
from dispatch.signals import Array, Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    import pyarrow as pa

    from dispatch.sources import Sources

Progress = Callable[[str], None]
INPUTS, SITES = "inputs", "known_sites"
DEADLINE_S = 3600.0  # of jobs of fleets that name none: thousands of sites take their time
_TELL_EVERY = 25


@dataclass(frozen=True, eq=False)
class FleetDay:
    """Sites and their day, as a child process gets them.

    Attributes:
        fleet: the fleet's name.
        when: which day, and what was known.
        sites: by the service's names.
        versions: of each.
        sources: what each is forecast from; None where it was forecast before.
        known: of an earlier job, what was forecast, and which sites could not be.
        shared: what the fleet's sites share, as its body has it.
        gap: at which a search ends.
        known_at: when a measurement counts as known: at its receipt, or at its end.
        kept: by site, the awards that its plan takes as given.
        gone: sites that the fleet names and that were deleted.
    """

    fleet: str
    when: When
    sites: tuple[Listed, ...]
    versions: tuple[int, ...]
    sources: tuple[Sources, ...] | None
    known: Known | None
    shared: tuple[Any, ...] = ()
    gap: float = 1e-4
    known_at: str = "receipt"
    kept: Mapping[str, Kept] = field(default_factory=dict)
    gone: tuple[str, ...] = ()

    @property
    def horizon(self) -> Horizon:
        """The day's steps.

        Raises:
            InvalidError: sites are planned in different steps; names them.
        """
        try:
            return common_horizon(self.sites, self.when)
        except ConfigError as error:
            faults = [Fault("/fleet", each.message, self.fleet, each.accepted, "path") for each in error.problems]
            text = f"fleet '{self.fleet}' has sites whose day is not that of its first one: {len(faults)}"
            raise InvalidError(text, faults) from None

    @property
    def span(self) -> tuple[datetime, datetime]:
        """Start and end of the steps."""
        first, last = (int(edge) for edge in self.horizon.edges[[0, -1]].astype("datetime64[s]").astype(np.int64))
        return datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC)

    @property
    def by_site(self) -> dict[str, int]:
        """Versions by site."""
        return {one.site.name: version for one, version in zip(self.sites, self.versions, strict=True)}

    def common(self, job: Job, mode: str) -> dict[str, Any]:
        """What the schedules of all sites have in common."""
        horizon = self.horizon
        edges = horizon.edges.astype("datetime64[s]").astype(np.int64).tolist()
        request = {"fleet": self.fleet, "day": self.when.day, "edges": edges, "time_zone": horizon.time_zone}
        made = str(job.request["result"])
        return {
            "job": job.id, "mode": mode, "issued": self.when.issue, "steps": horizon.steps, "of": made,
            "request": {**request, "known_at": self.known_at, "of": made},
        }  # fmt: skip

    def promised(self, tx: Tx) -> dict[str, Kept]:
        """By site, what awards have fixed of its net exchange in these steps."""
        return promised.of_sites(tx, {one.site.name: one.site for one in self.sites}, self.horizon)

    def keeping(self, tx: Tx) -> FleetDay:
        """The same sites held to that."""
        kept, horizon = self.promised(tx), self.horizon
        held = tuple(replace(one, site=kept[one.site.name].on(one.site, horizon)) for one in self.sites)
        return replace(self, sites=held, kept={name: one for name, one in kept.items() if one.awards or one.notes})

    def part(self, some: slice) -> FleetDay:
        """Some of the sites."""
        sites = self.sites[some]
        return replace(
            self,
            sites=sites,
            versions=self.versions[some],
            sources=None if self.sources is None else self.sources[some],
            known=None if self.known is None else self.known.of_sites([one.site.name for one in sites]),
        )

    def members(self, progress: Progress) -> tuple[Member, ...]:
        """Every site with what is known of its day, or why nothing is."""
        horizon = self.horizon
        if self.known is not None:
            return tuple(self.known.member(one, horizon) for one in self.sites)
        assert self.sources is not None
        made = []
        for one, sources in zip(self.sites, self.sources, strict=True):
            try:
                made.append(foreseen(one, horizon, self.when, sources))
            except ParkwattError as error:
                made.append(Member(one.site, {}, labels=one.labels, failure=str(error)))
            if len(made) % _TELL_EVERY == 0 or len(made) == len(self.sites):
                progress(f"forecast {len(made)} of {len(self.sites)} sites")
        return tuple(made)

    def tables(self, members: Sequence[Member]) -> dict[str, pa.Table]:
        """What a later job goes on from."""
        return {INPUTS: inputs_table(members, self.horizon), SITES: self._sites(members)}

    def _sites(self, members: Sequence[Member]) -> pa.Table:
        import pyarrow as pa

        changed = [
            None if member.failure or _same(member.site, one.site) else member.site.model_dump_json()
            for member, one in zip(members, self.sites, strict=True)
        ]
        return pa.table({
            "site": pa.array([one.site.name for one in self.sites], pa.string()),
            "version": pa.array(self.versions, pa.int32()),
            "failure": pa.array([member.failure for member in members], pa.string()),
            "changed": pa.array(changed, pa.string()),
        })  # fmt: skip


def _same(one: Site, other: Site) -> bool:
    """Apart from how many scenarios are drawn, which a fleet has no use for."""
    return one.model_copy(update={"planning": other.planning}) == other


@dataclass(frozen=True, eq=False)
class Known:
    """What an earlier job knew of sites.

    Attributes:
        series: by site, (1, T) by asset and quantity.
        failures: by site, why nothing is known of it; "" for the others.
        changed: by site, the park with prices and the like as they were forecast.
    """

    series: Mapping[str, dict[tuple[str, str], Array]]
    failures: Mapping[str, str]
    changed: Mapping[str, str]

    @classmethod
    def of(cls, inputs: pa.Table, sites: pa.Table) -> Known:
        """From the tables of a result."""
        names = sites["site"].to_pylist()
        changed = {name: text for name, text in zip(names, sites["changed"].to_pylist(), strict=True) if text}
        return cls(_series(inputs), dict(zip(names, sites["failure"].to_pylist(), strict=True)), changed)

    def of_sites(self, names: Sequence[str]) -> Known:
        """What is known of some."""
        return Known(*(_some(values, names) for values in (self.series, self.failures, self.changed)))

    def member(self, one: Listed, horizon: Horizon) -> Member:
        """A site with what was known of it."""
        name = one.site.name
        failure = self.failures.get(name, f"'{name}' is not among the sites that were forecast")
        site = Site.model_validate(json.loads(self.changed[name])) if name in self.changed else one.site
        series = self.series.get(name, {})
        if any(values.shape[-1] != horizon.steps for values in series.values()):
            failure = failure or f"'{name}' was forecast over other steps than it is planned in now"
        return Member(site, {} if failure else series, labels=one.labels, failure=failure)


def _some(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def prepare(tx: Tx, request: Mapping[str, Any]) -> FleetDay:
    """From a request's fleet, day and, if it names one, forecast.

    Raises:
        ServiceError: something that is named does not exist, or is not there yet.
    """
    forecast = None
    if request.get("forecast"):
        forecast = fleet_results.require(tx, "fleet_forecast", request["forecast"])
    fleet = fleets.get(tx, request["fleet"])
    names = fleets.names(tx, fleet.body)
    gone = fleets.missing(tx, names)
    listed = fleets.parks(tx, [name for name in names if name not in gone])
    if not listed:
        told = f" any more: '{gone[0]}'{' and others' * (len(gone) > 1)} deleted" if gone else ""
        raise DataError(f"fleet '{fleet.fleet}' has no site{told}; accepted: one or more")
    when = _when(tx, request, listed[0].park) if forecast is None else _of(forecast, listed[0].park)
    made = FleetDay(
        fleet.fleet,
        when,
        tuple(Listed(one.park, one.labels, Path(), one.site) for one in listed),
        tuple(one.version for one in listed),
        None,
        None if forecast is None else _known(tx, forecast),
        tuple(fleet.body.get("shared") or ()),
        fleet.body.get("gap") or 1e-4,
        gone=gone,
    )
    if forecast is not None:
        return made
    known_at = request.get("known_at", "receipt")
    read = known_series.sources(tx, listed, made.horizon, when.issue, is_imported=known_at == "end")
    return replace(made, sources=read, known_at=known_at)


def _when(tx: Tx, request: Mapping[str, Any], park: Site) -> When:
    issue = datetime.fromisoformat(request["issue_time"]) if request.get("issue_time") else tx.now
    if issue > tx.now:
        raise DataError(f"issue_time {issue.isoformat()} lies ahead: what will be known then is not known yet")
    return When.of(request.get("day"), park, issue)


def _of(found: Result, park: Site) -> When:
    return When.of(found.summary["day"], park, datetime.fromisoformat(found.summary["issued"]))


def again(tx: Tx, found: Result) -> FleetDay:
    """The sites and the day of an earlier result, in the versions that it is of.

    Raises:
        ServiceError: a version is not there any more.
    """
    sites = fleet_results.read_table(tx, found, SITES)
    versions = dict(zip(sites["site"].to_pylist(), sites["version"].to_pylist(), strict=True))
    listed = fleets.parks(tx, tuple(versions), versions)
    fleet = fleets.get(tx, found.fleet)
    return FleetDay(
        found.fleet,
        _of(found, listed[0].park),
        tuple(Listed(one.park, one.labels, Path(), one.site) for one in listed),
        tuple(one.version for one in listed),
        None,
        _known(tx, found),
        tuple(fleet.body.get("shared") or ()),
        fleet.body.get("gap") or 1e-4,
    )


def _known(tx: Tx, found: Result) -> Known:
    return Known.of(*(fleet_results.read_table(tx, found, name) for name in (INPUTS, SITES)))


def usable(members: Sequence[Member]) -> tuple[Member, ...]:
    """Those of which enough is known.

    Raises:
        DataError: there is none; says why the first is not.
    """
    made = tuple(member for member in members if not member.failure)
    if not made:
        raise DataError(f"of no site enough is known; '{members[0].name}': {members[0].failure}")
    return made


def failures(members: Sequence[Member], gone: Sequence[str] = ()) -> list[dict[str, str]]:
    """Sites of which too little is known, or that the fleet names though they were deleted, and why."""
    found = [{"site": member.name, "reason": member.failure} for member in members if member.failure]
    return [*found, *({"site": name, "reason": "was deleted; the fleet still names it"} for name in gone)]


def inputs_table(members: Sequence[Member], horizon: Horizon) -> pa.Table:
    """Long: site, asset, quantity, start, value (a mean from then to the next start)."""
    import pyarrow as pa

    rows = [
        (member.name, asset, quantity, values)
        for member in members
        for asset, quantity, values in told(member, horizon)
    ]
    words = {
        name: pa.array(np.repeat(np.array([row[place] for row in rows], object), horizon.steps), pa.string())
        for place, name in enumerate(("site", "asset", "quantity"))
    }
    start = pa.array(np.tile(horizon.edges[:-1].astype("datetime64[s]"), len(rows)), pa.timestamp("s", "UTC"))
    flat = np.concatenate([row[3] for row in rows]) if rows else np.zeros(0)
    return pa.table({**words, "start": start, "value": pa.array(flat, pa.float64())})


def told(member: Member, horizon: Horizon) -> Iterator[tuple[str, str, Array]]:
    """What is known of a member beyond what its park says itself: asset, quantity, (T,) values."""
    own = {} if member.failure else member.site.known_series(horizon)
    for (asset, quantity), values in sorted(member.series.items()):
        if (asset, quantity) not in own or not np.array_equal(own[asset, quantity], values):
            yield asset, quantity, values[0]


def _series(inputs: pa.Table) -> dict[str, dict[tuple[str, str], Array]]:
    """Rows of one key stand together, as :func:`inputs_table` writes them."""
    columns = [inputs[name].to_pylist() for name in ("site", "asset", "quantity")]
    value = inputs["value"].to_numpy()
    keys = list(zip(*columns, strict=True))
    edges = [n for n in range(len(keys)) if n == 0 or keys[n] != keys[n - 1]] + [len(keys)]
    made: dict[str, dict[tuple[str, str], Array]] = {}
    for first, last in pairwise(edges):
        site, asset, quantity = keys[first]
        made.setdefault(site, {})[asset, quantity] = value[first:last][None, :]
    return made
