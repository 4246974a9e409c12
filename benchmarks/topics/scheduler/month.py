"""A month of park A whose file says nothing of the month's rest: with it expected from the days before, and without."""

from __future__ import annotations

import shutil
import tempfile
from datetime import date
from functools import cache
from pathlib import Path

from benchmarks.rows import CannotMeasure, Measured, row
from dispatch.assets.grid_connection import GridConnection
from dispatch.config.park import CONFIGS, load_site
from dispatch.executor import executor
from dispatch.replay import Case, Journal, Settings, replay
from dispatch.replay.results import Line, lines
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.sources import gather
from forecasting.embedded import is_installed

PRODUCT = ("benchmarks/topics/scheduler/month.py", "configs", "dispatch", "forecasting")
# Another season than that of the fortnight that margins and thresholds were chosen on.
FIRST, DAYS = date(2016, 5, 1), 31
# Day-ahead only: without an expectation some days take minutes each, and rolling plans them again and again.
METHOD = "day_ahead"
_UNSAID = {"month_to_date_peak_kw", "expected_peak_kw", "month_to_date_kwh", "expected_day_kwh", "past_peaks_kw"}


def silent(site: Site, days: int) -> Site:
    """The park with nothing said of its month, and so many past days to expect its rest from."""
    assets = tuple(
        GridConnection.model_validate(asset.model_dump(exclude_unset=True, exclude=_UNSAID))
        if isinstance(asset, GridConnection)
        else asset
        for asset in site.assets
    )
    planning = site.planning.model_copy(update={"rest_of_month_days": days})
    return site.model_copy(update={"assets": assets, "planning": planning})


def month(days: int) -> Case:
    """The case; the network is left out, as no re-plan proves itself on it."""
    if not is_installed():
        raise CannotMeasure("the embedded profiles are not installed: pip install parkwatt[simbench]")
    site = silent(load_site("yizhuang"), days)
    span = Horizon.local_day(FIRST, site.time_zone, site.planning.step_minutes, days=DAYS)
    sources = gather(site, span, CONFIGS / "parks", with_network=False)
    return Case(site, span, sources.actual, sources.archive, Settings(methods=(METHOD,)))


@cache
def both() -> tuple[Line, Line]:
    """Figures of the month with its rest expected and without; on the same forecasts, made once."""
    with tempfile.TemporaryDirectory() as name:
        found: list[Line] = []
        for days in (14, 0):
            folder = Path(name) / str(days)
            if found:
                shutil.copytree(Path(name) / "14" / "forecasts", folder / "forecasts")
            found += lines(replay(month(days), executor("serial"), Journal(folder)))
    return found[0], found[1]


@row("scheduler", name="park A in May, bill with the month's rest expected / without, day-ahead only", unit="",
     bar="<= 1", slow=True, inputs=PRODUCT)  # fmt: skip
def bill() -> Measured:
    """Beside it, as the reference, the same of the billed peak.

    Without, each day is planned as if it alone paid the month's demand charge for whatever it adds: the peak comes out
    lower than it is worth.
    """
    expected, nothing = both()
    if expected.unproved or nothing.unproved:
        raise RuntimeError("a path of the month does not pass its audit")
    return Measured(expected.bill / nothing.bill, expected.peak_import_kw / nothing.peak_import_kw)
