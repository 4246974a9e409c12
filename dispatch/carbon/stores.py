r"""The carbon that a store holds, so that what leaves it has an intensity: batteries, tanks, heat and cold.

With e the energy held, E the carbon held, κ the retention over a step, p_c and p_d the powers at the bus and w the
intensity of what is charged, :math:`e^+ = κ e + Δt (η_c p_c - p_d/η_d)` and either

* *tank* (a mixed tank of water): :math:`E^+ = κ E + Δt (w η_c p_c - \frac{E}{e} p_d/η_d)`; what leaves has the
  intensity E/e, and the carbon of all losses is the store owner's;
* *carry*: :math:`E^+ = E + Δt (w p_c - \frac{E}{e} p_d/η_d)`; what leaves has the intensity :math:`E/(e η_d)` and takes
  the losses' carbon with it, so that none is left over.

In both, carbon in = carbon out + carbon lost + change of what is held. E/e is that of the beginning of the step. Where
a store gives more in a step than it held, because it is charged in the same step, all of it has the mixture of what was
held and what is charged; from an empty store, that of the charge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

from dispatch.carbon.store_walk import Bank, Walk, by_step
from dispatch.signals import Array

Rule = Literal["tank", "carry"]


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

    @classmethod
    def of(cls, walk: Walk) -> Held:
        """Of a walk that has come to its end."""
        return cls(walk.energy_kwh, walk.carbon_kg, walk.delivered, walk.lost_kg)


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
    rule: Rule | Sequence[Rule] = "tank",
) -> Held:
    """Follow energy and carbon through stores, (T,) or (R, T) powers.

    Args:
        charged_kg_per_kwh: w, of the powers' shape, (T,) or one number.
        hours: (T,) length of the steps, or one number.
        start_kwh, start_kg: (R,) or one number, held at the beginning.
        charge_efficiency, discharge_efficiency: (R,) or one number.
        retention: κ per step, (R, T), (R,), (T,) or one number.
        rule: one for all stores, or one each.

    Raises:
        AlignmentError: shapes do not fit.
        DataError: a negative power, an efficiency or retention above 1, more is drawn than is there, or charged with
            what has no known intensity.
    """
    bank = Bank.of(charge_kw, discharge_kw, hours, (charge_efficiency, discharge_efficiency), retention, rule)
    given = by_step(charged_kg_per_kwh, bank.charge_kw.shape, "charged_kg_per_kwh")
    walk = Walk(bank, start_kwh, start_kg)
    walk.go(range(bank.hours.size), given)
    return Held.of(walk)
