"""How far the linear models are from the AC power flow, over 60 days with more PV than the network holds.

LinDistFlow starts from half of the PV, the middle of what may be planned, and foretells the voltages with all of it
and with none: it has seen no power flow. The sensitivities start from the AC solution with all PV and foretell the
voltages after the curtailment that they ask for themselves, which is what a round of the loop does with them. The
error is that of every bus, in the steps with sun and in those that are curtailed.

The days are drawn from the year; PV follows the sun's height at 51° N and a cloudiness drawn for each day. SimBench
brings its own customers (S. Meinecke et al., doi:10.3390/en13123290, ODbL 1.0); those of CIGRE MV are its nameplate
load times a day's shape of ours. The bars are the errors that LinDistFlow was measured at on these networks before.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.rows import CannotMeasure, row

if TYPE_CHECKING:
    from grid_models.network import Network
    from grid_models.power_flow import Injections

_DAYS, _STEPS, _SEED = 60, 96, 5
_INPUTS = ("grid_models",)


@dataclass(frozen=True)
class _Grid:
    """A network and the PV that the park adds [kW peak], spread over buses drawn for it."""

    spec: str
    peak_kw: float
    buses: int
    error_max_pu: float


_GRIDS = {
    "SimBench MV": _Grid("simbench:1-MV-semiurb--0-sw", 45e3, 10, 0.0048),
    "CIGRE MV": _Grid("pandapower:create_cigre_network_mv", 12e3, 3, 0.0063),
}


@dataclass(frozen=True)
class _Errors:
    """[p.u.], of every bus and step; and how many steps passed a limit before and after the curtailment."""

    lindistflow: Any
    sensitivities: Any
    steps_over: int
    steps_left: int


@functools.cache
def _errors(name: str) -> _Errors:
    grid = _GRIDS[name]
    network = _load(grid.spec)
    rng = np.random.default_rng(_SEED)
    where = np.flatnonzero(~np.isin(network.ac.bus_node, network.ac.slack_node))
    buses = tuple(network.bus_names[k] for k in rng.choice(where, grid.buses, replace=False))
    share = rng.dirichlet(np.full(grid.buses, 3.0))
    found: list[tuple[Any, Any, int, int]] = []
    for day in np.sort(rng.choice(365, _DAYS, replace=False)):
        sun = _sun(int(day)) * rng.uniform(0.3, 1.0)
        found.append(_day(network, buses, grid.peak_kw * share[:, None] * sun, _customers(network, int(day))))
    one, other = np.concatenate([f[0].ravel() for f in found]), np.concatenate([f[1].ravel() for f in found])
    return _Errors(one, other, sum(f[2] for f in found), sum(f[3] for f in found))


def _load(spec: str) -> Network:
    from grid_models.errors import GridError
    from grid_models.library import load

    try:
        return load(spec)
    except GridError as error:
        if "need the package simbench" in str(error):
            raise CannotMeasure(str(error)) from None
        raise


def _sun(day: int) -> Any:
    """Sine of the sun's height at 51° N over a day's quarter-hours, 0 at night."""
    declination = np.deg2rad(-23.44) * np.cos(2.0 * np.pi * (day + 10) / 365.0)
    latitude, hour = np.deg2rad(51.0), 2.0 * np.pi * (np.arange(_STEPS) / _STEPS - 0.5)
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour)
    return np.clip(height, 0.0, None)


def _customers(network: Network, day: int) -> Injections:
    import pandas as pd

    from grid_models.power_flow import Injections

    start = pd.Timestamp("2015-01-01") + pd.Timedelta(days=day)
    background = network.background(pd.date_range(start, periods=_STEPS, freq="15min"))
    if network.profiles.factor.shape[0] > 1:
        return background
    shape = 0.65 - 0.25 * np.cos(2.0 * np.pi * (np.arange(_STEPS) / _STEPS - 0.1))  # .4 at night, .9 in the afternoon
    return Injections(background.bus, background.p_kw * shape, background.q_kvar * shape)


def _day(network: Network, buses: tuple[str, ...], pv_kw: Any, customers: Injections) -> tuple[Any, Any, int, int]:
    """Errors of both models, and the steps with a limit passed before and after."""
    from grid_models.limits import Limits, violations
    from grid_models.linear import linearise
    from grid_models.power_flow import Injections, solve_batch

    zero, limits = np.zeros_like(pv_kw), Limits.of(network)
    full = Injections(buses, pv_kw, zero)
    before = solve_batch(network, full, customers)
    none = solve_batch(network, Injections(buses, zero, zero), customers)
    halfway = linearise(network, Injections(buses, pv_kw / 2.0, zero), customers, buses, "lindistflow")
    around = linearise(network, full, customers, buses)
    # One share of all PV in each step, the largest of a hundred that the model says to be within limits.
    kept = np.zeros(pv_kw.shape[1])
    for share in np.linspace(0.01, 1.0, 100):
        said = around.predict(share * pv_kw, zero)
        fits = (said.vm_pu <= limits.voltage_max_pu[:, None]).all(axis=0)
        fits &= ~(said.branch_loading_pu > limits.branch_loading_max_pu[:, None]).any(axis=0)
        kept[fits] = share
    plan = kept * pv_kw
    after = solve_batch(network, Injections(buses, plan, zero), customers)
    over, left = ({v.step for v in violations(network, f, limits, tolerance_pu=1e-4)} for f in (before, after))
    sunny, cut = pv_kw.any(axis=0), (plan < pv_kw).any(axis=0)
    return (
        np.stack(
            [
                np.abs(halfway.predict(pv_kw, zero).vm_pu - before.vm_pu)[:, sunny],
                np.abs(halfway.predict(zero, zero).vm_pu - none.vm_pu)[:, sunny],
            ]
        ),
        np.abs(around.predict(plan, zero).vm_pu - after.vm_pu)[:, cut],
        len(over),
        len(left),
    )


def _register(name: str, model: str, kind: str, bar: float) -> None:
    def error() -> float:
        values = getattr(_errors(name), model)
        return float(np.quantile(values, 0.95) if kind == "p95" else values.max())

    title = f"{name}, 60 days of high PV: voltage error of {model}, {kind}"
    row("grid", name=title, unit="p.u.", bar=f"<= {bar}", slow=True, inputs=_INPUTS)(error)


def _over(name: str) -> Callable[[], int]:
    return lambda: _errors(name).steps_over


for _name, _grid in _GRIDS.items():
    for _model in ("lindistflow", "sensitivities"):
        for _kind in ("p95", "max"):
            _register(_name, _model, _kind, _grid.error_max_pu)
    # The errors say something only where the network is really full.
    _title = f"{_name}, 60 days of high PV: quarter-hours of {_DAYS * _STEPS} with a limit passed"
    row("grid", name=_title, unit="1", bar=">= 100", slow=True, inputs=_INPUTS)(_over(_name))
