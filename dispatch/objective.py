"""What a plan minimises. Here alone probabilities, risk and the price of carbon and of broken wishes meet the money."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Inputs, Rows
from dispatch.part import Part
from dispatch.signals import Array
from dispatch.site import Objective, Site
from dispatch.terms.breach import Breach, to_scenario
from dispatch.terms.carbon import CarbonTerms

if TYPE_CHECKING:
    import cvxpy as cp


# Least weight of the expected cost. Measured with 20 scenarios of a park with PV, battery and unit: with a millionth, a
# scenario outside the tail weighs less than the solver's tolerance and 46 kWh of sun were thrown away; with 1e-5, none.
_EXPECTED_LEAST = 1e-4


@dataclass(frozen=True)
class Total:
    """The objective and the sums by scenario that it is made of, all (scenario,).

    Attributes:
        expression: the scalar to minimise.
        stated: the objective as :func:`total` documents it; another expression where ``cvar_weight`` is above 0.9999.
        money, co2_kg, penalty: reported sums; the optimised expressions themselves.
        carbon: what emissions and certificates cost, part of the money, and the wishes.
        constraints: shortfalls of wishes in their order, then definitions of auxiliary variables.
        priced: the constraint whose dual is what a unit of each scenario's cost weighs; None with one scenario.
        defined: auxiliary variables beside those of ``carbon``, in order, each with what gives its value for a fixed
            schedule.
    """

    expression: cp.Expression
    stated: cp.Expression
    money: cp.Expression
    co2_kg: cp.Expression
    penalty: cp.Expression
    carbon: CarbonTerms
    constraints: Sequence[cp.Constraint]
    priced: cp.Constraint | None
    defined: Sequence[tuple[cp.Variable, Callable[[], Array]]]

    @property
    def breaches(self) -> Sequence[Breach]:
        """Wishes with their shortfalls."""
        return self.carbon.breaches


def total(
    site: Site,
    inputs: Inputs,
    rows: Mapping[str, Rows[Any]],
    parts: Mapping[str, Part],
    weights: Any,
    extra: Any,
) -> Total:
    r"""Expected cost (with CVaR) of all parts.

    .. math:: \min (1-λ) Σ_s π_s C_s + λ (η + \frac{1}{1-α} Σ_s π_s (C_s - η)^+)

    with C_s = money + carbon price · CO₂ + penalties of scenario s (Rockafellar & Uryasev 2000).

    A scenario outside the tail would cost nothing with λ = 1, and the published path could be anything there. So λ is
    at most 0.9999 in what is minimised; what is reported of a plan is the formula with the λ of the park's file.

    Args:
        site: whose wishes, prices and carbon account it is.
        inputs: the horizon, and what is carried into it.
        rows, parts: by kind.
        weights: (S,) probabilities π, constant or parameter.
        extra: (S,) penalties that no part owns (network limits), or None.
    """
    import cvxpy as cp

    scenarios = next(iter(rows.values())).scenarios
    money = _sum(rows, parts, ("cost_step", "cost_period"), scenarios)
    co2 = _sum(rows, parts, ("co2_step_kg",), scenarios)
    penalty = _sum(rows, parts, ("penalty_step",), scenarios)
    carbon, wanted = CarbonTerms(site, inputs, rows, parts), site.objective
    money = money if carbon.money is None else money + carbon.money
    for breach in carbon.breaches:
        penalty = penalty + breach.penalty * cp.sum(breach.short, axis=1)
    if carbon.unmatched_kwh is not None:
        penalty = penalty + wanted.unmatched_price_per_kwh * carbon.unmatched_kwh
    if extra is not None:
        penalty = penalty + extra
    constraints = carbon.constraints
    per_scenario = wanted.money * money + wanted.carbon_price_per_t / 1000 * co2 + penalty
    if scenarios == 1:
        alone = cp.sum(per_scenario)
        return Total(alone, alone, money, co2, penalty, carbon, constraints, None, [])
    # Weights and prices are both parameters: their product is not DPP, so the sum per scenario is a variable.
    cost = cp.Variable(scenarios)
    priced = cost == per_scenario
    constraints.append(priced)
    defined: list[tuple[cp.Variable, Callable[[], Array]]] = [(cost, lambda: per_scenario.value)]
    expected = stated = weights @ cost
    if wanted.cvar_weight:
        expected, stated = _with_risk(wanted, cost, weights, expected, constraints, defined)
    return Total(expected, stated, money, co2, penalty, carbon, constraints, priced, defined)


def _with_risk(
    wanted: Objective, cost: Any, weights: Any, expected: Any, constraints: list[Any], defined: list[Any]
) -> tuple[Any, Any]:
    """The expected cost blended with its CVaR, to minimise and to state; adds its variables to both lists."""
    import cvxpy as cp

    tail, threshold = cp.Variable(cost.size, nonneg=True), cp.Variable()
    constraints.append(tail >= cost - threshold)
    risk = threshold + (weights @ tail) / (1 - wanted.cvar_level)
    defined += [
        (threshold, lambda: value_at_risk(cost.value, weights.value, wanted.cvar_level)),
        (tail, lambda: np.maximum(cost.value - threshold.value, 0)),
    ]
    share = min(wanted.cvar_weight, 1 - _EXPECTED_LEAST)
    blended = (1 - share) * expected + share * risk
    if share == wanted.cvar_weight:
        return blended, blended
    return blended, (1 - wanted.cvar_weight) * expected + wanted.cvar_weight * risk


def value_at_risk(cost: Array, weights: Array, level: float) -> Array:
    """Smallest cost that scenarios of total probability ≥ ``level`` do not exceed: the best threshold η of the CVaR."""
    order = np.argsort(cost, kind="stable")
    reached = np.cumsum(weights[order]) >= level - 1e-12
    return np.asarray(cost[order][np.argmax(reached)])


def _sum(rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part], names: Sequence[str], scenarios: int) -> Any:
    """(scenario,) sum of the named terms over kinds, rows and steps."""
    import cvxpy as cp

    terms = [
        to_scenario(rows[kind]) @ cp.sum(getattr(part, name), axis=1)
        for kind, part in parts.items()
        for name in names
        if getattr(part, name) is not None
    ]
    return sum(terms[1:], terms[0]) if terms else cp.Constant(np.zeros(scenarios))


def clean_share(unclean_kw: Array, supply_kw: Array, hours: Array) -> float:
    """1 − unclean over all electricity brought to the site, from (step,) powers; NaN where nothing was."""
    supplied = float(supply_kw @ hours)
    return 1.0 - float(unclean_kw @ hours) / supplied if supplied > 0 else float("nan")
