"""A case over some days as a replay takes it: its park, what really came, and what was known when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.cases.folder import Days, Found
from dispatch.errors import AlignmentError, DataError
from dispatch.replay import Case, Settings
from dispatch.replay.case import Issued, checked
from dispatch.replay.reading import read_case
from dispatch.replay.worth import as_it_came
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.sources import user_errors

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.archive import Archive
    from grid_models.network import Network


@dataclass(frozen=True)
class Laid:
    """A case over a stretch of days.

    Attributes:
        hashes: SHA-256 of every input, by name.
        network: the park's, where it was asked for and there is one.
        given: its forecasts came with it and are not to be made.
    """

    case: Case
    hashes: Mapping[str, str]
    network: Network | None
    given: bool


def lay(
    found: Found,
    days: Days,
    settings: Settings,
    change: Callable[[Site], Site] = lambda site: site,
    *,
    with_network: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Laid:
    """Read a case.

    Args:
        change: what the study asks of the park's planning.

    Raises:
        ParkwattError: park, days or series are wrong; the message says which.
    """
    site = change(found.site())
    try:
        span = Horizon.local_day(days.first_day, site.time_zone, site.planning.step_minutes, days=days.count)
    except AlignmentError as error:
        raise DataError(f"step_minutes {site.planning.step_minutes:g}: {error}") from error
    archive = None
    if found.file is not None and found.file.actuals is not None and found.folder is not None:
        archive = actuals(site, found.folder / found.file.actuals)
    place, folder = f"case {found.name}", found.park.parent
    case, sources = read_case(
        site, span, folder, settings, archive=archive, place=place, with_network=with_network, progress=progress
    )
    case = checked(case)
    hashes = dict(sources.hashes) | {"folder": found.digest()}
    if found.file is None or found.folder is None:
        return Laid(case, hashes, sources.network, given=False)
    if found.file.known:
        return Laid(replace(case, issued=as_it_came(case, rolling=True)), hashes, sources.network, given=True)
    if found.file.forecasts is not None:
        issued = forecasts(case, found.folder / found.file.forecasts)
        return Laid(replace(case, issued=issued), hashes, sources.network, given=True)
    return Laid(case, hashes, sources.network, given=False)


def actuals(site: Site, path: Path) -> Archive:
    """What really came, mean kW by asset over steps that 'start' begins.

    Raises:
        DataError: the file is no such table; the message says where.
    """
    import pandas as pd

    from forecasting.archive import Archive
    from forecasting.importing.files import read_series, read_table

    wanted = [asset.name for asset in site.assets for _ in asset.needs]
    try:
        columns = [str(name) for name in read_table(path).columns]
        _named(path, columns, wanted, needed=("start",))
        archive = Archive.empty()
        for name in (name for name in wanted if name in columns):
            series = read_series(path, name, time_column="start", time_zone=site.time_zone)
            step = pd.Timedelta(series.index[1] - series.index[0])
            archive = archive.with_measurements(
                site.name, name, pd.DatetimeIndex(series.index) + step, series.to_numpy()
            )
    except user_errors() as error:
        raise DataError(str(error)) from error
    return archive


def _named(
    path: Path, columns: list[str], wanted: list[str], needed: tuple[str, ...], also: tuple[str, ...] = ()
) -> None:
    lacking = [name for name in needed if name not in columns]
    unknown = [name for name in columns if name not in (*wanted, *needed, *also)]
    if lacking or unknown:
        texts = [f"no column '{name}'" for name in lacking] + [f"column '{name}' is no asset" for name in unknown]
        raise DataError(
            f"{path.name}: {'; '.join(texts)}. Accepted: {', '.join(needed)} and assets that are forecast: "
            f"{', '.join(wanted) or 'none'}"
        )


def forecasts(case: Case, path: Path) -> tuple[Issued, ...]:
    """Forecasts from a table: 'issued', 'start', a column per asset [kW], and for scenarios 'scenario' and 'weight'.

    Scenario 0 is the central path; a table without that column has no other.

    Raises:
        DataError: the table is none of these, or does not fit the case's steps; the message says where.
    """
    from forecasting.importing.files import read_table

    try:
        table = read_table(path)
    except user_errors() as error:
        raise DataError(str(error)) from error
    wanted = list(case.needs)
    columns = [str(name) for name in table.columns]
    _named(path, columns, wanted, needed=("issued", "start", *wanted), also=("scenario", "weight"))
    table["issued"], table["start"] = (_seconds(table[name], case.site.time_zone, path) for name in ("issued", "start"))
    if "scenario" not in table:
        table["scenario"] = 0
    return tuple(_issue(case, path, int(moment), group) for moment, group in table.groupby("issued", sort=True))


def _seconds(times: pd.Series, zone: str, path: Path) -> Any:
    from forecasting.importing.columns import utc_times
    from forecasting.importing.files import zone_of

    index, wrong = utc_times(times, zone_of(zone, path))
    if wrong:
        raise DataError(f"{path.name}, row {wrong[0].row}: {wrong[0].text}")
    return index.as_unit("s").asi8


def _issue(case: Case, path: Path, issued_s: int, group: pd.DataFrame) -> Issued:
    when = f"{path.name}, issued {np.datetime64(issued_s, 's')}"
    weights: list[float] = []
    central: dict[str, Array] = {}
    paths: dict[str, list[Array]] = {name: [] for name in case.needs}
    starts: Array | None = None
    for scenario, rows in group.groupby("scenario", sort=True):
        own = rows.sort_values("start")
        at = own["start"].to_numpy(np.int64)
        if starts is None:
            starts = at
            if int(scenario) != 0:
                raise DataError(f"{when}: no scenario 0, which is the central path")
        if not np.array_equal(at, starts) or (np.diff(at) != case.step_s).any():
            raise DataError(
                f"{when}, scenario {scenario}: its steps are not those of {case.step_s / 60:g} min, each once"
            )
        weights.append(float(own["weight"].iloc[0]) if "weight" in own else np.nan)
        for name in case.needs:
            values = own[name].to_numpy(np.float64)
            if not np.isfinite(values).all():
                raise DataError(f"{when}: '{name}' has steps without a number; missing is not zero")
            if int(scenario) == 0:
                central[name] = values
            else:
                paths[name].append(values)
    assert starts is not None
    share = np.array(weights)
    share = np.full(share.size, 1 / share.size) if np.isnan(share).any() else share / share.sum()
    several = {name: np.array(values).reshape(-1, starts.size) for name, values in paths.items()}
    return Issued(issued_s, int(starts[0]), central, several, share)
