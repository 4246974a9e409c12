"""Four days of quarter-hours ahead: the error of a park or portfolio by lead day, beside that of the best reference.

Weather of the sets reaches one day (PVOD) or two (GEFCom2012), the embedded year has none: days beyond are answered by
lower rungs of the ladder, and the row's figure is theirs. A lead day that no measurement reaches is not measured and
says so. Errors are of expected values, over all hours, of the sum over all sites, as a share of the summed capacity;
the electric loads of a park over their highest sum that came.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import gefcom2012_wind, pvod
from benchmarks.rows import CannotMeasure, Measured, row
from dispatch.config.park import CONFIGS, load_site
from dispatch.planning.outlook import place_of, targets_of
from dispatch.signals import Horizon
from dispatch.sources import gather
from forecasting import scores
from forecasting.archive import Archive
from forecasting.backtest import Backtest, Task, daily, retrained, run
from forecasting.backtest.product import NAME, Product
from forecasting.backtest.references import REFERENCES
from forecasting.backtest.results import Series
from forecasting.backtest.tables import expected
from forecasting.clock import HOUR_NS
from forecasting.embedded import is_installed
from forecasting.quantiles import LEVELS
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
INPUTS = ("benchmarks/topics/forecasting/lead_days.py", "benchmarks/datasets", "dispatch/planning", "forecasting")
DAYS, STEP_MIN = 4, 15
UNVERIFIED = "unverified: no measurement reaches lead day {day}"


@dataclass(frozen=True, eq=False)
class Asked:
    """What is forecast, from what."""

    archive: Archive
    targets: tuple[Target, ...]
    place: Place
    tasks: tuple[Task, ...]


def park() -> Asked:
    """The electric loads of park A in the embedded year: every sixth day from July on, trained anew every 60 days."""
    if not is_installed():
        raise CannotMeasure("the embedded profiles are not installed: pip install parkwatt[simbench]")
    site = load_site("yizhuang")
    first, last = date(2016, 7, 1), date(2016, 12, 27)
    span = Horizon.local_day(first, site.time_zone, STEP_MIN, days=DAYS)
    sources = gather(site, span, CONFIGS / "parks", with_network=False)
    tasks = daily(first, last, site.time_zone, before_h=12, days=DAYS, step_min=STEP_MIN)[::6]
    electric = {bus.name for bus in site.buses if bus.carrier == "electricity"}
    on = {asset.name for asset in site.assets if getattr(asset, "bus", None) in electric}
    targets = tuple(target for target in targets_of(site) if target.kind == "load" and target.name in on)
    return Asked(sources.archive, targets, place_of(site), retrained(tasks, 60))


def pv_portfolio() -> Asked:
    """The PVOD stations: every third day of the test, trained once before it."""
    data = pvod.load()
    edges = np.arange(DAYS * 24 * 60 // STEP_MIN + 1, dtype=np.int64) * (STEP_MIN * HOUR_NS // 60)
    tasks = [Task(int(data.issues_ns[0]), int(issue), issue + edges) for issue in data.issues_ns[::3]]
    return Asked(data.archive, data.targets, data.place, tuple(tasks))


def wind_portfolio() -> Asked:
    """The GEFCom2012 farms at the first hour of every twelfth window, trained before the first; steps of an hour."""
    data = gefcom2012_wind.load()
    issues = [int(window.issue.as_unit("ns").value) for window in data.windows[::12]]
    edges = np.arange(DAYS * 24 + 1, dtype=np.int64) * HOUR_NS
    return Asked(
        _whole(data), data.targets, gefcom2012_wind.PLACE, tuple(Task(issues[0], i, i + edges) for i in issues)
    )


def _whole(data: gefcom2012_wind.Data) -> Archive:
    """The archive with the held-back hours too, known only after the last window: for scores alone."""
    archive, last = data.archive, data.windows[-1].end[-1]
    for target in data.targets:
        came = data.power[target.name].dropna()
        for window in data.windows:
            inside = came[(came.index > window.issue) & (came.index <= window.end[-1])]
            archive = archive.with_measurements(
                target.site, target.name, inside.index, inside.to_numpy(), delay=last - window.issue
            )
    return archive


SETS: dict[str, Callable[[], Asked]] = {
    "park A, electric loads": park,
    "PVOD": pv_portfolio,
    "GEFCom2012 wind": wind_portfolio,
}


@cache
def series_of(name: str) -> tuple[tuple[Series, ...], tuple[Target, ...]]:
    """What all models said, run once for all lead days."""
    asked = SETS[name]()
    models = (Product(), *REFERENCES)
    return run(Backtest(models, asked.targets, asked.place, asked.tasks, LEVELS), asked.archive).series(), asked.targets


def together(name: str, model: str) -> tuple[Floats, Floats, NDArray[np.int64], float]:
    """Sum of expected values and of what came (N,), lead days (N,), and what errors are over."""
    found, targets = series_of(name)
    own = [one for one in found if one.model == model]
    said = np.sum([expected(one) for one in own], axis=0)
    came = np.sum([one.actual for one in own], axis=0)
    capacity = sum(target.capacity_kw for target in targets)
    return said, came, own[0].lead_day, float(capacity if np.isfinite(capacity) else np.nanmax(np.abs(came)))


def error(name: str, model: str, day: int) -> float:
    """The nRMSE of one lead day; NaN where the model has no answer."""
    said, came, lead_day, unit = together(name, model)
    on = lead_day == day
    if not np.isfinite(came[on]).any():
        raise CannotMeasure(UNVERIFIED.format(day=day))
    return scores.point_errors(came[on], said[on], unit).nrmse


def _register(name: str, day: int, bar: str) -> None:
    @row("forecasting", name=f"{name}, four days ahead: nRMSE of day {day}", unit="of capacity", bar=bar, slow=True,
         inputs=INPUTS)  # fmt: skip
    def measured() -> Measured:
        """The reference is the best of climatology, persistence and smart persistence."""
        return Measured(error(name, NAME, day), min(error(name, model.name, day) for model in REFERENCES))


BARS = {"park A, electric loads": "<= 0.10", "PVOD": "<= 0.12", "GEFCom2012 wind": "<= 0.20"}
for _name, _bar in BARS.items():
    for _day in range(1, DAYS + 1):
        _register(_name, _day, _bar)
