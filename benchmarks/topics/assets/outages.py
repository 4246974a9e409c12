"""Survival asked and survival kept: plans that hold out for some hours at any time, cut off from the grid at random."""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks.cases import outages
from benchmarks.rows import Measured, row
from dispatch.accounts.survival import outages as told
from dispatch.accounts.survival import price
from dispatch.audit import audit
from dispatch.planning.comparison import follow
from dispatch.problem import Problem
from dispatch.schedule import Schedule

SITES, EACH = 5, 20
INPUTS = ("benchmarks/cases", "benchmarks/topics/assets/outages.py", "dispatch")


@cache
def plans(asked: bool, reserve: bool = True) -> tuple[tuple[outages.Case, Schedule], ...]:
    """Each site's plan, with the outage to survive or without."""
    found = tuple(outages.case(seed, asked=asked, reserve=reserve) for seed in range(SITES))
    made = tuple((one, outages.planned(one)) for one in found)
    for _, schedule in made:
        if not audit(schedule).passed:
            raise RuntimeError(f"a plan does not pass the audit: {audit(schedule).violations[0]}")
    return made


def kept(*, asked: bool) -> float:
    """Share of the outages in which the critical load is served for as long as was asked."""
    held = []
    for seed, (found, schedule) in enumerate(plans(asked)):
        for start, sky in zip(*outages.starts(seed, EACH), strict=True):
            wanted = min(found.survival_h, (outages.STEPS - start) * outages.STEP_H)
            held.append(outages.simulated_h(found, schedule, int(start), float(sky)) >= wanted - 1e-9)
    return float(np.mean(held))


@row(
    "assets",
    name=f"outages survived as long as asked, of {SITES * EACH} at random: share",
    unit="",
    bar="== 1",
    slow=True,
    inputs=INPUTS,
)
def survived() -> Measured:
    """The reference is the share that the same sites survive where nobody asks for it."""
    return Measured(kept(asked=True), kept(asked=False))


@row(
    "assets",
    name="outages: plans that say they lack something, of those above",
    unit="",
    bar="== 0",
    slow=True,
    inputs=INPUTS,
)
def lacking() -> int:
    """No plan buys its way out by the penalty, so that all above is kept and not only stated.

    An outage that begins with the plan meets what was there before it.
    """
    return sum(bool(one.kinds["outage"].series["unserved_kwh"][:, 1:].max() > 1e-3) for _, one in plans(True))


@row(
    "assets",
    name="outages: hours by which the closed form is longer than the simulation, at most",
    unit="h",
    bar="<= 0",
    slow=True,
    inputs=INPUTS,
)
def closed_form() -> float:
    """With the sky as counted on; plans that need not survive, so that most outages end early.

    Without a black-start reserve, which a plan that is not asked for one does not keep.
    """
    worst = 0.0
    for (asking, _), (free, schedule) in zip(plans(True, False), plans(False, False), strict=True):
        (held,) = told(_as_asked(asking, schedule))
        for start in range(1, outages.STEPS):
            simulated = outages.simulated_h(free, schedule, start, free.weather_share)
            worst = max(worst, float(held.kept_h[start]) - simulated)
    return round(worst, 6)


def _as_asked(asking: outages.Case, schedule: Schedule) -> Schedule:
    """The decisions of a plan that need not survive in the problem of the site that must."""
    return follow(Problem(asking.site, asking.inputs), schedule)


@row(
    "assets",
    name="price of surviving, mean of the sites, of a day's cost",
    unit="%",
    bar=">= 0",
    slow=True,
    inputs=INPUTS,
)
def price_of_survival() -> Measured:
    """Extra cost of the plan that can survive; the reference is the mean cost of a day without that."""
    found = []
    for one, schedule in plans(True):
        paid = price(Problem(one.site, one.inputs), schedule)
        if paid is None:
            raise RuntimeError("the site asks to survive nothing")
        found.append((paid.extra, paid.without))
    extra, without = np.mean(found, axis=0)
    return Measured(float(100 * extra / without), float(without))
