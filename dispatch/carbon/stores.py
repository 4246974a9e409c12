r"""The carbon that a store holds, so that what leaves it has an intensity: batteries, tanks, heat and cold.

With e the energy held, E the carbon held, κ the retention over a step, p_c and p_d the powers at the bus and w the
intensity of what is charged, :math:`e^+ = κ e + Δt (η_c p_c - p_d/η_d)` and either

* *tank* (a mixed tank of water): :math:`E^+ = κ E + Δt (w η_c p_c - \frac{E}{e} p_d/η_d)`; what leaves has the
  intensity E/e, and the carbon of all losses is the store owner's;
* *carry*: :math:`E^+ = E + Δt (w p_c - \frac{E}{e} p_d/η_d)`; what leaves has the intensity :math:`E/(e η_d)` and takes
  the losses' carbon with it, so that none is left over.

In both, carbon in = carbon out + carbon lost + change of what is held. What is drawn from a store in the step in which
it is charged from empty has the intensity of that charge.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from dispatch.errors import AlignmentError, DataError
from dispatch.signals import Array

Rule = Literal["tank", "carry"]
_EMPTY = 1e-9


@dataclass(frozen=True, eq=False)
class Held:
    """Of R stores over T steps.

    Attributes:
        energy_kwh, carbon_kg: (R, T + 1) held at the edges of the steps.
        delivered_kg_per_kwh: (R, T) intensity of what leaves, or would leave; NaN of an empty store.
        lost_kg: (R, T) carbon of losses that the owner bears.
    """

    energy_kwh: Array
    carbon_kg: Array
    delivered_kg_per_kwh: Array
    lost_kg: Array


def held(
    charge_kw: ArrayLike,
    discharge_kw: ArrayLike,
    charged_kg_per_kwh: ArrayLike,
    hours: ArrayLike,
    *,
    start_kwh: ArrayLike,
    start_kg: ArrayLike = 0.0,
    charge_efficiency: ArrayLike = 1.0,
    discharge_efficiency: ArrayLike = 1.0,
    retention: ArrayLike = 1.0,
    rule: Rule = "tank",
) -> Held:
    """Follow energy and carbon through stores, (T,) or (R, T) powers.

    Args:
        charged_kg_per_kwh: w, of the powers' shape or one number.
        hours: (T,) length of the steps.
        start_kwh, start_kg: (R,) or one number, held at the beginning.
        charge_efficiency, discharge_efficiency: (R,) or one number.
        retention: κ per step, (R, T) or one number.

    Raises:
        AlignmentError: shapes do not fit.
        DataError: a negative power, or more is drawn than is there.
    """
    into, out = (np.atleast_2d(np.asarray(power, dtype=np.float64)) for power in (charge_kw, discharge_kw))
    step_h = np.asarray(hours, dtype=np.float64)
    if into.shape != out.shape or step_h.shape != (into.shape[1],):
        raise AlignmentError(
            f"charge is {into.shape}, discharge {out.shape}, hours {step_h.shape}; give (R, T) and (T,)"
        )
    if (into < 0).any() or (out < 0).any():
        raise DataError("stores: charge and discharge are powers of 0 or more")
    given, kept = (
        np.broadcast_to(np.asarray(v, dtype=np.float64), into.shape) for v in (charged_kg_per_kwh, retention)
    )
    gain, loss = (_column(v, into.shape[0])[:, None] for v in (charge_efficiency, discharge_efficiency))
    flows = _Flows(into * step_h * gain, out * step_h / loss, given * into * step_h, kept, gain, loss)
    start = _column(start_kwh, into.shape[0]), _column(start_kg, into.shape[0])
    found = flows.tank(*start) if rule == "tank" else flows.carry(*start)
    _refuse_overdrawn(found.energy_kwh)
    return found


@dataclass(frozen=True, eq=False)
class _Flows:
    """Per step: energy stored and drawn, carbon brought, retention (R, T); efficiencies (R, 1)."""

    stored: Array
    drawn: Array
    brought: Array
    kept: Array
    gain: Array
    loss: Array

    def tank(self, energy: Array, carbon: Array) -> Held:
        """Carbon decays and is lost with the energy."""
        added = self.brought * self.gain
        found, own, taken = self._followed(energy, carbon, added, self.kept)
        standing = (1 - self.kept) * found.carbon_kg[:, :-1]
        return replace(
            found, delivered_kg_per_kwh=own, lost_kg=self.brought - added + standing + taken * (1 - self.loss)
        )

    def carry(self, energy: Array, carbon: Array) -> Held:
        """What is delivered carries the carbon of what was lost."""
        found, own, _ = self._followed(energy, carbon, self.brought, np.ones_like(self.kept))
        return replace(found, delivered_kg_per_kwh=own / self.loss)

    def _followed(self, energy: Array, carbon: Array, added: Array, keeps: Array) -> tuple[Held, Array, Array]:
        """Energy and carbon at the edges; intensity of the content (R, T) and the carbon drawn with it (R, T)."""
        steps = self.stored.shape[1]
        e, c = (np.empty((len(energy), steps + 1)) for _ in range(2))
        own, taken = np.empty_like(added), np.empty_like(added)
        e[:, 0], c[:, 0] = energy, carbon
        passing = np.divide(added, self.stored, out=np.full_like(added, np.nan), where=self.stored > 0)
        for t in range(steps):
            empty = e[:, t] <= _EMPTY
            own[:, t] = np.where(empty, passing[:, t], c[:, t] / np.where(empty, 1.0, e[:, t]))
            taken[:, t] = np.where(self.drawn[:, t] > 0, own[:, t] * self.drawn[:, t], 0.0)
            e[:, t + 1] = self.kept[:, t] * e[:, t] + self.stored[:, t] - self.drawn[:, t]
            c[:, t + 1] = keeps[:, t] * c[:, t] + added[:, t] - taken[:, t]
        return Held(e, c, own, np.zeros_like(added)), own, taken


def _refuse_overdrawn(energy_kwh: Array) -> None:
    below = energy_kwh < -1e-6 * np.maximum(1.0, energy_kwh.max(axis=1, keepdims=True))
    if below.any():
        store, edge = np.argwhere(below)[0]
        raise DataError(f"store {store}: more is drawn than it holds by the end of step {edge - 1}")


def _column(values: ArrayLike, rows: int) -> Array:
    return np.asarray(np.broadcast_to(np.asarray(values, dtype=np.float64), (rows,)))
