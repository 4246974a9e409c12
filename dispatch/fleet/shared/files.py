"""A fleet's file: its sites with labels and what is known of their day, and what they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field, ValidationError

from dispatch.config.documents import read_document
from dispatch.config.mistakes import field_problems, near_miss
from dispatch.config.park import Reading, find_config
from dispatch.config.signal_files import with_files
from dispatch.errors import AlignmentError, ConfigError, Problem
from dispatch.fields.frozen import Finite, Frozen, Positive
from dispatch.fields.series import Signal, per_step
from dispatch.fleet.given import read_inputs
from dispatch.fleet.members import Member
from dispatch.fleet.read import Listed, Listing
from dispatch.fleet.settings import InputTable, SiteFiles, SiteTable
from dispatch.fleet.shared.base import Shared
from dispatch.fleet.shared.model import AnyShared, fleet_problems, kind_problems
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
    sites: tuple[FleetSite | SiteTable | SiteFiles, ...] = Field(min_length=1)
    inputs: Literal["forecast"] | InputTable | None = Field(
        default=None, description="what is known of the day of sites that do not say so themselves"
    )
    shared: tuple[AnyShared, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SharedFleet:
    """A fleet's file, read.

    Attributes:
        listed: its sites as they were read; those that are forecast have no series in ``members`` yet.
    """

    file: FleetFile
    listed: tuple[Listed, ...]
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
    file, listed = None, list[tuple[int, Listed]]()
    try:
        file = FleetFile.model_validate(raw)
        file, unread = with_files(file, path.parent, file.time_zone)
        found += unread
    except ValidationError as error:
        known = {problem.path for problem in found}
        found += [p for p in field_problems(error, raw, FleetFile) if p.path not in known]
    if not found and file is not None:
        listed, found = _sites(file, path.parent)
        found += [] if found else _apart(file, listed)
        if not found:
            names = [one.site.name for _, one in listed]
            found = fleet_problems(file.shared, names, [one.labels for _, one in listed])
    if found or file is None:
        located = dict.fromkeys(reading.located(problem) for problem in found)
        raise ConfigError(str(name), sorted(located, key=lambda p: (p.line or 0, p.path)))
    horizon = _horizon(file, reading, str(name))
    sites = tuple(one for _, one in listed)
    given = {}
    if isinstance(file.inputs, InputTable):
        own = [one.site for one in sites]
        given = read_inputs(path.parent / file.inputs.table, own, horizon, file.inputs.time_zone)
    members = [_member(file.sites[place], one, horizon, given.get(one.site.name, {})) for place, one in listed]
    return SharedFleet(file, sites, tuple(members), tuple(file.shared), horizon)


def _horizon(file: FleetFile, reading: Reading, name: str) -> Horizon:
    try:
        return Horizon.local_day(date.fromisoformat(file.day), file.time_zone, file.step_minutes, file.days)
    except AlignmentError as error:
        place = reading.located(Problem("step_minutes", str(error), "minutes that divide a day, like 15 or 60"))
        raise ConfigError(name, [place]) from error


def _sites(file: FleetFile, folder: Path) -> tuple[list[tuple[int, Listed]], list[Problem]]:
    """Every site with the place of its entry, and what is wrong with those that cannot be read."""
    listing, places = Listing(), list[int]()
    for place, entry in enumerate(file.sites):
        if isinstance(entry, FleetSite):
            listing.add_park(entry.park, entry.labels, folder, f"sites[{place}].park")
        else:
            listing.add(entry, folder, f"sites[{place}]")
        places += [place] * (len(listing.sites) - len(places))
    return list(zip(places, listing.sites, strict=True)), listing.problems


def _apart(file: FleetFile, listed: Sequence[tuple[int, Listed]]) -> Iterator[Problem]:
    """Two sites of one name, and things said of assets that there are not."""
    seen: dict[str, str] = {}
    for place, one in listed:
        entry, name = file.sites[place], one.site.name
        path = f"sites[{place}].park" if isinstance(entry, FleetSite) else one.source
        if name in seen:
            yield Problem(path, f"'{name}' is {seen[name]} too", "each site once")
        seen.setdefault(name, f"sites[{place}]" if isinstance(entry, FleetSite) else one.source)
        if isinstance(entry, FleetSite):
            yield from _known_problems(entry, one.site, f"sites[{place}]", complete=file.inputs is None)
        elif file.inputs is None and any(asset.needs for asset in one.site.assets):
            text = f"is missing: nothing is known of the day of '{name}', {one.source}"
            yield Problem("inputs", text, "forecast, or a table: {table: inputs.parquet}")
            return


def _known_problems(entry: FleetSite, site: Site, path: str, *, complete: bool) -> Iterator[Problem]:
    needs = {(asset.name, need.quantity) for asset in site.assets for need in asset.needs}
    for number, known in enumerate(entry.known):
        if (known.asset, known.quantity) not in needs:
            listed = [f"{asset}.{quantity}" for asset, quantity in sorted(needs)]
            text = f"'{site.name}' has nothing to be known of {known.asset}.{known.quantity}"
            accepted = near_miss(f"{known.asset}.{known.quantity}", listed)
            yield Problem(f"{path}.known[{number}]", text, accepted)
    said = {(known.asset, known.quantity) for known in entry.known}
    for asset, quantity in sorted(needs - said) if complete else ():
        yield Problem(f"{path}.known", f"says nothing of {asset}.{quantity}", "an entry with asset, quantity, power_kw")


def _member(
    entry: FleetSite | SiteTable | SiteFiles, one: Listed, horizon: Horizon, given: Mapping[tuple[str, str], Array]
) -> Member:
    series = dict(given)
    for known in entry.known if isinstance(entry, FleetSite) else ():
        what = f"{known.quantity} of '{known.asset}' at '{one.site.name}'"
        series[known.asset, known.quantity] = np.asarray(per_step(known.power_kw, horizon, what))[None, :]
    return Member(one.site, series, labels=one.labels)
