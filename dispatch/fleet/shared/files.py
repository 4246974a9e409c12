"""A fleet's file: its sites with labels and what is known of their day, and what they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, Field, ValidationError

from dispatch.config import Reading, find_config, load_site
from dispatch.documents import read_document
from dispatch.errors import ConfigError, Problem
from dispatch.fleet.members import Member
from dispatch.fleet.shared.base import Shared
from dispatch.fleet.shared.model import AnyShared, fleet_problems, kind_problems
from dispatch.frozen import Finite, Frozen, Positive
from dispatch.mistakes import field_problems, near_miss
from dispatch.series import Signal, per_step
from dispatch.signal_files import with_files
from dispatch.signals import Array, Horizon
from dispatch.site import Site, TimeZone

FOLDER = "fleets"


def _day(text: str) -> str:
    date.fromisoformat(text)
    return text


class Known(Frozen):
    """What is known of one asset of a site over the fleet's horizon."""

    asset: str
    quantity: str = Field(description="what the asset needs, like demand_kw or available_kw")
    power_kw: Signal


class FleetSite(Frozen):
    """A site of the fleet."""

    park: str = Field(description="a park's file, from the fleet's file on, or the name of one that ships")
    labels: dict[str, str | Finite] = Field(default={}, description="master data: feeder, zone, owner …")
    known: tuple[Known, ...] = ()


class FleetFile(Frozen):
    """Sites that share something, and when they are planned."""

    name: Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9_\-]+$")]
    title: str = ""
    time_zone: TimeZone
    day: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$"), AfterValidator(_day)] = Field(
        description="first local day that is planned"
    )
    days: int = Field(default=1, ge=1, le=31)
    step_minutes: Positive = 15.0
    gap: Annotated[Finite, Field(ge=1e-7, le=0.05)] = 1e-4
    sites: tuple[FleetSite, ...] = Field(min_length=1)
    shared: tuple[AnyShared, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SharedFleet:
    """A fleet's file, read."""

    file: FleetFile
    members: tuple[Member, ...]
    shared: tuple[Shared, ...]
    horizon: Horizon


def load_fleet(name: str | Path) -> SharedFleet:
    """Read a fleet by path, or by the name of one that ships.

    Raises:
        ConfigError: the file, or a park that it names, is wrong; lists all that is found.
        DataError: what is known of an asset does not cover the horizon.
    """
    path = find_config(name, FOLDER)
    reading = Reading(read_document(path, str(name)), path.parent)
    raw = reading.expanded()
    found = [*reading.problems, *kind_problems(raw.get("shared") or ())]
    file, sites = None, list[Site]()
    try:
        file = FleetFile.model_validate(raw)
        file, unread = with_files(file, path.parent, file.time_zone)
        found += unread
    except ValidationError as error:
        known = {problem.path for problem in found}
        found += [p for p in field_problems(error, raw, FleetFile) if p.path not in known]
    if not found and file is not None:
        sites, found = _sites(file, path.parent)
        found += _apart(file, sites)
        if not found:
            labels = [entry.labels for entry in file.sites]
            found = fleet_problems(file.shared, [site.name for site in sites], labels)
    if found or file is None:
        located = dict.fromkeys(reading.located(problem) for problem in found)
        raise ConfigError(str(name), sorted(located, key=lambda p: (p.line or 0, p.path)))
    horizon = Horizon.local_day(date.fromisoformat(file.day), file.time_zone, file.step_minutes, file.days)
    members = [_member(entry, site, horizon) for entry, site in zip(file.sites, sites, strict=True)]
    return SharedFleet(file, tuple(members), tuple(file.shared), horizon)


def _sites(file: FleetFile, folder: Path) -> tuple[list[Site], list[Problem]]:
    """Every site's park, and what is wrong with those that cannot be read."""
    sites, found = [], []
    for place, entry in enumerate(file.sites):
        beside = folder / entry.park
        try:
            sites.append(load_site(beside if beside.is_file() else entry.park))
        except ConfigError as error:
            path = f"sites[{place}].park"
            found += [replace(p, path=f"{path} in {entry.park}: {p.path}", line=None) for p in error.problems]
    return sites, found


def _apart(file: FleetFile, sites: Sequence[Site]) -> Iterator[Problem]:
    """Two sites of one name, sites in another time zone's day, and things said of assets that there are not."""
    if len(sites) < len(file.sites):
        return
    seen: dict[str, int] = {}
    for place, (entry, site) in enumerate(zip(file.sites, sites, strict=True)):
        path = f"sites[{place}]"
        if site.name in seen:
            yield Problem(f"{path}.park", f"'{site.name}' is sites[{seen[site.name]}] too", "each site once")
        seen.setdefault(site.name, place)
        yield from _known_problems(entry, site, path)


def _known_problems(entry: FleetSite, site: Site, path: str) -> Iterator[Problem]:
    needs = {(asset.name, need.quantity) for asset in site.assets for need in asset.needs}
    for number, known in enumerate(entry.known):
        if (known.asset, known.quantity) not in needs:
            listed = [f"{asset}.{quantity}" for asset, quantity in sorted(needs)]
            text = f"'{site.name}' has nothing to be known of {known.asset}.{known.quantity}"
            accepted = near_miss(f"{known.asset}.{known.quantity}", listed)
            yield Problem(f"{path}.known[{number}]", text, accepted)
    said = {(known.asset, known.quantity) for known in entry.known}
    for asset, quantity in sorted(needs - said):
        yield Problem(f"{path}.known", f"says nothing of {asset}.{quantity}", "an entry with asset, quantity, power_kw")


def _member(entry: FleetSite, site: Site, horizon: Horizon) -> Member:
    series: dict[tuple[str, str], Array] = {}
    for known in entry.known:
        what = f"{known.quantity} of '{known.asset}' at '{site.name}'"
        series[known.asset, known.quantity] = np.asarray(per_step(known.power_kw, horizon, what))[None, :]
    labels: Mapping[str, Any] = entry.labels
    return Member(site, series, labels=labels)
