"""A device or site drops out in the middle: what happened stays, the others make up for it as far as they can."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dispatch.errors import DataError
from dispatch.fields.flexible_devices import Devices, numbers, written_out
from dispatch.flexibility.joint import is_met
from dispatch.flexibility.linear import Behind
from dispatch.flexibility.sharing import Refusal, Sharing, as_profile, share
from dispatch.signals import Array


@dataclass(frozen=True)
class Redispatch:
    """A profile shared anew from one step on.

    Attributes:
        power_kw: (N, T) what each device does: before the step what it did, and from then on the new share; those that
            dropped out what ``fallback_kw`` says.
        asked_kw: (T,) the profile.
        missed_kwh: (T,) what the rest cannot make up for.
        refusals: why not, for the steps from the drop on; ``steps`` of them count from the start of the horizon.
    """

    power_kw: Array
    asked_kw: Array
    missed_kwh: Array
    refusals: tuple[Refusal, ...]

    @property
    def feasible(self) -> bool:
        """Does the rest make up for all of it?"""
        return not self.refusals and is_met(self.missed_kwh, self.asked_kw)

    def __str__(self) -> str:
        if self.feasible:
            return "the others make up for all of it"
        worst = int(self.missed_kwh.argmax())
        text = f"{self.missed_kwh.sum():.6g} kWh are missed, most in step {worst} ({self.missed_kwh[worst]:.6g} kWh)"
        return "; ".join([text, *(f"the rest {refusal}" for refusal in self.refusals)])


def redispatch(
    devices: Devices,
    profile_kw: Any,
    power_kw: Any,
    dropped: Collection[str] | Collection[int] | str | int,
    step: int,
    *,
    fallback_kw: Any = 0.0,
    prices_per_kwh: Any = None,
    behind: Behind | None = None,
) -> Redispatch:
    """Share a profile anew when devices drop out at the start of a step.

    Args:
        devices: all of them, over the whole horizon.
        profile_kw: (T,) what was promised.
        power_kw: (N, T) how it was shared; what stands before the step has happened.
        dropped: names or numbers of those that drop out.
        step: from its start they do.
        fallback_kw: what those draw from then on, a number or (T,) of each.
        prices_per_kwh, behind: as in :func:`dispatch.flexibility.share`; prices (N, T) or (N, 1).

    Raises:
        DataError: an unknown name, a step outside the horizon, powers of another shape.
    """
    asked, done = as_profile(devices, profile_kw), _powers(devices, power_kw)
    if step not in range(devices.steps):
        raise DataError(f"step {step} is not in the horizon; accepted: 0 to {devices.steps - 1}")
    step = int(step)
    out = _places(devices, dropped)
    stays = np.setdiff1d(np.arange(devices.count), out)
    power = done.copy()
    power[out, step:] = written_out(numbers(fallback_kw, "fallback_kw"), "fallback_kw", 1, devices.steps)[0, step:]
    rest = after(devices, done, step).some(stays)
    wanted = (asked - power[out].sum(axis=0))[step:]
    prices = None
    if prices_per_kwh is not None:
        each = written_out(numbers(prices_per_kwh, "prices_per_kwh"), "prices_per_kwh", *power.shape)
        prices = each[stays, step:]
    own = None if behind is None else behind.some(stays, step)
    made: Sharing = share(rest, wanted, prices, behind=own)
    power[stays, step:] = made.power_kw
    missed = np.abs(power.sum(axis=0) - asked) * devices.hours
    missed[:step] = 0.0  # what happened is not missed anew
    refusals = tuple(
        replace(r, weight_kwh_per_kw=np.append(np.zeros(step), r.weight_kwh_per_kw)) for r in made.refusals
    )
    return Redispatch(power, asked, missed, refusals)


def after(devices: Devices, power_kw: Array, step: int) -> Devices:
    """The devices from a step on, with the content that their powers before it have moved."""
    if step == 0:
        return devices
    content = devices.content_kwh(power_kw)[:, step - 1 : step]
    kept = content * np.cumprod(devices.keep[:, step:], axis=1)
    return replace(
        devices,
        hours=devices.hours[step:],
        least_kwh=devices.least_kwh[:, step:] - kept,
        most_kwh=devices.most_kwh[:, step:] - kept,
        **{name: getattr(devices, name)[:, step:] for name in ("least_kw", "most_kw", "gain", "drain", "keep")},
    )


def _powers(devices: Devices, power_kw: Any) -> Array:
    power = numbers(power_kw, "power_kw")
    if power.shape != (devices.count, devices.steps):
        raise DataError(f"power_kw has shape {power.shape}; accepted: {(devices.count, devices.steps)}")
    return power


def _places(devices: Devices, dropped: Any) -> np.ndarray:
    given: Sequence[Any] = [dropped] if isinstance(dropped, str | int | np.integer) else list(dropped)
    places = []
    for one in given:
        if isinstance(one, str):
            if one not in devices.names:
                known = ", ".join(devices.names[:5]) + (", …" if devices.count > 5 else "")
                raise DataError(f"'{one}' is none of the devices; accepted: {known}")
            places.append(devices.names.index(one))
        elif not 0 <= int(one) < devices.count:
            raise DataError(f"device {one} is not there; accepted: 0 to {devices.count - 1}, or a name")
        else:
            places.append(int(one))
    return np.unique(np.array(places, int))
