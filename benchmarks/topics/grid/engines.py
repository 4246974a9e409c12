"""A year of AC power flows: parkwatt beside pandapower's own time series, in one process; and where engines agree.

parkwatt solves all 35 040 steps twice, pandapower twice 200 of them after 100 to warm up. They take turns, so that a
noisy moment meets both, and the better time of each counts. Both write Parquet, and that is timed. pandapower runs on
one core, which is all it can use; parkwatt on two.
"""

from __future__ import annotations

import pickle
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.cases.flows import CIGRE, CLOCK, STEPS, part_of, year_of
from benchmarks.memory import peak_mb, resident_mb
from benchmarks.processes import ROOT, run
from benchmarks.rows import CannotMeasure, Measured, row
from grid_models.errors import GridError
from grid_models.injections import Injections
from grid_models.library import load
from grid_models.power_flow import solve_batch, solve_reference
from grid_models.year import write_year
from grid_models.year_reference import PandapowerSeries

SIMBENCH = "simbench:1-MV-urban--0-no_sw"
NETWORKS = (
    *(f"pandapower:create_cigre_network_{n}" for n in ("hv", "mv", "lv", "mv?with_der=pv_wind", "mv?with_der=all")),
    *(f"pandapower:create_kerber_{n}" for n in ("dorfnetz", "landnetz_freileitung_1", "landnetz_freileitung_2")),
    *(f"pandapower:create_kerber_landnetz_kabel_{n}" for n in (1, 2)),
    *(f"pandapower:create_kerber_vorstadtnetz_kabel_{n}" for n in (1, 2)),
    *(f"pandapower:case{n}" for n in ("4gs", 5, "6ww", 9, 14, "24_ieee_rts", 30, "_ieee30", "33bw", 39, 57, 118)),
    *(f"pandapower:{n}" for n in ("case89pegase", "case_illinois200", "iceland", "GBreducednetwork")),
    *(f"pandapower:{n}" for n in ("mv_oberrhein", "lv_schutterwald", "example_simple")),
    *(f"simbench:1-LV-{n}--0-sw" for n in ("rural1", "rural2", "rural3", "semiurb4", "semiurb5", "urban6")),
    *(f"simbench:1-MV-{n}--0-sw" for n in ("rural", "semiurb", "urban", "comm")),
    *(f"simbench:1-HV-{n}--0-sw" for n in ("mixed", "urban")),
    SIMBENCH,
    f"feeder:{ROOT / 'configs' / 'grids' / 'industrial_10kv.yaml'}",
)
WARM_UP, HALF = 100, 200
INPUTS = ("grid_models", "benchmarks/cases/flows.py", "benchmarks/topics/grid/engines.py", "configs/grids")


@dataclass(frozen=True)
class Race:
    """Steps per second of both, and the largest differences on the steps that both solved [p.u.]."""

    ours_per_s: float
    theirs_per_s: float
    voltage_pu: float
    loading_pu: float


@cache
def race(spec: str, *, lightsim2grid: bool) -> Race:
    """Both on one network, taking turns."""
    network = load(spec)
    injections = year_of(network)
    try:
        theirs = PandapowerSeries(network, injections, lightsim2grid=lightsim2grid)
    except GridError as error:
        raise CannotMeasure(str(error)) from error

    def slice_of(part: slice) -> Injections:
        return part_of(injections, part)

    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        theirs.write(0, WARM_UP, at / "warm.parquet")
        their_s, our_s = [], []
        for k, start in enumerate((WARM_UP, WARM_UP + HALF)):
            their_s.append(timed(partial(theirs.write, start, start + HALF, at / f"theirs{k}.parquet")))
            our_s.append(timed(partial(write_year, network, CLOCK, at / "ours.parquet", slice_of)))
        their_table = pd.concat([pd.read_parquet(at / f"theirs{k}.parquet") for k in (0, 1)])
        our_table = pd.read_parquet(at / "ours.parquet").iloc[WARM_UP : WARM_UP + 2 * HALF]
    gap = np.abs(our_table[their_table.columns].to_numpy(np.float64) - their_table.to_numpy())
    is_voltage = their_table.columns.str.startswith("vm_pu/")
    return Race(STEPS / min(our_s), HALF / min(their_s), gap[:, is_voltage].max(), gap[:, ~is_voltage].max())


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rate(spec: str) -> Measured:
    found = race(spec, lightsim2grid=False)
    return Measured(found.ours_per_s, found.theirs_per_s)


def times_as_fast(spec: str, *, lightsim2grid: bool) -> float:
    found = race(spec, lightsim2grid=lightsim2grid)
    return found.ours_per_s / found.theirs_per_s


RATE = "35 040 AC steps per second, Parquet written, beside run_timeseries with numba"


@row("grid", name=f"CIGRE MV: {RATE}", unit="steps/s", bar=">= 8760", slow=True, inputs=INPUTS)
def cigre_rate() -> Measured:
    return rate(CIGRE)


