"""An award shared out among devices so that each can do it: their stores, limits and what they catch up on included.

In steps that are asked for the devices together draw what they planned less (up) or more (down) the award; in all
other steps they are free, so that a store may fill again. That freedom is one more device, without limits there and
without power in the asked steps; the sharing is that of :func:`dispatch.flexibility.share`, exact for stores without
losses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch.fields.flexible_devices import Devices, joined
from dispatch.flexibility import Behind, Sharing, share
from dispatch.flexibility.joint import is_met
from dispatch.markets.awards import Award, profile
from dispatch.markets.product import Product
from dispatch.signals import Array, Horizon


@dataclass(frozen=True)
class Disaggregated:
    """Set-points that every device can follow.

    Attributes:
        names: (N,).
        power_kw: (N, T) net draw of each device.
        given_kw: (N, T) in the award's direction against the plan, in the asked steps; 0 elsewhere.
        asked_kw: (T,) the award.
        missed_kwh: (T,) of the award that the devices cannot give.
        reasons: why not.
    """

    names: tuple[str, ...]
    power_kw: Array
    given_kw: Array
    asked_kw: Array
    missed_kwh: Array
    reasons: tuple[str, ...]

    @property
    def feasible(self) -> bool:
        """Is all of it given? Rounding apart."""
        return is_met(self.missed_kwh, self.asked_kw)


def share_where(devices: Devices, total_kw: Array, at: NDArray[np.bool_], behind: Behind | None = None) -> Sharing:
    """Share a profile that is asked for in some steps only; the last row of powers is what the others leave free.

    Args:
        total_kw: (T,) net draw of all together, of meaning where it is asked for.
        at: (T,) where.
        behind: connections that the devices stand behind.
    """
    free_kw = float(np.abs(devices.least_kw).sum(axis=0).max() + np.abs(devices.most_kw).sum(axis=0).max())
    free_kw += float(np.abs(total_kw[~at]).max(initial=0.0)) + 1.0
    limit = np.where(at, 0.0, free_kw)[None]
    rest = Devices.of(devices.hours, least_kw=-limit, most_kw=limit, names=["the rest of the day"])
    connected = behind and Behind(
        (*behind.names, "the rest of the day"),
        np.append(behind.of, len(behind.names)),
        np.vstack([behind.least_kw, -limit]),
        np.vstack([behind.most_kw, limit]),
    )
    return share(joined([devices, rest]), total_kw, behind=connected)


def disaggregate(award: Award, product: Product, steps: Horizon, devices: Devices, plan_kw: Any = 0.0) -> Disaggregated:
    """Share an award out among devices.

    Args:
        plan_kw: (N, T) net draw without the award; by default none.

    Raises:
        DataError: devices over other steps, a plan of another shape.
        AlignmentError: steps that do not cover the award.
    """
    asked = profile(award, product, steps)
    plan = np.broadcast_to(np.asarray(plan_kw, float), (devices.count, devices.steps))
    steps.require("devices", plan)
    up = award.side == "up"
    total = plan.sum(axis=0)
    at = asked > 0
    made = share_where(devices, total - asked if up else total + asked, at)
    power = made.power_kw[:-1]
    change = plan - power if up else power - plan
    missed = np.where(at, np.abs(asked - change.sum(axis=0)), 0.0) * devices.hours
    reasons = tuple(f"the award {refusal.told(steps)}" for refusal in made.refusals)
    return Disaggregated(devices.names, power, np.where(at, change, 0.0), asked, missed, reasons)
