"""Photovoltaics: PVOD day ahead, a plant that is new, GEFCom2014 solar. The protocols stand with the data sets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import gefcom2014_solar, pvod
from benchmarks.rows import CannotMeasure, Measured, row
from forecasting.archive import Archive
from forecasting.clock import DAY_NS, Ns, utc_index
from forecasting.models.base import Trained
from forecasting.models.solar.learning import OwnAndAll
from forecasting.models.solar.model import Solar, default_learner
from forecasting.physics import solar_elevation_deg
from forecasting.scores import pinball
from forecasting.targets import Target

Floats = NDArray[np.float64]
SEVEN = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
PERCENT = np.arange(1, 100) / 100
COLD_DAYS = 3
INPUTS = (
    "forecasting/models/solar",
    "forecasting/learners",
    "forecasting/physics.py",
    "benchmarks/datasets",
    "benchmarks/topics/forecasting/solar.py",
)


@dataclass(frozen=True, eq=False)
class Scored:
    """One plant: quantiles (N, Q) and what came (N,) as shares of the capacity, elevation of the sun (N,)."""

    quantiles: Floats
    actual: Floats
    elevation_deg: Floats

    def pinball(self, levels: Floats) -> float:
        """Mean over all hours and levels."""
        return float(pinball(self.actual, self.quantiles, levels).mean())

    def covered(self) -> float:
        """Share of the daylight within the outer band."""
        light = self.elevation_deg > 0
        inside = (self.actual >= self.quantiles[:, 0]) & (self.actual <= self.quantiles[:, -1])
        return float(inside[light].mean())

    def nrmse(self, levels: Floats) -> float:
        """Of the mean of the distribution, all hours."""
        edges = np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2, [1.0]])
        return float(np.sqrt(np.mean((self.quantiles @ np.diff(edges) - self.actual) ** 2)))


def truth(archive: Archive, target: Target, end_ns: Ns) -> Floats:
    """What came in the intervals that end then, as a share of the capacity; NaN where nothing was measured."""
    measured = archive.as_of(utc_index(np.array([int(end_ns.max()) + 7 * DAY_NS]))[0]).measurements(
        target.site, target.name
    )
    at = np.minimum(np.searchsorted(measured.end_ns, end_ns), len(measured.end_ns) - 1)
    return np.where(measured.end_ns[at] == end_ns, measured.value[at], np.nan) / target.capacity_kw


def scored(
    archive: Archive, model: Trained, targets: tuple[Target, ...], asks: list[Ns], seen: Archive | None = None
) -> dict[str, Scored]:
    """All targets over all horizons (edges, the first of which is the issue), from what `seen` holds."""
    found: dict[str, list[Floats]] = {target.name: [] for target in targets}
    for edges in asks:
        known = (seen or archive).as_of(utc_index(edges[:1])[0])
        answer = model.quantiles(known, edges)
        for target in targets:
            found[target.name].append(answer[target.name] / target.capacity_kw)
    ends = np.concatenate([edges[1:] for edges in asks])
    middle = np.concatenate([edges[:-1] + np.diff(edges) // 2 for edges in asks])
    made = {}
    for target in targets:
        came, quantiles = truth(archive, target, ends), np.concatenate(found[target.name])
        assert target.plant is not None
        sun = solar_elevation_deg(utc_index(middle), target.plant.latitude_deg, target.plant.longitude_deg)
        use = np.isfinite(came)
        if use.any():
            made[target.name] = Scored(quantiles[use], came[use], sun[use])
    return made


@lru_cache(maxsize=1)
def day_ahead() -> dict[str, Scored]:
    """PVOD: trained once on everything before the test."""
    data = pvod.load()
    known = data.archive.as_of(utc_index(np.array([data.train_until_ns]))[0])
    model = Solar().train(known, data.targets, data.place, data.horizon_ns, SEVEN)
    return scored(data.archive, model, data.targets, [issue + data.horizon_ns for issue in data.issues_ns])


@row("forecasting", name="PVOD day ahead: pinball, 7 levels, all hours, mean of stations", unit="of nameplate",
     bar="< 0.0115", slow=True, inputs=INPUTS)  # fmt: skip
def pvod_pinball() -> Measured:
    """Beside it the floor: boosting with physics on each station's own past."""
    return Measured(float(np.mean([s.pinball(SEVEN) for s in day_ahead().values()])), 0.0122)


