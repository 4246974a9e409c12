"""Bands of power and energy: what each device, and all together, can do at most and at least.

A band is tight where every single number of it can be reached. Not all at the same time: a profile within the bands
need not be possible, so a band is an **outer** bound. Whether a profile is possible, says
:func:`dispatch.flexibility.share`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dispatch.errors import DataError
from dispatch.fields.flexible_devices import Devices
from dispatch.signals import Array

_SAME, _SHORT = 1e-9, 1e-7


@dataclass(frozen=True)
class Envelope:
    """Bands of net draw (consumption +). Arrays are (row, T); a row is a device, a site or an aggregate.

    Attributes:
        names: of the rows.
        hours: (T,).
        least_kw, most_kw: power in each step.
        least_kwh, most_kwh: energy drawn from the first step to the end of each.
        tight: (row,) can every number of the row be reached, each for itself? Else some lie further out than need be.
    """

    names: tuple[str, ...]
    hours: Array
    least_kw: Array
    most_kw: Array
    least_kwh: Array
    most_kwh: Array
    tight: np.ndarray

    def together(self, name: str = "all") -> Envelope:
        """The rows' sum, as one row: numbers of a sum of sets are sums of their numbers, so it is as tight as they."""
        sums = {f: getattr(self, f).sum(axis=0, keepdims=True) for f in _FIELDS}
        return Envelope((name,), self.hours, tight=np.array([self.tight.all()]), **sums)

    def beside(self, plan_kw: Any) -> tuple[Array, Array]:
        """(row, T) how far up (less drawn) and down (more drawn) a plan (row, T) can be moved in single steps [kW]."""
        plan = np.broadcast_to(np.asarray(plan_kw, float), self.least_kw.shape)
        return np.maximum(plan - self.least_kw, 0), np.maximum(self.most_kw - plan, 0)


_FIELDS = ("least_kw", "most_kw", "least_kwh", "most_kwh")


def envelope(devices: Devices) -> Envelope:
    """The bands of each device.

    Power bands are tight for all. Energy bands are tight for devices that lose nothing; for others they add what may
    be lost at most. A device whose bands cross has no profile at all, which raises.

    Raises:
        DataError: a device without any profile.
    """
    floor, ceil = _contents(devices)
    before_low, before_high = (np.hstack([np.zeros((devices.count, 1)), x[:, :-1]]) for x in (floor, ceil))
    most = _power(devices, ceil - devices.keep * before_low, up=True)
    least = _power(devices, floor - devices.keep * before_high, up=False)
    low, high, tight = _energies(devices, floor, ceil)
    return Envelope(devices.names, devices.hours, least, most, low, high, tight)


def _contents(devices: Devices) -> tuple[Array, Array]:
    """(N, T) lowest and highest contents that can be reached and left."""
    rise, fall = (_moved(devices, power) for power in (devices.most_kw, devices.least_kw))
    floor, ceil = devices.least_kwh.copy(), devices.most_kwh.copy()
    low = high = np.zeros(devices.count)
    for step in range(devices.steps):
        keep = devices.keep[:, step]
        low = np.maximum(floor[:, step], keep * low + fall[:, step])
        high = np.minimum(ceil[:, step], keep * high + rise[:, step])
        floor[:, step], ceil[:, step] = low, high
    for step in range(devices.steps - 2, -1, -1):
        keep = devices.keep[:, step + 1]
        floor[:, step] = np.maximum(floor[:, step], (floor[:, step + 1] - rise[:, step + 1]) / keep)
        ceil[:, step] = np.minimum(ceil[:, step], (ceil[:, step + 1] - fall[:, step + 1]) / keep)
    short = floor - ceil
    if (short > _SHORT * np.maximum(1, np.abs(floor))).any():
        device, step = np.argwhere(short > _SHORT * np.maximum(1, np.abs(floor)))[0]
        raise DataError(
            f"'{devices.names[device]}' has no profile that keeps its limits: around step {step} it would have to hold "
            f"{short[device, step]:.4g} kWh more than it can; accepted: limits of power and content that fit together"
        )
    return floor, ceil


def _moved(devices: Devices, power_kw: Array) -> Array:
    return np.where(power_kw > 0, devices.gain, devices.drain) * power_kw * devices.hours


def _power(devices: Devices, moved_kwh: Array, *, up: bool) -> Array:
    """(N, T) power that moves so much content, within the limits of power."""
    power = moved_kwh / (np.where(moved_kwh > 0, devices.gain, devices.drain) * devices.hours)
    return np.minimum(power, devices.most_kw) if up else np.maximum(power, devices.least_kw)


def _energies(devices: Devices, floor: Array, ceil: Array) -> tuple[Array, Array, np.ndarray]:
    """(N, T) bands of energy drawn; content that was added, what leaked of it, and what going to and fro may lose.

    With rate α between g and d: α p − φ(p) ≤ λ = max((α − g) p̄, (d − α) (−p̲)), where φ is what moves the content.
    """
    first_low = np.cumsum(devices.least_kw * devices.hours, axis=1)
    first_high = np.cumsum(devices.most_kw * devices.hours, axis=1)
    added_low, added_high = (x + _leaked(devices, x) for x in (floor, ceil))
    constant = np.array([np.ptp(a, axis=1) for a in (devices.gain, devices.drain, devices.rate)]).max(axis=0) <= _SAME
    rate, gain, drain = devices.rate[:, :1], devices.gain[:, :1], devices.drain[:, :1]
    least, most = np.minimum(devices.least_kw, 0), np.maximum(devices.most_kw, 0)
    lost = np.maximum((rate - devices.gain) * most, (devices.drain - rate) * -least) * devices.lossy[:, None]
    above = (added_high + np.cumsum(lost * devices.hours, axis=1)) / rate
    within = devices.lossy[:, None]
    below = np.where(within, np.maximum(added_low / gain, added_low / drain), added_low / rate)
    low = np.where(constant[:, None], np.maximum(below, first_low), first_low)
    high = np.where(constant[:, None], np.minimum(above, first_high), first_high)
    still = constant & ~devices.lossy & (np.abs(devices.keep - 1).max(axis=1, initial=0) <= _SAME)
    return low, high, still


def _leaked(devices: Devices, content: Array) -> Array:
    """(N, T) what has leaked by the end of each step from contents at the ends of steps, beside the free course."""
    before = np.hstack([np.zeros((devices.count, 1)), content[:, :-1]])
    return np.cumsum((1 - devices.keep) * before, axis=1)
