"""Devices that are flexible like a store: limits of power in every step and of the content moved until its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

from dispatch.errors import DataError
from dispatch.signals import Array

_LIMITS = ("least_kw", "most_kw", "least_kwh", "most_kwh")
_RATES = ("gain", "drain", "keep")
_CLOSE = 1e-9


@dataclass(frozen=True)
class Devices:
    r"""N devices over T steps. Arrays are (N, T), or what can be written out to that, see :meth:`of`.

    The net power p that device n draws at its bus (consumption +, what it gives −) moves its content x, counted from
    what would be there without any power:

    .. math::
        x_t = k_t x_{t-1} + h_t (g_t p_t^+ - d_t p_t^-), \quad x_0 = 0, \qquad
        \underline{p}_t ≤ p_t ≤ \overline{p}_t, \quad \underline{x}_t ≤ x_t ≤ \overline{x}_t

    A battery, a vehicle at its charger (no power before it arrives and after it leaves, enough content when it leaves),
    work that can be shifted within a window and load or generation that can be curtailed (no limit of content) are such
    devices; see the functions of :mod:`dispatch.flexibility.made`.

    Attributes:
        names: (N,) for messages and tables.
        hours: (T,) lengths of the steps h [h].
        least_kw, most_kw: limits of p [kW], finite.
        least_kwh, most_kwh: limits of x at the end of each step [kWh]; infinite where there is none.
        gain, drain: content per kWh drawn, g, and per kWh given, d ≥ g.
        keep: share k of the content that a step leaves.

    Raises:
        DataError: shapes that do not fit, something that is no number, limits upside down.
    """

    names: tuple[str, ...]
    hours: Array
    least_kw: Array
    most_kw: Array
    least_kwh: Array
    most_kwh: Array
    gain: Array
    drain: Array
    keep: Array

    def __post_init__(self) -> None:
        shape = (len(self.names), self.hours.size)
        for name in (*_LIMITS, *_RATES):
            self._require(name, getattr(self, name), shape)
        self._ordered("least_kw", "most_kw", "kW")
        self._ordered("least_kwh", "most_kwh", "kWh")
        self._ordered("gain", "drain", "kWh per kWh")

    @classmethod
    def of(
        cls,
        hours: Any,
        *,
        least_kw: Any,
        most_kw: Any,
        least_kwh: Any = -np.inf,
        most_kwh: Any = np.inf,
        gain: Any = 1.0,
        drain: Any = 1.0,
        keep: Any = 1.0,
        names: Sequence[str] | None = None,
    ) -> Self:
        """Devices out of numbers, lists or arrays: one number for all, (N,) or (N, 1) by device, (T,) by step, (N, T).

        A list that is as long as there are devices *and* steps could mean either and is refused.
        """
        hours = lengths(hours)
        given = {"least_kw": least_kw, "most_kw": most_kw, "least_kwh": least_kwh, "most_kwh": most_kwh}
        given |= {"gain": gain, "drain": drain, "keep": keep}
        arrays = {name: numbers(value, name) for name, value in given.items()}
        count = len(names) if names is not None else counted(arrays, hours.size)
        made = {name: written_out(value, name, count, hours.size) for name, value in arrays.items()}
        return cls(tuple(names) if names is not None else numbered(count), hours, **made)

    def _require(self, name: str, values: Array, shape: tuple[int, int]) -> None:
        if values.shape != shape:
            raise DataError(f"{name} has shape {values.shape}; accepted: (devices, steps) = {shape}")
        wrong = np.isnan(values) if name.endswith("_kwh") else ~np.isfinite(values)
        if name in _RATES:
            wrong |= values <= 0
        if wrong.any():
            device, step = np.argwhere(wrong)[0]
            wanted = "a number" if name.endswith("_kwh") else "a finite number"
            wanted = "a number above 0" if name in _RATES else wanted
            raise DataError(
                f"{name} of '{self.names[device]}' is {values[device, step]} in step {step}; accepted: {wanted}"
            )

    def _ordered(self, low: str, high: str, unit: str) -> None:
        lower, upper = getattr(self, low), getattr(self, high)
        over = lower > upper + _CLOSE * np.maximum(1.0, np.abs(lower))
        if over.any():
            device, step = np.argwhere(over)[0]
            found = f"{low} {lower[device, step]:g} is above {high} {upper[device, step]:g} {unit}"
            raise DataError(f"'{self.names[device]}': {found} in step {step}; accepted: at most as much")

    @property
    def count(self) -> int:
        """N."""
        return len(self.names)

    @property
    def steps(self) -> int:
        """T."""
        return int(self.hours.size)

    @property
    def lossy(self) -> np.ndarray:
        """(N,) does it lose by going to and fro: may it draw and give in one step, at different rates?"""
        both = (self.least_kw < 0) & (self.most_kw > 0)
        return np.asarray((both & (self.drain > self.gain * (1 + _CLOSE))).any(axis=1))

    @property
    def rate(self) -> Array:
        """(N, T) content per kWh in the direction a device has; the mean of both where it has two."""
        mean = np.sqrt(self.gain * self.drain)
        return np.where(self.least_kw >= 0, self.gain, np.where(self.most_kw <= 0, self.drain, mean))

    def content_kwh(self, power_kw: Array) -> Array:
        """(N, T) content at the end of each step that follows from powers (N, T)."""
        moved = np.where(power_kw > 0, self.gain, self.drain) * power_kw * self.hours
        out, level = np.empty_like(moved), np.zeros(self.count)
        for step in range(self.steps):
            level = self.keep[:, step] * level + moved[:, step]
            out[:, step] = level
        return out

    def broken(self, power_kw: Any, tolerance: float = 1e-6) -> list[str]:
        """What powers (N, T) break of each device's own limits, in words; a check apart from everything that plans."""
        power = np.asarray(power_kw, float)
        if power.shape != (self.count, self.steps):
            raise DataError(f"powers have shape {power.shape}; accepted: (devices, steps) = {(self.count, self.steps)}")
        content, found = self.content_kwh(power), []
        for what, value, low, high, unit in (
            ("power", power, self.least_kw, self.most_kw, "kW"),
            ("content", content, self.least_kwh, self.most_kwh, "kWh"),
        ):
            room = tolerance * np.maximum(1.0, np.abs(value))
            wrong = ~((value >= low - room) & (value <= high + room))
            for device, step in np.argwhere(wrong):
                limits = f"[{low[device, step]:g}, {high[device, step]:g}]"
                found.append(
                    f"{self.names[device]}: {what} {value[device, step]:g} {unit} in step {step}, outside {limits}"
                )
        return found

    def opened(self) -> Self:
        """The same with limits of content that nothing can keep opened as far as they must be, soonest first."""
        least, most = self.least_kwh.copy(), self.most_kwh.copy()
        rise, fall = (np.where(p > 0, self.gain, self.drain) * p * self.hours for p in (self.most_kw, self.least_kw))
        low = high = np.zeros(self.count)
        for step in range(self.steps):
            lowest = self.keep[:, step] * low + fall[:, step]
            highest = self.keep[:, step] * high + rise[:, step]
            least[:, step] = np.minimum(least[:, step], highest)
            most[:, step] = np.maximum(most[:, step], lowest)
            low, high = np.maximum(least[:, step], lowest), np.minimum(most[:, step], highest)
        return replace(self, least_kwh=least, most_kwh=most)

    def some(self, which: Any) -> Self:
        """Those devices: places, truth values or a slice."""
        places = np.arange(self.count)[which]
        arrays = {name: getattr(self, name)[places] for name in (*_LIMITS, *_RATES)}
        return replace(self, names=tuple(self.names[n] for n in places), **arrays)

    def renamed(self, prefix: str) -> Self:
        """The same with a prefix before every name."""
        return replace(self, names=tuple(f"{prefix}{name}" for name in self.names))


