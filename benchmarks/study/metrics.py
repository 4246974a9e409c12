"""Every metric of a study, defined once: what it is, its unit, how days add up to a span.

A metric that does not exist for a method or a park is missing, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Fold = Literal["sum", "largest", "mean", "ratio"]


@dataclass(frozen=True)
class Metric:
    """One figure of a day.

    Attributes:
        unit: of a day and of a span; ``money`` stands for the park's currency.
        about: one line for the documentation.
        fold: how days become a span; a ``ratio`` divides the sums of ``part`` and ``whole``.
        better: which way is better; empty where neither is.
    """

    name: str
    title: str
    unit: str
    about: str
    fold: Fold = "sum"
    better: Literal["less", "more", ""] = "less"
    part: str = ""
    whole: str = ""


_ALL = (
    Metric("objective", "objective", "money", "What plans minimise: weighted money, carbon at its price and penalties, "
           "less the value of what stores hold more at the end of the day than at its start."),
    Metric("cost", "cost", "money", "Money paid less the value of what stores hold more at the end of the day."),
    Metric("bill", "bill", "money", "Money paid: energy, demand, fuel, starts and wear. A demand charge falls on the "
           "day that raises the month's peak."),
    Metric("penalty", "penalties", "money", "Price of broken wishes and of demand that was not served."),
    Metric("co2_kg", "CO2", "kg", "What the plan itself counts: imports at the grid's average intensity, and fuels."),
    Metric("co2_traced_kg", "CO2, traced", "kg", "On the park's loads and products, power followed through buses and "
           "stores by proportional sharing, losses borne by what they serve."),
    Metric("co2_marginal_kg", "CO2, marginal", "kg", "On the park's loads, each at the rate at which one kWh more of "
           "it would change the emissions of the schedule around what was executed."),
    Metric("co2_contracts_kg", "CO2, contracts", "kg", "Market-based: what contracts and certificates do not cover, at "
           "the residual factor, matched by the hour."),
    Metric("co2_game_kg", "CO2, game", "kg", "On the park's loads, each by its Shapley value in the game of dispatches "
           "with and without it."),
    Metric("peak_kw", "peak", "kW", "The highest mean import over a step.", "largest"),
    Metric("curtailed_kwh", "curtailed", "kWh", "Wind and solar power on offer that was not taken."),
    Metric("shed_kwh", "not served", "kWh", "Demand that was not served."),
    Metric("self_use_share", "self-use", "1", "Of the park's own wind and solar generation, what was used in the park "
           "in the same step and not exported.", "ratio", "more", "own_used_kwh", "own_kwh"),
    Metric("clean_share", "clean share", "1", "Clean electricity over all electricity brought to the site and not "
           "exported.", "ratio", "more", "clean_kwh", "supply_kwh"),
    Metric("cfe_share", "24/7 CFE", "1", "Share of the electricity brought to the site that is matched by clean "
           "generation or contracts of the same hour. What a store gives was counted when it was charged, and the "
           "grid's own clean share does not count.", "ratio", "more",
           "cfe_kwh", "used_kwh"),
    Metric("cycles", "cycles", "1", "Equivalent full cycles of the electric stores, their mean."),
    Metric("plans", "plans", "1", "Plans made.", better=""),
    Metric("plan_changes", "plan changes", "1", "Plans that changed what had been published."),
    Metric("violations", "audit", "1", "Limits that the audit of the executed path finds passed, and states that jump "
           "between windows."),
    Metric("network_violations", "network", "1", "Voltages and loadings outside their limits on the park's network."),
    Metric("gap", "gap", "1", "The largest proved relative gap of the day's plans.", "largest"),
)  # fmt: skip

METRICS = {metric.name: metric for metric in _ALL}

PARTS = ("own_used_kwh", "own_kwh", "clean_kwh", "supply_kwh", "cfe_kwh", "used_kwh")
"""Sums that shares are made of: kept by day, so that a span's share is exact."""
