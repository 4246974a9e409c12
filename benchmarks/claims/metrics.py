"""The metrics that claims are answered by: each with its formula, its baseline and its way of being computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from benchmarks.claims.cells import NO_STORES, NO_STORES_KNOWING, TITLES, Cell
from benchmarks.claims.estimates import Estimate, Sums, ratio, yearly
from benchmarks.claims.spec import Spec
from dispatch.signals import Array


@dataclass(frozen=True)
class Metric:
    """What is computed, in words and symbols.

    Attributes:
        arms: whose cells it needs, in the order in which ``of`` names them: ``NAME@0``, ``NAME@1``.
        unit: ``share``, ``gain`` (relative, signed) or ``money`` (of a year).
        baseline: in words; empty where a figure is measured against nothing.
    """

    key: str
    title: str
    formula: str
    arms: tuple[str, ...]
    unit: str
    of: Callable[[Sums], Array]
    needs: tuple[str, ...]
    baseline: str = ""


def _over(part: Array, whole: Array) -> Array:
    """NaN where there is nothing to divide by."""
    safe = np.where(np.abs(whole) > 1e-9, whole, np.nan)
    return np.asarray(part / safe)


def _share(key: str, title: str, formula: str, part: Sequence[str], whole: str) -> Metric:
    """Of what the joint rolling plan came to; ``part`` names sums, those after the first are taken off."""

    def of(sums: Sums) -> Array:
        first, *rest = (sums[f"{name}@0"] for name in part)
        return _over(first - sum(rest, np.zeros_like(first)), sums[f"{whole}@0"])

    return Metric(key, title, formula, ("rolling",), "share", of, (*part, whole))


def _gain(key: str, title: str, formula: str, ours: str, against: str, of: Callable[[Sums], Array],
          needs: tuple[str, ...]) -> Metric:  # fmt: skip
    return Metric(key, title, formula, (ours, against), "gain", of, needs, TITLES[against])


def _cheaper(sums: Sums) -> Array:
    base = sums["cost@1"]
    return _over(base - sums["cost@0"], np.abs(base))


def _better(sums: Sums) -> Array:
    base = sums["objective@1"]
    return _over(base - sums["objective@0"], np.abs(base))


def _more_own_use(sums: Sums) -> Array:
    def own(k: int) -> Array:
        return _over(sums[f"generated_kwh@{k}"] - sums[f"exported_kwh@{k}"], sums[f"available_kwh@{k}"])

    return _over(own(0), own(1)) - 1


UNSERVED = 0.001
"""Share of the use that may be left undone on a day that counts: a method that does less is no cheaper for it."""
SHARE_ARMS = ("rolling", "day_ahead", "perfect")
OWN = ("generated_kwh", "exported_kwh", "available_kwh")
SHARES = (
    _share(
        "utilisation",
        "utilisation of wind and PV",
        "utilisation = 1 − Σ curtailed / Σ available",
        ("generated_kwh",),
        "available_kwh",
    ),
    _share(
        "curtailment",
        "curtailment",
        "curtailment = Σ (available − generated) / Σ available",
        ("available_kwh", "generated_kwh"),
        "available_kwh",
    ),
    _share(
        "own_use",
        "wind and PV used in the park",
        "share = Σ (generated − exported) / Σ available",
        ("generated_kwh", "exported_kwh"),
        "available_kwh",
    ),
    _share(
        "clean",
        "clean share",
        "share = 1 − Σ unclean / Σ supply; green power under contract counts as clean, the rest of the grid does not",
        ("supply_kwh", "unclean_kwh"),
        "supply_kwh",
    ),
    _share(
        "direct",
        "direct share",
        "share = Σ used that is generated on site or on a direct line, traced step by step through stores / Σ used",
        ("direct_kwh",),
        "use_kwh",
    ),
    _share(
        "green",
        "direct and contracted, step by step",
        "share = Σ used that is direct or delivered by contract in the same step / Σ used",
        ("green_kwh",),
        "use_kwh",
    ),
    _share(
        "cfe",
        "24/7 CFE",
        "CFE = Σ (direct + contract + clean part of the grid's mix in the same step) / Σ used",
        ("cfe_kwh",),
        "use_kwh",
    ),
)
_J = "Σ (money + carbon at its price + penalties − worth of what stores hold more)"
_C = "Σ (money − worth of what stores hold more)"
GAINS = (
    _gain(
        "joint_objective",
        "joint dispatch: objective",
        f"gain = (J_separate − J_joint) / |J_separate|, J = {_J}",
        "day_ahead",
        "separate",
        _better,
        ("objective",),
    ),
    _gain(
        "joint_cost",
        "joint dispatch: cost",
        f"gain = (C_separate − C_joint) / |C_separate|, C = {_C}",
        "day_ahead",
        "separate",
        _cheaper,
        ("cost",),
    ),
    _gain(
        "joint_own_use",
        "joint dispatch: own use of wind and PV",
        "gain = u_joint / u_separate − 1, u = Σ (generated − exported) / Σ available",
        "day_ahead",
        "separate",
        _more_own_use,
        OWN,
    ),
    _gain(
        "rules_objective",
        "joint rolling dispatch: objective",
        "gain = (J_rules − J_joint) / |J_rules|",
        "rolling",
        "rule_based",
        _better,
        ("objective",),
    ),
    _gain(
        "rules_own_use",
        "joint rolling dispatch: own use of wind and PV",
        "gain = u_joint / u_rules − 1",
        "rolling",
        "rule_based",
        _more_own_use,
        OWN,
    ),
    _gain(
        "bound_objective",
        "perfect foresight: objective",
        "gain = (J_separate − J_perfect) / |J_separate|: what joint dispatch could gain if it knew everything",
        "perfect",
        "separate",
        _better,
        ("objective",),
    ),
)
MONEY = (
    Metric(
        "stores_earn",
        "earned by stores",
        f"money = 365 · mean over days of (C_without − C_with), C = {_C}; both planned jointly a day ahead",
        ("day_ahead", NO_STORES),
        "money",
        _cheaper,
        ("cost",),
        "the same park without its stores of electricity, heat and cold",
    ),
    Metric(
        "stores_could_earn",
        "earned by stores, knowing everything",
        f"money = 365 · mean over days of (C_without − C_with), C = {_C}; with perfect foresight: the difference to "
        "what they earn planned a day ahead is what the forecast costs",
        ("perfect", NO_STORES_KNOWING),
        "money",
        _cheaper,
        ("cost",),
        "the same park without its stores of electricity, heat and cold",
    ),
    Metric(
        "planning_earns",
        "earned by shifting and planning",
        "money = 365 · mean over days of (C_rules − C_joint)",
        ("rolling", "rule_based"),
        "money",
        _cheaper,
        ("cost",),
        TITLES["rule_based"],
    ),
)
METRICS = {metric.key: metric for metric in (*SHARES, *GAINS, *MONEY)}


@dataclass(frozen=True)
class Found:
    """An estimate, and whose days it is of.

    Attributes:
        arms: as the metric's, or what stands in for the first of them.
        left_out: days on which a method did not do what was asked of it, and which count nowhere.
    """

    estimate: Estimate
    arms: tuple[str, ...]
    left_out: int


def sound(cell: Cell) -> bool:
    """Did it come to an end, pass the audit, and do the work? Others are no measure of anything."""
    of = cell.figures
    return bool(of) and of["violations"] == 0 and of["unserved_kwh"] <= UNSERVED * max(of["use_kwh"], 1.0)


def estimate(metric: Metric, cells: Sequence[Cell], spec: Spec) -> Found:
    """A metric over the days that are sound for all methods that it needs.

    A share is one of the rolling plan's; where that has no sound day, of the first method that has.
    """
    days = {arm: _days(cells, (arm,)) for arm in SHARE_ARMS}
    arms = metric.arms
    if metric.unit == "share":
        arms = (next((arm for arm in SHARE_ARMS if days[arm]), arms[0]),)
    chosen = _days(cells, arms)
    ran = {cell.day for cell in cells}
    found = {(cell.day, cell.arm): cell.figures for cell in cells}
    if metric.unit == "money":
        saved = [found[d, arms[1]]["cost"] - found[d, arms[0]]["cost"] for d in chosen]
        return Found(yearly(saved, spec.resamples), arms, len(ran) - len(chosen))
    by_day = {
        f"{name}@{k}": np.array([found[d, arm][name] for d in chosen])
        for k, arm in enumerate(arms)
        for name in metric.needs
    }
    made = ratio(metric.of, by_day, spec.resamples, spec.seed) if chosen else Estimate(math.nan, None, 0)
    return Found(made, arms, len(ran) - len(chosen))


def _days(cells: Sequence[Cell], arms: tuple[str, ...]) -> list[date]:
    done = {(cell.day, cell.arm) for cell in cells if sound(cell)}
    return [day for day in dict.fromkeys(cell.day for cell in cells) if all((day, arm) in done for arm in arms)]
