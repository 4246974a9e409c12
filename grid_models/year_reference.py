"""A study of many steps as pandapower itself does it: ``run_timeseries``, to be held against ``year``."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd

from grid_models.errors import GridError
from grid_models.injections import Injections
from grid_models.network import Network
from grid_models.power_flow import bus_power

LOADING = "loading_percent"


class PandapowerSeries:
    """Solves steps of given injections with ``pandapower.timeseries.run_timeseries`` and writes Parquet.

    The set-up is the fastest that pandapower offers: one generator a bus instead of the customers' own tables, recycled
    model, results read in one batch at the end. ``numba`` compiles parts of it, ``lightsim2grid`` adds that package's
    Newton-Raphson solver; both are packages of their own.

    Raises GridError where numba or lightsim2grid is not installed, and for a network ``without_reference()``.
    """

    def __init__(
        self, network: Network, injections: Injections, *, numba: bool = True, lightsim2grid: bool = False
    ) -> None:
        for package, asked in (("numba", numba), ("lightsim2grid", lightsim2grid)):
            if asked and importlib.util.find_spec(package) is None:
                raise GridError(f"pandapower's fast time series need the package {package}, which is not installed")
        if network.reference is None:
            raise GridError(f"network {network.name!r} carries no pandapower net; load it again")
        from pandapower.control import ConstControl
        from pandapower.timeseries import DFData

        self._rows = network.reference
        self._network, self._packages = network, {"numba": numba, "lightsim2grid": lightsim2grid}
        self._net = copy.deepcopy(self._rows.net)
        machines = list(self._net.sgen.index)
        for variable, values in zip(("p_mw", "q_mvar"), bus_power(network, injections, None), strict=True):
            source = DFData(pd.DataFrame(values.T / 1e3, columns=machines))
            ConstControl(self._net, "sgen", variable, machines, profile_name=machines, data_source=source)

    def write(self, start: int, stop: int, path: Path) -> None:
        """Solve the steps ``start`` to ``stop`` − 1; one row each in ``path``, columns as ``year`` names them."""
        from pandapower.timeseries import OutputWriter, run_timeseries

        rows, net = self._rows, self._net
        logged = [("res_bus", "vm_pu"), ("res_line", LOADING), ("res_trafo", LOADING)]
        writer = OutputWriter(net, range(start, stop), log_variables=logged)
        run_timeseries(net, range(start, stop), verbose=False, calculate_voltage_angles=True, **self._packages)
        tables = (("bus", "vm_pu", rows.buses), ("line", LOADING, rows.lines), ("trafo", LOADING, rows.transformers))
        # By position: read in one batch, the columns are numbered and not labelled.
        found = [
            writer.output[f"res_{table}.{variable}"].to_numpy()[:, net[table].index.get_indexer(index)]
            for table, variable, index in tables
            if len(index)
        ]
        names = [f"vm_pu/{name}" for name in self._network.bus_names]
        names += [f"branch_loading_pu/{name}" for name in self._network.branch_names]
        frame = pd.DataFrame(np.hstack(found), columns=names)
        frame.iloc[:, len(self._network.bus_names) :] /= 100.0
        frame.to_parquet(path)
