"""The audit of many sites at once: that of one site, on all sites' plant as members of one with separate buses.

Every check and account of every kind is on rows, so one call covers all sites; a violation names ``site/asset``. What
counts by site and not by row is held here: the money, carbon and penalties of a site's plant add up to the objective
that the solver reported for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dispatch.audit import audit
from dispatch.fleet.joined import Joined
from dispatch.part import Violation, mistakes
from dispatch.problem import Problem
from dispatch.schedule import Proof, Schedule, Solved
from dispatch.signals import Array

_SUM = 1e-2
_SHARE = 1e-6


@dataclass(frozen=True)
class Sums:
    """(site,) each, as optimised."""

    money: Array
    co2_kg: Array
    penalty: Array
    objective: Array


def violations(problem: Problem, joined: Joined, kinds: Mapping[str, Solved], sums: Sums) -> dict[str, list[Violation]]:
    """By site, what is wrong with its schedule; sites without any are left out."""
    proof = Proof("optimal", float(sums.objective.sum()), -np.inf, np.inf, 0, 0, clock_fired=False)
    money, co2_kg, penalty = (np.array([values.sum()]) for values in (sums.money, sums.co2_kg, sums.penalty))
    schedule = Schedule(joined.inputs, np.ones(1), kinds, money, co2_kg, penalty, {}, proof)
    found = [*audit(schedule).violations, *_objectives(problem, joined, sums)]
    by_site: dict[str, list[Violation]] = {}
    for violation in found:
        # Of all that the audit names, only sums over everybody carry no site: they are wrong where a site's is.
        site = violation.asset.removeprefix("bus ").split("/")[0]
        if "/" in violation.asset:
            by_site.setdefault(site, []).append(violation)
    if found and not by_site:
        return {member.name: found for member in joined.members}
    return by_site


def _objectives(problem: Problem, joined: Joined, sums: Sums) -> list[Violation]:
    """Money, carbon and penalties of the plant against what the solver says that the plan costs."""
    wanted = problem.site.objective
    own = wanted.money * sums.money + wanted.carbon_price_per_t / 1000 * sums.co2_kg + sums.penalty
    apart = np.abs(own - sums.objective) / (1 + _SHARE / _SUM * np.abs(sums.objective))
    names = [f"{member.name}/site" for member in joined.members]
    return mistakes(names, "objective differs from its parts", apart[:, None], _SUM, "money", 0.0)