@runtime_checkable
class Flexible(Protocol):
    """A kind of asset that can say in closed form what its members may do: one more question beside those of Asset.

    Kinds answer with one device or more per member, whose names begin with the member's. What is fixed is a device with
    one profile. Wishes that the problem prices (a store's end, comfort) are limits here, opened where nothing can keep
    them. None: no closed form says it all, and only the compiled problem does.
    """

    @classmethod
    def flexible(cls, rows: Any, inputs: Any) -> Devices | None:
        """(row) at their bus."""
        ...


def joined(parts: Sequence[Devices]) -> Devices:
    """All devices of several, in order.

    Raises:
        DataError: there is none, or their steps differ.
    """
    if not parts:
        raise DataError("no devices to join; accepted: one group or more")
    for part in parts:
        if not np.array_equal(part.hours, parts[0].hours):
            raise DataError(f"devices with {part.steps} steps cannot join others whose steps differ ({parts[0].steps})")
    names = tuple(name for part in parts for name in part.names)
    own = [field.name for field in fields(Devices) if field.name not in ("names", "hours")]
    return Devices(names, parts[0].hours, **{name: np.vstack([getattr(p, name) for p in parts]) for name in own})


def lengths(hours: Any) -> Array:
    """(T,) lengths of steps [h], each above zero."""
    array = np.atleast_1d(numbers(hours, "hours")).astype(float)
    if array.ndim != 1 or not array.size or not (np.isfinite(array) & (array > 0)).all():
        raise DataError(f"hours are {array!r}; accepted: a list with the length of each step in hours, above 0")
    return array


