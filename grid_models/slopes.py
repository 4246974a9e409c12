"""What a linear model of a network is: a point, and how voltages, loadings and losses move from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from grid_models.errors import GridError
from grid_models.network import Array

Source = Literal["lindistflow", "ptdf", "sensitivities"]


@dataclass(frozen=True, eq=False)
class Slopes:
    """First derivatives at S steps by power injected at B buses; N buses and L branches of the network.

    voltage_per_kw, voltage_per_kvar    (N, B, S) [p.u. per kW, per kvar]
    loading_per_kw, loading_per_kvar    (L, B, S) [p.u. per kW, per kvar]; NaN for a branch without a rating
    losses_per_kw, losses_per_kvar      (B, S) [kW per kW, per kvar]
    """

    voltage_per_kw: Array
    voltage_per_kvar: Array
    loading_per_kw: Array
    loading_per_kvar: Array
    losses_per_kw: Array
    losses_per_kvar: Array


@dataclass(frozen=True, eq=False)
class Predicted:
    """Voltages (N, S) and loadings (L, S) [p.u.] and losses (S,) [kW] by a linear model."""

    vm_pu: Array
    branch_loading_pu: Array
    losses_kw: Array


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A network around a point, to first order.

    source          which of the models gives the slopes
    buses           (B,) where power may change
    p_kw, q_kvar    (B, S) injected there at the point
    point           what voltages, loadings and losses are there
    slopes          how they change from there
    """

    source: Source
    buses: tuple[str, ...]
    p_kw: Array
    q_kvar: Array
    point: Predicted
    slopes: Slopes

    def predict(self, p_kw: Array, q_kvar: Array) -> Predicted:
        """Voltages, loadings and losses with (B, S) injections ``p_kw``, ``q_kvar`` in the place of the point's.

        LinDistFlow is linear in the squared voltages, so its voltages are their roots; all else is linear.
        """
        for name, given in (("p_kw", p_kw), ("q_kvar", q_kvar)):
            if np.shape(given) != self.p_kw.shape:
                raise GridError(f"{name} must have shape {self.p_kw.shape}, got {np.shape(given)}")
        more_kw, more_kvar = p_kw - self.p_kw, q_kvar - self.q_kvar
        s, at = self.slopes, self.point

        def moved(per_kw: Array, per_kvar: Array) -> Array:
            by_kw, by_kvar = (np.einsum("...bs,bs->...s", *pair) for pair in ((per_kw, more_kw), (per_kvar, more_kvar)))
            return np.asarray(by_kw + by_kvar)

        rise = moved(s.voltage_per_kw, s.voltage_per_kvar)
        if self.source == "lindistflow":
            vm_pu = np.sqrt(np.maximum(at.vm_pu**2 + 2.0 * at.vm_pu * rise, 0.0))
        else:
            vm_pu = at.vm_pu + rise
        return Predicted(
            vm_pu,
            at.branch_loading_pu + moved(s.loading_per_kw, s.loading_per_kvar),
            at.losses_kw + moved(s.losses_per_kw, s.losses_per_kvar),
        )
