"""Devices whose profiles form a generalised polymatroid, in the coordinates in which they do.

The limits of one device are limits of y_t and of sums y_1 + … + y_t: a laminar family of sets, so the profiles form a
generalised polymatroid Q(p, b) with b(A) = max y(A) and p(A) = min y(A), and those of all devices together form
Q(Σp, Σb): sums of such sets lose nothing (K. Mukhi, G. Loho, A. Abate, arXiv 2503.23458; A. Frank, Connections in
Combinatorial Optimization, ch. 14).

Content that leaks or is moved at rates other than one fits where a change of unit *per step, the same for all
devices*, takes the rates away: y_t = w_t h_t p_t. A device that may go to and fro at different rates does not fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from dispatch.errors import DataError
from dispatch.fields.flexible_devices import Devices
from dispatch.signals import Array

_SAME = 1e-9
_LEFT = 1e-7


@dataclass(frozen=True)
class Chains:
    """N devices without losses, closed: every limit can be reached. Arrays are (T, N).

    Attributes:
        names: (N,).
        per_kw: (T,) energy y per kW of net draw: w_t h_t.
        low, high: limits of y.
        floor, ceil: limits of y_1 + … + y_t.
    """

    names: tuple[str, ...]
    per_kw: Array
    low: Array
    high: Array
    floor: Array
    ceil: Array

    @property
    def scale(self) -> float:
        """An energy that is small beside those in play."""
        return float(np.abs(np.stack([self.low, self.high])).sum(axis=2).max(initial=0) + 1e-6)

    def energy(self, power_kw: Array) -> Array:
        """Y of powers (…, T)."""
        return np.asarray(power_kw * self.per_kw)

    def power(self, energy: Array) -> Array:
        """(N, T) [kW] of y (T, N)."""
        return np.ascontiguousarray((energy / self.per_kw[:, None]).T)

    def mirrored(self) -> Self:
        """The same with every sign turned."""
        return type(self)(self.names, self.per_kw, -self.high, -self.low, -self.ceil, -self.floor)


def inexact(devices: Devices) -> str:
    """Why the sum of these devices is no generalised polymatroid; empty where it is one."""
    if devices.lossy.any():
        names = [devices.names[n] for n in np.flatnonzero(devices.lossy)[:3]]
        return f"{int(devices.lossy.sum())} devices lose energy by going to and fro ({', '.join(names)}, …)"
    if _weights(devices) is None:
        return "the devices leak, or change what a kWh is worth to them, each in its own way over time"
    return ""


def chains(devices: Devices) -> Chains:
    """The devices in coordinates without losses, their limits closed.

    Raises:
        DataError: the devices are not of the exact class, or one of them has no profile at all.
    """
    found = None if devices.lossy.any() else _weights(devices)
    if found is None:
        raise DataError(f"no exact envelope: {inexact(devices)}; accepted: inner and outer bounds, see bounds()")
    weight, size = found
    kept = np.cumprod(devices.keep, axis=1) * size[:, None]
    per_kw = weight * devices.hours
    with np.errstate(invalid="ignore"):
        made = Chains(
            devices.names,
            per_kw,
            np.ascontiguousarray((devices.least_kw * per_kw).T),
            np.ascontiguousarray((devices.most_kw * per_kw).T),
            np.ascontiguousarray((devices.least_kwh / kept).T),
            np.ascontiguousarray((devices.most_kwh / kept).T),
        )
    return _closed(made)


def _weights(devices: Devices) -> tuple[Array, Array] | None:
    """(T,) w and (N,) sizes: w_t · size_n is the rate over what is kept until t, wherever it matters; None: no such."""
    own: Array = devices.rate / np.cumprod(devices.keep, axis=1)
    bounded = np.asarray(np.isfinite(devices.least_kwh) | np.isfinite(devices.most_kwh)).any(axis=1)
    matters = np.asarray((devices.least_kw < 0) | (devices.most_kw > 0)) & np.asarray(bounded)[:, None]
    first = matters.argmax(axis=1)
    weight = np.ones(devices.steps)
    for pattern in (weight, own[int(matters.sum(axis=1).argmax())] if devices.count else weight):
        size = own[np.arange(devices.count), first] / pattern[first]
        if np.allclose(np.where(matters, own, 0), np.where(matters, pattern * size[:, None], 0), rtol=_SAME, atol=0):
            return pattern / pattern[0], size * pattern[0]
    return None


def _closed(given: Chains) -> Chains:
    """Limits of sums that powers can reach from the start and from which the rest can be reached."""
    floor, ceil = given.floor.copy(), given.ceil.copy()
    below = above = np.zeros(len(given.names))
    for step in range(floor.shape[0]):
        below = np.maximum(floor[step], below + given.low[step])
        above = np.minimum(ceil[step], above + given.high[step])
        floor[step], ceil[step] = below, above
    for step in range(floor.shape[0] - 2, -1, -1):
        np.maximum(floor[step], floor[step + 1] - given.high[step + 1], out=floor[step])
        np.minimum(ceil[step], ceil[step + 1] - given.low[step + 1], out=ceil[step])
    short = np.maximum(floor - ceil, 0.0)
    # The first sum starts from nothing.
    short[0] = np.maximum(short[0], np.maximum(floor[0] - given.high[0], given.low[0] - ceil[0]))
    wrong = short > _LEFT * np.maximum(1.0, np.abs(floor))
    if wrong.any():
        step, device = np.argwhere(wrong)[0]
        raise DataError(
            f"'{given.names[device]}' has no profile that keeps its limits: around step {step} it would have to hold "
            f"{short[step, device]:.4g} kWh more than it can; accepted: limits of power and content that fit together"
        )
    crossed, middle = floor > ceil, (floor + ceil) / 2  # by rounding
    floor, ceil = np.where(crossed, middle, floor), np.where(crossed, middle, ceil)
    return Chains(given.names, given.per_kw, given.low, given.high, floor, ceil)
