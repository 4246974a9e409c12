"""``parkwatt fleet flexibility | disaggregate``: files and forecasts around them, tables for a person."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dispatch.cli.folders import folder_for
from dispatch.cli.planning import reported
from dispatch.errors import DataError
from dispatch.signals import Array, Horizon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatch.fleet.flexing import FleetFlexibility
    from dispatch.fleet.flexing.sites import Disaggregated, Known
    from dispatch.fleet.members import Member

_SHOWN = 12


@dataclass(frozen=True)
class Asked:
    """What was typed of the fleet and its day.

    Attributes:
        fleet: parks' files, tables of sites, or a fleet's file.
        inputs: a table with what is known of the day, in the place of forecasts.
    """

    fleet: tuple[str, ...]
    day: str | None
    inputs: Path | None

    def known(self, console: Console) -> tuple[list[Known], Horizon]:
        """Each site with what is forecast for the day, on its central path; what fails is named and left out.

        Raises:
            ParkwattError: files or options are wrong, or no site is left.
        """
        members, horizon = self._members(console)
        found: list[Known] = []
        last = DataError("the fleet has no site")
        for member in members:
            try:
                found.append((member.site, member.inputs(horizon)))
            except DataError as error:
                whose = "" if f"'{member.name}'" in str(error) else f"'{member.name}': "
                console.print(f"left out: {whose}{error}", markup=False, highlight=False, soft_wrap=True)
                last = error
        if not found:
            raise last
        return found, horizon

    def _members(self, console: Console) -> tuple[Sequence[Member], Horizon]:
        """Of a fleet's file, or of files of parks and tables of sites."""
        from dispatch.cli.fleet_planning import day_known, when_of
        from dispatch.cli.fleet_sharing import is_fleet
        from dispatch.executor import Serial
        from dispatch.fleet.read import read_sites
        from dispatch.fleet.run import CHUNK, known, read
        from dispatch.fleet.shared.files import load_fleet

        if is_fleet(self.fleet):
            fleet = load_fleet(self.fleet[0])
            if fleet.shared:
                console.print("what the sites share is left out: each may use its own limits in full", highlight=False)
            return day_known(fleet, when_of(self.day, self.inputs, fleet), Serial(), CHUNK), fleet.horizon
        wanted = read_sites(self.fleet)
        when = when_of(self.day, self.inputs, wanted)
        return known(wanted, when, self.inputs) if self.inputs else read(wanted, when, Serial(), CHUNK)


def run_flexibility(what: Asked, into: Path | None, blocks: int, dearest: float | None) -> None:
    """Find, print, write.

    Raises:
        ParkwattError: files, data or options are wrong; the message says which.
    """
    from dispatch.fleet.flexing import flexibility_of, write_all

    errors = Console(stderr=True)
    with reported(errors, {}) as progress:
        sites, horizon = what.known(errors)
        folder = folder_for(into or Path("flexibility") / _day(horizon))
        found = flexibility_of(sites, blocks=blocks, dearest_per_kwh=dearest, progress=progress)
        progress("writing")
        files = write_all(found, folder)
    console = Console()
    _show(found, console)
    if blocks and not any(
        one.offers is not None and (one.offers.most_kw("up").any() or one.offers.most_kw("down").any())
        for one in found.sites
    ):
        limit = "" if dearest is None else f" that costs at most {dearest:g} per kWh"
        console.print(f"No site has anything to offer{limit}: flexibility.parquet is empty", highlight=False)
    console.print(f"Page: [bold]{escape(str(files[-1]))}[/bold], with all tables beside it")


def run_disaggregate(what: Asked, profile: Path, into: Path | None, *, cheapest: bool) -> bool:
    """Share out, print, write; was the profile met?

    Raises:
        ParkwattError: files, data or options are wrong; the message says which.
    """
    from dispatch.fleet.flexing import disaggregated, write_sharing

    errors = Console(stderr=True)
    with reported(errors, {}) as progress:
        sites, horizon = what.known(errors)
        wanted = _profile(profile, horizon)
        folder = folder_for(into or Path("flexibility") / f"{_day(horizon)}-shared")
        progress("sharing the profile out")
        made = disaggregated(sites, wanted, cheapest=cheapest)
        files = write_sharing(made, horizon, folder)
    console = Console()
    _show_sharing(made, horizon, console)
    console.print(f"Written: {', '.join(str(file) for file in files)}", markup=False, highlight=False, soft_wrap=True)
    return made.feasible


def _day(horizon: Horizon) -> str:
    return horizon.local_start[0].date().isoformat()


def _profile(path: Path, horizon: Horizon) -> Array:
    """(T,) column kw of a table at the horizon's own starts.

    Raises:
        DataError: it cannot be read, or its times are not those of the horizon.
    """
    import pandas as pd

    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); accepted: CSV or Parquet with start, kw") from error
    for name in ("start", "kw"):
        if name not in table.columns:
            raise DataError(
                f"{path}: no column {name}; accepted: start, kw (found {', '.join(map(str, table.columns))})"
            )
    try:
        given = pd.to_datetime(table["start"], format="ISO8601")
        values: Array = pd.to_numeric(table["kw"]).to_numpy(float)
        zone = ZoneInfo(horizon.time_zone)
        start = (given.dt.tz_localize(zone) if given.dt.tz is None else given).dt.tz_convert("UTC").dt.tz_localize(None)
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: {error}; accepted: times like 2024-06-03T00:00+02:00 and numbers") from error
    moments = start.to_numpy().astype("datetime64[s]")
    if moments.shape != horizon.edges[:-1].shape or not (moments == horizon.edges[:-1]).all():
        first, steps = horizon.local_start[0].isoformat(), horizon.steps
        raise DataError(f"{path}: {moments.size} rows that are not the steps planned; accepted: {steps} from {first}")
    if not np.isfinite(values).all():
        raise DataError(f"{path}, row {int(np.argmin(np.isfinite(values))) + 2}: kw is missing; accepted: a number")
    return values


def _show(found: FleetFlexibility, console: Console) -> None:
    table = Table(box=None, header_style="bold")
    for heading in ("site", "from", "most up [kW]", "most down [kW]", "without closed form"):
        table.add_column(escape(heading))
    for one in found.sites[:_SHOWN]:
        up, down = one.envelope.beside(one.plan_kw)
        table.add_row(
            one.site.name, one.how, f"{up.max():,.1f}", f"{down.max():,.1f}", ", ".join(one.devices.others[:3])
        )
    console.print(table)
    band = found.rows.together()
    up, down = band.beside(found.plan_kw)
    step = int((up + down)[0].argmax())
    when = f"{found.horizon.local_start[step]:%H:%M}"
    text = f"All {len(found.sites)}: widest at {when}, {up[0, step]:,.1f} kW up and {down[0, step]:,.1f} kW down"
    console.print(f"{text} (an outer bound)", highlight=False)


def _show_sharing(made: Disaggregated, horizon: Horizon, console: Console) -> None:
    count = len(made.devices) or len(made.names)
    console.print(f"Shared out among {count} {made.how if made.devices else 'sites'}.", highlight=False)
    if made.feasible:
        console.print("[green]The profile is met[/], and every site keeps its own limits.")
        return
    step = int(made.missed_kwh.argmax())
    when = f"{horizon.local_start[step]:%H:%M}"
    console.print(f"[red]{made.missed_kwh.sum():,.1f} kWh are missed[/], most from {when} on. This is the nearest.")
    for reason in made.reasons:
        console.print(f"  {escape(reason)}", highlight=False)
