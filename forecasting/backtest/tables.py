"""Scores of a backtest as rows: by lead day, by regime, by site and for all sites together.

A regime is a third of the model's own expected values (low, middle, high): of what was forecast and not of what came,
since scores of only those cases that turned out high would punish the honest (Lerch et al. 2017,
doi:10.1214/16-STS588). Photovoltaic plants count in daylight too: with the sun above the horizon at the middle of the
interval. A comparison of models is over the intervals that both answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting import scores
from forecasting.backtest.references import CLIMATOLOGY, PERSISTENCE, SMART
from forecasting.backtest.results import Series
from forecasting.clock import DAY_NS, Ns, utc_index
from forecasting.physics import solar_elevation_deg
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
ALL, DAYLIGHT, PORTFOLIO = "all hours", "daylight", "all sites together"
REGIMES = ("low", "middle", "high")
BANDS = (0.9, 0.5)


@dataclass(frozen=True, eq=False)
class Scored:
    """The series of a backtest with what is needed to score them."""

    series: tuple[Series, ...]
    targets: Mapping[str, Target]
    place: Place

    @property
    def models(self) -> tuple[str, ...]:
        """Models in their order."""
        return tuple(dict.fromkeys(one.model for one in self.series))

    def of(self, model: str, target: str) -> Series:
        """The one of that model and target."""
        return next(one for one in self.series if (one.model, one.target) == (model, target))

    def unit(self, target: str) -> float:
        """What normalised errors are over: the capacity, else the highest value that came in all tasks."""
        capacity = self.targets[target].capacity_kw
        if np.isfinite(capacity):
            return capacity
        came = np.concatenate([one.actual for one in self.series if one.target == target])
        return float(np.nanmax(np.abs(came))) if np.isfinite(came).any() else float("nan")


def expected(series: Series) -> Floats:
    """Expected value (N,): the mean of the distribution that the quantiles describe."""
    return np.asarray(series.quantiles @ scores.level_weights(series.levels))


def median(series: Series) -> Floats:
    """The middle quantile (N,)."""
    return np.asarray(series.quantiles[:, int(np.abs(series.levels - 0.5).argmin())])


def daylight(valid_ns: Ns, step_ns: int, target: Target, place: Place) -> Mask:
    """Whether the sun is above the horizon at the middle of each interval (N,)."""
    where = target.place or place
    middle, back = np.unique(valid_ns - step_ns // 2, return_inverse=True)
    sun = solar_elevation_deg(utc_index(middle), where.latitude_deg, where.longitude_deg, where.altitude_m)
    return np.asarray(sun > 0)[back]


def hours_of(scored: Scored, series: Series) -> dict[str, Mask]:
    """Which intervals count: all, and of photovoltaic plants (together: of the first) those in daylight too."""
    kind = series.target.partition(",")[0]
    target = scored.targets.get(series.target) or next(t for t in scored.targets.values() if t.kind == kind)
    found = {ALL: np.ones(len(series), dtype=bool)}
    if target.kind == "pv" and len(series) > 1:
        step = int(np.diff(np.unique(series.valid_ns)).min())
        found[DAYLIGHT] = daylight(series.valid_ns, step, target, scored.place)
    return found


def quality(series: Series, unit: float) -> dict[str, float]:
    """All scores of one model and target over the intervals of the series that have answer and observation."""
    known = series.take(np.isfinite(series.actual) & np.isfinite(series.quantiles).all(axis=1))
    if not len(known):
        return {"count": 0.0}
    y, q, levels = known.actual, known.quantiles, known.levels
    errors = scores.point_errors(y, median(known), unit)
    mean_errors = scores.point_errors(y, expected(known), unit)
    found = {
        "count": float(len(known)),
        "pinball": scores.mean_pinball(y, q, levels),
        "crps": float(scores.crps_of_quantiles(y, q, levels).mean()),
        "rcrps": scores.relative_crps(y, q, levels),
        "mae": errors.mae,
        "rmse": mean_errors.rmse,
        "bias": mean_errors.bias,
        "nmae": errors.nmae,
        "nrmse": mean_errors.nrmse,
        "accuracy": mean_errors.accuracy,
        "qualified": mean_errors.qualified,
    }
    for share in BANDS:
        low, high = (1 - share) / 2, (1 + share) / 2
        if np.isclose(levels, low).any() and np.isclose(levels, high).any():
            found[f"covered_{share:.0%}".removesuffix("%")] = scores.coverage(y, q, levels, share)
            found[f"width_{share:.0%}".removesuffix("%")] = scores.sharpness(q, levels, share)
    return found


def by_lead_day(scored: Scored) -> list[dict[str, Any]]:
    """A row for each model, site (and all together), kind of hours, and lead day where there are several.

    The count is 0 where nothing came yet.
    """
    rows: list[dict[str, Any]] = []
    for series in (*scored.series, *portfolios(scored)):
        unit = _unit(scored, series)
        for hours, mask in hours_of(scored, series).items():
            days = np.unique(series.lead_day)
            for day in (0, *(days if len(days) > 1 else ())):
                chosen = mask & ((series.lead_day == day) | (day == 0))
                rows.append(_named(series, hours, int(day)) | quality(series.take(chosen), unit))
    return rows


def by_lead(scored: Scored, block_h: float = 6.0) -> list[dict[str, Any]]:
    """A row for each model, site and block of hours from issue to the end of the interval; all hours."""
    rows: list[dict[str, Any]] = []
    for series in scored.series:
        block = np.ceil(series.lead_h / block_h - 1e-9).astype(np.int64)
        for number in np.unique(block):
            named = _named(series, ALL, 0) | {"lead_from_h": (number - 1) * block_h, "lead_to_h": number * block_h}
            rows.append(named | quality(series.take(block == number), scored.unit(series.target)))
    return rows


def by_regime(scored: Scored) -> list[dict[str, Any]]:
    """A row for each model, site and third of the expected value, over daylight where there is night."""
    rows: list[dict[str, Any]] = []
    for series in scored.series:
        hours, mask = list(hours_of(scored, series).items())[-1]
        level = np.where(mask, expected(series), np.nan)
        if not np.isfinite(level).any():
            continue
        cuts = np.nanquantile(level, [1 / 3, 2 / 3])
        third = np.searchsorted(cuts, level, side="right")
        for number, name in enumerate(REGIMES):
            chosen = np.isfinite(level) & (third == number)
            named = _named(series, hours, 0) | {"regime": name}
            rows.append(named | quality(series.take(chosen), scored.unit(series.target)))
    return rows


def skills(scored: Scored) -> list[dict[str, Any]]:
    """Each model and site against climatology and the better persistence, and day by day against each of them.

    `p_better` is the probability of so good a difference if both forecasts were alike (Diebold & Mariano).
    """
    rows: list[dict[str, Any]] = []
    for target in dict.fromkeys(one.target for one in scored.series):
        held = {one.model: one for one in scored.series if one.target == target}
        persistence = _best(held, (PERSISTENCE, SMART))
        for model, series in held.items():
            row: dict[str, Any] = {"model": model, "target": target}
            for name, other in (("climatology", CLIMATOLOGY), ("persistence", persistence)):
                if other in held and model not in (CLIMATOLOGY, PERSISTENCE, SMART):
                    row |= {f"{name}_{key}": value for key, value in compared(series, held[other]).items()}
            rows.append(row | {"persistence": persistence})
    return [row for row in rows if any(key.endswith("_skill") for key in row)]


def compared(series: Series, other: Series) -> dict[str, float]:
    """Skill of one over the other in CRPS, and the test by day of issue, over the intervals that both answered."""
    loss, against = _loss(series), _loss(other)
    both = np.isfinite(loss) & np.isfinite(against)
    if not both.any():
        return {"skill": float("nan"), "p_better": float("nan"), "days": 0}
    day = series.issue_ns[both] // DAY_NS
    test = scores.diebold_mariano(scores.by_group(loss[both], day)[1], scores.by_group(against[both], day)[1])
    return {
        "skill": scores.skill(float(loss[both].mean()), float(against[both].mean())),
        "p_better": test.p_first_better,
        "days": test.days,
    }


def reliabilities(scored: Scored) -> dict[tuple[str, str], tuple[Floats, Floats, int]]:
    """By model and target: levels, the share of observations at or below each, and how many there were."""
    found = {}
    for series in scored.series:
        known = series.take(np.isfinite(series.actual) & np.isfinite(series.quantiles).all(axis=1))
        if len(known):
            share = scores.reliability(known.actual, known.quantiles, known.levels)
            found[series.model, series.target] = series.levels, share, len(known)
    return found


def portfolios(scored: Scored) -> Iterator[Series]:
    """Per model and kind, the sum of expected values and of what came, where all sites of the kind have both.

    The sum's quantiles are not the sum of quantiles, so the one level is the expected value, called .5.
    """
    kinds = {name: target.kind for name, target in scored.targets.items()}
    for (model, kind), group in _grouped(scored.series, lambda one: (one.model, kinds[one.target])):
        if len(group) > 1 and len({one.valid_ns.tobytes() for one in group}) == 1:
            first = group[0]
            total = np.sum([expected(one) for one in group], axis=0)
            came = np.sum([one.actual for one in group], axis=0)
            yield Series(
                model,
                f"{kind}, {PORTFOLIO}",
                np.array([0.5]),
                first.issue_ns,
                first.valid_ns,
                first.lead_h,
                first.lead_day,
                total[:, None],
                came,
                first.rung,
            )


def _grouped(series: Sequence[Series], key: Any) -> Iterator[tuple[Any, list[Series]]]:
    for value, group in groupby(sorted(series, key=key), key=key):
        yield value, list(group)


def _unit(scored: Scored, series: Series) -> float:
    if series.target in scored.targets:
        return scored.unit(series.target)
    kind = series.target.partition(",")[0]
    return sum(scored.unit(name) for name, target in scored.targets.items() if target.kind == kind)


def _named(series: Series, hours: str, day: int) -> dict[str, Any]:
    return {"model": series.model, "target": series.target, "hours": hours, "lead_day": day or "all"}


def _loss(series: Series) -> Floats:
    loss = scores.crps_of_quantiles(series.actual, series.quantiles, series.levels)
    return np.where(np.isfinite(series.quantiles).all(axis=1), loss, np.nan)


def _best(held: Mapping[str, Series], names: Sequence[str]) -> str:
    there = [name for name in names if name in held and np.isfinite(_loss(held[name])).any()]
    return min(there, key=lambda name: float(np.nanmean(_loss(held[name]))), default="")
