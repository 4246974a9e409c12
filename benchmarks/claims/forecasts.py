"""A park's forecasts, issued at noon before each day, 96 h ahead: errors are theirs, and plans are made on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.claims.park import Park
from benchmarks.claims.spec import Spec
from dispatch.planning.outlook import place_of, targets_of
from dispatch.replay.case import Issued, midnight
from forecasting.backtest import Backtest, Task, retrained, run
from forecasting.backtest.product import NAME, Product
from forecasting.backtest.references import REFERENCES
from forecasting.backtest.results import Series
from forecasting.backtest.tables import expected
from forecasting.clock import DAY_NS
from forecasting.quantiles import LEVELS

Floats = NDArray[np.float64]
GROUPS = {"wind and PV": ("wind", "pv"), "load": ("load",)}


@dataclass(frozen=True, eq=False)
class Forecasts:
    """What all models said of a park, and of which kind and size each series is."""

    series: tuple[Series, ...]
    kind_of: dict[str, str]
    capacity_kw: dict[str, float]

    def issued(self, day: date, zone: str, before_h: float) -> Issued:
        """The product's central path for the plans of a day."""
        issue_ns = round(midnight(day, zone) - before_h * 3600) * 1_000_000_000
        central = {}
        for one in self._of(NAME):
            on = one.issue_ns == issue_ns
            central[one.target] = expected(one.take(on))
        steps = next(iter(central.values())).size
        issue_s = issue_ns // 1_000_000_000
        return Issued(issue_s, issue_s, central, {name: np.empty((0, steps)) for name in central}, np.ones(1))

    def _of(self, model: str) -> list[Series]:
        return [one for one in self.series if one.model == model]

    def errors(self, group: str, lead_day: int, model: str) -> tuple[NDArray[np.int64], Floats, Floats, Floats]:
        """By issue: time, sum of squared errors, sum of absolute errors, intervals; of the group's sum over its unit.

        The unit is the rated power of wind and PV, and the highest sum that came for loads. Empty where nothing came.
        """
        own = [one for one in self._of(model) if self.kind_of[one.target] in GROUPS[group]]
        if not own:
            return np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0)
        said = np.sum([expected(one) for one in own], axis=0)
        came = np.sum([one.actual for one in own], axis=0)
        rated = sum(self.capacity_kw[one.target] for one in own)
        unit = rated if np.isfinite(rated) else float(np.nanmax(came))
        apart = (said - came) / unit
        good = np.isfinite(apart) & (own[0].lead_day == lead_day)
        issues, at = np.unique(own[0].issue_ns[good], return_inverse=True)
        one, size = np.abs(apart[good]), issues.size
        squares, absolute, counts = (
            np.bincount(at, weights=w, minlength=size) for w in (one**2, one, np.ones(one.size))
        )
        return issues.astype(np.int64), squares.astype(float), absolute.astype(float), counts.astype(float)


def forecasts(
    park: Park, spec: Spec, days: Sequence[date], folder: Path | None, progress: Callable[[str], None]
) -> Forecasts:
    """All models' forecasts for the days; what is in the folder is not made again."""
    targets = targets_of(park.site)
    tasks = retrained([_task(park, day, spec.lead_days) for day in days], spec.retrain_days)
    asked = Backtest((Product(), *REFERENCES), targets, place_of(park.site), tasks, LEVELS)

    def told(_: str, done: int, count: int) -> None:
        progress(f"{park.site.name}: forecasts, {done} of {count} pieces")

    found = run(asked, park.archive, folder=folder, progress=told)
    kinds, sizes = ({t.name: getattr(t, name) for t in targets} for name in ("kind", "capacity_kw"))
    return Forecasts(found.series(), kinds, sizes)


def _task(park: Park, day: date, lead_days: int) -> Task:
    issue = round(midnight(day, park.site.time_zone) - park.site.planning.issue_before_h * 3600) * 1_000_000_000
    edges = issue + np.arange(0, lead_days * DAY_NS + 1, park.step_s * 1_000_000_000, dtype=np.int64)
    return Task(issue, issue, edges)