@row("forecasting", name="PVOD day ahead: nRMSE, all hours, mean of stations", unit="of nameplate", bar="< 0.085",
     slow=True, inputs=INPUTS)  # fmt: skip
def pvod_nrmse() -> Measured:
    return Measured(float(np.mean([s.nrmse(SEVEN) for s in day_ahead().values()])), 0.085)


@row("forecasting", name="PVOD day ahead: daylight within the 90 % band, least station", unit="", bar=">= 0.88",
     slow=True, inputs=INPUTS)  # fmt: skip
def pvod_least() -> Measured:
    return Measured(min(s.covered() for s in day_ahead().values()), 0.9)


@row("forecasting", name="PVOD day ahead: daylight within the 90 % band, greatest station", unit="", bar="<= 0.92",
     slow=True, inputs=INPUTS)  # fmt: skip
def pvod_greatest() -> Measured:
    return Measured(max(s.covered() for s in day_ahead().values()), 0.9)


def but_three_days(archive: Archive, target: Target, until_ns: int) -> Archive:
    """The archive in which a plant began to be measured three days before and was heard of no more since."""
    rows = dict(archive.rows())
    own = rows[target.site, target.name]
    few = (own.valid_ns > until_ns - COLD_DAYS * DAY_NS) & (own.valid_ns <= until_ns)
    return Archive.of_rows(rows | {(target.site, target.name): own.take(few)})


def _as_for_a_stranger() -> OwnAndAll:
    """The one learner that has a say for a plant of three days."""
    learner = default_learner()
    assert isinstance(learner, OwnAndAll)
    assert learner.strange is not None
    return OwnAndAll((), learner.strange)


@lru_cache(maxsize=1)
def cold_starts() -> dict[str, Scored]:
    """PVOD: each station in turn is new, with three days measured before the test and none in it.

    A station without measurements in those three days has no cold start and is left out.
    """
    data = pvod.load()
    found: dict[str, Scored] = {}
    for target in data.targets:
        archive = but_three_days(data.archive, target, data.train_until_ns)
        if not len(archive.rows()[target.site, target.name]):
            continue
        known = archive.as_of(utc_index(np.array([data.train_until_ns]))[0])
        model = Solar(_as_for_a_stranger(), follow=False).train(known, data.targets, data.place, data.horizon_ns, SEVEN)
        asks = [issue + data.horizon_ns for issue in data.issues_ns]
        found |= scored(data.archive, model.only(target.name), (target,), asks, archive)
    if not found:
        raise CannotMeasure("no station has measurements in the three days before the test")
    return found


@row("forecasting", name="PVOD cold start, 3 days measured: nRMSE, all hours, mean of stations", unit="of nameplate",
     bar="< 0.1", slow=True, inputs=INPUTS)  # fmt: skip
def pvod_cold() -> Measured:
    """Beside it the floor: physics times a gain."""
    return Measured(float(np.mean([s.nrmse(SEVEN) for s in cold_starts().values()])), 0.102)


@lru_cache(maxsize=1)
def months_ahead() -> dict[str, Scored]:
    """GEFCom2014 solar: every task the files hold, each trained on all before it."""
    data = gefcom2014_solar.load()
    if not data.tasks:
        raise CannotMeasure("the weather covers no month after the first twelve")
    parts: list[dict[str, Scored]] = []
    for task in data.tasks:
        edges = gefcom2014_solar.edges_ns(task)
        known = data.archive.as_of(utc_index(edges[:1])[0])
        model = Solar().train(known, data.targets, data.place, edges - edges[0], PERCENT)
        parts.append(scored(data.archive, model, data.targets, [edges]))
    return {f"{name} {k}": score for k, part in enumerate(parts) for name, score in part.items()}


@row("forecasting", name="GEFCom2014 solar, tasks on file: mean pinball over .01….99", unit="of capacity",
     bar="< 0.01301", slow=True, inputs=INPUTS)  # fmt: skip
def gefcom_solar() -> Measured:
    """Task 1 on the published files; beside it the best team of that task."""
    return Measured(float(np.mean([s.pinball(PERCENT) for s in months_ahead().values()])), 0.01261)
