r"""Is one method better than another, or were the days kind to it? Differences paired by day.

For each day d the difference is :math:`x_d = m_d - b_d` between a method and the baseline, the mean over seeds where
the method is random. Given are its mean with two confidence intervals, Student's t and a bootstrap over days (bias
corrected and accelerated), the signed-rank test of Wilcoxon, and its p corrected by Holm for all methods that are
compared on the case.

Days are what is sampled, and the days of one stretch are not independent: a store's level and the month's peak run on
from one to the next. With few days no interval means much, and the page says so.

Sources: Wilcoxon, "Individual comparisons by ranking methods", 1945; Efron, "Better bootstrap confidence intervals",
1987, doi:10.1080/01621459.1987.10478410; Holm, "A simple sequentially rejective multiple test procedure", 1979.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.study.results import by_case_day
from benchmarks.study.spec import Study
from dispatch.signals import Array

if TYPE_CHECKING:
    import pandas as pd

_SAME = 1e-9
_SEED = 20_240_101


@dataclass(frozen=True)
class Difference:
    """A method less the baseline, by day. What cannot be said is None.

    Attributes:
        days: how many both have.
        t, bootstrap: confidence intervals of the mean.
        p: of Wilcoxon's signed-rank test, two-sided; ``p_holm`` corrected for the case's methods.
        note: what keeps the figures from meaning much.
    """

    case: str
    metric: str
    method: str
    baseline: str
    days: int
    mean: float
    t: tuple[float, float] | None
    bootstrap: tuple[float, float] | None
    p: float | None
    p_holm: float | None = None
    note: str = ""


def differences(study: Study, days: pd.DataFrame) -> list[Difference]:
    """All methods against the baseline, case by case and metric by metric."""
    out: list[Difference] = []
    for metric in study.statistics.metrics:
        wide = by_case_day(days, metric)
        for case, of in wide.groupby(level="case", sort=False):
            out += holm(list(_of_case(study, str(case), metric, of)))
    return out


def _of_case(study: Study, case: str, metric: str, wide: pd.DataFrame) -> Iterator[Difference]:
    if study.baseline not in wide:
        return
    for method in (name for name in wide.columns if name != study.baseline):
        values = (wide[method] - wide[study.baseline]).dropna().to_numpy(float)
        if values.size:
            found = paired(values, study.statistics.confidence, study.statistics.resamples)
            few = study.statistics.few_days
            few_of = f"{values.size} day{'s' if values.size > 1 else ''}"
            note = f"only {few_of}, fewer than {few}" if values.size < few else ""
            yield replace(found, case=case, metric=metric, method=str(method), baseline=study.baseline, note=note)


def paired(values: Array, confidence: float, resamples: int) -> Difference:
    """Of differences by day.

    Args:
        confidence: of both intervals.
        resamples: of the bootstrap, whose draws are the same every time.
    """
    from scipy import stats

    mean = float(values.mean())
    made = Difference("", "", "", "", values.size, mean, None, None, None)
    if values.size < 2:
        return made
    if np.ptp(values) <= _SAME * max(1.0, float(np.abs(values).max())):  # every day the same
        p = 1.0 if abs(mean) <= _SAME else float(stats.wilcoxon(values).pvalue)
        return replace(made, t=(mean, mean), bootstrap=(mean, mean), p=p)
    t = stats.t.interval(confidence, values.size - 1, loc=mean, scale=stats.sem(values))
    rng = np.random.default_rng(_SEED)
    boot = stats.bootstrap(
        (values,), np.mean, confidence_level=confidence, n_resamples=resamples, method="BCa", rng=rng
    ).confidence_interval
    p = float(stats.wilcoxon(values).pvalue)
    return replace(made, t=(float(t[0]), float(t[1])), bootstrap=(float(boot.low), float(boot.high)), p=p)


def holm(found: Sequence[Difference]) -> list[Difference]:
    """With the p of each corrected for all of them: the k-th smallest of m times m − k + 1, never falling."""
    order = sorted((one.p, place) for place, one in enumerate(found) if one.p is not None)
    out, reached = list(found), 0.0
    for rank, (p, place) in enumerate(order):
        reached = max(reached, min(1.0, (len(order) - rank) * p))
        out[place] = replace(out[place], p_holm=reached)
    return out
