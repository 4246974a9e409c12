"""What jobs about a site's future read: the park, its measurements as they were known, and the steps asked for.

Nothing that was received after the issue time is shown. ``known_at: end`` is for histories that were imported later:
then a value counts as known a quarter of an hour after the end of its interval, whenever it came here, and a value that
was corrected since is taken as corrected.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from dispatch import fed
from dispatch.errors import AlignmentError, DataError
from dispatch.service.errors import Fault, InvalidError, NotFoundError
from dispatch.service.store import series, sites
from dispatch.service.store.transaction import Tx
from dispatch.signals import Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    from dispatch.measured.names import Meaning
    from forecasting.archive import Archive

# Forecasts learn from so much.
_HISTORY = timedelta(days=410)
_DELAY = timedelta(minutes=15)
_CURTAILED = "_curtailed"
FINEST_MINUTES = 5  # of forecasts


@dataclass(frozen=True)
class Asked:
    """Which steps of which site, made when: what a request about the future comes to.

    Attributes:
        site: the id that its owner knows it by.
        version: of the site.
        issue: nothing that became known later is used.
        known_at: when a measurement counts as known, see the module's docstring.
    """

    site: str
    version: int
    park: Site
    horizon: Horizon
    issue: datetime
    known_at: str

    @property
    def end(self) -> datetime:
        """The last edge."""
        return moment(self.horizon.edges[-1])


def moment(edge: np.datetime64) -> datetime:
    """An edge as a time with its zone."""
    return datetime.fromtimestamp(int(edge.astype("datetime64[s]").astype(np.int64)), UTC)


def park_of(tx: Tx, site: str) -> tuple[Site, int]:
    """The park of a site as it is now, with its version.

    Raises:
        NotFoundError: there is no such site.
    """
    held = sites.sites.c
    row = tx.first(tx.select(sites.sites, held.version, held.etag).where(held.site == site, held.deleted.is_(None)))
    if row is None:
        raise NotFoundError(f"There is no site '{site}'.")
    return sites.tagged(tx, site, row.etag), row.version


def park_at(tx: Tx, site: str, version: int) -> Site:
    """The park of a site as it was in a version.

    Raises:
        NotFoundError: there is no such version.
    """
    park = sites.park(tx, site, version)
    if park is None:
        raise NotFoundError(f"There is no version {version} of site '{site}'.")
    return park


def asked(tx: Tx, site: str, request: Mapping[str, Any], *, rolling: bool = False) -> Asked:
    """What a request's ``day`` or ``horizon``, ``issue_time`` and ``known_at`` mean for a site, now.

    Raises:
        NotFoundError: there is no such site.
        DataError: the steps do not fit the park.
    """
    park, version = park_of(tx, site)
    horizon = _horizon(park, request, tx.now, rolling=rolling)
    given = request.get("issue_time")
    issue = datetime.fromisoformat(given) if given else _usual_issue(park, horizon, tx.now)
    if issue > tx.now:
        raise DataError(f"issue_time {issue.isoformat()} lies ahead: what will be known then is not known yet")
    return Asked(site, version, park, horizon, issue, request.get("known_at", "receipt"))


def kept(what: Asked) -> dict[str, Any]:
    """The steps and what else of it was fixed when it was asked for, as a request keeps them."""
    edges = what.horizon.edges.astype("datetime64[s]").astype(np.int64).tolist()
    return {"edges": edges, "time_zone": what.horizon.time_zone, "known_at": what.known_at}


def of_row(row: Any, park: Site) -> Asked:
    """What a kept request asks for."""
    edges = np.array(row.request["edges"], dtype=np.int64).astype("datetime64[s]")
    horizon = Horizon(edges, row.request["time_zone"])
    return Asked(row.site, row.site_version, park, horizon, row.issued, row.request["known_at"])


def _horizon(park: Site, request: Mapping[str, Any], now: datetime, *, rolling: bool) -> Horizon:
    planning = park.planning
    try:
        if (wanted := request.get("horizon")) is not None:
            start = datetime.fromisoformat(wanted["start"])
            end = start + timedelta(minutes=wanted["step_minutes"] * wanted["steps"])
            return Horizon.between(start, end, park.time_zone, wanted["step_minutes"])
        if rolling and not request.get("day"):
            return _window(park, now)
        finer = [(block.hours, block.minutes) for block in planning.first_steps]
        return Horizon.local_day(_day(park, request, now), park.time_zone, planning.step_minutes,
                                 request.get("days") or planning.days, finer)  # fmt: skip
    except AlignmentError as error:
        raise DataError(f"the site's planning.step_minutes {planning.step_minutes:g} does not fit: {error}") from error


def _day(park: Site, request: Mapping[str, Any], now: datetime) -> date:
    if text := request.get("day"):
        return date.fromisoformat(text)
    if park.embedded is not None:
        return date.fromisoformat(park.embedded.day)
    return now.astimezone(ZoneInfo(park.time_zone)).date() + timedelta(days=1)


def _window(park: Site, now: datetime) -> Horizon:
    """From the step that begins next, as long as the park's rolling plans are."""
    step_s = round(park.planning.step_minutes * 60)
    first_s = -(-round(now.timestamp()) // step_s) * step_s
    steps = max(round(park.planning.rolling.window_h * 3600 / step_s), 1)
    return Horizon((first_s + step_s * np.arange(steps + 1)).astype("datetime64[s]"), park.time_zone)


def _usual_issue(park: Site, horizon: Horizon, now: datetime) -> datetime:
    """Now, for steps to come; for those that are over, as long before them as the park's plans are made."""
    if moment(horizon.edges[-1]) <= now:
        return horizon.start - timedelta(hours=park.planning.issue_before_h)
    return min(horizon.start, now)


def archive(tx: Tx, what: Asked, *, in_hindsight: bool = False) -> tuple[Archive, tuple[str, ...]]:
    """The site's measurements, fetched series and curtailments as known at the issue time; or as they are known now.

    Where an asset's power was not measured under its plain name, another name of it stands in; notes say which.
    """
    needed = [asset.name for asset in what.park.assets if asset.needs]
    others = _other_names(what.park, needed)
    names = [*needed, *(f"{name}{_CURTAILED}" for name in needed), *fed.feeds(what.park), *others]
    start = min(what.issue, what.horizon.start) - _HISTORY
    by_end = what.known_at == "end" or in_hindsight
    delay, as_of = (_DELAY, None) if by_end else (None, what.issue)
    found = series.archive(tx, what.site, names, start, what.end + timedelta(days=1), as_of=as_of, delay=delay)
    return _under_plain_names(found, what.park.name, others)


def _other_names(park: Site, needed: Sequence[str]) -> dict[str, Meaning]:
    """What else the power of these assets is called, in the direction that their plain name means."""
    from dispatch.measured.names import names

    known = names(park)
    keys = {known[name].key for name in needed if name in known}
    return {name: meaning for name, meaning in known.items() if meaning.key in keys and name not in needed}


def _under_plain_names(found: Archive, park: str, others: Mapping[str, Meaning]) -> tuple[Archive, tuple[str, ...]]:
    """Of each asset without rows of its own name, those of the other name that reach furthest, in kW.

    Energy per step is left as it is: how long its steps are, nobody says.
    """
    from forecasting.archive import Archive

    rows, notes = dict(found.rows()), []
    for asset in dict.fromkeys(meaning.key.of for meaning in others.values()):
        own = [n for n, m in others.items() if m.key.of == asset and not m.unit.per_step and (park, n) in rows]
        if (park, asset) in rows or not own:
            continue
        name = max(own, key=lambda name: (rows[park, name].valid_ns.max(), len(rows[park, name])))
        held = rows.pop((park, name))
        rows[park, asset] = replace(held, value=held.value * others[name].unit.scale)
        notes.append(f"{asset}: read from the series '{name}', for there is none of the name '{asset}'")
    return Archive.of_rows(rows), tuple(notes)


def series_faults(found: Mapping[str, Sequence[float]], horizon: Horizon, park: Site) -> Iterator[Fault]:
    """What is wrong with a request's own series: they are of what needs none, negative, or not of these steps."""
    known = sorted(asset.name for asset in park.assets if asset.needs)
    for name, values in found.items():
        if name not in known:
            yield Fault(f"/series/{name}", "needs no forecast", accepted=", ".join(known) or "none")
        elif len(values) != horizon.steps:
            yield Fault(f"/series/{name}", "has another number of values", len(values), f"{horizon.steps}, one a step")
        elif min(values) < 0:
            yield Fault(f"/series/{name}", "is negative in a step", min(values), "mean power from 0 kW on")


def require_forecastable(request: Mapping[str, Any], what: Asked) -> None:
    """Refuse steps that nothing can be forecast in, where something has to be.

    Raises:
        InvalidError: with what is accepted.
    """
    told = request.get("series") or {}
    needs = sorted(asset.name for asset in what.park.assets if asset.needs and asset.name not in told)
    shortest_s = int(np.diff(what.horizon.edges.astype("datetime64[s]")).min().astype(np.int64))
    if needs and not request.get("forecast") and shortest_s < FINEST_MINUTES * 60:
        place = "/horizon/step_minutes" if request.get("horizon") else ""
        accepted = f"{FINEST_MINUTES} minutes or more, or 'series' of a schedule with {', '.join(needs)}"
        fault = Fault(place, "steps are too short to forecast in", f"{shortest_s / 60:g} minutes", accepted)
        raise InvalidError(f"Nothing can be forecast of site '{what.site}' in these steps.", [fault])


def digest(value: Any) -> str:
    """SHA-256 of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
