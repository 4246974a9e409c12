"""La Haute Borne: what density and wakes are worth, where the wakes lie, and hours that logs call curtailed.

Learnt on the first half of the measurements and scored on the second. The wind is measured, the farm's mean, so these
are errors of the power model and not of a forecast. Hours in which logs name a loss are left out of the wake rows.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import la_haute_borne
from benchmarks.rows import Measured, row
from forecasting.learners.base import Frame
from forecasting.learners.censored import Censored
from forecasting.learners.extra_trees import ExtraTrees
from forecasting.models.wind import wakes
from forecasting.scores import pinball

Floats = NDArray[np.float64]
CODE = (
    "forecasting/models/wind/wakes.py",
    "forecasting/learners",
    "benchmarks/datasets/la_haute_borne.py",
    "benchmarks/topics/forecasting/wakes.py",
)
NEAR_DIAMETERS = 8.0  # farther wakes have mixed with the wind around them
TURNS_DEG = np.arange(-45.0, 46.0)
BESIDE_DEG = 10.0
DIP = 0.97
LEVELS = np.arange(1, 20) / 20
EVERY = 6  # ten-minute rows say the same six times an hour


def _halves(data: la_haute_borne.Data) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks (N,) of learning and scoring: all turbines measured and nothing lost."""
    first = np.arange(len(data.end)) < len(data.end) // 2
    whole = np.isfinite(data.power_kw).all(axis=1) & (data.lost_kwh == 0)
    return whole & first, whole & ~first


@cache
def _learnt(density: bool, sectors: int) -> tuple[tuple[wakes.Sectors, ...], float]:
    """What each turbine's first half taught, and the nRMSE of the second, its mean over turbines."""
    data = la_haute_borne.load()
    learning, scoring = _halves(data)
    speed = data.speed_m_s.mean(axis=1)
    if density:
        speed = wakes.equivalent_speed_m_s(speed, data.density_kg_per_m3)
    found, errors = [], []
    for k, target in enumerate(data.targets):
        power = data.power_kw[:, k]
        found.append(wakes.learn(speed[learning], data.from_deg[learning], power[learning], sectors))
        miss = found[-1].predict(speed[scoring], data.from_deg[scoring]) - power[scoring]
        errors.append(float(np.sqrt(np.nanmean(miss**2))) / target.capacity_kw)
    return tuple(found), float(np.mean(errors))


@row("forecasting", name="La Haute Borne, power curve alone: nRMSE", unit="of capacity", bar="<= 0.06", inputs=CODE)
def curve_alone() -> float:
    return _learnt(False, 1)[1]


@row("forecasting", name="La Haute Borne, with density: nRMSE", unit="of capacity", bar="<= 0.06", inputs=CODE)
def with_density() -> Measured:
    return Measured(_learnt(True, 1)[1], _learnt(False, 1)[1])


@row("forecasting", name="La Haute Borne, with wakes: nRMSE", unit="of capacity", bar="<= 0.06", inputs=CODE)
def with_wakes() -> Measured:
    return Measured(_learnt(False, wakes.SECTORS)[1], _learnt(False, 1)[1])


@row("forecasting", name="La Haute Borne, with both: nRMSE", unit="of capacity", bar="<= 0.0465", inputs=CODE)
def with_both() -> Measured:
    return Measured(_learnt(True, wakes.SECTORS)[1], _learnt(False, 1)[1])


def _dips(turn_deg: float, beside_deg: float = BESIDE_DEG) -> Floats:
    """Least speed factor beside where geometry, turned so far, puts the wake of each near pair."""
    data = la_haute_borne.load()
    found, _ = _learnt(True, wakes.SECTORS)
    beside = np.arange(-beside_deg, beside_deg + 1)
    return np.array(
        [
            found[k].at((data.bearing_deg[k, other] + turn_deg + beside) % 360).min()
            for k in range(len(found))
            for other in range(len(found))
            if k != other and data.apart_diameters[k, other] <= NEAR_DIAMETERS
        ]
    )


@cache
def _turn_deg() -> float:
    """The one turn of all directions that brings geometry and dips together."""
    return float(TURNS_DEG[np.argmin([_dips(turn, 0.0).mean() for turn in TURNS_DEG])])


@row(
    "forecasting", name="La Haute Borne, turn of logged directions found from wakes", unit="°", bar="<= 45", inputs=CODE
)
def turn() -> float:
    return abs(_turn_deg())


@row(
    "forecasting",
    name="La Haute Borne, near pairs with a dip where the turned geometry puts the wake",
    unit="share",
    bar=">= 0.8",
    inputs=CODE,
)
def pairs_with_a_dip() -> Measured:
    return Measured(float((_dips(_turn_deg()) < DIP).mean()), float((_dips(0.0) < DIP).mean()))


@cache
def _available_power(how: str) -> float:
    """Mean pinball of what the farm could have given, over capacity, by how the hours with losses were learnt."""
    data = la_haute_borne.load()
    capacity = sum(target.capacity_kw for target in data.targets)
    hours = np.arange(0, len(data.end), EVERY)
    net, lost = 6 * data.net_kwh[hours], 6 * data.lost_kwh[hours]
    speed = data.speed_m_s.mean(axis=1)[hours]
    columns = [speed, np.sin(np.deg2rad(data.from_deg[hours])), np.cos(np.deg2rad(data.from_deg[hours]))]
    columns += [data.density_kg_per_m3[hours], (lost > 0).astype(np.float64)]
    names = ("speed", "from_sin", "from_cos", "density", "curtailed")
    day = np.asarray(data.end.as_unit("ns").asi8)[hours] // (86_400 * 10**9)
    rows = Frame(np.stack(columns, axis=1).astype(np.float32), names, day)
    first = np.arange(len(hours)) < len(hours) // 2
    use, scored = first & np.isfinite(speed), ~first & np.isfinite(speed)
    learner = ExtraTrees(leaf_rows=10, column_share=1.0, columns=names[:4])
    if how == "deleted":
        use &= lost == 0
    fitted = (Censored(learner, ceiling=capacity) if how == "censored" else learner).fit(
        rows.take(use), net[use], LEVELS
    )
    return float(pinball((net + lost)[scored], fitted.predict(rows.take(scored)), LEVELS).mean() / capacity)


@row(
    "forecasting",
    name="La Haute Borne, hours with losses censored: pinball",
    unit="of capacity",
    bar="<= 0.02",
    inputs=CODE,
)
def censored() -> Measured:
    return Measured(_available_power("censored"), _available_power("taken as they are"))


@row(
    "forecasting",
    name="La Haute Borne, hours with losses deleted: pinball",
    unit="of capacity",
    bar="<= 0.02",
    inputs=CODE,
)
def deleted() -> Measured:
    return Measured(_available_power("deleted"), _available_power("taken as they are"))