def numbers(value: Any, name: str) -> Array:
    """An array of numbers out of what a caller has: a number, lists, a table's column."""
    if isinstance(value, str | bytes | Mapping | bool):
        raise DataError(f"{name} is {value!r}; accepted: a number, or a list or array of numbers")
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise DataError(f"{name} is {str(value)[:60]!r}; accepted: a number, or a list or array of numbers") from None


def counted(arrays: Mapping[str, Array], steps: int, *, by_device: bool = False) -> int:
    """N, as the arrays have it; ``by_device``: a list as long as there are steps may be one by device."""
    rows = {a.shape[0] for a in arrays.values() if a.ndim == 2}
    flat = {a.size for a in arrays.values() if a.ndim == 1}
    sizes = {size for size in rows | flat if size != 1}
    if not by_device or len(sizes) > 1:
        sizes = rows - {1} | (flat - {1, steps})
    if len(sizes) > 1:
        found = ", ".join(f"{name} {a.shape}" for name, a in arrays.items() if a.ndim)
        raise DataError(f"arrays of different numbers of devices: {found}; accepted: (N,), (T,) = ({steps},) or (N, T)")
    return sizes.pop() if sizes else 1


def written_out(value: Array, name: str, count: int, steps: int, *, by_device: bool = False) -> Array:
    """(N, T) a number, a list by device or by step, or a table; ``by_device``: where a list could be both."""
    if value.ndim == 1 and value.size > 1:
        if value.size == count and value.size == steps and not by_device:
            shapes = f"({count}, 1) by device or (1, {steps}) by step"
            raise DataError(f"{name} has {count} numbers, as many as there are devices and steps; accepted: {shapes}")
        value = value[:, None] if value.size == count else value[None, :]
    try:
        return np.array(np.broadcast_to(value, (count, steps)))
    except ValueError:
        wanted = f"a number, ({count},) by device, ({steps},) by step or ({count}, {steps})"
        raise DataError(f"{name} has shape {value.shape}; accepted: {wanted}") from None


def numbered(count: int) -> tuple[str, ...]:
    """Names for devices that have none."""
    return tuple(f"device_{n + 1}" for n in range(count))
