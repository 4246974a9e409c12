"""Studies of long spans: what fits into a network, held against pandapower; what is lost, and powers for tracing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache

import numpy as np
from rich.console import Console

from benchmarks.rows import row
from dispatch.cli.studies import Span, read_case
from dispatch.replay.case import Case
from dispatch.studies.absorption import CAUSES, absorption
from dispatch.studies.days import study_days
from dispatch.studies.hosting import Around, Hosting, around, hosting
from grid_models.injections import Injections
from grid_models.limits import violations
from grid_models.network import Network
from grid_models.power_flow import solve_reference
from grid_models.tracing_flows import tracing_flows

PARK, DAYS, ABSORBED, CHECKED = "yizhuang", 12, 3, 8
INPUTS = (
    "grid_models",
    "dispatch",
    "benchmarks/topics/grid/studies.py",
    "configs/parks/yizhuang.yaml",
)


@dataclass(frozen=True)
class Hosted:
    """A hosting study, how long it took, and what pandapower says of some of its ratings."""

    done: Hosting
    seconds: float
    broken: int
    loose: int


@cache
def _park(step_minutes: float = 15.0) -> tuple[Case, Network]:
    case, sources = read_case(PARK, Span(None, None, step_minutes), Console(quiet=True), with_network=True)
    assert sources.network is not None
    return case, sources.network


@cache
def _hosted() -> Hosted:
    """PV at every bus of the park's level; every fourteenth or so of them is checked by pandapower on the worst day."""
    case, network = _park()
    start = time.perf_counter()
    done = hosting(case, network, study_days(case, DAYS), ("pv",))
    seconds = time.perf_counter() - start
    limited = [k for k, one in enumerate(done.kinds[0].each) if one.binding is not None]
    chosen = limited[:: max(len(limited) // CHECKED, 1)][:CHECKED]
    broken = sum(_breaches(done, k, 0.0) > 0 for k in chosen)
    loose = sum(_breaches(done, k, 1.0) == 0 for k in chosen)
    return Hosted(done, seconds, broken, loose)


def _breaches(done: Hosting, bus: int, more: float) -> int:
    """How many limits pandapower finds passed on the day of the binding step; ``more`` times 2 % and 25 kW above."""
    from dispatch.studies.hosting import _profile

    one, there = done.kinds[0].each[bus], done.around
    assert one.binding is not None
    day = there.start[one.binding.step].date()
    steps = np.array([k for k, start in enumerate(there.start) if start.date() == day])
    rating_kw = one.rating_kw + more * (0.02 * one.rating_kw + 25.0)
    added = rating_kw * _profile("pv", there)[0][:, steps]
    added_at = Injections((done.buses[bus],), added, np.zeros_like(added))
    base = _joined(there, steps)
    both = Injections(
        (*base.bus, *added_at.bus), np.vstack([base.p_kw, added_at.p_kw]), np.vstack([base.q_kvar, added_at.q_kvar])
    )
    flows = solve_reference(done.network, both)
    # The study counts a limit as passed beyond 1e-4 p.u., as the proof does; the engines differ by far less than 1e-5.
    tolerance_pu = 0.9e-4 if more else 1.1e-4
    return len(violations(done.network, flows, done.limits, tolerance_pu=tolerance_pu))


def _joined(there: Around, steps: np.ndarray) -> Injections:
    parts = [part.at_steps(steps) for part in (there.own, there.others) if part is not None]
    powers = (np.vstack([getattr(part, name) for part in parts]) for name in ("p_kw", "q_kvar"))
    return Injections(tuple(bus for part in parts for bus in part.bus), *powers)


@row(
    "grid",
    name="hosting: PV ratings that pandapower finds broken, of 8 buses",
    unit="ratings",
    bar="== 0",
    slow=True,
    inputs=INPUTS,
)
def ratings_broken() -> int:
    return _hosted().broken


@row(
    "grid",
    name="hosting: PV ratings that would bear 2 % and 25 kW more, of 8 buses",
    unit="ratings",
    bar="== 0",
    slow=True,
    inputs=INPUTS,
)
def ratings_loose() -> int:
    return _hosted().loose


@row(
    "grid",
    name="hosting: PV at 114 SimBench buses, every quarter-hour of 12 days checked",
    unit="s",
    bar="<= 120",
    slow=True,
    inputs=INPUTS,
)
def hosting_seconds() -> float:
    return _hosted().seconds


@row(
    "grid",
    name="absorption: causes less curtailment, worst step of 3 days",
    unit="kW",
    bar="<= 1e-6",
    slow=True,
    inputs=INPUTS,
)
def causes_apart() -> float:
    case, network = _park(60.0)
    done = absorption(case, study_days(case, ABSORBED), network)
    apart = [
        np.abs(
            sum(done.lost_kw(name)[cause] for cause in CAUSES)
            - (done.available_kw(name) - done.ran["as_it_is"].used_kw[name])
        )
        for name in done.assets
    ]
    return float(np.max(apart))


@row(
    "grid",
    name="tracing: worst node balance, SimBench with the park, 12 days",
    unit="kW",
    bar="<= 1e-6",
    slow=True,
    inputs=INPUTS,
)
def node_balance() -> float:
    case, network = _park()
    there = around(case, network, study_days(case, DAYS))
    assert there.others is not None
    made = tracing_flows(network, {"park": there.own, "others": there.others})
    return float(np.max(np.abs(made.imbalance_kw)))
