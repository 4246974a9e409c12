"""Joint scenarios of wind farms, scored: how the ways to join the same quantiles differ in energies and ramps.

The folder's hourly series are cut in three by time, all of it read from the files: the first half trains quantiles, the
next quarter shows how their errors hang together, the last quarter is scored. All ways share the quantiles and the
number of members, so differences are those of the dependence alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets.registry import folder
from benchmarks.rows import CannotMeasure, Measured, row
from forecasting import dependence, scenarios, scores
from forecasting.clock import DAY_NS, Ns
from forecasting.dependence import Dependence
from forecasting.learners.base import Frame
from forecasting.learners.boosted import Boosted

Floats = NDArray[np.float64]
INPUTS = (
    "benchmarks/topics/forecasting/scenarios.py",
    "forecasting/dependence.py",
    "forecasting/learners",
    "forecasting/scenarios.py",
    "forecasting/scores.py",
)
LEVELS = np.array([0.01, *np.arange(1, 20) / 20, 0.99])
MEMBERS, KEPT, RAMP_H, HOURS = 200, 20, 3, 24
LEARNER = Boosted(rounds=90, learning_rate=0.08)


@dataclass(frozen=True, eq=False)
class Farms:
    """Days × hours of all farms: quantiles (K, D, 24, Q), what came (K, D, 24); first the fitted days, then scored."""

    names: tuple[str, ...]
    quantiles: Floats
    actual: Floats
    end_ns: Ns
    past: Floats
    fitted: int


@cache
def farms() -> Farms:
    """Out-of-sample quantiles of every farm, from the weather run of the day."""
    import pandas as pd

    frame = pd.read_parquet(folder("gefcom2014_wind") / "wind.parquet").sort_values(["timestamp", "zone"])
    names = tuple(str(zone) for zone in sorted(frame["zone"].unique()))
    weather = {c: frame.pivot(index="timestamp", columns="zone", values=c) for c in ("u10", "v10", "u100", "v100")}
    power = frame.pivot(index="timestamp", columns="zone", values="power")
    power = power[: power.dropna(how="all").index[-1]]
    days = len(power) // HOURS
    ends = power.index[: days * HOURS].tz_localize("UTC").as_unit("ns").asi8
    y = power.to_numpy()[: days * HOURS].T
    train = days // 2
    quantiles = np.stack([_quantiles(weather, y[k], k, days, train) for k in range(len(names))])
    shape = (len(names), days - train, HOURS)
    actual = y[:, train * HOURS :].reshape(shape)
    return Farms(names, quantiles.reshape(*shape, -1), actual, ends, y, (days - train) // 2)


def _quantiles(weather: dict[str, object], y: Floats, farm: int, days: int, train: int) -> Floats:
    """Quantiles (N, Q) of one farm after its training days."""
    held = {name: np.asarray(values)[: days * HOURS] for name, values in weather.items()}
    speed = np.hypot(held["u100"], held["v100"])
    columns = {name: values[:, farm] for name, values in held.items()}
    columns |= {"speed": speed[:, farm], "low": np.hypot(held["u10"], held["v10"])[:, farm], "all": speed.mean(axis=1)}
    for shift in (-3, -2, -1, 1, 2, 3):
        columns[f"speed {shift}"] = np.roll(speed[:, farm], shift)
    x = np.column_stack(list(columns.values())).astype(np.float32)
    rows = Frame(x, tuple(columns), np.repeat(np.arange(days), HOURS))
    learn = (np.arange(len(y)) < train * HOURS) & np.isfinite(y)
    fitted = LEARNER.fit(rows.take(learn), y[learn], LEVELS)
    return np.clip(fitted.predict(rows.take(np.arange(len(y)) >= train * HOURS)), 0.0, 1.0)


@dataclass(frozen=True)
class Figures:
    """Mean scores over the scored days, power as a share of the capacity of the portfolio (ramps also of one farm)."""

    energy: float
    ramp: float
    ramp_of_one: float
    energy_score: float
    variogram: float
    days: int


def members(way: str, day: int) -> dict[str, Floats]:
    """Joint paths (S, 24) of a day after the fitted ones, by farm; from what was there before the day."""
    held = farms()
    quantiles = {name: held.quantiles[k, day] for k, name in enumerate(held.names)}
    if way == "schaake":
        errors = {name: normal_scores()[k, :day] for k, name in enumerate(held.names)}
        kinds = dict.fromkeys(held.names, "wind")
        return dependence.joint(quantiles, errors, kinds, 1.0, method="schaake", seed=day, count=MEMBERS, levels=LEVELS)
    if way == "schaake of observations":
        start = int(held.end_ns[-1]) - (held.actual.shape[1] - day) * DAY_NS
        before = dict(zip(held.names, held.past, strict=True))
        past = dependence.blocks(held.end_ns, before, start, HOURS, MEMBERS)
        return dependence.shuffle(quantiles, past, day, LEVELS)
    return dependence.draw(quantiles, joined(way), day, MEMBERS, LEVELS)


@cache
def normal_scores() -> Floats:
    """Normal scores (K, D, 24) of what came."""
    return scenarios.normal_scores(farms().actual, farms().quantiles, LEVELS)


@cache
def joined(way: str) -> Dependence:
    """The dependence of a way, learnt on the fitted days."""
    held = farms()
    if way == "independent":
        return Dependence.independent(held.names, HOURS)
    if way == "comonotone":
        return Dependence.alike(held.names, HOURS)
    found = {name: normal_scores()[k, : held.fitted] for k, name in enumerate(held.names)}
    kinds = dict.fromkeys(held.names, "wind")
    return dependence.fit(found, kinds, HOURS, 1.0, "toeplitz" if way == "toeplitz" else "exponential")


@cache
def figures(way: str) -> Figures:
    """All scores of one way."""
    held = farms()
    found = []
    for day in range(held.fitted, held.actual.shape[1]):
        came = held.actual[:, day]
        if not np.isfinite(came).all():
            continue
        paths = members(way, day)
        drawn = np.clip(np.stack([paths[name] for name in held.names]), 0.0, 1.0)
        found.append(_scored(drawn, came))
    if not found:
        raise CannotMeasure("no day after the fitted ones was measured at all farms")
    energy, ramp, one, joint, pairs = (float(value) for value in np.mean(found, axis=0))
    return Figures(energy, ramp, one, joint, pairs, len(found))


def _scored(drawn: Floats, came: Floats) -> tuple[float, ...]:
    """Scores of paths (K, S, 24) against what came (K, 24)."""
    together, whole = drawn.mean(axis=0), came.mean(axis=0)
    ramps = [
        scores.crps_of_members(scores.largest_ramp(one, RAMP_H), scores.largest_ramp(paths, RAMP_H))
        for paths, one in zip(drawn, came, strict=True)
    ]
    flat = drawn.transpose(1, 0, 2).reshape(drawn.shape[1], -1)
    return (
        float(scores.crps_of_members(whole.mean(), together.mean(axis=1))),
        float(scores.crps_of_members(scores.largest_ramp(whole, RAMP_H), scores.largest_ramp(together, RAMP_H))),
        float(np.mean(ramps)),
        scores.energy_score(came.ravel(), flat) / np.sqrt(came.size),
        scores.variogram_score(came.ravel(), flat),
    )


@row("forecasting", name="scenarios: CRPS of daily energy of 10 farms, Toeplitz copula", unit="of capacity",
     bar="< 0.0270", slow=True, inputs=INPUTS)  # fmt: skip
def energy_of_toeplitz() -> Measured:
    """The reference is the exponential copula."""
    return Measured(figures("toeplitz").energy, figures("exponential").energy)


@row("forecasting", name="scenarios: the same, / the better of independent and comonotone", unit="", bar="<= 0.95",
     slow=True, inputs=INPUTS)  # fmt: skip
def energy_against_none() -> Measured:
    naive = min(figures("independent").energy, figures("comonotone").energy)
    return Measured(figures("toeplitz").energy / naive, figures("comonotone").energy / naive)


@row("forecasting", name="scenarios: CRPS of the largest 3-h ramp of 10 farms, Schaake shuffle", unit="of capacity",
     bar="<= 0.0365", slow=True, inputs=INPUTS)  # fmt: skip
def ramp_of_schaake() -> Measured:
    """The reference is the Toeplitz copula."""
    return Measured(figures("schaake").ramp, figures("toeplitz").ramp)


@row("forecasting", name="scenarios: CRPS of the largest 3-h ramp of one farm, Schaake shuffle", unit="of capacity",
     bar="<= 0.0900", slow=True, inputs=INPUTS)  # fmt: skip
def ramp_of_one() -> Measured:
    """The reference is drawing every hour by itself."""
    return Measured(figures("schaake").ramp_of_one, figures("independent").ramp_of_one)


@row("forecasting", name="scenarios: variogram score, Schaake shuffle / independent", unit="", bar="< 1", slow=True,
     inputs=INPUTS)  # fmt: skip
def variogram() -> Measured:
    """The reference is the Toeplitz copula over the independent."""
    base = figures("independent").variogram
    return Measured(figures("schaake").variogram / base, figures("toeplitz").variogram / base)


@row("forecasting", name="scenarios: energy CRPS of 20 weighted of 200 paths / of all", unit="", bar="<= 1.05",
     slow=True, inputs=INPUTS)  # fmt: skip
def reduced() -> float:
    """What forward selection of a tenth of the paths costs."""
    held = farms()
    few, all_ = [], []
    for day in range(held.fitted, held.actual.shape[1]):
        came = held.actual[:, day].mean()
        if np.isfinite(came):
            paths = members("toeplitz", day)
            kept, weights = scenarios.reduce(paths, KEPT, np.ones(HOURS))
            sums = np.clip(np.stack(list(paths.values())), 0.0, 1.0).mean(axis=(0, 2))
            few.append(float(scores.crps_of_members(came, sums[kept], weights)))
            all_.append(float(scores.crps_of_members(came, sums)))
    return float(np.mean(few) / np.mean(all_))


@row("forecasting", name="scenarios: 100 of 240 joint paths, 100 sites x 384 steps", unit="s", bar="<= 20", slow=True,
     inputs=INPUTS)  # fmt: skip
def seconds_of_a_fleet() -> float:
    """Drawing and weighted reduction, one thread; correlations given."""
    rng = np.random.default_rng(0)
    names = tuple(f"site {k}" for k in range(100))
    levels = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
    quantiles = {name: np.sort(rng.random((384, 7)), axis=1) for name in names}
    found = Dependence(
        names, ("wind",) * 100, {"wind": np.asarray(0.98 ** np.arange(384.0), np.float64)}, 0.5 + 0.5 * np.eye(100)
    )
    began = time.perf_counter()
    paths = dependence.draw(quantiles, found, 0, 240, levels)
    scenarios.reduce(paths, 100, np.full(384, 0.25))
    return time.perf_counter() - began
