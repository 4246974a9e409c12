"""Joint scenarios of a backtest, scored: energies of a day and ramps turn on how hours and sites hang together.

Each issue's quantiles are joined by what the errors of earlier issues showed, those whose last interval had ended when
it was made; nothing of its own day is used. Scored are the energy of the horizon's first day and its largest ramp
within three hours, of each series and of all of a kind together, and all of it at once by the energy score and, over
one value an hour, the variogram score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting import dependence, scenarios, scores
from forecasting.backtest.results import Series
from forecasting.backtest.tables import PORTFOLIO, Scored
from forecasting.clock import DAY_NS, HOUR_NS, Ns

Floats = NDArray[np.float64]
METHODS: tuple[dependence.Method, ...] = ("toeplitz", "schaake")
MEMBERS, RAMP_H, MOST_ISSUES = 100, 3.0, 60


@dataclass(frozen=True, eq=False)
class _Days:
    """The first day of each issue of one model: by target quantiles (I, T, Q) and what came (I, T)."""

    issue_ns: Ns
    end_ns: Ns
    step_h: float
    levels: Floats
    quantiles: Mapping[str, Floats]
    actual: Mapping[str, Floats]


def joint_scores(
    scored: Scored, models: tuple[str, ...] | None = None, methods: tuple[dependence.Method, ...] = METHODS
) -> list[dict[str, Any]]:
    """A row for each model, method and series or kind; models whose issues do not fit together are left out."""
    rows: list[dict[str, Any]] = []
    for model in scored.models if models is None else models:
        days = _days([one for one in scored.series if one.model == model])
        if days is not None:
            rows += [row for method in methods for row in _scored(scored, model, method, days)]
    return rows


def _days(series: list[Series]) -> _Days | None:
    first = series[0]
    issues, counts = np.unique(first.issue_ns, return_counts=True)
    same = all(np.array_equal(one.valid_ns, first.valid_ns) for one in series)
    if not same or np.ptp(counts) or len(issues) <= dependence.FEWEST_PAST:
        return None
    valid = first.valid_ns.reshape(len(issues), -1)
    steps = np.unique(np.diff(valid, axis=1))
    if len(steps) != 1:
        return None
    day = min(int(DAY_NS // steps[0]), valid.shape[1])
    shape = (len(issues), valid.shape[1])
    return _Days(
        issues,
        valid[:, day - 1],
        float(steps[0] / HOUR_NS),
        first.levels,
        {one.target: one.quantiles.reshape(*shape, -1)[:, :day] for one in series},
        {one.target: one.actual.reshape(shape)[:, :day] for one in series},
    )


def _scored(scored: Scored, model: str, method: dependence.Method, days: _Days) -> Iterator[dict[str, Any]]:
    names = list(days.quantiles)
    kinds = {name: scored.targets[name].kind for name in names}
    z = {name: scenarios.normal_scores(days.actual[name], days.quantiles[name], days.levels) for name in names}
    whole = np.all([np.isfinite(days.actual[n]).all(axis=1) for n in names], axis=0)
    whole &= np.all([np.isfinite(days.quantiles[n]).all(axis=(1, 2)) for n in names], axis=0)
    found: dict[str, list[tuple[float, ...]]] = {}
    for issue in np.flatnonzero(whole)[-MOST_ISSUES:]:
        past = whole & (days.end_ns <= days.issue_ns[issue])
        if past.sum() < dependence.FEWEST_PAST:
            continue
        # Where a forecast has no width (night) it has no error either: any rank will do.
        before = {
            name: np.nan_to_num(values[past]) if method == "schaake" else values[past] for name, values in z.items()
        }
        said = {name: days.quantiles[name][issue] for name in names}
        how = {"method": method, "seed": int(issue), "count": MEMBERS, "levels": days.levels}
        paths = dependence.joint(said, before, kinds, days.step_h, **how)  # type: ignore[arg-type]  # as it takes them
        paths = {name: np.clip(values, *scored.targets[name].bounds) for name, values in paths.items()}
        for of, one in _issue(paths, {name: days.actual[name][issue] for name in names}, kinds, days.step_h):
            found.setdefault(of, []).append(one)
    for of, values in found.items():
        energy, ramp, joint, pairs = np.mean(values, axis=0).tolist()
        yield {"model": model, "method": method, "of": of, "energy_crps": energy, "ramp_crps": ramp,
               "energy_score": joint, "variogram": pairs, "issues": len(values)}  # fmt: skip


def _issue(
    paths: Mapping[str, Floats], came: Mapping[str, Floats], kinds: Mapping[str, str], step_h: float
) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Scores of one issue: of each series, and of each kind with several."""
    groups: dict[str, list[str]] = {name: [name] for name in paths}
    for kind in dict.fromkeys(kinds.values()):
        if len(members := [name for name in paths if kinds[name] == kind]) > 1:
            groups[f"{kind}, {PORTFOLIO}"] = members
    steps = max(round(RAMP_H / step_h), 1)
    hourly = max(round(1 / step_h), 1)
    for of, members in groups.items():
        drawn, y = np.stack([paths[name] for name in members]), np.stack([came[name] for name in members])
        total, whole = drawn.sum(axis=0), y.sum(axis=0)
        flat = drawn.transpose(1, 0, 2).reshape(drawn.shape[1], -1)
        thin = drawn[:, :, ::hourly].transpose(1, 0, 2).reshape(drawn.shape[1], -1)
        yield (
            of,
            (
                float(scores.crps_of_members(whole.sum() * step_h, total.sum(axis=1) * step_h)),
                float(scores.crps_of_members(scores.largest_ramp(whole, steps), scores.largest_ramp(total, steps))),
                scores.energy_score(y.ravel(), flat),
                scores.variogram_score(y[:, ::hourly].ravel(), thin),
            ),
        )
