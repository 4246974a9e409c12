"""What one more kW or kvar at a bus adds to the losses of a network: slopes of the AC power flow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grid_models.injections import Injections
from grid_models.limits import Solver, plain
from grid_models.network import Array, Network

# Half the distance of a central difference. Losses are near to quadratic, for which it is exact at any width; the
# engine's tolerance of 1e-10 p.u. on a megawatt base leaves 1e-5 of a slope.
_PERTURBATION_KW = 10.0


def loss_slopes(
    network: Network,
    injections: Injections,
    background: Injections | None,
    buses: Sequence[str],
    solver: Solver = plain,
) -> tuple[Array, Array]:
    """∂losses/∂p [kW/kW] and ∂losses/∂q [kW/kvar], each (B, T), around the injections.

    Central differences, 4·B columns per step in one batch; NaN where a perturbed step has no solution.
    ``buses`` appear once each in the injections. Raises GridError for unknown buses.
    """
    network.bus_index(buses)
    rows = [injections.bus.index(bus) for bus in buses]
    count, steps = len(rows), injections.steps
    columns = np.tile(np.arange(steps), 4 * count)
    p_kw, q_kvar = injections.p_kw[:, columns], injections.q_kvar[:, columns]
    for k, (values, row, sign) in enumerate(
        (values, row, sign) for values in (p_kw, q_kvar) for row in rows for sign in (1.0, -1.0)
    ):
        values[row, k * steps : (k + 1) * steps] += sign * _PERTURBATION_KW
    around = None if background is None else background.at_steps(columns)
    losses = solver(network, Injections(injections.bus, p_kw, q_kvar), around, columns).losses_kw
    up, down = losses.reshape(2, count, 2, steps).transpose(2, 0, 1, 3)
    slope_kw, slope_kvar = (up - down) / (2.0 * _PERTURBATION_KW)
    return np.asarray(slope_kw), np.asarray(slope_kvar)
