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

from dispatch.assets.grid_connection import GridConnection
from dispatch.errors import DataError, SolveError
from dispatch.executor import Executor, Failure, Serial
from dispatch.replay.case import Case
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.studies.days import BELOW_THE_PROBLEM, DayPlanner, StudyDays, worth_generating
from dispatch.units.generation import VariableGeneration

if TYPE_CHECKING:
    from grid_models.network import Network

VARIANTS = ("as_it_is", "no_network", "no_limits")
CAUSES = ("network", "export_limit", "balance")


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
        planner = DayPlanner(case, network)
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
            if done.proof.quality in BELOW_THE_PROBLEM:
                fallen[str(day.day)] = done.proof.quality
            if self.progress is not None:
                self.progress(variant.replace("_", " "), (place + 1) / len(self.days.days))
        return Ran(variant, _joined(curtailed), _joined(used), unheld, fallen)


def _joined(parts: Mapping[str, list[Array]]) -> dict[str, Array]:
    return {name: np.concatenate(of) for name, of in parts.items()}


def variant_site(site: Site, variant: str) -> Site:
    """The park of a variant, in which generating is worth a little."""
    most_kw = float(sum(need.capacity_kw for a in site.assets for need in a.needs if need.kind != "load"))
    changed: list[Any] = []
    for asset in site.assets:
        if isinstance(asset, GridConnection) and variant == "no_limits":
            others = tuple(limit for limit in asset.limits if limit.direction != "export")
            changed.append(asset.model_copy(update={"export_kw": asset.export_kw + most_kw, "limits": others}))
        else:
            changed.append(asset)
    return worth_generating(site.model_copy(update={"assets": tuple(changed)}))
