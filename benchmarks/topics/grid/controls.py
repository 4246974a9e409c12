"""What acts on the network beside active power: inverters, tap changers, losses, and a network with a branch out."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from benchmarks.cases import wind_feeder
from benchmarks.rows import CannotMeasure, Measured, row
from dispatch.audit import audit
from dispatch.network.check import GridProof, prove
from dispatch.network.injections import injections
from dispatch.schedule import Schedule
from dispatch.solve import solve
from grid_models.contingency import without_branches
from grid_models.control import Controls, Droop, TapChanger, solve_controlled
from grid_models.control_reference import solve_by_controllers
from grid_models.errors import GridError
from grid_models.injections import Injections
from grid_models.library import load
from grid_models.network import Network
from grid_models.power_flow import solve_reference

CIGRE, SIMBENCH = "pandapower:create_cigre_network_mv", "simbench:1-MV-semiurb--0-sw"
INPUTS = ("grid_models", "dispatch", "benchmarks/cases/wind_feeder.py", "benchmarks/topics/grid/controls.py")
STEPS = 24
INVERTERS = 8
RATED_KVA = 2500.0
CURVE = np.array([0.98, 0.995, 1.005, 1.03]), np.array([0.44, 0.0, 0.0, -0.44])
OUTAGES = ("HV1-MV2.101-Trafo1", "HV1-MV2.101-Trafo2")
FREE: dict[str, Any] = {"reactive": {"mode": "free", "rated_kva": 6500}}


def network(spec: str) -> Network:
    try:
        return load(spec)
    except GridError as error:
        raise CannotMeasure(str(error)) from error


@cache
def apart(kind: str) -> float:
    """Largest voltage difference [p.u.] from pandapower's controllers, SimBench, a day in hours, wide swings."""
    grid = network(SIMBENCH)
    p_kw, q_kvar = grid.profiles.at_nameplate()
    swing = np.linspace(-0.6, 1.0, STEPS)
    base = Injections(grid.bus_names, p_kw * swing, q_kvar * swing)
    buses = [str(bus) for bus in np.random.default_rng(4).choice(grid.bus_names[4:], INVERTERS, replace=False)]
    droops = tuple(Droop(bus, *CURVE, RATED_KVA) for bus in buses)
    taps = tuple(TapChanger(name, 0.99, 1.01) for name in OUTAGES)
    controls = Controls(droops if kind == "droop" else (), taps if kind == "taps" else ())
    ours = solve_controlled(grid, base, None, controls)
    theirs = solve_by_controllers(grid, base, None, controls)
    if not (ours.flows.converged.all() and theirs.flows.converged.all()):
        raise RuntimeError("a step has no solution")
    if (kind == "droop" and np.abs(ours.kvar).max() < 100.0) or (kind == "taps" and not ours.position.any()):
        raise RuntimeError("nothing acts: the case shows nothing")
    return float(np.abs(ours.flows.vm_pu - theirs.flows.vm_pu).max())


@row("grid", name="Q(V) against pandapower's controller, SimBench MV", unit="p.u.", bar="<= 1e-6", slow=True,
     inputs=INPUTS)  # fmt: skip
def droop_gap() -> float:
    return apart("droop")


@row("grid", name="tap changers against pandapower's controller, SimBench MV", unit="p.u.", bar="<= 1e-6", slow=True,
     inputs=INPUTS)  # fmt: skip
def taps_gap() -> float:
    return apart("taps")


@cache
def proved(reactive: str, **fields: Any) -> tuple[Schedule, GridProof]:
    asked = {"free": FREE, "droop": {"reactive": {"mode": "voltage", "rated_kva": 6500}}, "none": {}}[reactive]
    problem = wind_feeder.posed(wind_feeder.WIND | asked, **fields)
    schedule, proof = prove(problem.site, problem, solve(problem), network(CIGRE))
    if proof.breaches or not proof.before or not audit(schedule).passed:
        raise RuntimeError(f"{reactive}: {proof.before} violations before, {len(proof.breaches)} after")
    return schedule, proof


def left_share(reactive: str) -> float:
    """Wind that a plan still curtails, of what it curtails at unity power factor."""
    lost = [float(proved(which)[0].asset("wind", "curtailed_kw").sum()) for which in (reactive, "none")]
    return lost[0] / lost[1]


@row("grid", name="over-voltage: wind still curtailed with a free inverter, of that without", unit="", bar="<= 0.05",
     slow=True, inputs=INPUTS)  # fmt: skip
def free_inverter() -> float:
    return left_share("free")


@row("grid", name="over-voltage: wind still curtailed with Q(V), of that without", unit="", bar="<= 0.25",
     slow=True, inputs=INPUTS)  # fmt: skip
def droop_inverter() -> float:
    return left_share("droop")


@row("grid", name="losses a plan pays for against AC losses: share they differ by", unit="", bar="<= 0.01", slow=True,
     inputs=INPUTS)  # fmt: skip
def losses() -> float:
    problem = wind_feeder.posed(wind_feeder.WIND, wind_feeder.STORE, losses_at="main", voltage_max_pu=1.1)
    _, proof = prove(problem.site, problem, solve(problem), network(CIGRE))
    if proof.loss_kw is None:
        raise RuntimeError("the plan pays for no losses")
    real = proof.flows.losses_kw
    return float(np.abs(proof.loss_kw - real).sum() / real.sum())


@row("grid", name="limits broken with a transformer out, by pandapower, over both and all steps", unit="", bar="== 0",
     slow=True, inputs=INPUTS)  # fmt: skip
def outages() -> Measured:
    """SimBench's two transformers in parallel; beside it what the plan without contingencies breaks."""
    grid = network(SIMBENCH)
    wind, limit = np.array([0.0, 10_000.0, 60_000.0, 45_000.0]), 1.0
    found = []
    for asked in ({"contingencies": {"branches": list(OUTAGES), "loading_max_pu": limit}}, {}):
        fields = {"bus_of": {"main": "MV2.101 busbar1.1"}, "voltage_max_pu": 1.2} | asked
        plant = wind_feeder.WIND | {"rated_kw": 70_000}
        problem = wind_feeder.posed(plant, wind_kw=wind, pcc_kw=100_000.0, **fields)
        schedule, _ = prove(problem.site, problem, solve(problem), grid)
        broken = 0
        for branch in OUTAGES:
            left = without_branches(grid, [branch])
            own = left.supplied(injections(problem.site, schedule))
            if own is None:
                raise RuntimeError("the park has lost its supply")
            broken += int((solve_reference(left.network, own).branch_loading_pu > limit + 1e-3).sum())
        found.append(broken)
    return Measured(found[0], found[1])
