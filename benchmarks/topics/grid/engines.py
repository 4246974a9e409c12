"""A year of AC power flows: parkwatt beside pandapower's own time series, in one process; and where engines agree.

parkwatt solves all 35 040 steps, pandapower 400 of them after 100 to warm up (half before parkwatt's run and half
after it, so that a noisy moment meets both). Both write Parquet, and that is timed. pandapower runs on one core,
which is all it can use; parkwatt on two.
"""

from __future__ import annotations

import pickle
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.processes import ROOT, run
from benchmarks.rows import CannotMeasure, Measured, row
from grid_models.errors import GridError
from grid_models.injections import Injections
from grid_models.library import load
from grid_models.network import Network
from grid_models.year import write_year
from grid_models.year_reference import PandapowerSeries

CIGRE, SIMBENCH = "pandapower:create_cigre_network_mv", "simbench:1-MV-urban--0-no_sw"
STEPS = 35040
WARM_UP, HALF = 100, 200
CLOCK = pd.date_range("2016-01-01", periods=STEPS, freq="15min")
INPUTS = ("grid_models", "benchmarks/topics/grid/engines.py")


@dataclass(frozen=True)
class Race:
    """Steps per second of both, and the largest differences on the steps that both solved [p.u.]."""

    ours_per_s: float
    theirs_per_s: float
    voltage_pu: float
    loading_pu: float


def year_of(network: Network) -> Injections:
    """What is injected over the year.

    SimBench networks have profiles. CIGRE has none: each bus follows a day and a year of its own phase, between a
    fifth of its nameplate and all of it.
    """
    background = network.background(CLOCK)
    if network.profiles.factor.shape[0] > 1:
        return background
    phase = np.random.default_rng(5).random((len(network.bus_names), 2, 1))
    day, year = (np.cos(2.0 * np.pi * (np.arange(STEPS) / n + phase[:, k])) for k, n in ((0, 96), (1, STEPS)))
    factor = 0.6 + 0.3 * day + 0.1 * year
    return Injections(background.bus, background.p_kw * factor, background.q_kvar * factor)


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
        return Injections(injections.bus, injections.p_kw[:, part], injections.q_kvar[:, part])

    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        theirs.write(0, WARM_UP, at / "warm.parquet")
        clock = [time.perf_counter()]
        theirs.write(WARM_UP, WARM_UP + HALF, at / "first.parquet")
        clock.append(time.perf_counter())
        write_year(network, CLOCK, at / "ours.parquet", slice_of)
        clock.append(time.perf_counter())
        theirs.write(WARM_UP + HALF, WARM_UP + 2 * HALF, at / "second.parquet")
        clock.append(time.perf_counter())
        first, ours, second = np.diff(clock)
        their_table = pd.concat([pd.read_parquet(at / f"{half}.parquet") for half in ("first", "second")])
        our_table = pd.read_parquet(at / "ours.parquet").iloc[WARM_UP : WARM_UP + 2 * HALF]
    gap = np.abs(our_table[their_table.columns].to_numpy(np.float64) - their_table.to_numpy())
    is_voltage = their_table.columns.str.startswith("vm_pu/")
    return Race(STEPS / ours, 2 * HALF / (first + second), gap[:, is_voltage].max(), gap[:, ~is_voltage].max())


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


def peak_mb(pickled: str, years: int) -> float:
    """What the streaming of some years takes at its peak, over what the process had before; in a new process."""
    network = pickle.loads(Path(pickled).read_bytes())
    clock = CLOCK.append([CLOCK] * (years - 1))
    before_kb = _memory_kb("VmRSS")
    with tempfile.TemporaryDirectory() as folder:
        write_year(network, clock, Path(folder) / "year.parquet")
    return (_memory_kb("VmHWM") - before_kb) / 1e3


def _memory_kb(what: str) -> int:
    """From the kernel's own book of this process: getrusage would count the process that it was forked from."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text("utf-8"))
    assert found is not None
    return int(found[1])


@cache
def streamed_mb(years: int) -> float:
    if not Path("/proc/self/status").is_file():
        raise CannotMeasure("peak memory of a process is read from /proc, which this system lacks")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.pickle"
        file.write_bytes(pickle.dumps(load(SIMBENCH).without_reference()))
        code = f"from benchmarks.topics.grid.engines import peak_mb; print(peak_mb({str(file)!r}, {years}))"
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
