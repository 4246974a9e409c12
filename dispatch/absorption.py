"""What wind and PV could give over a year, what of it is lost, and to which cause.

Days are planned one after the other on what was measured; stores and the month's peaks go on from day to day. Three
variants of the park, each over the whole span:

============ ===============================================================================
as_it_is     the connection's limits, the network's limits held by the loop of the proof
no_network   without the network
no_limits    without the network, and all may be exported
============ ===============================================================================

With c the curtailment of a step, its causes are differences of variants::

    network = c(as_it_is) − c(no_network)    export limit = c(no_network) − c(no_limits)    balance = c(no_limits)

They add up to c(as_it_is) exactly, in every step. In a single step a cause may be negative, where a store that was
filled by what else were lost is full earlier; over days and months the signs settle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Inputs, Mode
from dispatch.assets.grid_connection import GridConnection
from dispatch.errors import DataError, SolveError
from dispatch.executor import Executor, Failure, Serial
from dispatch.generation import VariableGeneration
from dispatch.grid_check import hold, slots
from dispatch.highs import Limits
from dispatch.ladder import climb
from dispatch.network_rows import NetworkLimits
from dispatch.problem import Problem
from dispatch.replay.case import Case
from dispatch.replay.pieces import State, came
from dispatch.replay.plant import carried
from dispatch.replay.windows import store_values_of, with_ends
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.study_days import StudyDay, StudyDays

if TYPE_CHECKING:
    from grid_models.network import Network

VARIANTS = ("as_it_is", "no_network", "no_limits")
CAUSES = ("network", "export_limit", "balance")
# What a kWh that is generated is worth beside its price, so that nothing is lost where losing it saves nothing.
WORTH_PER_KWH = 1e-3
_BELOW_THE_PROBLEM = ("last_good", "rule_based", "safe_state")


@dataclass(frozen=True)
class Ran:
    """One variant over the days looked at.

    Attributes:
        curtailed_kw: by asset, (T,).
        used_kw: by asset, (T,).
        unheld: by day with violations of the network left: how many.
        fallen: days without an optimised plan, with the rung.
    """

    variant: str
    curtailed_kw: Mapping[str, Array]
    used_kw: Mapping[str, Array]
    unheld: Mapping[str, int]
    fallen: Mapping[str, str]


@dataclass(frozen=True)
class Absorption:
    """The study's outcome; arrays are over the steps of the days looked at.

    Attributes:
        ran: by variant.
        starts: (T,) index of each step in the span.
    """

    case: Case
    days: StudyDays
    ran: Mapping[str, Ran]
    starts: np.ndarray

    @cached_property
    def hours(self) -> Array:
        """(T,) length of each step [h]."""
        return np.asarray(self.case.span.hours[self.starts])

    @property
    def assets(self) -> tuple[str, ...]:
        """Wind and PV plants."""
        return tuple(self.ran["as_it_is"].curtailed_kw)

    def available_kw(self, asset: str) -> Array:
        """(T,) what a plant could have given."""
        return np.asarray(self.case.actual[asset][self.starts])

    def lost_kw(self, asset: str) -> dict[str, Array]:
        """(T,) what is lost of a plant, by cause; they add up to its curtailment."""
        as_it_is, no_network, no_limits = (self.ran[variant].curtailed_kw[asset] for variant in VARIANTS)
        return {"network": as_it_is - no_network, "export_limit": no_network - no_limits, "balance": no_limits}

    def sums(self, assets: tuple[str, ...] | None = None, where: np.ndarray | None = None) -> dict[str, float]:
        """Energy [kWh] available, curtailed and by cause, of some plants in some steps."""
        hours = self.hours if where is None else self.hours * where
        chosen = self.assets if assets is None else assets
        out = {"available": sum(float(self.available_kw(a) @ hours) for a in chosen)}
        out["curtailed"] = sum(float(self.ran["as_it_is"].curtailed_kw[a] @ hours) for a in chosen)
        for cause in CAUSES:
            out[cause] = sum(float(self.lost_kw(a)[cause] @ hours) for a in chosen)
        return out


def absorption(
    case: Case,
    days: StudyDays,
    network: Network | None,
    *,
    executor: Executor | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Absorption:
    """Plan every day in every variant.

    Args:
        network: None: the park has none, or it is left out; then nothing is lost to it.
        executor: where the variants run; the result is the same.
        progress: told the variant and its share that is done; of the serial executor alone.

    Raises:
        DataError: the park has neither wind nor PV, or a variant fails for a reason of its data.
        SolveError: a variant fails otherwise.
    """
    if not any(isinstance(asset, VariableGeneration) for asset in case.site.assets):
        kinds = ", ".join(sorted({asset.kind for asset in case.site.assets}))
        raise DataError(f"'{case.site.name}' has neither wind nor pv, so nothing can be curtailed; it has {kinds}")
    alone = VARIANTS if network is not None else VARIANTS[1:]
    runs_on, serial = executor or Serial(), executor is None or isinstance(executor, Serial)
    runner = Runner(
        case, days, network if network is None else network.without_reference(), progress if serial else None
    )
    ran: dict[str, Ran] = {}
    for variant, answer in runs_on.map(runner, [(variant, variant) for variant in alone]):
        if isinstance(answer, Failure):
            raise (DataError if answer.ours else SolveError)(f"{variant.replace('_', ' ')}: {answer.text}")
        ran[variant] = answer.value
    if network is None:
        ran["as_it_is"] = replace(ran["no_network"], variant="as_it_is")
    starts = np.concatenate([np.arange(day.first, day.first + day.steps) for day in days.days])
    return Absorption(case, days, {variant: ran[variant] for variant in VARIANTS}, starts)


@dataclass(frozen=True)
class Runner:
    """Runs a variant; a value that can be sent to a worker."""

    case: Case
    days: StudyDays
    network: Network | None
    progress: Callable[[str, float], None] | None = None

    def __call__(self, variant: str) -> Ran:
        """All days of one variant, one after the other."""
        network = self.network if variant == "as_it_is" else None
        case = replace(self.case, site=variant_site(self.case.site, variant))
        planner = _Planner(replace(case, site=with_ends(case, store_values_of(self.case))), network)
        names = [asset.name for asset in case.site.assets if isinstance(asset, VariableGeneration)]
        curtailed: dict[str, list[Array]] = {name: [] for name in names}
        used: dict[str, list[Array]] = {name: [] for name in names}
        unheld, fallen = {}, {}
        for place, day in enumerate(self.days.days):
            done, breaches = planner.plan(day)
            for name in names:
                curtailed[name].append(np.maximum(done.asset(name, "curtailed_kw"), 0.0))
                used[name].append(done.asset(name, "power_kw"))
            if breaches:
                unheld[str(day.day)] = breaches
            if done.proof.quality in _BELOW_THE_PROBLEM:
                fallen[str(day.day)] = done.proof.quality
            if self.progress is not None:
                self.progress(variant.replace("_", " "), (place + 1) / len(self.days.days))
        return Ran(variant, _joined(curtailed), _joined(used), unheld, fallen)


def _joined(parts: Mapping[str, list[Array]]) -> dict[str, Array]:
    return {name: np.concatenate(of) for name, of in parts.items()}


class _Planner:
    """Days one after the other on one compiled problem; days of 23 and 25 hours have their own."""

    def __init__(self, case: Case, network: Network | None) -> None:
        self.case, self.network = case, network
        self.limits = Limits(gap=case.site.planning.gap)
        self.slots = slots(case.site) if network is not None else 0
        self.state: State = {}
        self.problems: dict[int, Problem] = {}

    def plan(self, day: StudyDay) -> tuple[Schedule, int]:
        """A day from the state that the one before it left, and how many violations of the network it leaves."""
        problem = self._problem(came(self.case, day.first, day.steps, self.state))
        done, left = climb(problem, self.limits).schedule, 0
        if self.network is not None:
            done, breaches = hold(self.case.site, problem, done, self.network, self._again)
            left = len(breaches)
        self.state = carried(done, day.steps)
        return done, left

    def _problem(self, inputs: Inputs) -> Problem:
        steps = inputs.horizon.steps
        if steps not in self.problems:
            self.problems[steps] = Problem(self.case.site, inputs, Mode("exact"), network_slots=self.slots)
        problem, limits = self.problems[steps], None
        if self.network is not None:  # those of the day before are not this one's
            assert self.case.site.grid is not None
            limits = NetworkLimits.none(self.slots, len(self.case.site.grid.bus_of), steps)
        problem.update(inputs, limits=limits)
        return problem

    def _again(self, problem: Problem) -> Schedule:
        found = climb(problem, self.limits).schedule
        if found.proof.quality in _BELOW_THE_PROBLEM:
            raise SolveError(found.proof.reason)
        return found


def variant_site(site: Site, variant: str) -> Site:
    """The park of a variant, in which generating is worth a little."""
    most_kw = float(sum(need.capacity_kw for a in site.assets for need in a.needs if need.kind != "load"))
    changed: list[Any] = []
    for asset in site.assets:
        if isinstance(asset, VariableGeneration):
            # No validation: a reward is a negative cost, which no file may give.
            changed.append(asset.model_copy(update={"cost_per_kwh": asset.cost_per_kwh - WORTH_PER_KWH}))
        elif isinstance(asset, GridConnection) and variant == "no_limits":
            others = tuple(limit for limit in asset.limits if limit.direction != "export")
            changed.append(asset.model_copy(update={"export_kw": asset.export_kw + most_kw, "limits": others}))
        else:
            changed.append(asset)
    return site.model_copy(update={"assets": tuple(changed)})
