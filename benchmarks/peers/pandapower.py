"""pandapower's own time series, with numba; it is reached through grid_models, its only importer."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.cases.flows import Flows
from benchmarks.cases.shared import Shared
from benchmarks.peers.interface import Answer, Watch, version_of
from benchmarks.rows import CannotMeasure


def name() -> str:
    return "pandapower"


def version() -> str:
    return version_of("pandapower")


def can(case: Shared) -> bool:
    return isinstance(case.data, Flows)


def solve(case: Shared) -> Answer:
    """Voltages and loadings of all steps, to Parquet like ours; the network is loaded before the clock starts."""
    from grid_models.errors import GridError
    from grid_models.year_reference import PandapowerSeries

    assert isinstance(case.data, Flows)
    network, injections = case.data.loaded()
    watch = Watch()
    try:
        series = PandapowerSeries(network, injections, lightsim2grid=False)
    except GridError as error:
        raise CannotMeasure(str(error)) from error
    build_s = watch.lap()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "steps.parquet"
        series.write(0, case.data.steps, file)
        solve_s = watch.lap()
        found = pd.read_parquet(file)
    lowest = float(found.loc[:, found.columns.str.startswith("vm_pu/")].min().min())
    return Answer(lowest, build_s, solve_s, None, None, keeps=False, solver="Newton-Raphson, numba", status="converged")
