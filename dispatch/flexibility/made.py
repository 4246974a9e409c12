"""Common devices out of their data: stores, vehicles, work to be shifted, load and generation to be curtailed.

Arguments are numbers for all devices or one per device; what varies in time is (N, T) or (T,). All powers are
given as positive numbers in the direction of their name and become the net draw of :class:`Devices`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dispatch.errors import DataError
from dispatch.fields.flexible_devices import Devices, counted, lengths, numbered, numbers, written_out
from dispatch.signals import Array


class _Given:
    """Arguments by name, each written out to (N, T)."""

    def __init__(self, hours: Any, names: Sequence[str] | None, **arguments: Any) -> None:
        self.hours = lengths(hours)
        arrays = {name: numbers(value, name) for name, value in arguments.items()}
        count = len(names) if names is not None else counted(arrays, self.hours.size, by_device=True)
        self.names = tuple(names) if names is not None else numbered(count)
        self.arrays = {n: written_out(a, n, count, self.hours.size, by_device=True) for n, a in arrays.items()}

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def above(self, *names: str) -> None:
        """These are zero or more."""
        for name in names:
            if not (self[name] >= 0).all():
                device = int(np.argwhere(~(self[name] >= 0))[0][0])
                value = self[name][device].min()
                raise DataError(f"{name} of '{self.names[device]}' is {value:g}; accepted: 0 or more")

    def within(self, low: float, high: float, *names: str) -> None:
        """These are above ``low`` and at most ``high``."""
        for name in names:
            wrong = ~((self[name] > low) & (self[name] <= high))
            if wrong.any():
                device, step = np.argwhere(wrong)[0]
                text = f"{name} of '{self.names[device]}' is {self[name][device, step]:g}"
                raise DataError(f"{text}; accepted: above {low:g}, at most {high:g}")


def storage(  # noqa: PLR0913 — what a store is
    hours: Any,
    *,
    charge_kw: Any,
    discharge_kw: Any,
    energy_kwh: Any,
    start_kwh: Any,
    least_kwh: Any = 0.0,
    end_least_kwh: Any = None,
    charge_efficiency: Any = 1.0,
    discharge_efficiency: Any = 1.0,
    loss_fraction_per_h: Any = 0.0,
    names: Sequence[str] | None = None,
) -> Devices:
    """Stores of at most ``energy_kwh`` and at least ``least_kwh`` that hold ``start_kwh`` now.

    Args:
        hours: (T,) lengths of steps [h].
        charge_kw, discharge_kw: most power at the bus.
        energy_kwh, least_kwh, start_kwh: content.
        end_least_kwh: at least so much after the last step; default: no wish.
        charge_efficiency, discharge_efficiency: one way each. With both at 1 the set of profiles is exact.
        loss_fraction_per_h: of the content, standing.
        names: of the stores.
    """
    given = _Given(
        hours, names, charge_kw=charge_kw, discharge_kw=discharge_kw, energy_kwh=energy_kwh, start_kwh=start_kwh,
        least_kwh=least_kwh, end_least_kwh=-np.inf if end_least_kwh is None else end_least_kwh,
        charge_efficiency=charge_efficiency, discharge_efficiency=discharge_efficiency, loss=loss_fraction_per_h,
    )  # fmt: skip
    given.above("charge_kw", "discharge_kw", "energy_kwh", "start_kwh", "least_kwh", "loss")
    given.within(0, 1, "charge_efficiency", "discharge_efficiency")
    keep = (1 - given["loss"]) ** given.hours
    free = given["start_kwh"] * np.cumprod(keep, axis=1)
    least = given["least_kwh"] - free
    least[:, -1] = np.maximum(least[:, -1], given["end_least_kwh"][:, -1] - free[:, -1])
    return Devices(
        given.names, given.hours, -given["discharge_kw"], given["charge_kw"], least, given["energy_kwh"] - free,
        given["charge_efficiency"], 1 / given["discharge_efficiency"], keep,
    )  # fmt: skip


def vehicles(  # noqa: PLR0913 — what a vehicle wants
    hours: Any,
    *,
    arrival_step: Any,
    departure_step: Any,
    charge_kw: Any,
    wanted_kwh: Any,
    most_kwh: Any = None,
    discharge_kw: Any = 0.0,
    least_kwh: Any = 0.0,
    charge_efficiency: Any = 1.0,
    discharge_efficiency: Any = 1.0,
    names: Sequence[str] | None = None,
) -> Devices:
    """Vehicles that are there from the start of one step to the start of another and want energy until they leave.

    Args:
        hours: (T,) lengths of steps [h].
        arrival_step, departure_step: by vehicle, 0 ≤ arrival < departure ≤ T; with departure T it is there to the end.
        charge_kw, discharge_kw: most power at the bus while it is there.
        wanted_kwh: at least so much must be added to its content when it leaves.
        most_kwh: at most so much can be added; default: what it wants.
        least_kwh: how far its content may fall below that of its arrival (as a positive number).
        charge_efficiency, discharge_efficiency: a fleet that only charges is exact whatever they are.
        names: of the vehicles.
    """
    given = _Given(
        hours, names, arrival_step=arrival_step, departure_step=departure_step, charge_kw=charge_kw,
        wanted_kwh=wanted_kwh, most_kwh=wanted_kwh if most_kwh is None else most_kwh, discharge_kw=discharge_kw,
        least_kwh=least_kwh, charge_efficiency=charge_efficiency, discharge_efficiency=discharge_efficiency,
    )  # fmt: skip
    given.above("charge_kw", "discharge_kw", "wanted_kwh", "most_kwh", "least_kwh")
    given.within(0, 1, "charge_efficiency", "discharge_efficiency")
    there = _there(given, "arrival_step", "departure_step")
    least = -given["least_kwh"]
    leaves = np.arange(given.hours.size) >= given["departure_step"] - 1
    return Devices(
        given.names, given.hours, -given["discharge_kw"] * there, given["charge_kw"] * there,
        np.where(leaves, given["wanted_kwh"], least), given["most_kwh"], given["charge_efficiency"],
        1 / given["discharge_efficiency"], np.ones_like(least),
    )  # fmt: skip


def shiftable(
    hours: Any, *, first_step: Any, end_step: Any, most_kw: Any, energy_kwh: Any, names: Sequence[str] | None = None
) -> Devices:
    """Work of ``energy_kwh`` at up to ``most_kw``, done from the start of ``first_step`` to that of ``end_step``."""
    return vehicles(
        hours, arrival_step=first_step, departure_step=end_step, charge_kw=most_kw, wanted_kwh=energy_kwh, names=names
    )  # fmt: skip


def curtailable(
    hours: Any, *, load_kw: Any = 0.0, least_load_kw: Any = 0.0, generation_kw: Any = 0.0,
    names: Sequence[str] | None = None,
) -> Devices:  # fmt: skip
    """Load that may fall to ``least_load_kw``, generation that may fall to zero."""
    arguments = {"load_kw": load_kw, "least_load_kw": least_load_kw, "generation_kw": generation_kw}
    series = {name: numbers(value, name) for name, value in arguments.items()}
    for name, values in series.items():
        if not (values >= 0).all():
            raise DataError(f"{name} is {values.min():g}; accepted: 0 or more")
    count = len(names) if names is not None else counted(series, lengths(hours).size)
    load, least, given = (written_out(v, n, count, lengths(hours).size) for n, v in series.items())
    return Devices.of(hours, least_kw=least - given, most_kw=load, names=names or numbered(count))


def _there(given: _Given, first: str, end: str) -> np.ndarray:
    """(N, T) the steps from ``first`` to before ``end``."""
    steps, begin, over = given.hours.size, given[first][:, :1], given[end][:, :1]
    wrong = ~((begin >= 0) & (begin < over) & (over <= steps) & (begin % 1 == 0) & (over % 1 == 0))
    if wrong.any():
        device = int(np.argwhere(wrong)[0][0])
        found = f"{first} {begin[device, 0]:g} and {end} {over[device, 0]:g} of '{given.names[device]}'"
        raise DataError(f"{found}; accepted: whole numbers from 0 to {steps}, the first below the second")
    return np.asarray((np.arange(steps) >= begin) & (np.arange(steps) < over))
