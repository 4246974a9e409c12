"""Ourselves, by the same interface as everybody else."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.cases import layer, microgrid, multi_carrier
from benchmarks.cases.feeders import TRAINED_EVERY_DAYS, Days, score
from benchmarks.cases.flows import Flows, part_of
from benchmarks.cases.shared import Shared
from benchmarks.datasets.openstef_examples import LEVELS, Feeder
from benchmarks.peers.interface import Answer, Watch, version_of
from dispatch.asset import Inputs
from dispatch.audit import audit
from dispatch.executor import executor
from dispatch.problem import Problem
from dispatch.replay import Case, Journal, Replayed, Settings, replay
from dispatch.replay.case import Issued
from dispatch.schedule import Schedule
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solve import solve as plan
from dispatch.solver.highs import Limits


def name() -> str:
    return "parkwatt"


def version() -> str:
    return version_of("parkwatt")


def can(case: Shared) -> bool:
    return isinstance(case.data, multi_carrier.Case | layer.Case | microgrid.Week | Flows | Days)


def solve(case: Shared) -> Answer:
    if isinstance(case.data, microgrid.Week):
        return _ran(case.data)
    if isinstance(case.data, Flows):
        return _flowed(case.data)
    return _forecast(case.data) if isinstance(case.data, Days) else _planned(case)


def _planned(case: Shared) -> Answer:
    """Times run from the read park to the schedule; the audit of both plans is not in them."""
    site, inputs = described(case.data)
    _, later = described(case.again)
    limits = Limits(gap=max(case.gap, 1e-9), nodes=1_000_000)
    watch = Watch()
    problem = Problem(site, inputs)
    build_s = watch.lap()
    schedule = plan(problem, limits)
    solve_s = watch.lap()
    problem.update(later)
    again = plan(problem, limits)
    again_s = watch.lap()
    return Answer(
        cost(schedule),
        build_s,
        solve_s,
        again_s,
        cost(again),
        keeps=True,
        solver=f"HiGHS {version_of('highspy')}, gap {limits.gap:g}",
        series=at_grid(schedule),
    )


def described(data: object) -> tuple[Site, Inputs]:
    if isinstance(data, layer.Case):
        return layer.site(data)
    if isinstance(data, multi_carrier.Case):
        return multi_carrier.site(data)
    raise TypeError(f"{type(data).__name__}: no park is made of this")


def cost(schedule: Schedule) -> float:
    """Money with penalties, after the audit."""
    found = audit(schedule)
    if not found.passed:
        raise RuntimeError(f"our plan fails its audit: {found.violations[0]}")
    return float(schedule.money[0] + schedule.penalty[0])


def at_grid(schedule: Schedule) -> dict[str, tuple[float, ...]]:
    """What the meter sees, where there is one connection."""
    connection = schedule.kinds.get("grid_connection")
    if connection is None:
        return {}
    return {name: tuple(connection.series[name][0].tolist()) for name in ("import_kw", "export_kw")}


def _ran(week: microgrid.Week) -> Answer:
    """The week replayed; everything that is planned with is what comes."""
    watch = Watch()
    case = _case(week)
    build_s = watch.lap()
    done = replay(case, executor("serial"), Journal(None))
    solve_s = watch.lap()
    flows = _flows(done, week.method)
    broken = (*done.ledgers[week.method].violations, *done.ledgers[week.method].jumps)
    if broken:
        raise RuntimeError(f"our week fails its audit: {broken[0]}")
    planned = f"HiGHS {version_of('highspy')}" if week.method == "rolling" else "rules"
    return Answer(
        week.cost(flows), build_s, solve_s, None, None, keeps=True, solver=planned, status="ran", series=flows
    )


def _case(week: microgrid.Week) -> Case:
    from forecasting.archive import Archive

    site = Site.model_validate(microgrid.site(week))
    edges = np.datetime64(microgrid.START, "s") + np.arange(week.steps + 1) * np.timedelta64(3600, "s")
    start_s = int(edges[0].astype(np.int64))
    comes = {"load": week.load_kw, "pv": week.pv_kw}
    nothing = {name: np.empty((0, values.size)) for name, values in comes.items()}
    known = Issued(start_s - 24 * 3600, start_s, comes, nothing, np.ones(1))
    actual = {name: values[: week.steps] for name, values in comes.items()}
    settings = Settings(every_h=1.0, methods=(week.method,))
    return Case(site, Horizon(edges, "UTC"), actual, Archive.empty(), settings, issued=(known,))


def _flows(done: Replayed, method: str) -> Mapping[str, tuple[float, ...]]:
    arrays = done.ran[method].piece.arrays
    named = {
        "import_kw": "grid_connection/series/import_kw",
        "genset_kw": "thermal/series/power_kw",
        "unserved_kw": "load/series/shed_kw",
        "curtailed_kw": "pv/series/curtailed_kw",
        "stored_kwh": "battery/series/stored_kwh",
    }
    return {name: tuple(arrays[key][0].tolist()) for name, key in named.items()}


def _flowed(flows: Flows) -> Answer:
    """The steps as a study writes them, to Parquet; the network is loaded before the clock starts."""
    from grid_models.year import write_year

    network, injections = flows.loaded()
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "steps.parquet"
        write_year(network, flows.clock, file, lambda part: part_of(injections, part))
        solve_s = watch.lap()
        found = pd.read_parquet(file)
    lowest = float(found.loc[:, found.columns.str.startswith("vm_pu/")].min().min())
    solver = f"power-grid-model {version_of('power-grid-model')}"
    return Answer(lowest, 0.0, solve_s, None, None, keeps=True, solver=solver, status="converged")


def _forecast(days: Days) -> Answer:
    feeder = days.loaded()
    watch = Watch()
    found = quantiles_kw(feeder)
    return Answer(score(feeder, found), 0.0, watch.lap(), None, None, keeps=True, solver="rhythm", status="ran")


def quantiles_kw(feeder: Feeder) -> np.ndarray:
    """Our quantiles (T, Q) of all test days one after the other."""
    from forecasting.models.rhythm import Rhythm

    trained, found = None, []
    for number, issue in enumerate(feeder.issues):
        known = feeder.archive.as_of(issue)
        edges_ns = feeder.edges(issue).as_unit("ns").asi8
        if trained is None or number % TRAINED_EVERY_DAYS == 0:
            trained = Rhythm().train(known, [feeder.target], feeder.place, edges_ns - known.time_ns, LEVELS)
        found.append(trained.quantiles(known, edges_ns)[feeder.target.name])
    return np.concatenate(found)