@row("grid", name="CIGRE MV: as many times as fast", unit="x", bar=">= 200", slow=True, inputs=INPUTS)
def cigre_times() -> float:
    return times_as_fast(CIGRE, lightsim2grid=False)


@row(
    "grid",
    name="CIGRE MV: times as fast as pandapower with numba and lightsim2grid, its fastest",
    unit="x",
    bar=">= 100",
    slow=True,
    inputs=INPUTS,
)
def cigre_times_lightsim() -> float:
    return times_as_fast(CIGRE, lightsim2grid=True)


@row("grid", name=f"{SIMBENCH}: {RATE}", unit="steps/s", bar=">= 4000", slow=True, inputs=INPUTS)
def simbench_rate() -> Measured:
    return rate(SIMBENCH)


@row("grid", name="SimBench MV urban: as many times as fast", unit="x", bar=">= 40", slow=True, inputs=INPUTS)
def simbench_times() -> float:
    return times_as_fast(SIMBENCH, lightsim2grid=False)


@row(
    "grid",
    name="SimBench MV urban: times as fast as pandapower with numba and lightsim2grid, its fastest",
    unit="x",
    bar=">= 20",
    slow=True,
    inputs=INPUTS,
)
def simbench_times_lightsim() -> float:
    return times_as_fast(SIMBENCH, lightsim2grid=True)


@row(
    "grid",
    name="year as written (float32): largest voltage difference from run_timeseries, both networks",
    unit="p.u.",
    bar="<= 1e-6",
    slow=True,
    inputs=INPUTS,
)
def voltage_difference() -> float:
    return max(race(spec, lightsim2grid=False).voltage_pu for spec in (CIGRE, SIMBENCH))


@row(
    "grid",
    name="year as written (float32): largest loading difference from run_timeseries, both networks",
    unit="p.u.",
    bar="<= 1e-6",
    slow=True,
    inputs=INPUTS,
)
def loading_difference() -> float:
    return max(race(spec, lightsim2grid=False).loading_pu for spec in (CIGRE, SIMBENCH))


def streaming_mb(pickled: str, years: int) -> float:
    """What the streaming of some years takes at its peak, over what the process had before; in a new process."""
    network = pickle.loads(Path(pickled).read_bytes())
    clock = CLOCK.append([CLOCK] * (years - 1))
    before_mb = resident_mb()
    with tempfile.TemporaryDirectory() as folder:
        write_year(network, clock, Path(folder) / "year.parquet")
    return peak_mb() - before_mb


@cache
def streamed_mb(years: int) -> float:
    resident_mb()  # says so at once where it cannot be measured
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.pickle"
        file.write_bytes(pickle.dumps(load(SIMBENCH).without_reference()))
        code = f"from benchmarks.topics.grid.engines import streaming_mb; print(streaming_mb({str(file)!r}, {years}))"
        ran = run([sys.executable, "-c", code], cwd=ROOT, extra={"PYTHONPATH": str(ROOT)})
    if ran.status:
        raise RuntimeError(ran.output[-300:])
    return float(ran.output.split()[-1])


@row(
    "grid",
    name="peak memory of the streamed year, SimBench MV urban, over what the process had before",
    unit="MB",
    bar="<= 200",
    slow=True,
    inputs=INPUTS,
)
def memory_of_a_year() -> float:
    return streamed_mb(1)


@row(
    "grid",
    name="peak memory of four streamed years over that of one",
    unit="x",
    bar="<= 1.25",
    slow=True,
    inputs=INPUTS,
)
def memory_is_bounded() -> float:
    return streamed_mb(4) / streamed_mb(1)


@cache
def differences() -> dict[str, float]:
    """Largest voltage difference of both engines per network, without load, at half and at all of the nameplate."""
    found = {}
    for spec in NETWORKS:
        try:
            network = load(spec)
        except GridError:
            found[spec] = float("inf")
            continue
        p_kw, q_kvar = network.profiles.at_nameplate()
        share = np.array([[0.0, 0.5, 1.0]])
        injections = Injections(network.bus_names, p_kw * share, q_kvar * share)
        reference, batch = solve_reference(network, injections), solve_batch(network, injections)
        gap = np.abs(reference.vm_pu - batch.vm_pu)
        found[spec] = float(gap.max()) if reference.converged.all() and batch.converged.all() else float("inf")
    return found


@row(
    "grid",
    name="networks on which the batch engine and pandapower agree to 1e-6 p.u.: no load, half, nameplate",
    unit=f"of {len(NETWORKS)}",
    bar=f"== {len(NETWORKS)}",
    slow=True,
    inputs=INPUTS,
)
def networks_in_agreement() -> Measured:
    return Measured(sum(gap <= 1e-6 for gap in differences().values()), float(len(NETWORKS)))


@row(
    "grid",
    name="largest voltage difference on any of them",
    unit="p.u.",
    bar="<= 1e-6",
    slow=True,
    inputs=INPUTS,
)
def largest_difference() -> float:
    return max(differences().values())
