"""What a plan is worth: against the park's own rules and against perfect foresight, on one and the same day.

Plan and rules are compared on the central forecast, which is all that is known in the morning. Where the data hold what
really came, they are settled on it too, beside perfect foresight: units and stores do what was published, the rest of
the park follows its rules, so that nothing in it looks ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from dispatch.accounts.survival import without_outages
from dispatch.asset import Inputs
from dispatch.assets.direct_line import DirectLine
from dispatch.assets.thermal import Thermal
from dispatch.audit import audit
from dispatch.errors import SolveError
from dispatch.objective import clean_share
from dispatch.planning.stored_value import store_values, unvalued
from dispatch.problem import Problem
from dispatch.rules import guards, rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.stores.stock import Storage
from dispatch.terms.network import LossTangent
from dispatch.units.fired import Fired
from dispatch.units.generation import VariableGeneration

FORECAST = "central forecast"
HINDSIGHT = "what really came"


@dataclass(frozen=True)
class Outcome:
    """Figures of one way to run the day.

    Attributes:
        basis: what the day is known from, and what the figures leave out.
        cost: money paid (bill, fuel, starts, wear) less the value of what stores hold more than at the start
            (:mod:`dispatch.planning.stored_value`).
        bill: the money alone.
        curtailed_kwh: generation on offer, of direct lines too, that was neither taken nor sold.
        shed_kwh: demand not served.
    """

    name: str
    basis: str
    cost: float
    bill: float
    co2_kg: float
    clean_share: float
    peak_import_kw: float
    curtailed_kwh: float
    shed_kwh: float


def compare(
    site: Site, schedule: Schedule, actual: Inputs | None, *, again: Callable[[Problem], Schedule] = solve
) -> tuple[Outcome, ...]:
    """Plan and rules on the central forecast; where the day is known, plan, rules and perfect foresight on it.

    No row of the known day has a lower objective (money, carbon at its price, penalties) than perfect foresight, but
    for the solver's gap: all are points of one problem, or their basis says which limit they break. Its ``cost`` can
    be higher by what it saves in carbon and penalties, and by the value of what the others leave in their stores,
    which the objective does not pay for.
    The network's limits bind the plan alone; where it pays for losses, all rows pay for as many. What no solve settles
    is left out.

    Args:
        site: the park.
        schedule: the published plan, scenario 0.
        actual: inputs with one scenario that came true, None where the day is not known.
        again: makes the plan that knows the day; a SolveError of it leaves that row out.
    """
    central = _only_first(schedule.inputs)
    values = store_values(site, central)
    problem = _paying_losses(Problem(site, central, network_slots=int(schedule.loss_kw is not None)), schedule)
    expected = (
        outcome("plan", FORECAST, schedule, values),
        _held("rules of the park", FORECAST, rule_based(problem), values),
        *_unguarded(problem, schedule, values, again),
    )
    lacking = _not_valued(site, central)
    if actual is None:
        return lacking(expected)
    problem.update(actual)
    return lacking((*expected, *_settled(problem, schedule, values, again)))


def _not_valued(site: Site, inputs: Inputs) -> Callable[[tuple[Outcome, ...]], tuple[Outcome, ...]]:
    """Rows that say which stores' contents they leave out of the cost."""
    without = "".join(
        f"; content of {store} not valued: no price reaches {bus}" for store, bus in unvalued(site, inputs).items()
    )
    return lambda rows: tuple(replace(row, basis=row.basis + without) for row in rows)


def _paying_losses(problem: Problem, schedule: Schedule) -> Problem:
    """The problem, its losses as high as the schedule's."""
    if schedule.loss_kw is not None:
        problem.update(losses=LossTangent.level(schedule.loss_kw[0], len(problem.network.buses)))
    return problem


def _unguarded(
    problem: Problem, schedule: Schedule, values: dict[str, float], again: Callable[[Problem], Schedule]
) -> Iterator[Outcome]:
    """What the plan would be if it need not be able to survive an outage: the difference is what that costs."""
    other = without_outages(problem, schedule)
    if other is not None:
        with suppress(SolveError):
            yield outcome("plan without outages to survive", FORECAST, again(other), values)


