"""Plant dispatched each on its own: nobody plans with the others, all run together.

Every group of plant has a planner who sees the forecast and the tariff, and the rest of the park as it runs by its
rules; he plans his own group and publishes. All published plans are then executed together against what came, like any
other plan. What stays free in each plan is what nobody publishes: wind and PV give what is taken of them, the grid
connection balances, demand may be shed at its price.

Groups: electric stores; plant that buses other than electric ones join, such as chiller and cold store; what is left,
by kind. It is the baseline of joint dispatch: the same forecast, the same hour of planning, the same objective.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import nan

import networkx as nx
import numpy as np

from benchmarks.methods.base import Method, Options
from dispatch.asset import Asset
from dispatch.assets.direct_line import DirectLine
from dispatch.assets.grid_connection import GridConnection
from dispatch.assets.load import Load
from dispatch.audit import audit
from dispatch.errors import SolveError
from dispatch.planning.outlook import measured_steps
from dispatch.planning.remainder import Remainder
from dispatch.problem import Problem
from dispatch.replay import Case, Journal
from dispatch.replay.case import RUNGS
from dispatch.replay.forecasts import expected
from dispatch.replay.methods import Ran
from dispatch.replay.pieces import Piece, State, join
from dispatch.replay.plant import Plant, carried, decisions, executed
from dispatch.replay.windows import Planned, Planner
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import Answer, Limits, Matrices
from dispatch.solver.highs import run as search
from dispatch.stores.stock import Storage
from dispatch.units.generation import VariableGeneration

STORES = "electric stores"
_UNPLANNED = (VariableGeneration, DirectLine, Load, GridConnection)


def groups(site: Site) -> dict[str, frozenset[str]]:
    """By name of a group, its assets' names; plant that nobody plans is in none."""
    planned = [a for a in site.assets if not isinstance(a, _UNPLANNED) and not type(a).is_network]
    electric = {bus.name for bus in site.buses if bus.carrier == "electricity"}
    joined = nx.Graph()
    for asset in planned:
        others = [bus for bus in _buses(asset) if bus not in electric]
        joined.add_edges_from(((asset.name, 0), (bus, 1)) for bus in others)
    out: dict[str, frozenset[str]] = {}
    for part in nx.connected_components(joined):
        carriers = dict.fromkeys(b.carrier.replace("_", " ") for b in site.buses if (b.name, 1) in part)
        out[", ".join(carriers) + " plant"] = frozenset(name for name, is_bus in part if not is_bus)
    for asset in planned:
        if (asset.name, 0) not in joined:
            group = STORES if isinstance(asset, Storage) else asset.kind.replace("_", " ")
            out[group] = out.get(group, frozenset()) | {asset.name}
    return out


def _buses(asset: Asset) -> tuple[str, ...]:
    values = (getattr(asset, field) for field in asset.bus_fields)
    return tuple(bus for bus in values if bus is not None)


@dataclass
class Separately(Planner):
    """Plans every group by itself and puts the published decisions together.

    Attributes:
        by_rules: groups whose own plan could not be made, and which follow their rules instead.
    """

    by_rules: list[str] = field(default_factory=list)

    def plan(self, horizon: Horizon, series: Mapping[tuple[str, str], Array], weights: Array, state: State) -> Planned:
        """All groups' decisions for the window, each planned with the others held at what their rules do."""
        problem = self._with(horizon, series, weights, state)
        point, made = self._by_rules(problem)
        parts = groups(self.case.site)
        everyone = frozenset().union(*parts.values())
        for name, members in parts.items():
            found = _alone(problem, point, everyone - members, self.limits)
            if found is None:
                self.by_rules.append(name)
            else:
                _take(made, problem, found, members)
        published = {kind: by for kind, by in made.items() if everyone & set(problem.rows[kind].names)}
        together = executed(problem, published)
        quality = "rule_based" if self.by_rules else "optimal"
        return Planned(together, published, quality, objective=nan, gap=nan, seconds=0.0)

    @staticmethod
    def _by_rules(problem: Problem) -> tuple[Array, dict[str, dict[str, Array]]]:
        """What the rules make of the window: the solver's columns, and decisions by kind."""
        rules = rule_based(problem)
        return problem.point(), {kind: dict(by) for kind, by in decisions(problem, rules).items()}


def _alone(problem: Problem, point: Array, others: frozenset[str], limits: Limits) -> Schedule | None:
    """The best plan with some assets' decisions held at a point; None where there is none that passes the audit."""
    columns = [np.zeros(0, int)]
    for kind, rows in problem.rows.items():
        held = np.flatnonzero(np.isin(rows.names, list(others)))
        names = problem.decisions(kind) if held.size else ()
        columns += [problem.compiled.columns(problem.variable(kind, name))[held].ravel() for name in names]
    at = np.concatenate(columns)
    try:
        found = solve(problem, limits, run=partial(_tied, at=at, values=point[at]))
    except SolveError:
        return None
    return found if audit(found).passed else None


def _tied(
    matrices: Matrices,
    limits: Limits,
    *,
    at: np.ndarray,
    values: Array,
    also_integer: np.ndarray | None = None,
    start: Array | None = None,
) -> Answer:
    lower, upper = matrices.col_lower.copy(), matrices.col_upper.copy()
    lower[at] = upper[at] = np.clip(values, lower[at], upper[at])
    held = replace(matrices, col_lower=lower, col_upper=upper)
    return search(held, limits, also_integer=also_integer, start=start)


def _take(made: dict[str, dict[str, Array]], problem: Problem, found: Schedule, members: frozenset[str]) -> None:
    """Put a group's own rows of a plan in the place of its rules'."""
    for kind, by in decisions(problem, found).items():
        own = np.flatnonzero(np.isin(problem.rows[kind].names, list(members)))
        for name, values in by.items():
            made[kind][name][own] = values[own]


def run(case: Case, _: Journal, __: Options) -> Ran:
    """Day by day: planned ``issue_before_h`` ahead from the state that the plans before it lead to, and executed."""
    planner, plant = Separately(case), Plant(case)
    rest = Remainder(case.site, partial(measured_steps, case.archive, case.site.name))
    steps = case.steps_in(case.site.planning.rolling.window_h, "window")
    pieces: list[Piece] = []
    state: State = {}
    for _day, first, last in case.days:
        planner.by_rules.clear()
        moment = case.start_s + first * case.step_s - round(case.site.planning.issue_before_h * 3600)
        horizon = case.window(first, steps)
        series, weights = expected(case, moment, horizon, scenarios=False, corrected=False)
        made = planner.plan(horizon, series, weights, rest.expected(horizon, moment, state).joined(state))
        state = carried(made.schedule, last - first)
        notes = {"rung": float(RUNGS.index(made.quality)), "gap": nan, "changed": 0.0, "kept": 0.0}
        pieces.append(plant.run(first, last - first, made.decisions, notes))
    return Ran("separate", join(pieces), (), planner.compiled)


METHOD = Method(
    name="separate",
    title="each on its own",
    about="A plan a day for each group of plant by itself, the others taken as by their rules; all followed together.",
    run=run,
)
