"""A park's answers: every claim with its metric, baseline, figure, interval, and what that says in plain words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from benchmarks.claims.cells import TITLES, Cell
from benchmarks.claims.claims import Claim, all_claims, claims_of
from benchmarks.claims.estimates import DAYS_A_YEAR, Estimate, ratio
from benchmarks.claims.forecasts import GROUPS, Forecasts
from benchmarks.claims.metrics import METRICS, SHARE_ARMS, Found, estimate, sound
from benchmarks.claims.spec import Spec
from dispatch.report.wording import number, percent
from forecasting.backtest.product import NAME
from forecasting.backtest.references import REFERENCES

UNVERIFIED = "unverified: no measurement reaches lead day {day}"


@dataclass(frozen=True)
class Answer:
    """One figure held beside one claim.

    Attributes:
        unit: ``share``, ``gain``, ``money`` (a year), ``t`` (a year).
        note: why there is no figure; empty where there is one.
        method: whose executed days the figure is of; empty for forecasts.
        left_out: days that count nowhere, as a method did not do what was asked of it.
    """

    claim: Claim
    metric: str
    formula: str
    baseline: str
    unit: str
    found: Estimate
    note: str = ""
    method: str = ""
    left_out: int = 0


@dataclass(frozen=True)
class LeadError:
    """Errors of one group of series on one day of lead time; without a value where nothing came."""

    group: str
    day: int
    ours: Estimate
    mean_absolute: float
    reference: str
    reference_error: float
    note: str = ""


def answers(park: str, cells: Sequence[Cell], leads: Sequence[LeadError], spec: Spec) -> list[Answer]:
    """All of a park's."""
    out = []
    for claim in claims_of(park):
        for key in claim.metrics:
            metric = METRICS[key]
            found = estimate(metric, cells, spec)
            out.append(
                Answer(
                    claim, metric.title, metric.formula, metric.baseline, metric.unit, found.estimate,
                    _why_not(found), TITLES[found.arms[0]], found.left_out,
                )
            )  # fmt: skip
    out += list(_of_forecasts(leads))
    if park in all_claims().ammonia.parks:
        out.append(_ammonia(cells, spec))
    return out


def _why_not(found: Found) -> str:
    """Why a figure is missing; empty where it is not."""
    if math.isfinite(found.estimate.value):
        return ""
    if not found.estimate.days:
        names = " and ".join(dict.fromkeys(TITLES[arm] for arm in found.arms))
        return f"no figure: on none of the days {names} did all that was asked and passed the audit"
    return "no figure: there is nothing to divide by"


def _of_forecasts(leads: Sequence[LeadError]) -> Iterator[Answer]:
    for one in leads:
        if one.group == next(iter(GROUPS)):
            formula = "root of the mean over the day of (expected − came)² / rated power"
            baseline = f"{one.reference}: {one.reference_error:.1%}" if one.reference else ""
            title = f"forecast error of wind and PV, lead day {one.day}"
            yield Answer(all_claims().forecast, title, formula, baseline, "share", one.ours, one.note)


def _ammonia(cells: Sequence[Cell], spec: Spec) -> Answer:
    claim = all_claims().ammonia
    arm = next((a for a in SHARE_ARMS if any(c.arm == a and sound(c) for c in cells)), SHARE_ARMS[0])
    made = [c.figures["ammonia_kg"] for c in cells if c.arm == arm and sound(c)]
    if not made:
        none = Estimate(math.nan, None, 0)
        return Answer(claim, "ammonia made", "", "", "t", none, "no figure: no day counts")
    sums = {"kg": np.array(made), "days": np.ones(len(made))}
    found = ratio(lambda s: DAYS_A_YEAR * s["kg"] / s["days"] / 1000, sums, spec.resamples, spec.seed)
    return Answer(claim, "ammonia made", "365 · mean over days of what the synthesis makes", "", "t", found,
                  method=TITLES[arm])  # fmt: skip


def lead_errors(forecasts: Forecasts, spec: Spec) -> list[LeadError]:
    """By group and lead day, of the product and the best of the references."""
    return [_lead_error(forecasts, spec, group, day) for group in GROUPS for day in range(1, spec.lead_days + 1)]


def _lead_error(forecasts: Forecasts, spec: Spec, group: str, day: int) -> LeadError:
    issues, squares, absolute, counts = forecasts.errors(group, day, NAME)
    if not issues.size:
        empty = Estimate(math.nan, None, 0)
        return LeadError(group, day, empty, math.nan, "", math.nan, UNVERIFIED.format(day=day))
    sums = {"squares": squares, "counts": counts}
    ours = ratio(lambda s: np.sqrt(s["squares"] / s["counts"]), sums, spec.resamples, spec.seed)
    others = {model.name: forecasts.errors(group, day, model.name) for model in REFERENCES}
    errors = {n: float(np.sqrt(e[1].sum() / e[3].sum())) for n, e in others.items() if e[0].size == issues.size}
    best = min(errors, key=lambda name: errors[name], default="")
    mean = float(absolute.sum() / counts.sum())
    return LeadError(group, day, ours, mean, best, errors.get(best, math.nan))


def verdict(answer: Answer) -> str:
    """In plain words. A figure is never said to confirm a claim: metric or data differ."""
    claim, found = answer.claim, answer.found
    said = f"Claimed: {claim.claimed}; no metric or baseline stated."
    if answer.note:
        return f"{said} Here: {answer.note}."
    against = f" against {answer.baseline}" if answer.baseline else ""
    whose = f" of {answer.method}" if answer.method and not answer.baseline else ""
    left = f"; {answer.left_out} more left out" if answer.left_out else ""
    here = f"Here, by {answer.metric}{whose}{against}: {shown(answer)}{spread(answer)}, {found.days} days{left}."
    return f"{said} {here} {_beside(answer)}".strip()


def _beside(answer: Answer) -> str:
    claimed, found = answer.claim.value, answer.found
    if claimed is None:
        return "Not comparable as a number."
    if found.interval is None:
        return f"{'Above' if found.value > claimed else 'Below'} the claimed figure; too few days to say how surely."
    low, high = found.interval
    where = "above" if low > claimed else "below" if high < claimed else "not to be told from"
    return f"By this metric and on these data {where} the claimed figure; that neither confirms nor refutes it."


def shown(answer: Answer) -> str:
    """The figure as words."""
    return figure(answer.found.value, answer.unit)


def spread(answer: Answer) -> str:
    """Its interval in brackets; empty where there is none."""
    ends = answer.found.interval
    if ends is None:
        return ""
    return f" (95 % CI {figure(ends[0], answer.unit)} to {figure(ends[1], answer.unit)})"


def figure(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return "–"
    if unit == "money":
        return f"{number(value)} CNY a year"
    if unit == "t":
        return f"{number(value)} t a year"
    plus = "+" if unit == "gain" and value > 0 else ""
    return f"{plus}{percent(value)}"


def period(days: Sequence[date]) -> str:
    """First to last day, and how many."""
    return f"{days[0]} to {days[-1]}, {len(days)} days"