def _settled(
    problem: Problem, schedule: Schedule, values: dict[str, float], again: Callable[[Problem], Schedule]
) -> Iterator[Outcome]:
    """The rows of the day as it came, whose inputs the problem holds."""
    basis = f"{HINDSIGHT}; units and stores as planned, the rest by the park's rules"
    yield _held("plan as executed", basis, follow(problem, schedule), values)
    yield _held("rules of the park, executed", HINDSIGHT, rule_based(problem), values)
    with suppress(SolveError):
        yield outcome("perfect foresight", f"{HINDSIGHT}, known in advance", again(problem), values)


def _held(name: str, basis: str, schedule: Schedule, values: dict[str, float]) -> Outcome:
    """The row of what rules did; it says so where they pass a limit, and so are nothing to be measured by."""
    found = audit(schedule)
    return outcome(name, basis if found.passed else f"{basis}; breaks a limit: {found.violations[0]}", schedule, values)


def _only_first(inputs: Inputs) -> Inputs:
    series = {key: values[:1] for key, values in inputs.series.items()}
    return Inputs(inputs.horizon, 1, series, inputs.state)


def follow(problem: Problem, schedule: Schedule) -> Schedule:
    """The published decisions under what the problem's inputs say came, without a look at what comes later.

    Units run, stores charge and discharge and flexible loads draw as published; everything else follows the park's
    rules, step by step.
    """
    planned: dict[str, Mapping[str, Array]] = {}
    said: dict[str, Mapping[str, Array]] = {}
    for kind, solved in schedule.kinds.items():
        first, names = solved.rows.members[0], problem.decisions(kind)
        members = len(solved.rows.members)
        says = type(first).published(solved.rows, schedule.inputs, solved.series)
        said[kind] = {name: values[:members] for name, values in says.items()}
        published = {name: values[:members] for name, values in solved.series.items()}
        if isinstance(first, Storage | Thermal | Fired) or "committed" in names:
            planned[kind] = {name: published[name] for name in names}
        else:
            followed = type(first).follow(problem.rows[kind], problem.inputs, published)
            if followed is not None:
                planned[kind] = followed
    return rule_based(problem, planned, guards(problem, said))


def outcome(name: str, basis: str, schedule: Schedule, value_per_kwh: dict[str, float]) -> Outcome:
    """The figures of scenario 0 of a schedule."""
    hours = schedule.inputs.horizon.hours
    held = sum(
        value * (schedule.asset(store, "stored_kwh")[-1] - start_kwh(schedule, store))
        for store, value in value_per_kwh.items()
    )
    return Outcome(
        name=name,
        basis=basis,
        cost=float(schedule.money[0] - held),
        bill=float(schedule.money[0]),
        co2_kg=float(schedule.co2_kg[0]),
        clean_share=clean_share(schedule.per_step("unclean_kw"), schedule.per_step("supply_kw"), hours),
        peak_import_kw=float(np.max(_sum(schedule, "import_kw"), initial=0.0)),
        curtailed_kwh=float(curtailed_kw(schedule) @ hours),
        shed_kwh=float(_sum(schedule, "shed_kw") @ hours),
    )


def start_kwh(schedule: Schedule, store: str) -> float:
    """What a store held when the horizon began."""
    rows = schedule.find(store).rows
    member = next(m for m in rows.members if m.name == store)
    fill = schedule.inputs.state.get(store, {}).get("start_fill", member.start_fill)
    return float(member.energy_kwh * fill)


def curtailed_kw(schedule: Schedule) -> Array:
    """(step,) what wind, PV and direct lines have on offer and nobody takes, scenario 0."""
    out = _sum(schedule, "curtailed_kw", VariableGeneration)
    for solved in schedule.kinds.values():
        if isinstance(solved.rows.members[0], DirectLine):
            offered, taken = solved.rows.series(schedule.inputs, "available_kw"), solved.series
            left = offered - taken["own_use_kw"] - taken["sold_kw"]
            out += left[solved.rows.scenario == 0].sum(axis=0)
    return out


def _sum(schedule: Schedule, series: str, kind: type | None = None) -> Array:
    """(step,) sum of a series over the assets that have it, scenario 0."""
    out = np.zeros(schedule.inputs.horizon.steps)
    for solved in schedule.kinds.values():
        if series in solved.series and (kind is None or issubclass(type(solved.rows.members[0]), kind)):
            out += solved.series[series][solved.rows.scenario == 0].sum(axis=0)
    return out
